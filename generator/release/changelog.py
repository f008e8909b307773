"""The next section of both changelogs: the fragments in `changelog.d/`, and for users what the comparison says.

`<any-name>.<kind>.md` holds one or more list items. towncrier would do the fragments; it cannot put the comparison's
lines under the same headings.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from attrs import define
from openapi_python_client.strings import ClassName, PythonIdentifier

from generator.diff.change import Change, Level
from generator.diff.compare import grouped
from generator.diff.report import code, escaped
from generator.errors import GeneratorError
from generator.spec.document import Document
from generator.spec.naming import FIELD_PREFIX
from generator.spec.operations import operations

Entries = dict[str, list[str]]  # the lines by their heading
USERS: Final = "CHANGELOG.md"  # what the spec changes goes here
CHANGELOGS: Final = {USERS: "changelog.d", "CHANGELOG-maintainers.md": "changelog.d/maintainers"}  # their fragments
KINDS: Final = ("added", "changed", "deprecated", "removed", "fixed", "security")
_CHANGED: Final = (
    r"operation-id|api-tag|security|pattern|format|multiple|unique|const|default-value|of-removed|of-added|"
    r"additional-prop"
)
# The first one that occurs in the rule's id says the heading. How a thing is called or limited is "changed".
_HEADINGS: Final = {
    "deprecated": r"endpoint-deprecated",
    "fixed": r"path-changed|parameter-moved|property-renamed",  # the method stays, and follows the backend
    "changed": _CHANGED,
    "removed": r"removed",
    "added": r"added|new-optional|new-required",
}


@define(frozen=True)
class Names:
    """How a program calls what the specs name; an operation that is gone is called as it was."""

    calls: dict[str, str]
    summaries: dict[str, str]
    classes: dict[str, str]

    @classmethod
    def of(cls, *specs: Document) -> "Names":
        """Return the names of the specs; the last one has the last word."""
        every = [each for spec in specs for each in operations(spec)]
        schemas = {
            name: str(node.get("title") or name) if isinstance(node, dict) else name
            for spec in specs
            for name, node in (spec.at(("components", "schemas")) or {}).items()
        }
        return cls(
            {each.id: f"client.{each.resource}.{each.module}()" for each in every},
            {each.id: str(each.node.get("summary") or "") for each in every},
            {name: str(ClassName(title, FIELD_PREFIX)) for name, title in schemas.items()},
        )

    def place(self, where: str) -> str:
        """Return the Markdown for a place in the spec."""
        first, *rest = where.split("/")
        if call := self.calls.get(first):
            return ", ".join(map(code, [call, *(["/".join(rest)] if rest else [])]))
        if where.startswith("components/schemas/") and (name := self.classes.get(rest[1])):
            return code(".".join([name, *(PythonIdentifier(each, FIELD_PREFIX) for each in rest[2:])]))
        return code(where)


def noticed(changes: Iterable[Change], names: Names) -> Entries:
    """Return the lines by their heading, what breaks first; what follows from a change is no line of its own."""
    entries: Entries = {}
    for change in grouped(changes):
        entries.setdefault(_heading(change), []).append(_line(change, names))
    return entries


def _heading(change: Change) -> str:
    breaks = change.level is Level.BREAKING
    for heading, pattern in _HEADINGS.items():
        # What is required from now on is no gift.
        if re.search(pattern, change.rule) and not (breaks and heading == "added"):
            return heading
    return "changed"


def _line(change: Change, names: Names) -> str:
    if change.rule == "documentation-changed":
        return "- Texts and examples of the documentation; no method changes."
    place, message = names.place(change.where), escaped(change.message)
    if change.rule == "endpoint-added" and (summary := names.summaries.get(change.where)):
        return f"- {place}: {escaped(summary)}"
    if change.level is not Level.BREAKING:
        return f"- {place}: {message}."
    # Without what only the owner of the spec can do.
    hint = re.sub(r"[,;] or [^,;]* in the spec\.$", ".", change.hint)
    return f"- **Breaking:** {place}: {message}. {hint}"


def fragments(folder: Path) -> Entries:
    """Return the texts by their kind.

    Raises:
        GeneratorError: A file has another name than a fragment may have, or is empty.
    """
    entries: Entries = {}
    for path in sorted(folder.glob("*.md")):
        if path.name == "README.md":
            continue
        kind, text = path.suffixes[-2:-1], path.read_text("utf-8").strip()
        if len(kind) != 1 or kind[0][1:] not in KINDS or not text:
            raise GeneratorError(f"{path}: a fragment is called NAME.KIND.md and not empty; KIND: {', '.join(KINDS)}.")
        entries.setdefault(kind[0][1:], []).append(text if text.startswith("- ") else f"- {text}")
    return entries


def section(version: str, day: str, *sections: Entries) -> str:
    """Return the section of one version; under each heading the lines of all who have something to tell."""
    lines = [f"## [{version}] - {day}"]
    for kind in dict.fromkeys((*KINDS, *(kind for each in sections for kind in each))):
        if entries := [line for each in sections for line in each.get(kind, ())]:
            lines += ["", f"### {kind.capitalize()}", "", *entries]
    return "\n".join(lines) + "\n"


def unreleased(text: str) -> tuple[str, Entries]:
    """Return the changelog without its section `[Unreleased]`, and what stood there by its headings."""
    entries = re.search(r"(?ms)^## \[Unreleased\][^\n]*\n(.*?)(?=^## |\Z)", text)
    if not entries:
        return text, {}
    first, *parts = re.split(r"(?m)^### +(.+?) *$", entries[1])
    sections: Entries = {"changed": [first.strip()]} if first.strip() else {}
    for heading, lines in zip(parts[::2], parts[1::2], strict=True):
        sections.setdefault(heading.lower(), []).append(lines.strip())
    return text[: entries.start()] + text[entries.end() :], sections


def released(text: str, version: str, day: str, *sections: Entries) -> tuple[str, str]:
    """Return the changelog with the section of a version above the older ones, and that section alone."""
    text, waiting = unreleased(text)
    added = section(version, day, *sections, waiting)
    head, *older = re.split(r"(?m)(?=^## )", text, maxsplit=1)
    return "\n".join([f"{head.rstrip()}\n", added, *older]), added
