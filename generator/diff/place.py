"""Where a difference stands, and what that makes of it.

What a request may hold must not shrink, what an answer holds not grow.
"""

from typing import Literal

from attrs import define

from generator.diff.change import Change, Level

Side = Literal["request", "response"]


@define(frozen=True)
class Place:
    """Where we are: `kind` is parameter, body or property; `listed` is true for the items of a list."""

    side: Side
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
        if self.listed and change.level < Level.BREAKING:
            return self.breaking(f"list-{what}", message)
        return change

    def breaking(self, what: str, message: str) -> Change:
        """Return a change that breaks in either direction."""
        return self.change(what, message, Level.BREAKING, Level.BREAKING)
