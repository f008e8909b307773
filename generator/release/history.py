"""The releases in git: the last one and what has changed since, the version that this asks for, commit and tag."""

import re
import subprocess
from pathlib import Path
from typing import Final

from attrs import define

from generator.diff.change import highest, next_version, why
from generator.diff.sdk import consumers
from generator.diff.source import committed, opened, revision_of
from generator.diff.verb import changes, current_version
from generator.errors import GeneratorError, SpecError
from generator.pipeline import Tell
from generator.release.changelog import CHANGELOGS, Entries, Names, fragments, noticed
from generator.spec.document import load

# The files that hold the version, and before what in them.
VERSIONED: Final = {"pyproject.toml": "version = ", "auth_plugin/signedin/_options.py": "VERSION: Final = "}
# What a release writes. The spec and the code are committed before.
WRITTEN: Final = (*VERSIONED, *CHANGELOGS, "changelog.d", "sdk")
_CONSUMER: Final = "tests/typing/consumer.py"


@define(frozen=True)
class Push:
    """Where commit and tag go."""

    remote: str
    branch: str


def decide(root: Path, tree: Path, since: str | None, wanted: str | None, tell: Tell) -> tuple[str, Entries]:
    """Return the version, and the lines of its section that no fragment has.

    Raises:
        GeneratorError: The wanted version is too small, or there are fragments and no reason for a version.
    """
    tag = last_release(root)
    since = since or (f"git:{tag}" if tag else None)
    current = tag[1:] if tag else current_version(tree)
    if since is None:
        tell(f"the first release: {wanted or current}")
        return wanted or current, {}
    new = load(tree / "openapi.yaml")
    with opened(since, root=root) as old, consumers(since, _programs(since, root), root=root) as programs:
        differences = changes(old, new, consumers=programs)
        lines = noticed(differences, Names.of(old, new))
    suggested = next_version(current, level := highest(differences))
    counted = f"{len(differences)} change{'s' * (len(differences) != 1)}"
    tell(f"{counted} since {since}: {current} -> {suggested} ({why(current, level)})")
    version = wanted or suggested
    if _numbers(version) < _numbers(suggested):
        raise GeneratorError(f"{version} promises more than it keeps: what changed needs at least {suggested}.")
    if version == current and fragments(tree / "changelog.d"):
        raise GeneratorError("The spec did not change, and there are fragments: name the version with --version.")
    return version, lines


def last_release(root: Path) -> str | None:
    """Return the newest tag vMAJOR.MINOR.PATCH, None before the first release."""
    tags = git(root, "tag", "--list", "v[0-9]*", "--merged", "HEAD").split()
    versions = [tag for tag in tags if re.fullmatch(r"v\d+\.\d+\.\d+", tag)]
    return max(versions, key=lambda tag: _numbers(tag[1:]), default=None)


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


def require_committed(root: Path) -> None:
    """Refuse to tag what is in no commit.

    Raises:
        GeneratorError: Names what is not committed.
    """
    if changed := git(root, "status", "--porcelain").strip():
        raise GeneratorError(f"A tag names a commit, and this is in none:\n{changed}\nCommit it, then release.")


def require_untagged(root: Path, version: str) -> None:
    """Refuse a version whose tag another commit has.

    Raises:
        GeneratorError: There is such a tag.
    """
    if git(root, "tag", "--list", f"v{version}").strip():
        raise GeneratorError(f"There is a tag v{version} already. Release another version, or remove the tag.")


def record(root: Path, version: str, push: Push | None) -> str:
    """Commit and tag the release, push both or neither; return what was done.

    Raises:
        GeneratorError: It is on the index, and git refused; the text says what to do by hand.
    """
    tag = f"v{version}"
    try:
        git(root, "add", "--all", "--", *WRITTEN)
        git(root, "commit", "--quiet", "--message", f"Release {version}")
        git(root, "tag", "--annotate", "--message", f"Release {version}", tag)
        if push:
            branch = f"HEAD:refs/heads/{push.branch}"
            git(root, "push", "--quiet", "--atomic", "--end-of-options", push.remote, branch, f"refs/tags/{tag}")
    except GeneratorError as error:
        text = f"{version} is on the index, and git does not have it yet. Commit, tag {tag} and push by hand: {error}"
        raise GeneratorError(text) from error
    return f"committed and tagged {tag}" + (f", pushed to {push.remote} {push.branch}" if push else "")


def git(root: Path, *arguments: str) -> str:
    """Return what git answers.

    Raises:
        GeneratorError: It refused; the text is its own.
    """
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GeneratorError(f"git {arguments[0]}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
