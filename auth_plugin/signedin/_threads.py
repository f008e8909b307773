"""Threads, clocks, and waiting in every colour: threads, asyncio tasks, trio tasks.

What one thread sets and others wait for is a `Promise`. Neither it nor anything else here uses a `threading.Condition`:
its `__enter__` is Python code, and a Ctrl-C inside of it would leave the lock taken for ever.
"""

from __future__ import annotations

import _thread
import contextlib
import functools
import os
import sys
import threading
import time
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from signedin.errors import AuthError, RefreshUnavailableError, TokenStoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from signedin.protocols import Closing

T = TypeVar("T")
_NAME: Final = "signedin-session"


class Promise(Generic[T]):
    """A value or an error that is set once, and that any number of threads and tasks may wait for.

    Without a lock: appending to a deque and copying it are atomic. A callback may run twice, and must bear that.
    """

    __slots__ = ("_callbacks", "_outcome")

    def __init__(self) -> None:
        self._outcome: tuple[T | None, BaseException | None] | None = None
        self._callbacks: deque[Callable[[], object]] = deque()

    def done(self) -> bool:
        return self._outcome is not None

    def set_error(self, error: BaseException) -> None:
        self.set_result(None, error)

    def set_result(self, value: T | None, error: BaseException | None = None) -> None:
        """Set the value, or the error, and wake all waiters."""
        self._outcome = value, error
        try:
            for callback in list(self._callbacks):
                callback()
        except BaseException:  # Ctrl-C: those that were not woken yet must not wait until their patience ends
            for callback in list(self._callbacks):
                callback()
            raise

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        """Call back, in whatever thread, once it is done; it must not raise."""
        self._callbacks.append(callback)
        if self.done():  # whoever set it may have looked at the callbacks before
            callback()

    def discard_callback(self, callback: Callable[[], object]) -> None:
        with contextlib.suppress(ValueError):
            self._callbacks.remove(callback)

    def outcome(self) -> T:
        """Return the value, or raise the error: a copy of its own for each waiter, where the error is one of ours."""
        if self._outcome is None:
            raise RefreshUnavailableError(
                "The refresh takes longer than this call may wait. It goes on, and the pair stays; try again."
            )
        value, error = self._outcome
        if isinstance(error, AuthError):
            raise error.again() from error.__cause__
        if error is not None:
            raise error
        return cast("T", value)

    def error(self) -> BaseException | None:
        return self._outcome[1] if self._outcome else None


def wait(promise: Promise[T], patience: float) -> T:
    """Block this thread until the promise is done, at most so many seconds; return its outcome."""
    if not promise.done():
        done = threading.Lock()
        done.acquire()

        def release() -> None:
            with contextlib.suppress(RuntimeError):  # released before
                done.release()

        promise.add_done_callback(release)
        try:
            done.acquire(timeout=min(patience, threading.TIMEOUT_MAX))
        finally:  # else a promise of long life, as that of an end, would collect them
            promise.discard_callback(release)
    return promise.outcome()


async def wait_async(promise: Promise[T], patience: float) -> T:
    """Suspend this task until the promise is done. Cancelling the task disturbs no other waiter."""
    if not promise.done():
        if in_trio_task():
            library: Any = sys.modules["trio"]
            soon = library.lowlevel.current_trio_token().run_sync_soon
        else:
            library = sys.modules["asyncio"]
            soon = library.get_running_loop().call_soon_threadsafe
        done = library.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # that loop has ended, and its waiter with it
                soon(done.set)

        promise.add_done_callback(wake)
        async with at_most(patience):
            await done.wait()
    return promise.outcome()


@contextlib.asynccontextmanager
async def at_most(seconds: float) -> AsyncIterator[None]:
    """Cut the block off after so many seconds, in silence; in a task of asyncio or trio."""
    if in_trio_task():
        with sys.modules["trio"].move_on_after(seconds):
            yield
    else:
        with contextlib.suppress(TimeoutError):
            async with sys.modules["asyncio"].timeout(seconds):
                yield


def in_trio_task() -> bool:
    """Say whether the caller is a task of trio: not an asyncio task beside it (guest mode) or on top (trio-asyncio)."""
    trio = sys.modules.get("trio")  # who runs trio has imported it; nobody else should pay for that
    if trio is None or not trio.lowlevel.in_trio_task():
        return False
    try:
        return sys.modules["asyncio"].current_task() is None
    except (KeyError, RuntimeError):  # asyncio does not run here
        return True


class Signal(Promise[None]):
    """A `threading.Event` that a Ctrl-C cannot break, without a way back."""

    __slots__ = ()
    is_set = Promise.done

    def set(self) -> None:
        self.set_result(None)

    def wait(self, seconds: float) -> bool:
        """Wait in this thread, at most so long; return whether it is set."""
        with contextlib.suppress(RefreshUnavailableError):
            wait(self, seconds)
        return self.done()


class Threads:
    """The threads of one session: jobs that no caller's end may interrupt, and that the process waits for."""

    def __init__(self) -> None:
        self.closing = Signal()
        self._jobs: dict[int, Signal] = {}  # by thread, set at its end; each thread adds and removes its own

    def start(self, job: Callable[[], None]) -> None:
        """Run `job`, which must not raise, in a thread. Raises RuntimeError when the system gives none.

        `Thread.start` waits for a condition, which a Ctrl-C could break: it is called in a thread that gets no signals.
        Nobody goes on before, since the process does not wait for a thread that it does not know yet.
        """
        started = threading.Lock()
        started.acquire()
        _thread.start_new_thread(self._start, (job, started))
        started.acquire()

    def call(self, job: Callable[[], T]) -> T:
        """Return what a job with a store's I/O returns; run it in a thread if this is the main one.

        There a signal handler could come while the job holds a lock of the store, and wait for that lock for ever.
        """
        if threading.get_ident() != threading.main_thread().ident:
            return job()
        return wait(self.promise(job), threading.TIMEOUT_MAX)

    async def acall(self, job: Callable[[], T], patience: float) -> T:
        """Return what a job with a store's I/O returns, without blocking the event loop."""
        promise = self.promise(job)
        try:
            return await wait_async(promise, patience)
        except RefreshUnavailableError:
            if promise.done():
                raise
        raise TokenStoreError(
            f"The token store has not answered for {patience:g} s. Whether it has changed is unknown, and it may "
            "change yet: ask it by load() before you try again."
        )

    def promise(self, job: Callable[[], T]) -> Promise[T]:
        """Run a job in a thread, or at once where there is none to be had; return the promise of what it returns."""
        promise: Promise[T] = Promise()

        def work() -> None:
            try:
                promise.set_result(job())
            except BaseException as error:  # noqa: BLE001 -- raised again where it is waited for
                promise.set_error(error)

        try:
            self.start(work)
        except RuntimeError:
            work()
        return promise

    def join(self, seconds: float) -> None:
        """Cut sleeps short and wait for the jobs, at most so long."""
        self.closing.set()
        end = time.monotonic() + seconds
        try:
            for thread, ended in list(self._jobs.items()):
                if thread != threading.get_ident():
                    ended.wait(max(0.0, end - time.monotonic()))
        finally:  # also when Ctrl-C ends the wait: the session may be used again
            self.closing = Signal()

    def after_fork(self) -> None:
        """Forget, in a forked child, the parent's threads."""
        self.closing, self._jobs = Signal(), {}

    def _start(self, job: Callable[[], None], started: threading.Lock) -> None:
        try:
            threading.Thread(target=self._run, args=(job,), name=_NAME, daemon=False).start()
        except RuntimeError:  # the last thread to be had is this one
            started.release()
            self._run(job)
        else:
            started.release()

    def _run(self, job: Callable[[], None]) -> None:
        thread, ended = threading.get_ident(), Signal()
        self._jobs[thread] = ended
        try:
            job()
        finally:
            self._jobs.pop(thread, None)
            ended.set()


class SharedJob(Promise[T]):
    """What is under way for many waiters, and its job, which one thread runs: the first one that comes."""

    __slots__ = ("_begun", "_jobs", "waiters")

    def __init__(self, job: Callable[[SharedJob[T]], None]) -> None:
        super().__init__()
        self._jobs = [job]  # who pops it runs it; it must not raise
        self._begun = False
        self.waiters = 0  # counted by whoever hands it out

    def begin(self, threads: Threads) -> None:
        """See that a thread runs the job. Raises RuntimeError when the system gives none."""
        if self._begun:
            return
        try:
            threads.start(self.run)
        except RuntimeError:
            if not no_more_threads():
                raise
            self.run()  # in the caller's way, but done
        self._begun = True  # not before: where Ctrl-C came until here, the next caller begins it

    def run(self) -> None:
        """Run the job in this thread, unless another one does."""
        try:
            job = self._jobs.pop()
        except IndexError:
            return
        try:
            job(self)
        except BaseException:  # Ctrl-C, where it is the main thread that runs it: the next caller does it again
            self._jobs.append(job)
            raise


def no_more_threads() -> bool:
    """Say whether the main thread has ended: from then on Python starts no thread (3.12 and later).

    Not for every call: a Ctrl-C inside of `is_alive` makes Python 3.11 and 3.12 take the main thread for ended.
    """
    return not threading.main_thread().is_alive()


def pause(seconds: float, closing: Closing) -> bool:
    """Let real time pass; return False, early, when the session closes or only threads of ours still run."""
    end = SystemClock.monotonic() + seconds
    while (left := end - SystemClock.monotonic()) > 0:
        if closing.wait(min(left, 0.25)) or _process_ends():
            return False
    return True


def _process_ends() -> bool:
    # Not when the main thread alone has ended: a program may go on in others, and wait for its refresh there.
    return all(t.daemon or t.name == _NAME or not t.is_alive() for t in threading.enumerate())


def after_fork(thing: object) -> None:
    """Call `thing.after_fork()` in each forked child, as long as the thing lives; what it raises is dropped there.

    And `thing.after_others_forked()`, if it has one, after those of all things: for hooks that are not ours.
    """
    _REGISTERED.add(thing)


def _after_fork_in_child() -> None:
    things = list(_REGISTERED)
    for hook in ("after_fork", "after_others_forked"):
        for thing in things:
            with contextlib.suppress(Exception):
                getattr(thing, hook)()


_REGISTERED: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def counting_sleep() -> Callable[[], float]:
    """Return a monotonic clock that also counts the time for which the machine was suspended, where there is one.

    Tokens and leases age meanwhile. CLOCK_BOOTTIME does on Linux (clock_gettime(2)), CLOCK_MONOTONIC on macOS;
    `time.monotonic()` does on neither.
    """
    name = "CLOCK_MONOTONIC" if sys.platform == "darwin" else "CLOCK_BOOTTIME"
    if (clock := getattr(time, name, None)) is not None:
        with contextlib.suppress(OSError):  # Python has it, this kernel has not
            time.clock_gettime(clock)
            return functools.partial(time.clock_gettime, clock)
    return time.monotonic


class SystemClock:
    """The machine's own time."""

    wall = staticmethod(time.time)
    monotonic = staticmethod(counting_sleep())
    sleep = staticmethod(pause)
