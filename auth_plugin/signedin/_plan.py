"""What is done with one request: the whole policy on one screen. No I/O, no clock, no lock.

`auth` carries the steps out, in two colours; nothing is decided there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from signedin._origin import MARK, origin_of
from signedin._replay import body_of

if TYPE_CHECKING:
    from collections.abc import Generator

    import httpx

    from signedin._held import Held
    from signedin.session import TokenSession


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


def plan(request: httpx.Request, session: TokenSession) -> Generator[Step, Any, None]:
    """Send the request with the session's token, and once more with a newer one if the token has expired."""
    if origin_of(request.url) not in session.origins or "authorization" in request.headers:
        yield Send(request)
        return
    body = body_of(request)
    held: Held = yield Acquire(one_shot=not body.replayable)
    if not _expired((yield _bearing(request, held)), session, held):
        return
    newer: Held = yield Renew(held)
    if body.replayable and not newer.same_pair(held) and newer.record.same_user(held.record):
        body.rewind()
        _expired((yield _bearing(request, newer)), session, newer)
    # Whatever came now, a second refusal too, is the caller's answer.


def _bearing(request: httpx.Request, held: Held) -> Send:
    request.headers["authorization"] = held.header
    request.extensions[MARK] = True
    return Send(request)


def _expired(answer: Answer, session: TokenSession, held: Held) -> bool:
    if answer.status != session.expired.status:
        held.accepted = True
        return False
    # A redirect may have ended elsewhere; what another origin says of our token does not count.
    return session.expired.matches(answer.status, answer.body) and origin_of(answer.url) in session.origins
