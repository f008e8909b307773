"""One difference between two specs, and what it costs; `advice` has the reasons and the hints."""

from enum import IntEnum

from attrs import define

from generator.diff.advice import advice


class Level(IntEnum):
    """What a difference costs somebody who installs the new SDK."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    BREAKING = 3


@define(frozen=True, order=False)
class Change:
    """One difference; `rule` names its kind, `where` the place in the spec."""

    rule: str
    level: Level
    where: str
    message: str

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
        return advice(self.rule) if self.level is Level.BREAKING else ("", "")


def highest(changes: list[Change]) -> Level:
    """Return the level of all changes together."""
    return max((change.level for change in changes), default=Level.NONE)
