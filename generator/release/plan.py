"""The order for a release: from where, to where, how far."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import define

from generator.release.history import Push
from generator.release.index import Index

Tell = Callable[[str], None]
PROJECT: Final = "signedin"


@define(frozen=True)
class Plan:
    """What to release, from where to where.

    `dry` changes nothing; so does a plan without an index, and `lacking` says why there is none. `tag` commits and tags
    the release, `push` sends both away.
    """

    root: Path
    since: str | None
    version: str | None
    tests: str
    index: Index | None
    artifacts: Path
    tag: bool = False
    push: Push | None = None
    dry: bool = False
    lacking: str = ""
