"""The result of a comparison of two specs, as lines of a changelog: under which heading, in names that users type."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import define
from openapi_python_client.strings import ClassName, PythonIdentifier

from generator.diff.change import Change, Level
from generator.diff.report import code, escaped
from generator.spec.document import Document
from generator.spec.naming import FIELD_PREFIX
from generator.spec.operations import operations

Told = dict[str, list[str]]
# The first one that occurs in the rule's id says the heading. How a thing is called or limited is "changed".
_CHANGED: Final = r"operation-id|api-tag|security|pattern|const|default-value|of-removed|of-added|additional-prop"
_HEADINGS: Final = {
    "deprecated": r"endpoint-deprecated",
    "fixed": r"path-changed|parameter-moved|property-renamed",  # the method stays, and follows the backend
    "changed": _CHANGED,
    "removed": r"removed",
    "added": r"added|new-optional|new-required",
}
_FOUND_IN_THE_PACKAGE: Final = ("python-api-changed", "consumer-does-not-type-check")


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


def noticed(changes: Sequence[Change], names: Names) -> Told:
    """Return the lines by their heading, what breaks first; a thing that appears in two directions once."""
    entries: Told = {}
    seen: dict[tuple[str, str], None] = {}
    for change in sorted(changes, key=lambda each: -each.level):
        if (change.where, change.message) in seen or _is_told(change, seen):
            continue
        seen[change.where, change.message] = None
        entries.setdefault(_heading(change), []).append(_line(change, names))
    return entries


def _is_told(change: Change, seen: dict[tuple[str, str], None]) -> bool:
    """Say whether it is what the generated package shows of a change of the spec in the changelog."""
    if change.rule not in _FOUND_IN_THE_PACKAGE:
        return False
    entries = {word for where, message in seen for word in _words(f"{where} {message}")}
    return bool(entries & _about(change))


def _about(change: Change) -> set[str]:
    """Return the names that a finding is about: griffe says it last, mypy in quotes."""
    if change.rule == "python-api-changed":
        return {change.message.rpartition(": ")[2], change.where.rpartition(".")[2]}
    return set(re.findall(r'"(\w+)"', change.message))


def _words(text: str) -> Iterator[str]:
    for word in re.findall(r"\w+", text):
        yield from (word, str(PythonIdentifier(word, FIELD_PREFIX)))


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
    return f"- **Breaking:** {place}: {message}. {_for_users(change.hint)}"


def _for_users(hint: str) -> str:
    """Return the hint without what only the owner of the spec can do."""
    return re.sub(r"[,;] or [^,;]* in the spec\.$", ".", hint)
