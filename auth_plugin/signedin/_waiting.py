"""Waiting for a session's future in every colour: threads, asyncio, trio. A waiter that gives up disturbs nobody."""

from __future__ import annotations

import concurrent.futures
import sys
from typing import TYPE_CHECKING, TypeVar

from signedin._threads import Shared
from signedin.errors import AuthError, RefreshUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

T = TypeVar("T")


def wait(future: Future[T], patience: float) -> T:
    """Block this thread until the future is done; raise an exception of the caller's own."""
    _help(future)
    concurrent.futures.wait((future,), timeout=patience)
    return outcome(future)


async def wait_async(future: Future[T], patience: float) -> T:
    """Suspend this task until the future is done; raise an exception of the caller's own.

    Not by asyncio.wrap_future: cancelling the task would cancel the future that all waiters share.
    """
    await until_done(future, patience)
    return outcome(future)


async def until_done(future: Future[T], patience: float) -> None:
    """Suspend this task until the future is done, or the patience at its end."""
    _help(future)
    if not future.done():
        await (_in_trio if _trio_runs() else _in_asyncio)(future, patience)


def _help(future: Future[T]) -> None:
    if isinstance(future, Shared):
        future.help()


def outcome(future: Future[T]) -> T:
    """Return or raise what became of a future; too late is an error of its own."""
    if not future.done():
        raise RefreshUnavailableError(
            "The refresh or its store takes longer than this call may. It goes on, and the pair is kept; try again."
        )
    error = future.exception()
    if isinstance(error, AuthError):
        raise error.again() from error.__cause__
    return future.result()


async def _in_asyncio(future: Future[T], patience: float) -> None:
    asyncio = sys.modules["asyncio"]  # as trio below: who awaits has imported it
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    future.add_done_callback(_waking(lambda: loop.call_soon_threadsafe(done.set)))
    try:
        async with asyncio.timeout(patience):
            await done.wait()
    except TimeoutError:
        return


async def _in_trio(future: Future[T], patience: float) -> None:
    trio = sys.modules["trio"]
    token, done = trio.lowlevel.current_trio_token(), trio.Event()
    future.add_done_callback(_waking(lambda: token.run_sync_soon(done.set)))
    with trio.move_on_after(patience):
        await done.wait()


def _waking(wake: Callable[[], object]) -> Callable[[object], None]:
    def callback(_: object) -> None:
        try:
            wake()
        except RuntimeError:  # that loop has ended, and its waiter with it (trio.RunFinishedError is one, too)
            return

    return callback


def _trio_runs() -> bool:
    # Whoever runs trio has imported it; nobody else should pay for that.
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())
