"""Ctrl-C at every moment of a call that begins a refresh or waits for one: the session works, its threads end."""

import itertools
import logging
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType

import pytest
from signedin import MemoryStore, NotSignedInError, Timing, TokenPair, TokenSession
from signedin._threads import Promise, SharedJob, Signal, Threads
from signedin.protocols import Renewed
from signedin.session import renewal_of

_TIMING = Timing(post=2.0, resends=0, flight=3.0, lease=9.0, waiter=4.0)


@pytest.fixture(autouse=True)
def no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the interrupts out of `logging`: one inside of `Handler.acquire` leaves pytest's handler locked for ever."""
    monkeypatch.setattr(logging.getLogger("signedin"), "disabled", True)


class Rotating:
    """A refresher without a network: each refresh brings the next pair."""

    def __init__(self) -> None:
        self._numbers = itertools.count(2)

    def refresh(self, _: TokenPair, *, attempt: str, timeout: float) -> Renewed:
        assert attempt != str(timeout)
        number = next(self._numbers)
        return Renewed(TokenPair(f"a{number}", f"r{number}"))

    def revoke(self, _: TokenPair, *, timeout: float) -> None: ...

    def close(self) -> None: ...


def interrupted(call: Callable[[], object], at: int) -> bool:
    """Call, with a KeyboardInterrupt at the moment of that number; return False if there are fewer of them.

    The moments are those at which Python looks for signals: where a function begins, and after each call.
    """
    left = at

    def profile(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal left
        left -= event in {"call", "return", "c_return"}
        if left == 0:
            raise KeyboardInterrupt

    sys.setprofile(profile)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return left <= 0


def _signed_in() -> TokenSession:
    session = TokenSession(Rotating(), origins=[], store=MemoryStore(), timing=_TIMING)
    session.sign_in(TokenPair("a1", "r1"))
    return session


def _refresh(session: TokenSession) -> object:
    return session.refresh()


def _call(session: TokenSession) -> object:
    renewal = renewal_of(session)
    held = renewal.held
    assert held is not None
    return renewal.wait(renewal.renew(held))


def _sign_out(session: TokenSession) -> None:
    session.sign_out()


@pytest.mark.parametrize("call", [_refresh, _call, _sign_out], ids=lambda call: call.__name__[1:])
def test_ctrl_c_at_any_moment_leaves_a_session_that_works(call: Callable[[TokenSession], object]) -> None:
    before = set(threading.enumerate())
    for at in itertools.count(1):
        session = _signed_in()
        came = interrupted(partial(call, session), at)
        renewal = renewal_of(session)
        assert renewal._lock.acquire(timeout=1), at
        renewal._lock.release()
        try:
            assert session.refresh().access_token != "a1", at
        except NotSignedInError:
            assert call is _sign_out
        if not came:
            break
    assert at > 40  # it was interrupted somewhere
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def test_ctrl_c_while_a_promise_is_kept_wakes_all_who_wait_for_it() -> None:
    for at in itertools.count(1):
        promise, woken = Promise[int](), set[int]()
        for number in range(3):
            promise.add_done_callback(partial(_add, woken, number))
        came = interrupted(partial(promise.set_result, 1), at)
        assert len(woken) == 3 or not promise.done(), at
        if not came:
            break
    assert at > 5


def _add(woken: set[int], number: int) -> None:
    """Wake a waiter, in a frame of its own: an interrupt may come there."""
    woken.add(number)


def test_who_has_waited_leaves_nothing_behind() -> None:
    closing = Signal()
    for _ in range(3):
        assert not closing.wait(0.001)
    assert not closing._callbacks


def test_a_shared_job_that_ctrl_c_ended_is_run_by_the_next_caller() -> None:
    runs: list[int] = []

    def job(shared: SharedJob[str]) -> None:
        runs.append(len(runs))
        if len(runs) == 1:
            raise KeyboardInterrupt
        shared.set_result("done")

    shared = SharedJob[str](job)
    with pytest.raises(KeyboardInterrupt):
        shared.run()
    shared.begin(threads := Threads())
    threads.join(10)
    shared.run()
    assert (shared.outcome(), len(runs)) == ("done", 2)


def test_a_promise_that_is_kept_already_calls_back_at_once() -> None:
    promise, called = Promise[int](), list[int]()
    promise.set_result(1)
    promise.add_done_callback(lambda: called.append(promise.outcome()))
    assert called == [1]
