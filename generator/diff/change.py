"""One difference between two specs, and what it costs: its level, why it breaks, the version that it asks for."""

import re
import tomllib
from enum import IntEnum
from pathlib import Path
from typing import Final, Literal

from attrs import define

from generator.errors import GeneratorError

OTHER: Final = (
    "A program that was right against the old SDK is not right against the new one.",
    "Look at the place in the new spec, and change the calls that it concerns.",
)
_TEXTS: Final = tomllib.loads(Path(__file__).with_name("advice.toml").read_text("utf-8"))
_ADVICE: Final = [(re.compile(pattern), (why, do)) for pattern, (why, do) in _TEXTS.items()]


class Level(IntEnum):
    """What a difference costs somebody who installs the new SDK."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    BREAKING = 3


@define(frozen=True, order=False)
class Change:
    """One difference; `rule` names its kind, `where` the place in the spec; file and line are those of the new one.

    `follows` are the differences that come of this one, which no one has to look at for themselves.
    """

    rule: str
    level: Level
    where: str
    message: str
    file: Path | None = None
    line: int | None = None
    follows: tuple["Change", ...] = ()

    @property
    def reason(self) -> str:
        """Say why it breaks a program; empty where it does not."""
        return self._advice[0]

    @property
    def hint(self) -> str:
        """Say what a user changes; empty where it is nothing."""
        return self._advice[1]

    @property
    def _advice(self) -> tuple[str, str]:
        if self.level is not Level.BREAKING:
            return "", ""
        return next((each for pattern, each in _ADVICE if pattern.search(self.rule)), OTHER)


def highest(changes: list[Change]) -> Level:
    """Return the level of all changes together."""
    return max((change.level for change in changes), default=Level.NONE)


@define(frozen=True)
class Place:
    """Where we are: `kind` is parameter, body or property; `listed` is true for the items of a list."""

    side: Literal["request", "response"]
    kind: str
    where: str
    listed: bool = False

    @property
    def is_request(self) -> bool:
        """Say whether the user's program gives the value."""
        return self.side == "request"

    def change(self, what: str, message: str, request: Level, response: Level) -> Change:
        """Return a change whose level depends on the direction."""
        level = request if self.is_request else response
        return Change(f"{self.side}-{self.kind}-{what}", level, self.where, message)

    def typed(self, what: str, message: str, request: Level, response: Level) -> Change:
        """Return a change of the Python type. A list is invariant: of another type it fits nowhere, to or fro."""
        change = self.change(what, message, request, response)
        return self.breaking(f"list-{what}", message) if self.listed and change.level < Level.BREAKING else change

    def breaking(self, what: str, message: str) -> Change:
        """Return a change that breaks in either direction."""
        return self.change(what, message, Level.BREAKING, Level.BREAKING)


def next_version(current: str, level: Level) -> str:
    """Return the version that a change of this level makes of the current one (Semantic Versioning 2.0.0).

    Before 1.0 nothing is promised by the major number (section 4): what breaks moves the second number, everything
    else the third.

    Raises:
        GeneratorError: The current version is no MAJOR.MINOR.PATCH.
    """
    if not (match := re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", current)):
        raise GeneratorError(f"{current!r} is no version of three numbers, such as 1.4.2.")
    major, minor, patch = map(int, match.groups())
    if level is Level.NONE:
        return current
    if major == 0:
        level = Level.MINOR if level is Level.BREAKING else Level.PATCH
    return {
        Level.BREAKING: f"{major + 1}.0.0",
        Level.MINOR: f"{major}.{minor + 1}.0",
        Level.PATCH: f"{major}.{minor}.{patch + 1}",
    }[level]


def why(current: str, level: Level) -> str:
    """Say in a few words why it is that version."""
    word = ("nothing changed", "a fix", "something new", "it breaks")[level]
    return f"{word}; before 1.0 the second number stands for what breaks" if current.startswith("0.") else word
