"""The stages of the demo. Everything in here goes through the SDK, as a user's program would."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from signedin import NotSignedInError

from examples.demo.backend import DemoError, child
from examples.demo.wire import Span, count, now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from examples.demo.run import Run

STOPPED: Final = "stopped"
_EACH: Final = 10  # calls of each of two processes
_PROCESSES: Final = ("process 1", "process 2")
_HEAD_START: Final = 0.15  # seconds for an order to reach the other process


class NotShown(Exception):  # noqa: N818 -- no error: this backend and these options do not allow it
    """A stage cannot be played; the text says why."""


class Stage(NamedTuple):
    """A part of the run; `play` returns its summary."""

    key: str
    title: str
    play: Callable[[Run], str]


def sign_in(run: Run) -> str:
    """Register an account, then sign in to it."""
    email, password = f"ada+{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(16)
    run.client.auth.register(email=email, password=password)
    run.client.auth.login(email=email, password=password)
    return email


def profile(run: Run) -> str:
    """Show that the answer is typed."""
    run.expect(1)
    with run.recorder.call("1 call", "0"):
        read = run.client.users.get_profile()
    return f"{type(read).__name__} of {read.email}, created {read.created_at:%Y-%m-%d %H:%M:%S %Z}"


def sleep(run: Run) -> str:
    """Outlive the token, then call."""
    moved = run.outlive()
    run.expect(1)
    run.call("1 call", "0")
    return f"{_summary(run)}{_moved(moved)}"


def threads(run: Run) -> str:
    """Call from threads, all at once, after the token has expired."""
    moved = run.outlive()
    run.at_once(threads=run.calls)
    return f"{_summary(run)}{_moved(moved)}"


def tasks(run: Run) -> str:
    """Call from asyncio tasks, all at once, after the token has expired."""
    moved = run.outlive()
    run.at_once(tasks=run.calls)
    return f"{_summary(run)}{_moved(moved)}"


def stopped(run: Run) -> str:
    """Let the token expire while the client's clock stands still, so that only the server knows."""
    if not run.waits:
        raise NotShown("the token must really expire for this; --wait-for-expiry waits for it")
    run.fresh_token()
    run.clock.stop()
    run.wait_for_expiry()
    run.clock.go_on()
    half = run.calls // 2
    run.at_once(threads=run.calls - half, tasks=half)
    return _summary(run)


def processes(run: Run) -> str:
    """Let two processes that share a token file outlive its token, and call at the same moment."""
    with contextlib.ExitStack() as stack:
        # Both begin here: what this process has learned of the server's time holds for no clock that was moved.
        both = [stack.enter_context(_worker(run, group)) for group in _PROCESSES]
        for each in both:
            _order(each, stage="", calls=1, at=0.0, forward=0.0)
        for each in both:
            _answer(each)  # both have one pair in memory now
        moved = run.outlive()
        order = {"stage": run.recorder.stage, "calls": _EACH, "at": now() + _HEAD_START, "forward": moved}
        for each in both:
            _order(each, **order)
        answers = [_answer(each) for each in both]
    answered = [[Span(**span) for span in answer["spans"]] for answer in answers]
    run.recorder.spans += answered[0] + answered[1]
    run.elsewhere = sum(answer["expiries"] for answer in answers)
    who = [any(s.kind == "refresh" and s.stage == run.recorder.stage for s in spans) for spans in answered].index(True)
    return f"{_summary(run)}; {_PROCESSES[who]} refreshed, {_PROCESSES[1 - who]} took it from the file{_moved(moved)}"


def _worker(run: Run, group: str) -> AbstractContextManager[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "examples.demo.worker", run.base_url, str(run.store), group]
    return child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def sign_out(run: Run) -> str:
    """Sign out, and show what a call now raises."""
    run.client.logout()
    answers = [span.status for span in run.recorder.spans if span.stage == run.recorder.stage]
    where = "here and at the server" if 204 in answers else "here (this backend has no logout)"
    try:
        run.client.users.get_profile()
    except NotSignedInError as error:
        return f"signed out {where}; a call now raises {type(error).__name__}: {error}"
    raise DemoError("a call after signing out raised nothing")


STAGES: Final = (
    Stage("sign_in", "Register and sign in", sign_in),
    Stage("profile", "Read the typed profile", profile),
    Stage("sleep", "Sleep past the expiry, then call", sleep),
    Stage("threads", "Threads, past the expiry", threads),
    Stage("tasks", "asyncio tasks, past the expiry", tasks),
    Stage(STOPPED, "401: the client's clock stood still", stopped),
    Stage("processes", "Two processes, one FileStore", processes),
    Stage("sign_out", "Sign out, then call", sign_out),
)


def summary(spans: Sequence[Span]) -> str:
    """Sum a stage up."""
    calls = [span for span in spans if span.kind == "call"]
    took = max(span.end for span in calls) - min(span.start for span in calls)
    refreshes, refused = count(spans, "refresh"), count(spans, "refused")
    replayed = f" and replayed {count(spans, 'replay')}" if refused else ""
    return (
        f"{len(calls)} {'call' if len(calls) == 1 else 'calls'}, {refreshes} "
        f"{'refresh' if refreshes == 1 else 'refreshes'}, {refused} refused{replayed}, {took * 1000:.0f} ms"
    )


def _summary(run: Run) -> str:
    return summary([span for span in run.recorder.spans if span.stage == run.recorder.stage])


def _moved(seconds: float) -> str:
    return f" (no wait: the client's clock was moved {seconds:.0f} s ahead)" if seconds else ""


def _order(other: subprocess.Popen[str], **order: Any) -> None:
    if other.stdin is None:
        raise DemoError("another process has no stdin")
    other.stdin.write(json.dumps(order) + "\n")
    other.stdin.flush()


def _answer(other: subprocess.Popen[str]) -> dict[str, Any]:
    line = other.stdout.readline() if other.stdout else ""
    if not line:
        raise DemoError("another process ended without an answer")
    payload: dict[str, Any] = json.loads(line)
    return payload
