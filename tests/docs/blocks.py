"""The fenced code blocks of README, CONTRIBUTING and docs/, and what a reader's shell would make of their commands.

A block that no test can run has its reason in a comment above it: `<!-- not run: it installs from an index -->`.
"""

import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = tuple(
    path.relative_to(ROOT).as_posix()
    for path in sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *ROOT.glob("docs/**/*.md")])
)
_FENCE: Final = re.compile(r"(?m)^(?:<!-- (not run|run|edit): (.+) -->\n)?( *)```([\w{}-]*).*\n((?:.*\n)*?)\3```$")
# Pages whose every block another test runs.
ELSEWHERE: Final = {
    "docs/contract.md": "tests/generator/test_contract.py",
    "docs/testing.md": "tests/testing/test_page.py",
    "docs/your-own-backend.md": "tests/backends/test_guide.py",
}
PROSE: Final = {"text", "diff", "sql"}  # output, figures, and what belongs to other programs
READ: Final[dict[str, Callable[[str], Any]]] = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    place: str
    language: str
    source: str
    mark: str
    """`not run`; or `run` and `edit`: another test runs it, such as tests/generator/test_page.py."""
    reason: str


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of a page; Sphinx's own are none."""
    text = (ROOT / page).read_text("utf-8")
    for fence in _FENCE.finditer(text):
        mark, reason, _, language, source = fence.groups()
        if not language.startswith("{"):
            line = text.count("\n", 0, fence.start(3)) + 1
            mark = "run" if page in ELSEWHERE else mark
            yield Block(f"{page}:{line}", language, source, mark or "", reason or "")


def commands(source: str) -> Iterator[list[str]]:
    """Yield the commands of a block as words: without a prompt, variables, comments and what they print."""
    lines = source.replace("\\\n", " ").splitlines()
    prompted = any(line.startswith("$ ") for line in lines)
    for line in lines:
        if line.strip() and (line.startswith("$ ") or not prompted):
            words = shlex.split(line.removeprefix("$ "), comments=True)
            while words and re.match(r"\w+=", words[0]):
                words.pop(0)
            yield words
