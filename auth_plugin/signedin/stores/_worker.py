"""A thread that does what may hang, so that others wait for it only so long."""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class HangingError(Exception):
    """The worker did not come back in time."""


class Worker:
    """One thread that a keyring may block; whoever waits for it does so only so long.

    A daemon, so that a keyring that hangs keeps no process alive. One job at a time: not every backend bears two.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._started = False  # guarded by _mutex
        self._mutex = threading.Lock()

    def run(self, work: Callable[[], T], seconds: float) -> T:
        """Return what `work` returns, or raise what it raises.

        Raises:
            HangingError: It has not come back; if it was not begun, it never will be.
        """
        future: Future[T] = Future()
        self._start()
        self._jobs.put((work, future))
        try:
            return future.result(seconds)
        except TimeoutError:
            if future.done():  # the work's own
                raise
            future.cancel()
        raise HangingError

    def _start(self) -> None:
        with self._mutex:
            if not self._started:
                threading.Thread(target=_work, args=(self._jobs,), name="signedin-keyring", daemon=True).start()
                weakref.finalize(self, self._jobs.put, None)
                self._started = True


_Job = tuple[Callable[[], Any], "Future[Any]"]


def _work(jobs: queue.SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        work, future = job
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 -- raised again where it is waited for
                future.set_exception(error)
        del job, work, future  # a record waits here for the next job otherwise
