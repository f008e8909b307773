"""Runs the commands of docs/when-the-spec-changes.md on a copy of the repository: `make pages`.

Each edit begins with the committed files and with a release 1.0.0. A marker names what to put below it; the text around
the markers stays.
"""

import difflib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from generator.release.changelog import CHANGELOGS
from generator.release.distribution import snapshot

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "when-the-spec-changes.md"
_BLOCK: Final = re.compile(r"<!-- (edit|run): (\w+) -->\n.*?<!-- end -->", re.DOTALL)

_DEVICES: Final = """\
  /users/devices:
    get:
      operationId: listDevices
      tags: [users]
      summary: List the devices that the user is signed in on.
      security:
        - bearerAuth: []
      responses:
        '200':
          description: The devices' names.
          content:
            application/json:
              schema: {type: array, items: {type: string}}
        '500':
          $ref: '#/components/responses/InternalError'
"""
_CREDENTIALS: Final = """\
      required: [email, password]
      properties:
"""
_NAME: Final = """\
      required: [email, password, name]
      properties:
        name:
          type: string
"""
_UPDATED: Final = """\
        updatedAt:
          type: string
          format: date-time
"""
EDITS: Final[dict[str, list[tuple[str, str]]]] = {
    "operation": [("components:\n  securitySchemes:", f"{_DEVICES}components:\n  securitySchemes:")],
    "field": [(_CREDENTIALS, _NAME)],
    "removed": [
        ("required: [id, email, createdAt, updatedAt]", "required: [id, email, createdAt]"),
        (_UPDATED, ""),
        ("                updatedAt: '2026-01-02T03:04:05.678Z'\n", ""),
    ],
    "misspelled": [("schemas/Profile'", "schemas/Profil'")],
}
COMMANDS: Final = {
    "diff": ["diff", "git:HEAD", "openapi.yaml", "--current", "1.0.0"],
    "check": ["check", "--spec", "openapi.yaml", "--output", "sdk/signedin_sdk"],
    "generate": ["generate", "--spec", "openapi.yaml", "--output", "sdk/signedin_sdk"],
    "lint": ["lint", "--spec", "openapi.yaml"],
    "release": ["release", "--dry-run", "--tag", "--tests", "python -m generator lint", "--artifacts", "dist"],
}
# Who commits, and when: the day stands in the changelog.
_GIT: Final = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "owner"), ("EMAIL", "owner@example.com"), ("DATE", "2026-01-02T03:04:05Z"))
}
# What is another one in each run, or with each commit.
_UNSTABLE: Final = (
    (r"/\S*signedin-release-\w+/tree/", ""),
    (r"\b[0-9a-f]{64}\b", "<sha256>"),
    (r"(?<=done in )[\d.]+", "<time>"),
)


def main(arguments: Iterable[str]) -> int:
    """Write the page anew; with --check, say whether that would change it."""
    committed = PAGE.read_text("utf-8")
    page = rewritten(committed)
    if "--check" not in arguments:
        PAGE.write_text(page, encoding="utf-8")
    elif page != committed:
        sys.stderr.writelines(difflib.unified_diff(committed.splitlines(True), page.splitlines(True), "page", "run"))
        return 1
    return 0


def rewritten(page: str) -> str:
    """Return the page with what the commands answer now."""
    with TemporaryDirectory(prefix="page-") as folder:
        tree = _released(Path(folder))
        return _BLOCK.sub(lambda block: _block(tree, block[1], block[2]), page)


def _released(folder: Path) -> Path:
    """Return a copy of the repository whose one commit is the release 1.0.0, without news for the next one."""
    tree = snapshot(ROOT, folder / "tree")
    for path in (tree / "changelog.d").rglob("*.*.md"):
        path.unlink()
    for name in CHANGELOGS:
        (tree / name).write_text("# Changelog\n\n## [1.0.0] - 2026-01-01\n", encoding="utf-8")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Release 1.0.0"], ["tag", "v1.0.0"]):
        _git(tree, *command)
    return tree


def _git(tree: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=tree, env={**os.environ, **_GIT}, check=True)


def _block(tree: Path, kind: str, name: str) -> str:
    text = _edit(tree, name) if kind == "edit" else _run(tree, name)
    return f"<!-- {kind}: {name} -->\n{text}\n<!-- end -->"


def _edit(tree: Path, name: str) -> str:
    _git(tree, "reset", "-q", "--hard")
    _git(tree, "clean", "-q", "-d", "--force")
    spec = tree / "openapi.yaml"
    before = after = spec.read_text("utf-8")
    for old, new in EDITS[name]:
        if after.count(old) != 1:
            raise ValueError(f"openapi.yaml has no longer one: {old}")
        after = after.replace(old, new)
    spec.write_text(after, encoding="utf-8")
    changed = difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
    return _fenced("diff", [line for line in changed if not line.startswith(("---", "+++"))])


def _run(tree: Path, name: str) -> str:
    arguments, hidden = COMMANDS[name], list[str]()
    if name == "release":  # of the first edit, committed
        _edit(tree, "operation")
        _git(tree, "commit", "-q", "-a", "-m", "List the devices")
        hidden = ["--root", str(tree)]
    done = subprocess.run(
        [sys.executable, "-m", "generator", *arguments, *hidden],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    output = done.stdout.replace(f"{tree}/", "")
    for pattern, instead in _UNSTABLE:
        output = re.sub(pattern, instead, output)
    last = [f"(exit status {done.returncode})"] if done.returncode else []
    return _fenced("console", [f"$ python -m generator {shlex.join(arguments)}", *output.splitlines(), *last])


def _fenced(language: str, lines: Iterable[str]) -> str:
    return "\n".join([f"```{language}", *lines, "```"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
