"""A base for values that are written once and must not be tuples.

`@dataclass(frozen=True, slots=True)` compiles six methods for each class at each import: half a millisecond.
"""

from __future__ import annotations

from typing import ClassVar, NoReturn


class WrittenOnce:
    """Base of a value that names its parts in `__slots__` and sets each in `__init__`; equal by type and parts."""

    __slots__: ClassVar[tuple[str, ...]] = ()

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(self, name):
            raise AttributeError(f"a {type(self).__name__} never changes; make another")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} never changes; make another")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def __repr__(self) -> str:
        shown = (f"{name}={part!r}" for name, part in zip(self.__slots__, self._parts(), strict=True))
        return f"{type(self).__name__}({', '.join(shown)})"

    def _parts(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)
