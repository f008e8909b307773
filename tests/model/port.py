"""The flight's port to the world, in the model: each call stops its process and waits for the explorer's answer.

A process is a plain function in a greenlet of its own. `ask` hands what it calls to the explorer, as a value, and
returns, or raises, what the explorer answers. The flight that runs is the one that ships, unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from greenlet import GreenletExit, getcurrent, greenlet
from signedin._tokens import Instant
from signedin.errors import TokenStoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from signedin._tokens import Record, TokenPair
    from signedin.protocols import Answer

OVER = object()  # in place of a call: the program has ended


class Now: ...


class Draw: ...


class Load: ...


class TryLock: ...


class Unlock: ...


class Sleep(NamedTuple):
    seconds: float


class CompareAndSet(NamedTuple):
    expected: int
    record: Record


class Post(NamedTuple):
    pair: TokenPair
    attempt: str


class Revoke(NamedTuple):
    pair: TokenPair


class Fails(NamedTuple):
    """An answer that is an exception."""

    message: str


NOW, DRAW, LOAD, TRY_LOCK, UNLOCK = Now(), Draw(), Load(), TryLock(), Unlock()


class Port:
    """The port that flights get (`signedin._flight.World`)."""

    def now(self) -> Instant:
        seconds = ask(NOW)
        return Instant(seconds, seconds)

    def draw(self) -> str:
        name: str = ask(DRAW)
        return name

    def sleep(self, seconds: float, *, to_the_end: bool = False) -> None:
        del to_the_end  # no session closes in the model
        ask(Sleep(seconds))

    def load(self) -> Record | None:
        record: Record | None = ask(LOAD)
        return record

    def compare_and_set(self, expected: int, record: Record) -> bool:
        won: bool = ask(CompareAndSet(expected, record))
        return won

    def try_lock(self) -> bool:
        taken: bool = ask(TRY_LOCK)
        return taken

    def unlock(self) -> None:
        ask(UNLOCK)

    def post(self, pair: TokenPair, attempt: str) -> Answer:
        answer: Answer = ask(Post(pair, attempt))
        return answer

    def revoke(self, pair: TokenPair) -> None:
        ask(Revoke(pair))


class Strand(greenlet):
    """A running program, stopped at the call that it waits for."""

    abandoned = False

    def __init__(self, program: Callable[[], None]) -> None:
        super().__init__(program)

    def go_on(self, answer: Hashable = None) -> Any:
        """Let it run on, or begin, to its next call, and return that; `OVER` at its end."""
        call = self.switch(answer) if self else self.switch()
        return OVER if self.dead else call


def ask(call: object) -> Any:
    """Stop here until the explorer answers."""
    strand: Any = getcurrent()
    if strand.abandoned:  # nobody answers what a `finally` calls while it is torn down
        raise GreenletExit
    try:
        answer = strand.parent.switch(call)
    except GreenletExit:
        strand.abandoned = True
        raise
    if isinstance(answer, Fails):
        raise TokenStoreError(answer.message)
    return answer
