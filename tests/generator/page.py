"""Runs the commands of docs/when-the-spec-changes.md on a copy of the spec and of the SDK: `make docs`.

Each edit begins with the committed files. A marker names what to put below it; the text around the markers stays.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

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
    "unnamed": [("      operationId: getProfile\n", "")],
}
COMMANDS: Final = {
    "diff": ["diff", "before.yaml", "openapi.yaml", "--current", "1.0.0", "--specs-only"],
    "check": ["check", "--spec", "openapi.yaml", "--output", "sdk/signedin_sdk"],
    "generate": ["generate", "--spec", "openapi.yaml", "--output", "sdk/signedin_sdk"],
    "lint": ["lint", "--spec", "openapi.yaml"],
}


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
    """Return the page with what the commands say now."""
    with TemporaryDirectory(prefix="page-") as folder:
        return _BLOCK.sub(lambda block: _block(Path(folder), block[1], block[2]), page)


def _block(folder: Path, kind: str, name: str) -> str:
    text = _edit(folder, name) if kind == "edit" else _run(folder, COMMANDS[name])
    return f"<!-- {kind}: {name} -->\n{text}\n<!-- end -->"


def _edit(folder: Path, name: str) -> str:
    before = (ROOT / "openapi.yaml").read_text("utf-8")
    after = before
    for old, new in EDITS[name]:
        if after.count(old) != 1:
            raise ValueError(f"openapi.yaml has no longer one: {old}")
        after = after.replace(old, new)
    (folder / "before.yaml").write_text(before, encoding="utf-8")
    (folder / "openapi.yaml").write_text(after, encoding="utf-8")
    shutil.rmtree(folder / "sdk", ignore_errors=True)
    shutil.copytree(ROOT / "sdk", folder / "sdk", ignore=shutil.ignore_patterns("__pycache__"))
    changed = difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
    return _fenced("diff", [line for line in changed if not line.startswith(("---", "+++"))])


def _run(folder: Path, arguments: list[str]) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "generator", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    said = [line.replace(f"{folder}/", "") for line in done.stdout.splitlines()]
    last = [f"(exit status {done.returncode})"] if done.returncode else []
    return _fenced("console", [f"$ python -m generator {' '.join(arguments)}", *said, *last])


def _fenced(language: str, lines: Iterable[str]) -> str:
    return "\n".join([f"```{language}", *lines, "```"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
