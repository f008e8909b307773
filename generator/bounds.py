"""Keeps a verb inside a span of time and a size of memory: a spec is untrusted, and small ones can ask for much.

The limits hold for this process and for each that it starts: mypy, ruff, the tests of a release. Windows has none.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from generator.errors import LimitError

if sys.platform != "win32":
    import resource

MEBIBYTE: Final = 2**20
# After so many more seconds the kernel ends what does not come back to Python to be told.
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
    previous = {kind: resource.getrlimit(kind) for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU)}
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_AS, mebibytes * MEBIBYTE)
    _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + seconds + _PATIENCE)
    handler = signal.signal(signal.SIGALRM, _ring)
    outer = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    except _Rung:
        raise LimitError(f"takes longer than {seconds} seconds. Raise --seconds, if that may be.") from None
    except MemoryError:
        raise LimitError(f"needs more than {mebibytes} MiB. Raise --memory, if that may be.") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *outer)
        for kind, limits in previous.items():
            resource.setrlimit(kind, limits)


class _Rung(BaseException):
    """Time is up; no `except Exception` on the way may keep it."""


def _ring(_number: int, _frame: FrameType | None) -> None:
    """Ring until it is heard: what is raised in a finalizer ends there. Nothing that cleans up hears it again."""
    raised = sys.exception()
    while raised is not None:
        if isinstance(raised, _Rung):
            return
        raised = raised.__context__
    raise _Rung


def _lower(kind: int, limit: int) -> None:
    soft, hard = resource.getrlimit(kind)
    known = [each for each in (soft, hard) if each != resource.RLIM_INFINITY]
    resource.setrlimit(kind, (min([limit, *known]), hard))
