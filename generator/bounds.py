"""Keeps a verb inside a span of time and a size of memory: a spec is untrusted, and small ones can ask for much.

What it starts ends with it when time is over, and may take as much memory: mypy, ruff, the tests of a release. Windows
has no limits.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from generator.errors import LimitError

if sys.platform != "win32":
    import resource

MEBIBYTE: Final = 2**20
# After so many more seconds the kernel ends what does not come back to Python.
_PATIENCE: Final = 5
_AGAIN: Final = 0.5


@contextmanager
def bounded(*, seconds: int, mebibytes: int) -> Iterator[None]:
    """Let the body run so long, with so much address space, in the main thread.

    Raises:
        LimitError: Says which limit was met, and how to move it.
    """
    if sys.platform == "win32":
        yield
        return
    # The kernel ends the process once it has used so much processor time. Not by RLIMIT_CPU: that counts from the start
    # of the process, by the kernel's ticks, and no call returns the ticks so far: getrusage(2) scales them by the
    # scheduler's clock. 5.4 s of difference after 69 s were seen.
    end = _timer(signal.ITIMER_PROF, signal.SIGPROF, signal.SIG_DFL, seconds + _PATIENCE, 0)
    try:
        with _addressing(mebibytes * MEBIBYTE), end, _rung_after(seconds):
            yield
    except _Rung:
        raise LimitError(f"takes longer than {seconds} seconds. Raise --seconds, if that may be.") from None
    except MemoryError:
        raise LimitError(f"needs more than {mebibytes} MiB. Raise --memory, if that may be.") from None


if sys.platform != "win32":

    @contextmanager
    def _addressing(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        limits = [each for each in (soft, hard) if each != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_AS, (min([size, *limits]), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

    @contextmanager
    def _rung_after(seconds: int) -> Iterator[None]:
        """Ring until it is heard: what is raised in a finalizer ends there. Nothing that cleans up hears it again."""
        armed = True

        def ring(_number: int, _frame: FrameType | None) -> None:
            if armed and not _heard():
                raise _Rung

        with _timer(signal.ITIMER_REAL, signal.SIGALRM, ring, seconds, _AGAIN):
            try:
                yield
            finally:
                armed = False

    @contextmanager
    def _timer(
        which: int,
        number: signal.Signals,
        handler: Callable[[int, FrameType | None], None] | signal.Handlers,
        seconds: int,
        again: float,
    ) -> Iterator[None]:
        previous = signal.signal(number, handler)
        outer = signal.setitimer(which, seconds, again)
        try:
            yield
        finally:
            signal.setitimer(which, 0)
            signal.signal(number, previous)
            signal.setitimer(which, *outer)


class _Rung(BaseException):
    """Time is up; no `except Exception` on the way may keep it."""


def _heard() -> bool:
    raised = sys.exception()
    while raised is not None:
        if isinstance(raised, _Rung):
            return True
        raised = raised.__context__
    return False
