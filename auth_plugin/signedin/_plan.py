"""What to do with one request: where its token may go, whether its body can be sent twice, and the steps of the call.

It never blocks: a step is a promise to wait for, or a request to send. `auth` carries the steps out, blocking and
awaiting; nothing is decided there.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal

import httpx

from signedin._contract import Received
from signedin._network import LEAVING, RETURNING, origin_of
from signedin._threads import Promise
from signedin.errors import APIConnectionError, NotSignedInError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from signedin._renewal import Renewal
    from signedin._tokens import Held

# Request extensions; httpx copies them to every hop of a redirect.
BEARER: Final = "signedin.bearer"  # the request wants the session's token
_HOME: Final = "signedin.home"  # every hop so far went to one of the session's origins
_MOST_REPLAYS: Final = 2
Refusal = Literal["rejected", "unclear"]
_LIBRARIES: Final = ("httpx", "httpx2")
_BEARER_ERROR: Final = re.compile(r'(?:^|,)\s*bearer\s(?:.*[\s,])?error\s*=\s*"?(\w+)', re.IGNORECASE)


class Send:
    """Send the request. There is no answer where it was held back (`TokenOutdated`)."""

    answer: httpx.Response | None = None
    body = b""  # of an answer whose status is in `Renewal.token_statuses`

    def __init__(self, request: httpx.Request) -> None:
        self.request = request


class TokenOutdated(Exception):  # noqa: N818 -- no error: the request goes back to the plan, with its body untouched
    """A request has its connection at last, and its token has expired meanwhile: nothing was sent."""


def plan(request: httpx.Request, renewal: Renewal, *, holds_back: bool = False) -> Iterator[Promise[Held] | Send]:
    """Send the request with the session's token, and once more with a newer pair's if that was rejected.

    And a third time, if the second token ended on its way: one of two seconds does on a slow machine. `holds_back`: who
    carries the steps out understands `TokenOutdated`.
    """
    # Of an earlier sending: of a request that is sent again, or the next hop of a redirect that the user sends by hand.
    earlier = request.extensions.get(LEAVING)
    if isinstance(earlier, Leaving) and request.headers.get(earlier.name) == earlier.held.header:
        del request.headers[earlier.name]
    refuse_redirect_off_origin(request, renewal)
    wanted = request.extensions.get(BEARER) and request.extensions[_HOME]
    # Not by `in`, for which httpx first decodes every header.
    header = renewal.header.encode()
    if not wanted or header in [name.lower() for name, _ in request.headers.raw]:
        yield Send(request)
        return
    rewind, begun = rewinder(request), renewal.held
    held = yield from _ready(renewal.current(one_shot=rewind is None))
    begun = begun or held
    for replays in range(_MOST_REPLAYS + 1):
        sent, reason = yield from _sent(request, renewal, held, begun, one_shot=rewind is None, holds_back=holds_back)
        ended = replays < _MOST_REPLAYS and reason == "rejected" and _ended_on_its_way(sent, renewal)
        if reason is None or (replays and not ended):
            return  # the response is returned as it is, even if it is a 401
        held = yield from _ready(renewal.renew(sent, reason))
        if rewind is None or held.record.same_generation(sent.record) or not held.record.same_user(sent.record):
            return
        rewind()


def _ready(pair: Held | Promise[Held]) -> Generator[Promise[Held], None, Held]:
    if not isinstance(pair, Promise):
        return pair
    yield pair
    return pair.outcome()


def _sent(
    request: httpx.Request, renewal: Renewal, held: Held, begun: Held, *, one_shot: bool, holds_back: bool
) -> Generator[Promise[Held] | Send, None, tuple[Held, Refusal | None]]:
    """Send the request with the pair; return the pair that it left with, and why another one may help.

    It may be held back once: with tokens shorter than the wait for a connection it would never leave otherwise.
    """
    while True:
        if held is not begun and not held.record.same_user(begun.record):
            raise NotSignedInError(
                "Another user has signed in while this request waited for a token. Nothing was sent."
            )
        leaving = Leaving(held, renewal, holds_back=holds_back)
        send = Send(leaving.stamped(request))
        yield send
        request.extensions[RETURNING] = True  # should it be sent again, it has waited for a connection before
        if send.answer is not None:
            return leaving.held, _refusal(send.answer, send, leaving.held, renewal)
        holds_back, held = False, (yield from _ready(renewal.current(one_shot=one_shot)))


def _refusal(answer: httpx.Response, send: Send, sent: Held, renewal: Renewal) -> Refusal | None:
    """Return why another pair may help, as `Renewal.renew` has it; None where the answer needs none."""
    if answer.status_code not in renewal.token_statuses:
        sent.accepted = sent.accepted or answer.status_code < 500  # a gateway that fails has not looked at the token
        return None
    error = _BEARER_ERROR.search(", ".join(answer.headers.get_list("www-authenticate")))
    # RFC 6750, section 3.1. The answer to a HEAD has no body (RFC 9110, section 9.3.2): its status must do.
    bare = send.request.method == "HEAD" and error is None
    received = Received(answer.status_code, answer.headers, send.body)
    if (error and error[1] == "invalid_token") or received.matches(renewal.expired, by_status=bare):
        return "rejected"
    return "unclear" if answer.status_code == 401 else None


def _ended_on_its_way(sent: Held, renewal: Renewal) -> bool:
    """Say whether a token has ended, or was replaced, since it was sent."""
    current = renewal.held
    replaced = current is not None and not current.record.same_generation(sent.record)
    return replaced or renewal.windows.has_ended(sent)


class Leaving:
    """The pair that a request is sent with: chosen last when it has its connection, for which it may have waited."""

    __slots__ = ("_holds_back", "_renewal", "held", "name")

    def __init__(self, held: Held, renewal: Renewal, *, holds_back: bool = False) -> None:
        self.held, self._renewal, self.name = held, renewal, renewal.header
        self._holds_back = holds_back  # whoever sends it understands `TokenOutdated`

    def stamped(self, request: httpx.Request) -> httpx.Request:
        """Return a copy with the header: the caller's own object, and what it is redirected to, never holds a token."""
        extensions = {**request.extensions, LEAVING: self}
        stream: Any = request.stream  # of the one colour or the other
        # Of its own class: `BearerAuth` also serves clients of httpx2.
        copy = type(request)(request.method, request.url, headers=request.headers, stream=stream, extensions=extensions)
        copy.headers[self.name] = self.held.header
        if _holds_bytes(stream):
            copy.read()  # so that it has `content`, as the original
        return copy

    def __call__(self, request: httpx.Request) -> None:
        """Put a newer pair of the same user on a request that is about to be sent, or hold the request back."""
        held, current = self.held, self._renewal.held
        if current is held and not self._renewal.is_outdated(held):
            return
        if request.headers.get(self.name) != held.header:
            return  # of another origin, by a redirect
        newer = current is not None and current.record.generation > held.record.generation
        if current is not None and newer and current.record.same_user(held.record):
            held = current
        if self._holds_back and self._renewal.is_outdated(held):
            raise TokenOutdated
        if not held.refused:
            self.held = held
            request.headers[self.name] = held.header


# ------------------------------------------------------------------------------------------------------------- origins


def refuse_redirect_off_origin(request: httpx.Request, renewal: Renewal) -> None:
    """Let neither token nor body leave the session's origins by a redirect.

    httpx drops `Authorization` itself on most of these hops, and no other header; it sends the body along on a 307 or
    308 to anywhere.

    Raises:
        APIConnectionError: It has a body, and goes elsewhere.
    """
    at_home, from_home = origin_of(request.url) in renewal.origins, request.extensions.get(_HOME, True)
    if not at_home and request.extensions.get(_HOME):
        for name in ("authorization", renewal.header):
            request.headers.pop(name, None)
        if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
            raise APIConnectionError(
                f"The server redirected a request with a body to {origin_of(request.url)}, which is no origin of this "
                "client. Nothing was sent there; pass it in `origins` if it is meant."
            )
    # What another origin sends back here gets no token: that origin has chosen the URL.
    request.extensions[_HOME] = at_home and from_home


# -------------------------------------------------------------------------------------------------------------- replay


def rewinder(request: httpx.Request) -> Callable[[], object] | None:
    """Return what makes the body ready for a second sending; None where it can be sent only once.

    httpx itself replays `content=open(...)` and `content=BytesIO(...)` as nothing at all, and a generator not at all.
    """
    stream: Any = request.stream
    if _holds_bytes(stream):
        return _nothing
    if type(stream).__module__.partition(".")[0] not in _LIBRARIES:
        return None  # a stream of the user's own may look like httpx's, and still give its content only once
    if (fields := getattr(stream, "fields", None)) is not None:  # multipart, whose files httpx itself seeks to 0
        files = (getattr(field, "file", b"") for field in fields)
        return _nothing if all(isinstance(f, str | bytes) or _position(f) is not None for f in files) else None
    for source in vars(stream).values():  # what was passed as `content`, by whatever name the stream keeps it
        if (position := _position(source)) is not None:
            return lambda: source.seek(position)
    return None


def _holds_bytes(stream: object) -> bool:
    if isinstance(stream, httpx.ByteStream):
        return True
    kind = type(stream)
    return kind.__name__ == "ByteStream" and kind.__module__.partition(".")[0] in _LIBRARIES


def _nothing() -> None:
    """Rewind a body that starts anew by itself."""


def _position(source: Any) -> int | None:
    # The `seek` and `tell` of an async file (anyio, trio, aiofiles) do nothing until they are awaited.
    with suppress(AttributeError, OSError, ValueError):
        if not hasattr(source, "__aiter__") and source.seekable():
            position: int = source.tell()
            return position
    return None
