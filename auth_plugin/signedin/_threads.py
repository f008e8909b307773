"""The threads of one session: jobs that no caller's end may interrupt, and how the process ends with them."""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
import time
import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_NAME: Final = "signedin-session"


class Shared(Future[T]):
    """A future that many may wait for, and the job that ends it, which is run once.

    Whoever comes first begins it: in a thread or, where Python starts none any more, in that of the first who waits.
    """

    # In the instance, so that one `pop` of several threads gets them.
    _job: Callable[[], None] | None = None
    _to_begin = False
    _left_over = False

    def carry(self, job: Callable[[], None]) -> None:
        """Take the job, which must not raise."""
        self.set_running_or_notify_cancel()  # no waiter can cancel what all of them share
        self._job, self._to_begin = job, True

    def begin(self, start: Callable[[Callable[[], None]], None]) -> None:
        """Have a thread run the job, unless somebody else has. Raises RuntimeError when the system gives no thread."""
        if not vars(self).pop("_to_begin", False):
            return
        try:
            start(self._run)
        except RuntimeError:
            if not no_more_threads():
                raise
            self._left_over = True
        except BaseException:  # Ctrl-C, before or after the thread began: the next caller makes sure
            self._to_begin = True
            raise

    def help(self) -> None:
        """Run the job if no thread could, and nobody else does."""
        if self._left_over:
            self._run()

    def _run(self) -> None:
        if (job := vars(self).pop("_job", None)) is not None:
            job()


def no_more_threads() -> bool:
    """Say whether the main thread has ended: from then on Python starts no thread (3.12 and later)."""
    return not threading.main_thread().is_alive()


def counting_sleep() -> Callable[[], float]:
    """Return a monotonic clock that also counts the time for which the machine was suspended, where there is one.

    Tokens and leases age meanwhile. CLOCK_BOOTTIME does on Linux (clock_gettime(2)), CLOCK_MONOTONIC on macOS;
    `time.monotonic()` does on neither.
    """
    name = "CLOCK_MONOTONIC" if sys.platform == "darwin" else "CLOCK_BOOTTIME"
    if (clock := getattr(time, name, None)) is not None:
        with contextlib.suppress(OSError):  # known to Python, not to this kernel
            time.clock_gettime(clock)
            return functools.partial(time.clock_gettime, clock)
    return time.monotonic


class SystemClock:
    """The machine's own time."""

    wall = staticmethod(time.time)
    monotonic = staticmethod(counting_sleep())

    def sleep(self, seconds: float, closing: threading.Event) -> bool:
        """Let time pass; return False, early, when the session closes or the process waits for nobody else to end."""
        end = self.monotonic() + seconds
        while (left := end - self.monotonic()) > 0:
            if closing.wait(min(left, 0.25)) or _process_ends():
                return False
        return True


def _process_ends() -> bool:
    # Not when the main thread alone has ended: a program may go on in others, and wait for its refresh there.
    return all(t.daemon or t.name == _NAME or not t.is_alive() for t in threading.enumerate())


class Threads:
    """Runs jobs, each in a thread of its own.

    No daemons: a process that ended while the server rotates would lose the new pair. Jobs are bounded by `Timing`.
    """

    def __init__(self) -> None:
        self._running: weakref.WeakSet[threading.Thread] = weakref.WeakSet()  # guarded by _mutex
        self._mutex = threading.Lock()
        self.closing = threading.Event()

    def start(self, job: Callable[[], None]) -> None:
        """Run `job`, which must not raise. Raises RuntimeError when the system gives no thread."""
        thread = threading.Thread(target=job, name=_NAME, daemon=False)
        with self._mutex:
            self._running.add(thread)
        thread.start()

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Run `job` and return the future of what it returns or raises."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()

        def run() -> None:
            try:
                result = job()
            except BaseException as error:  # noqa: BLE001 -- raised again where the future is awaited
                future.set_exception(error)
            else:
                future.set_result(result)

        try:
            self.start(run)
        except RuntimeError:
            if not no_more_threads():
                raise
            run()
        return future

    def join(self, seconds: float) -> None:
        """Cut sleeps short and wait for the jobs, at most so long."""
        self.closing.set()
        end = time.monotonic() + seconds
        with self._mutex:
            threads = [t for t in self._running if t is not threading.current_thread() and t.is_alive()]
        try:
            for thread in threads:
                thread.join(max(0.0, end - time.monotonic()))
        finally:  # also when Ctrl-C ends the wait: the session may be used again
            self.closing.clear()

    def after_fork(self) -> None:
        """Forget, in a forked child, the parent's threads."""
        self.__init__()  # type: ignore[misc]  # nothing of the parent's is ours
