"""What is done with one request: the whole policy on one screen. No I/O, no clock, no lock.

`auth` carries the steps out, in two colours; nothing is decided there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from signedin._origin import MARK, origin_of
from signedin._replay import body_of
from signedin.errors import NotSignedInError

if TYPE_CHECKING:
    from collections.abc import Generator

    import httpx

    from signedin._held import Held
    from signedin._renewal import Renewal


class Acquire(NamedTuple):
    """→ Held: a pair that may be sent; `one_shot` when this sending is the only one possible."""

    one_shot: bool


class Renew(NamedTuple):
    """→ Held: a pair newer than the rejected one."""

    rejected: Held


class Send(NamedTuple):
    """→ Answer. The body of an answer with the session's expiry status is read before anything else is done."""

    request: httpx.Request


class Answer(NamedTuple):
    """What the plan looks at."""

    status: int
    body: bytes
    url: httpx.URL


Step = Acquire | Renew | Send


def plan(request: httpx.Request, session: Renewal) -> Generator[Step, Any, None]:
    """Send the request with the session's token, and once more with a newer one if the token has expired."""
    _take_back(request)
    if origin_of(request.url) not in session.origins or "authorization" in request.headers:
        yield Send(request)
        return
    body, begun = body_of(request), session.held
    held: Held = yield Acquire(one_shot=not body.replayable)
    if begun is not None and held is not begun and not held.record.same_user(begun.record):
        raise NotSignedInError("Another user has signed in while this request waited for a token. Nothing was sent.")
    if not _expired((yield _bearing(request, held)), session, held):
        return
    newer: Held = yield Renew(held)
    if body.replayable and not newer.same_pair(held) and newer.record.same_user(held.record):
        body.rewind()
        _expired((yield _bearing(request, newer)), session, newer)
    # Whatever came now, a second refusal too, is the caller's answer.


def _bearing(request: httpx.Request, held: Held) -> Send:
    request.headers["authorization"] = held.header
    request.extensions[MARK] = held
    return Send(request)


def _take_back(request: httpx.Request) -> None:
    """Remove the header that an earlier sending of the same object left: it is ours, not the user's own."""
    earlier: Held | bool | None = request.extensions.get(MARK)
    if request.headers.get("authorization") == getattr(earlier, "header", ""):
        del request.headers["authorization"]


def _expired(answer: Answer, session: Renewal, held: Held) -> bool:
    if answer.status != session.expired.status:
        # A gateway that fails has not looked at the token, nor has another origin, where a redirect may have ended.
        held.accepted = held.accepted or (answer.status < 500 and origin_of(answer.url) in session.origins)
        return False
    return session.expired.matches(answer.status, answer.body) and origin_of(answer.url) in session.origins
