"""A list of changes as text for a terminal, as JSON for a program, as Markdown for a comment or a changelog."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import define

from generator.diff.change import Change, Level, highest, next_version, why
from generator.errors import GeneratorError
from generator.lint.finding import shown

_HEADINGS: Final = {Level.BREAKING: "Breaking", Level.MINOR: "Minor", Level.PATCH: "Patch"}


@define(frozen=True)
class Report:
    """The changes, the version before them, and how many more an ignore file covers."""

    changes: Sequence[Change]
    current: str
    ignored: int = 0

    @property
    def level(self) -> Level:
        """Return the level of all changes together."""
        return highest(list(self.changes))

    @property
    def suggested(self) -> str:
        """Return the next version."""
        return next_version(self.current, self.level)

    @property
    def summary(self) -> str:
        """Say what it comes to."""
        counts = ", ".join(f"{len(list(self.at(level)))} {level.name.lower()}" for level in _HEADINGS)
        ignored = f", {self.ignored} ignored" if self.ignored else ""
        return f"{counts}{ignored}; {self.current} -> {self.suggested} ({why(self.current, self.level)})"

    def at(self, level: Level) -> Iterator[Change]:
        """Yield the changes of a level."""
        return (change for change in self.changes if change.level is level)


def text(report: Report) -> str:
    """Return lines for a terminal."""
    return "\n".join([*_text_lines(report), report.summary])


def _text_lines(report: Report) -> Iterator[str]:
    for each in report.changes:
        place = f"{each.file}:{each.line}: " if each.line else ""
        yield f"{place}{each.level.name.lower()} [{each.rule}] {_plain(each.where)}: {_plain(each.message)}"
        if each.reason:
            yield f"    why: {each.reason} do: {each.hint}"
        yield from (f"    so: [{one.rule}] {_plain(one.where)}: {_plain(one.message)}" for one in each.follows)


def as_json(report: Report) -> str:
    """Return one JSON object."""
    summary = {"level": report.level.name.lower(), "current": report.current, "suggested": report.suggested}
    return json.dumps({**summary, "changes": [_as_object(each) for each in report.changes]}, indent=2)


def _as_object(change: Change) -> dict[str, Any]:
    place = {"file": str(change.file), "line": change.line} if change.line else {}
    advice = {"reason": change.reason, "hint": change.hint} if change.reason else {}
    follows = {"follows": [_as_object(each) for each in change.follows]} if change.follows else {}
    parts = {"rule": change.rule, "level": change.level.name.lower(), "where": change.where, "message": change.message}
    return {**parts, **place, **advice, **follows}


def markdown(report: Report) -> str:
    """Return a comment for a pull request."""
    return "\n".join(_markdown_lines(report))


def _markdown_lines(report: Report) -> Iterator[str]:
    yield f"**What changes for users of the SDK:** {report.summary}"
    for level, heading in _HEADINGS.items():
        listed = list(report.at(level))
        if listed:
            yield from ("", f"### {heading}", "")
        for change in listed:
            line = f", line {change.line}" if change.line else ""
            yield f"- {code(change.where)}: {escaped(change.message)} ({code(change.rule)}{line})"
            if change.reason:
                yield f"  - Why: {change.reason} What to do: {change.hint}"
            yield from (f"  - So: {code(each.where)}: {escaped(each.message)}" for each in change.follows)


def _plain(untrusted: str) -> str:
    return untrusted if untrusted.isprintable() and len(untrusted) <= 300 else shown(untrusted)


def code(untrusted: str) -> str:
    """Return a name as code in Markdown."""
    return f"`{_plain(untrusted).replace('`', chr(39))}`"


def escaped(untrusted: str) -> str:
    """Return a text in Markdown, none of it markup."""
    # The spec of a pull request is a stranger's text; the comment is ours: no mention, no link, no markup.
    safe = re.sub(r"@|://|(?i:www)(?=\.)", lambda match: f"{match[0]}\u200b", _plain(untrusted))
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#!~$&" else char for char in safe)


FORMATS: Final[dict[str, Callable[[Report], str]]] = {"text": text, "json": as_json, "markdown": markdown}


def ignored(file: Path) -> dict[tuple[str, str], int]:
    """Return the rules and places of an ignore file with their lines: `RULE WHERE # REASON`.

    Raises:
        GeneratorError: A line is of another form, such as one without a reason.
    """
    entries = {}
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if not (match := re.fullmatch(r"(\S+)\s+(.+?)\s+#\s*\S.*", line)):
            raise GeneratorError(f"{file}:{number}: an entry is RULE WHERE # REASON, and it needs all three.")
        entries[match[1], match[2]] = number
    return entries
