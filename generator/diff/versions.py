"""From a level to the next version (Semantic Versioning 2.0.0)."""

import re

from generator.diff.change import Level
from generator.errors import GeneratorError


def next_version(current: str, level: Level) -> str:
    """Return the version that a change of this level makes of the current one.

    Before 1.0 nothing is promised by the major number (semver, section 4): what breaks moves the second number,
    everything else the third.

    Raises:
        GeneratorError: The current version is no MAJOR.MINOR.PATCH.
    """
    if not (said := re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", current)):
        raise GeneratorError(f"{current!r} is no version of three numbers, such as 1.4.2.")
    major, minor, patch = map(int, said.groups())
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
    word = {Level.NONE: "nothing changed", Level.PATCH: "a fix", Level.MINOR: "something new"}.get(level, "it breaks")
    return f"{word}; before 1.0 the second number stands for what breaks" if current.startswith("0.") else word
