"""A release, step by step. The order is the point: whatever fails, fails before the index or the tree has changed."""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from attrs import define

from generator.diff.change import Change, highest
from generator.diff.consumers import consumers
from generator.diff.source import committed, opened, revision_of
from generator.diff.verb import changes, current_version
from generator.diff.versions import next_version, why
from generator.document import load
from generator.errors import GeneratorError, SpecError
from generator.pipeline import Request, check, generate
from generator.release.changelog import fragments, section, with_section
from generator.release.distribution import built_twice, manifest, snapshot
from generator.release.history import Push, record, require_committed
from generator.release.index import Index, missing
from generator.release.sbom import sbom
from generator.release.trial import try_release
from generator.release.uploading import upload
from generator.swap import replace

Tell = Callable[[str], None]
PROJECT: Final = "signedin"
_CONSUMER: Final = "tests/typing/consumer.py"


@define(frozen=True)
class Plan:
    """What to release, from where to where; `index` is None for a dry run that uploads nothing.

    `tag` commits and tags the release, `push` sends both away.
    """

    root: Path
    since: str | None
    version: str | None
    tests: str
    index: Index | None
    artifacts: Path
    tag: bool = False
    push: Push | None = None


def release(plan: Plan, tell: Tell) -> str:
    """Carry the release out and return its version; without an index stop before the upload and touch nothing.

    Raises:
        GeneratorError: Says which step failed, and what is uploaded by then.
    """
    if plan.tag and plan.index:
        require_committed(plan.root)
    with TemporaryDirectory(prefix="signedin-release-") as folder:
        tree = snapshot(plan.root, Path(folder) / "tree")
        version, found = _decide(plan, tree, tell)
        _write(tree, version, found, _committed_at(plan.root), tell)
        prove(tree, plan.tests, tell)
        files = _make(plan, tree, version, Path(folder), tell)
        if plan.index is None:
            tell("dry run: would upload " + ", ".join(each.name for each in files))
            return version
        lacking = missing(plan.index, PROJECT, files)
        tell(f"uploading {', '.join(each.name for each in lacking) or 'nothing: all is there, byte for byte'}")
        upload(plan.index, PROJECT, lacking)
        trial = Path(folder) / "trial"
        trial.mkdir()
        tell(
            "installing from the index, running the README's example: " + try_release(plan.index, version, tree, trial)
        )
        _keep(tree, plan.root)
    done = record(plan.root, version, plan.push) if plan.tag else f"now commit, and tag it: git tag v{version}"
    tell(f"released {version}; {done}")
    return version


def last_release(root: Path) -> str | None:
    """Return the newest tag vMAJOR.MINOR.PATCH, None before the first release."""
    command = ["git", "tag", "--list", "v[0-9]*", "--merged", "HEAD"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    tags = [tag for tag in done.stdout.split() if re.fullmatch(r"v\d+\.\d+\.\d+", tag)]
    return max(tags, key=lambda tag: [int(part) for part in tag[1:].split(".")], default=None)


def _decide(plan: Plan, tree: Path, tell: Tell) -> tuple[str, list[Change]]:
    tag = last_release(plan.root)
    since = plan.since or (f"git:{tag}" if tag else None)
    current = tag[1:] if tag else current_version(tree)
    if since is None:
        tell(f"the first release: {plan.version or current}")
        return plan.version or current, []
    with (
        opened(since, root=plan.root) as old,
        consumers(since, _programs(since, plan.root), root=plan.root) as programs,
    ):
        found = changes(old, load(tree / "openapi.yaml"), consumers=programs)
    level = highest(found)
    suggested = next_version(current, level)
    tell(f"{len(found)} changes since {since}: {current} -> {suggested} ({why(current, level)})")
    wanted = plan.version or suggested
    if _numbers(wanted) < _numbers(suggested):
        raise GeneratorError(f"{wanted} promises more than it keeps: what changed needs at least {suggested}.")
    if wanted == current and fragments(tree / "changelog.d"):
        raise GeneratorError("The spec did not change, and there are fragments: name the version with --version.")
    return wanted, found


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


def _write(tree: Path, version: str, found: list[Change], epoch: int, tell: Tell) -> None:
    pyproject = tree / "pyproject.toml"
    text, count = re.subn(r'(?m)^version = "[^"]*"$', f'version = "{version}"', pyproject.read_text("utf-8"), count=1)
    if count != 1:
        raise GeneratorError('pyproject.toml has no line `version = "..."`.')
    pyproject.write_text(text, encoding="utf-8")
    tell(f"version {tomllib.loads(text)['project']['version']}")
    told = fragments(tree / "changelog.d")
    # The commit's day, not today's: a half upload is finished tomorrow with the same bytes.
    added = section(version, f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%d}", told, found)
    changelog = tree / "CHANGELOG.md"
    changelog.write_text(with_section(changelog.read_text("utf-8"), added), encoding="utf-8")
    tell(added)
    for path in (tree / "changelog.d").glob("*.*.md"):
        path.unlink()


def prove(tree: Path, tests: str, tell: Tell) -> None:
    """Print the package anew, look at it again, and run the tests.

    Raises:
        GeneratorError: They fail, or there are none; nothing was uploaded.
    """
    command = [sys.executable if word == "python" else word for word in shlex.split(tests)]
    if not command:
        raise GeneratorError("--tests names no command: nothing is released that nothing has tried.")
    request = Request(tree / "openapi.yaml", tree / "sdk" / "signedin_sdk")
    generate(request, tell)
    if differences := check(request, tell):
        raise GeneratorError("The package is not what the spec yields:\n" + "\n".join(differences))
    tell(f"testing: {tests}")
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GeneratorError(f"The tests fail; nothing was uploaded:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")


def _make(plan: Plan, tree: Path, version: str, folder: Path, tell: Tell) -> list[Path]:
    files = built_twice(tree, folder, str(_committed_at(plan.root)))
    needs = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    papers = {
        "sbom.cdx.json": sbom(version, tree / "requirements" / "dev.txt", needs, files),
        "SHA256SUMS": manifest(files),
    }
    plan.artifacts.mkdir(parents=True, exist_ok=True)
    for name, text in papers.items():
        (plan.artifacts / name).write_text(text, encoding="utf-8")
    for each in files:
        (plan.artifacts / each.name).write_bytes(each.read_bytes())
    tell(f"built twice, the same bytes:\n{papers['SHA256SUMS']}{plan.artifacts}: {', '.join(papers)}")
    return files


def _committed_at(root: Path) -> int:
    command = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout)


def _keep(tree: Path, root: Path) -> None:
    for name in ("pyproject.toml", "CHANGELOG.md"):
        (root / name).write_bytes((tree / name).read_bytes())
    replace(tree / "sdk" / "signedin_sdk", root / "sdk" / "signedin_sdk")
    for path in (root / "changelog.d").glob("*.*.md"):
        path.unlink()
