"""The verb `release`, step by step. The order is the point: what fails, fails before index and tree have changed.

Exit status: 0 released, or a dry run that would; 1 stopped, the last step and the text say where.
"""

import argparse
import re
import shlex
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from attrs import define

from generator.errors import GeneratorError
from generator.package.swap import replace
from generator.package.upstream import digest
from generator.pipeline import Request, Tell, check, generate
from generator.release.changelog import CHANGELOGS, USERS, Entries, fragments, released
from generator.release.distribution import built_twice, manifest, run, snapshot, tracked
from generator.release.history import VERSIONED, WRITTEN, Push, decide, git, record, require_committed, require_untagged
from generator.release.index import Index, index_at, missing, upload
from generator.release.sbom import sbom
from generator.release.trial import example, try_release
from generator.verbs import tell

_PROJECT: Final = "signedin"


@define(frozen=True)
class Plan:
    """What to release, from where to where.

    `dry` changes nothing; so does a plan without an index, and `lacking` says why there is none. `tag` commits and tags
    the release, `push` sends both away.
    """

    root: Path
    since: str | None
    version: str | None
    tests: str
    index: Index | None
    artifacts: Path
    tag: bool = False
    push: Push | None = None
    dry: bool = False
    lacking: str = ""


def release(options: argparse.Namespace) -> int:
    """Carry it out; a dry run leaves nothing behind but what --artifacts asks for."""
    index, lacking = None, ""
    if not options.index_url and not options.dry_run:
        raise GeneratorError("--index-url names the index to release to; without one there is --dry-run.")
    try:
        index = index_at(options.index_url, options.upload_url) if options.index_url else None
    except GeneratorError as error:
        if not options.dry_run:
            raise
        lacking = str(error)
    push = Push(*options.push) if options.push else None
    tag = options.tag or push is not None
    with TemporaryDirectory(prefix="signedin-dry-") as folder:
        artifacts = options.artifacts or (Path(folder) if options.dry_run else options.root / "dist")
        wanted = (options.root, options.since, options.version, options.tests, index, artifacts)
        carry_out(Plan(*wanted, tag, push, options.dry_run, lacking), tell)
    return 0


@define
class _Steps:
    """Numbers the steps, and says how long each took."""

    tell: Tell
    total: int
    number: int = 0

    @contextmanager
    def __call__(self, title: str) -> Iterator[None]:
        self.number += 1
        self.tell(f"[{self.number}/{self.total}] {title}")
        start = time.monotonic()
        yield
        self.tell(f"[{self.number}/{self.total}] done in {time.monotonic() - start:.1f} s")


def carry_out(plan: Plan, tell: Tell) -> str:
    """Release, and return the version; a dry run touches nothing and tells what would be done.

    Raises:
        GeneratorError: Says what failed, and what is uploaded by then.
    """
    index = None if plan.dry else plan.index
    if plan.tag and index:
        require_committed(plan.root)
    step = _Steps(tell, 8 if index else 6)
    epoch = int(git(plan.root, "log", "-1", "--format=%ct"))
    with TemporaryDirectory(prefix="signedin-release-") as name:
        folder = Path(name)
        tree = snapshot(plan.root, folder / "tree")
        with step("compare with the last release"):
            version, noticed = decide(plan.root, tree, plan.since, plan.version, tell)
            if plan.tag and index:
                require_untagged(plan.root, version)
        with step(f"write version {version} and the changelogs"):
            _write(tree, version, noticed, epoch, tell)
        with step("generate the package, and check it"):
            _generate(tree, tell)
        with step(f"test: {plan.tests}"):
            prove(tree, plan.tests)
        with step("build twice, hash, list what it needs"):
            files = _make(plan.artifacts, tree, version, epoch, tell)
        if index is None:
            with step("look at what is left"):
                rehearse(plan, version, tree, files, tell)
            return version
        with step(f"upload to {index.upload}"):
            lacking = missing(index, _PROJECT, files)
            tell(", ".join(each.name for each in lacking) or "nothing: all is there, byte for byte")
            upload(index, _PROJECT, lacking)
        with step("install from the index, run the README's example"):
            (folder / "trial").mkdir()
            tell(try_release(index, version, tree, folder / "trial"))
        with step("write what was released into the working tree"):
            _write_back(tree, plan.root)
            done = record(plan.root, version, plan.push) if plan.tag else f"now commit, and tag it: git tag v{version}"
    tell(f"released {version}; {done}")
    return version


def _write(tree: Path, version: str, noticed: Entries, epoch: int, tell: Tell) -> None:
    for name, before in VERSIONED.items():
        text = (tree / name).read_text("utf-8")
        text, count = re.subn(rf'(?m)^{before}"[^"]*"', f'{before}"{version}"', text, count=1)
        if count != 1:
            raise GeneratorError(f'{name} has no line `{before}"..."`.')
        (tree / name).write_text(text, encoding="utf-8")
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


def _generate(tree: Path, tell: Tell) -> None:
    request = Request(tree / "openapi.yaml", tree / "sdk" / "signedin_sdk")
    generate(request, tell)
    if differences := check(request, tell):
        raise GeneratorError("The package is not what the spec yields:\n" + "\n".join(differences))


def prove(tree: Path, tests: str) -> None:
    """Run the tests in a checkout of their own.

    Raises:
        GeneratorError: They fail, or there are none; nothing was uploaded.
    """
    command = [sys.executable if word == "python" else word for word in shlex.split(tests)]
    if not command:
        raise GeneratorError("--tests names no command: nothing is released that nothing has tried.")
    with TemporaryDirectory(prefix="signedin-tested-") as folder:
        done = run(command, cwd=tracked(tree, Path(folder) / "tree"))
    if done.returncode:
        raise GeneratorError(f"The tests fail; nothing was uploaded:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")


def _make(artifacts: Path, tree: Path, version: str, epoch: int, tell: Tell) -> list[Path]:
    files = built_twice(tree, tree.parent, str(epoch))
    needs = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    hashes = manifest(files)
    artifacts.mkdir(parents=True, exist_ok=True)
    (artifacts / "sbom.cdx.json").write_text(sbom(version, tree / "requirements" / "dev.txt", needs, files), "utf-8")
    (artifacts / "SHA256SUMS").write_text(hashes, encoding="utf-8")
    for each in files:
        (artifacts / each.name).write_bytes(each.read_bytes())
    tell(f"the same bytes twice:\n{hashes}{artifacts}: sbom.cdx.json, SHA256SUMS")
    return files


def _write_back(tree: Path, root: Path) -> None:
    for name in (*VERSIONED, *CHANGELOGS):
        (root / name).write_bytes((tree / name).read_bytes())
    replace(tree / "sdk" / "signedin_sdk", root / "sdk" / "signedin_sdk")
    _remove_fragments(root)


def rehearse(plan: Plan, version: str, tree: Path, files: list[Path], tell: Tell) -> None:
    """Tell what a release would do from here, without changing anything.

    Raises:
        GeneratorError: Some of it would stop the release; all that would is listed.
    """
    stops = [plan.lacking] if plan.lacking else []

    def attempt(function: Callable[..., Any], *arguments: Any, needed: bool = True) -> Any:
        try:
            return function(*arguments)
        except GeneratorError as error:
            tell(f"warning: {error}")
            stops.extend([str(error)] if needed else [])
        return None

    index, lacking = plan.index, files
    where = index.simple if index else "the index"
    if index is None:
        tell(plan.lacking or "no --index-url: neither its credentials nor what it has is looked at")
    else:
        tell(f"the user {index.username}, the password from {index.source}, for {index.simple}")
        if (there := attempt(missing, index, _PROJECT, files)) is not None:
            lacking = there
            tell(f"the index takes the credentials; {len(files) - len(lacking)} of {len(files)} files are there")
    for each in lacking:
        tell(f"would upload {each.name} to {index.upload if index else 'the index'}")
        tell(f"  sha256 {digest(each.read_bytes())}")
    tell(f"would install {_PROJECT}=={version} from {where} into a clean environment")
    if program := attempt(example, (tree / "README.md").read_text("utf-8")):
        tell(f"would run the README's example ({len(program.splitlines())} lines) against the backend")
    tell(f"would write {', '.join(WRITTEN)}")
    attempt(require_committed, plan.root, needed=plan.tag)
    attempt(require_untagged, plan.root, version, needed=plan.tag)
    if plan.tag:
        tell(f"would commit that and tag it v{version}")
        tell(f"would push both to {plan.push.remote} {plan.push.branch}") if plan.push else None
    else:
        tell(f"would leave it to you to commit, and to tag it v{version}")
    if stops:
        raise GeneratorError("A release would stop here:\n" + "\n".join(f"- {each}" for each in stops))
