"""Which version it becomes, and what the changelog tells of the spec: by what changed since the last release."""

import re
import subprocess
from pathlib import Path
from typing import Final

from generator.diff.change import highest, next_version, why
from generator.diff.sdk import consumers
from generator.diff.source import committed, opened, revision_of
from generator.diff.verb import changes, current_version
from generator.errors import GeneratorError, SpecError
from generator.release.changelog import fragments
from generator.release.notes import Names, Told, noticed
from generator.release.plan import Plan, Tell
from generator.spec.document import load

_CONSUMER: Final = "tests/typing/consumer.py"


def decide(plan: Plan, tree: Path, tell: Tell) -> tuple[str, Told]:
    """Return the version, and the lines of its section that no fragment has.

    Raises:
        GeneratorError: The wanted version is too small, or there are fragments and no reason for a version.
    """
    tag = last_release(plan.root)
    since = plan.since or (f"git:{tag}" if tag else None)
    current = tag[1:] if tag else current_version(tree)
    if since is None:
        tell(f"the first release: {plan.version or current}")
        return plan.version or current, {}
    new = load(tree / "openapi.yaml")
    with (
        opened(since, root=plan.root) as old,
        consumers(since, _programs(since, plan.root), root=plan.root) as programs,
    ):
        differences = changes(old, new, consumers=programs)
        lines = noticed(differences, Names.of(old, new))
    suggested = next_version(current, level := highest(differences))
    counted = f"{len(differences)} change{'s' * (len(differences) != 1)}"
    tell(f"{counted} since {since}: {current} -> {suggested} ({why(current, level)})")
    wanted = plan.version or suggested
    if _numbers(wanted) < _numbers(suggested):
        raise GeneratorError(f"{wanted} promises more than it keeps: what changed needs at least {suggested}.")
    if wanted == current and fragments(tree / "changelog.d"):
        raise GeneratorError("The spec did not change, and there are fragments: name the version with --version.")
    return wanted, lines


def last_release(root: Path) -> str | None:
    """Return the newest tag vMAJOR.MINOR.PATCH, None before the first release."""
    command = ["git", "tag", "--list", "v[0-9]*", "--merged", "HEAD"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    tags = [tag for tag in done.stdout.split() if re.fullmatch(r"v\d+\.\d+\.\d+", tag)]
    return max(tags, key=lambda tag: [int(part) for part in tag[1:].split(".")], default=None)


def _programs(since: str, root: Path) -> list[str]:
    """Return the program of the last release; of a release that has none, none."""
    revision = revision_of(since)
    try:
        is_there = committed(revision, _CONSUMER, root) if revision else (root / _CONSUMER).is_file()
    except SpecError:
        is_there = False
    return [_CONSUMER] if is_there else []


def _numbers(version: str) -> list[int]:
    next_version(version, highest([]))  # refuses what is no version
    return [int(part) for part in version.split(".")]
