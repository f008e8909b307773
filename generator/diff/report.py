"""A list of changes as text for a terminal, as JSON for a program, as Markdown for a comment or a changelog."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from attrs import define

from generator.diff.change import Change, Level, highest, next_version, why
from generator.lint.finding import shown

_HEADINGS: Final = {Level.BREAKING: "Breaking", Level.MINOR: "Minor", Level.PATCH: "Patch"}


@define(frozen=True)
class Report:
    """What is ."""

    changes: Sequence[Change]
    current: str

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
        return f"{counts}; {self.current} -> {self.suggested} ({why(self.current, self.level)})"

    def at(self, level: Level) -> Iterator[Change]:
        """Yield the changes of a level."""
        return (change for change in self.changes if change.level is level)


def text(report: Report) -> str:
    """Return lines for a terminal."""
    return "\n".join([*_text_lines(report), report.summary])


def _text_lines(report: Report) -> Iterator[str]:
    for change in report.changes:
        yield f"{change.level.name.lower():8} [{change.rule}] {_plain(change.where)}: {_plain(change.message)}"
        if change.reason:
            yield f"         why: {change.reason} do: {change.hint}"


def as_json(report: Report) -> str:
    """Return one JSON object."""
    changes = [
        {
            "rule": each.rule,
            "level": each.level.name.lower(),
            "where": each.where,
            "message": each.message,
            **({"reason": each.reason, "hint": each.hint} if each.reason else {}),
        }
        for each in report.changes
    ]
    summary = {"level": report.level.name.lower(), "current": report.current, "suggested": report.suggested}
    return json.dumps({**summary, "changes": changes}, indent=2)


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
            yield f"- {code(change.where)}: {escaped(change.message)} ({code(change.rule)})"
            if change.reason:
                yield f"  - Why: {change.reason} What to do: {change.hint}"


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
