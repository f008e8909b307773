"""The next section of both changelogs: the fragments in `changelog.d/`, and for users what the comparison says.

`<any-name>.<kind>.md` holds one or more list items. towncrier would do the fragments; it cannot put the comparison's
lines under the same headings.
"""

import re
from pathlib import Path
from typing import Final

from generator.errors import GeneratorError
from generator.release.notes import Told

USERS: Final = "CHANGELOG.md"  # what the spec changes goes here
CHANGELOGS: Final = {USERS: "changelog.d", "CHANGELOG-maintainers.md": "changelog.d/maintainers"}  # their fragments
KINDS: Final = ("added", "changed", "deprecated", "removed", "fixed", "security")


def fragments(folder: Path) -> Told:
    """Return the texts by their kind.

    Raises:
        GeneratorError: A file has another name than a fragment may have, or is empty.
    """
    entries: Told = {}
    for path in sorted(folder.glob("*.md")):
        if path.name == "README.md":
            continue
        kind, text = path.suffixes[-2:-1], path.read_text("utf-8").strip()
        if len(kind) != 1 or kind[0][1:] not in KINDS or not text:
            raise GeneratorError(f"{path}: a fragment is called NAME.KIND.md and not empty; KIND: {', '.join(KINDS)}.")
        entries.setdefault(kind[0][1:], []).append(text if text.startswith("- ") else f"- {text}")
    return entries


def section(version: str, day: str, *sections: Told) -> str:
    """Return the section of one version; under each heading the lines of all who have something to tell."""
    lines = [f"## [{version}] - {day}"]
    for kind in dict.fromkeys((*KINDS, *(kind for each in sections for kind in each))):
        if entries := [line for each in sections for line in each.get(kind, ())]:
            lines += ["", f"### {kind.capitalize()}", "", *entries]
    return "\n".join(lines) + "\n"


def unreleased(text: str) -> tuple[str, Told]:
    """Return the changelog without its section `[Unreleased]`, and what stood there by its headings."""
    entries = re.search(r"(?ms)^## \[Unreleased\][^\n]*\n(.*?)(?=^## |\Z)", text)
    if not entries:
        return text, {}
    first, *parts = re.split(r"(?m)^### +(.+?) *$", entries[1])
    sections: Told = {"changed": [first.strip()]} if first.strip() else {}
    for heading, lines in zip(parts[::2], parts[1::2], strict=True):
        sections.setdefault(heading.lower(), []).append(lines.strip())
    return text[: entries.start()] + text[entries.end() :], sections


def released(text: str, version: str, day: str, *sections: Told) -> tuple[str, str]:
    """Return the changelog with the section of a version, and that section alone."""
    older, waiting = unreleased(text)
    added = section(version, day, *sections, waiting)
    return with_section(older, added), added


def with_section(text: str, added: str) -> str:
    """Return the changelog with a section more, above the older ones."""
    first = re.search(r"(?m)^## ", text)
    older = text[first.start() :] if first else ""
    head = text[: first.start()] if first else text
    return "\n".join([f"{head.rstrip()}\n", *filter(None, (added, older))])
