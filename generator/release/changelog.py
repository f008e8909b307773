"""The changelog's next section, made of the fragments in `changelog.d/`, one file for each thing worth telling.

`changelog.d/<any-name>.<kind>.md` holds one or more list items, written for users.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from generator.diff.change import Change, Level
from generator.errors import GeneratorError

KINDS: Final = ("added", "changed", "deprecated", "removed", "fixed", "security")


def fragments(folder: Path) -> dict[str, list[str]]:
    """Return the texts by their kind.

    Raises:
        GeneratorError: A file has another name than a fragment may have, or is empty.
    """
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.md")):
        if path.name == "README.md":
            continue
        kind, text = path.suffixes[-2:-1], path.read_text("utf-8").strip()
        if len(kind) != 1 or kind[0][1:] not in KINDS or not text:
            raise GeneratorError(f"{path}: a fragment is called NAME.KIND.md and not empty; KIND: {', '.join(KINDS)}.")
        found.setdefault(kind[0][1:], []).append(text if text.startswith("- ") else f"- {text}")
    return found


def section(version: str, day: str, told: dict[str, list[str]], changes: Sequence[Change]) -> str:
    """Return the section of one version."""
    return "\n".join([f"## [{version}] - {day}", *_lines(told, changes)]) + "\n"


def _lines(told: dict[str, list[str]], changes: Sequence[Change]) -> Iterator[str]:
    breaking = list(
        dict.fromkeys((each.where, each.message, each.hint) for each in changes if each.level is Level.BREAKING)
    )
    if breaking:
        yield from ("", "### Breaking", "")
        yield from (f"- `{where}`: {message}. {hint}" for where, message, hint in breaking)
    for kind in KINDS:
        if kind in told:
            yield from ("", f"### {kind.capitalize()}", "", *told[kind])


def with_section(text: str, added: str) -> str:
    """Return the changelog with a section more; what stood under `[Unreleased]` belongs to it."""
    unreleased = re.search(r"(?ms)^## \[Unreleased\][^\n]*\n(.*?)(?=^## |\Z)", text)
    if unreleased:
        body = unreleased[1].strip()
        return text[: unreleased.start()] + added + (f"\n{body}\n" if body else "") + text[unreleased.end() :]
    first = re.search(r"(?m)^## ", text)
    at = first.start() if first else len(text)
    return f"{text[:at]}{added}\n{text[at:]}"
