"""A release, step by step. The order is the point: whatever fails, fails before the index or the tree has changed."""

import re
import shlex
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from generator.errors import GeneratorError
from generator.package.swap import replace
from generator.pipeline import Request, check, generate
from generator.release.changelog import CHANGELOGS, USERS, fragments, released
from generator.release.children import run
from generator.release.decision import decide
from generator.release.distribution import built_twice, manifest, snapshot, tracked
from generator.release.history import VERSIONED, record, require_committed, require_untagged
from generator.release.index import Index, missing
from generator.release.notes import Told
from generator.release.plan import PROJECT, Plan, Tell
from generator.release.rehearsal import rehearse
from generator.release.sbom import sbom
from generator.release.trial import try_release
from generator.release.uploading import upload


def release(plan: Plan, tell: Tell) -> str:
    """Carry the release out and return its version; a dry run touches nothing and tells what would be done.

    Raises:
        GeneratorError: Says which step failed, and what is uploaded by then.
    """
    index = None if plan.dry else plan.index
    if plan.tag and index:
        require_committed(plan.root)
    with TemporaryDirectory(prefix="signedin-release-") as folder:
        tree = snapshot(plan.root, Path(folder) / "tree")
        version, noticed = decide(plan, tree, tell)
        if plan.tag and index:
            require_untagged(plan.root, version)
        _write(tree, version, noticed, _committed_at(plan.root), tell)
        prove(tree, plan.tests, tell)
        files = _make(plan, tree, version, Path(folder), tell)
        if index is None:
            rehearse(plan, version, tree, files, tell)
            return version
        _publish(index, version, tree, files, tell)
        _keep(tree, plan.root)
    done = record(plan.root, version, plan.push) if plan.tag else f"now commit, and tag it: git tag v{version}"
    tell(f"released {version}; {done}")
    return version


def _publish(index: Index, version: str, tree: Path, files: list[Path], tell: Tell) -> None:
    lacking = missing(index, PROJECT, files)
    tell(f"uploading {', '.join(each.name for each in lacking) or 'nothing: all is there, byte for byte'}")
    upload(index, PROJECT, lacking)
    trial = files[0].parent / "trial"
    trial.mkdir()
    tell("installing from the index, running the README's example: " + try_release(index, version, tree, trial))


def _write(tree: Path, version: str, noticed: Told, epoch: int, tell: Tell) -> None:
    for name, before in VERSIONED.items():
        text = (tree / name).read_text("utf-8")
        text, count = re.subn(rf'(?m)^{before}"[^"]*"', f'{before}"{version}"', text, count=1)
        if count != 1:
            raise GeneratorError(f'{name} has no line `{before}"..."`.')
        (tree / name).write_text(text, encoding="utf-8")
    tell(f"version {version}")
    # The commit's day, not today's: a half upload is finished tomorrow with the same bytes.
    day = f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%d}"
    for name, folder in CHANGELOGS.items():
        changes = noticed if name == USERS else {}
        text, added = released((tree / name).read_text("utf-8"), version, day, changes, fragments(tree / folder))
        if name == USERS or "\n- " in added:  # a version without news for maintainers is no heading there
            (tree / name).write_text(text, encoding="utf-8")
            tell(added)
    _remove_fragments(tree)


def _remove_fragments(tree: Path) -> None:
    for path in (tree / "changelog.d").rglob("*.*.md"):
        path.unlink()


def prove(tree: Path, tests: str, tell: Tell) -> None:
    """Generate the package anew, look at it again, and run the tests.

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
    with TemporaryDirectory(prefix="signedin-tested-") as folder:
        copy = tracked(tree, Path(folder) / "tree")
        done = run(command, cwd=copy)
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
    for name in (*VERSIONED, *CHANGELOGS):
        (root / name).write_bytes((tree / name).read_bytes())
    replace(tree / "sdk" / "signedin_sdk", root / "sdk" / "signedin_sdk")
    _remove_fragments(root)
