"""One generated call: its attempts, each sent through an httpx client, within its deadline; its tokens stored.

An outcome of an attempt is a response or what httpx raised; what it means for the caller is in `_answers`. A 401 is not
retried here: `_plan` replays it.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, TypeVar

import httpx

from signedin import _events
from signedin._answers import bare, broken_stream, name_of, result_of, retry_after, typed_error
from signedin._connections import run
from signedin._contract import Received, argument, issued, issues
from signedin._options import IDEMPOTENCY_KEY, CallOptions, checked_headers
from signedin._plan import rewinder
from signedin._threads import Promise, Signal, SystemClock, at_most, wait_async
from signedin.auth import PATIENCE
from signedin.errors import (
    APIResponseError,
    APITimeoutError,
    RefreshUnavailableError,
    SignedInError,
)
from signedin.session import renewal_of
from signedin.timing import retry_pause

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from signedin_sdk.types import IssueContract, RefreshContract, RevokeContract

    from signedin._answers import Call
    from signedin._renewal import Renewal
    from signedin.protocols import Clock, Contract, Renewed
    from signedin.session import TokenSession

T = TypeVar("T")
_BODIES: Final = frozenset({"content", "files"})  # what a body is made of that may be used up; "data" of a form stays
_SHORTEST: Final = 0.001  # seconds; no timeout is 0 or less, which sockets take for something else
_LATER: Final = 0.1  # seconds; a timeout of httpx's, which comes at the deadline, names what was sent
# An operation without security gets no token: signing in must work while the old session is over.
_AUTH: Final = {"none": None}
_TOO_LONG: Final = "The answer took too long in total."
_LONGEST_WAIT: Final = 60.0  # seconds; what a server asks for beyond is not waited for
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})  # RFC 9110, section 9.2.2
_UNDONE: Final = frozenset({429})  # the server has done nothing
_DOUBTFUL: Final = frozenset({408, 500, 502, 503, 504})
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout)
# The answer is lost. Not the wait for a connection of ours (PoolTimeout): to wait once more makes the queue longer.
_LOST: Final = (httpx.ReadTimeout, httpx.WriteTimeout, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)
_logger = logging.getLogger("signedin")


class _Parts(NamedTuple):
    """What the calls of one client or view have in common.

    `signed_in` is called with the answer that brought a new user.
    """

    http: httpx.Client | httpx.AsyncClient
    build_request: Callable[..., httpx.Request]  # of that client: httpx's own, or the lean ones
    send: Callable[..., Any]
    session: TokenSession
    base_url: str
    api: Contract
    clock: Clock
    signed_in: Callable[[httpx.Response], None] | None
    budget: Budget
    options: CallOptions


class _Sender(_Parts):
    """Sends generated calls for one session."""

    __slots__ = ()
    awaits: ClassVar[bool]

    async def result(self, call: Call[T]) -> T:
        """Return the typed answer, after storing or clearing the pair where the operation declares it.

        In both colours: the coroutines of a blocking sender never suspend.
        """
        attempts = _Attempts(self, call)
        while True:
            outcome: httpx.Response | Exception
            options = attempts.begin()
            exchange = self._exchange(call, options)
            if self.awaits and options.deadline is not None:
                exchange = _within(options.deadline + _LATER, exchange)
            try:
                outcome = await exchange
            except (SignedInError, httpx.RequestError, httpx.InvalidURL) as error:
                outcome = bare(error)
            except BaseException as error:
                attempts.end_observed(error)
                raise
            pause = attempts.pause_after(outcome)
            if pause is None or not await self._sleep(pause):
                break
        result: T
        response, result = attempts.result(outcome)
        if call.operation.tokens is not None:
            settle = partial(self.settle, call, response, sent=attempts.sent, received=attempts.received)
            # The store's I/O is not for the event loop.
            await renewal_of(self.session).in_thread(settle) if self.awaits else settle()
        return result

    async def _exchange(self, call: Call[Any], options: CallOptions) -> httpx.Response:
        """Send the request once, and once more if the plan replays it."""
        request, bounded = self.request(call, options), options.deadline is not None
        is_streamed, auth = getattr(call, "is_streamed", None), _AUTH.get(call.operation.auth, httpx.USE_CLIENT_DEFAULT)
        sending = self.send(request, stream=bounded or is_streamed is not None, auth=auth)
        response: httpx.Response = sending if isinstance(sending, httpx.Response) else await sending
        if bounded and not self.awaits:
            response.stream = _Within(response.stream, request)
        if is_streamed is not None and is_streamed(response):
            response.extensions["failure"] = partial(broken_stream, call.operation)
        elif not response.is_closed:
            try:
                await response.aread() if self.awaits else response.read()
            finally:
                await response.aclose() if self.awaits else response.close()
        return response

    async def _sleep(self, seconds: float) -> bool:
        """As `Clock.sleep`, without blocking an event loop."""
        threads = renewal_of(self.session).threads
        if not self.awaits:
            return self.clock.sleep(seconds, threads.closing)
        if isinstance(self.clock, SystemClock):
            with contextlib.suppress(RefreshUnavailableError):
                await wait_async(Promise[None](), seconds)
            return True
        over = Signal()  # ends the clock's sleep with a cancelled caller's
        try:
            return await wait_async(threads.promise(partial(self.clock.sleep, seconds, over)), threading.TIMEOUT_MAX)
        finally:
            over.set()

    def request(self, call: Call[Any], options: CallOptions) -> httpx.Request:
        """Build the request of one attempt.

        Apart from sending it: the frames that hold its arguments, such as a password, are gone when sending fails.
        """
        kwargs = {**call.kwargs, "url": self.base_url + call.kwargs["url"]}
        if options.headers:
            headers = httpx.Headers(kwargs.get("headers"))
            headers.update(httpx.Headers(list(options.headers.values())))
            kwargs["headers"] = headers
        if options.timeout is not None or options.deadline is not None:
            timeout, left = options.timeout, options.deadline
            bounds = (self.http.timeout if timeout is None else timeout).as_dict()
            if left is not None:
                bounds = _Bounds(bounds, self.clock, self.clock.monotonic() + left)
            patience = [seconds for seconds in (timeout.read if timeout else None, left) if seconds is not None]
            kwargs["extensions"] = {"timeout": bounds, PATIENCE: min(patience, default=None)}
        return self.build_request(**kwargs)

    def settle(self, call: Call[Any], response: httpx.Response, *, sent: float, received: float) -> None:
        """Store or clear the session's pair where a successful answer asks for it, by `x-signedin-tokens`."""
        renewal: Renewal = renewal_of(self.session)
        if call.operation.tokens == "revokes":
            if _presents(call, self.api.REVOKE, renewal):
                renewal.sign_out(revoke=False)  # the server has ended it
            return
        refresh: RefreshContract = self.api.REFRESH
        issue = next(issue for issue in self.api.ISSUES if issue.operation_id == call.operation.id)
        is_issue = issues(issue, call.kwargs)
        renews = refresh.request is not None and refresh.request.operation_id == issue.operation_id
        renews = renews and not (is_issue and issue.when is not None)
        if not (_presents(call, refresh, renewal) if renews else is_issue):
            return  # somebody refreshed a pair of their own by hand, or this call issues nothing
        old = renewal.held.record.pair if renews and renewal.held else None
        new = _issued(response, issue, refresh, old=old, sent=sent, received=received)
        if new is None:
            return
        renewal.sign_in(new.pair, clock_offset=new.clock_offset, replaces=not renews)
        if not renews and self.signed_in is not None:
            self.signed_in(response)


class Sender(_Sender):
    """Sends generated calls for one session, blocking."""

    __slots__ = ()
    awaits = False

    def __call__(self, call: Call[T], /) -> T:
        return run(self.result(call))


class AsyncSender(_Sender):
    """Sends generated calls for one session, awaiting."""

    __slots__ = ()
    awaits = True

    def __call__(self, call: Call[T], /) -> Coroutine[Any, Any, T]:
        return self.result(call)


async def _within(seconds: float, response: Awaitable[httpx.Response]) -> httpx.Response:
    """Return the response if it comes in time; cut off what takes longer in total than each of its timeouts."""
    async with at_most(seconds):
        return await response
    raise httpx.ReadTimeout(_TOO_LONG)


# ------------------------------------------------------------------------------------------------------------ attempts


class _Attempts:
    """The attempts of one call: decides, without I/O, whether another one follows, and makes the result of the last."""

    __slots__ = ("_began", "_call", "_end", "_rewind", "_sender", "count", "end_observed", "hint", "received", "sent")

    def __init__(self, sender: _Sender, call: Call[Any]) -> None:
        self._sender, self._call = sender, call
        self.count, self.hint = 0, ""
        self.end_observed: Callable[[object], None] = _ignore
        self.sent = self.received = 0.0
        self._began: float | None = None  # for the log
        deadline = sender.options.deadline
        self._end = None if deadline is None else sender.clock.monotonic() + deadline
        # Now: a file stands where it begins.
        self._rewind = None if not sender.options.max_retries else _rewinder(call)

    def begin(self) -> CallOptions:
        """Begin an attempt; return its options."""
        sender = self._sender
        self.count += 1
        if self._call.operation.tokens is not None:
            self.sent = sender.clock.wall()
        if _logger.isEnabledFor(logging.DEBUG):
            self._began = sender.clock.monotonic()
        options = sender.options
        if self._end is not None:
            options = options._replace(deadline=max(self._left(), _SHORTEST))
        if _events.observer is not None:
            operation = self._call.operation
            names = sender.base_url, operation.method.upper(), operation.path
            headers, self.end_observed = _events.observer.attempt(*names, self.count)
            options = options._replace(headers={**checked_headers(headers), **options.headers})
        return options

    def pause_after(self, outcome: httpx.Response | Exception) -> float | None:
        """Return how long to wait before the next attempt; None if the outcome is the call's."""
        sender = self._sender
        self.end_observed(outcome)
        if self._call.operation.tokens is not None:
            self.received = sender.clock.wall()
        if self._began is not None:
            self._log(outcome, self._began)
        if isinstance(outcome, httpx.Response) and outcome.status_code < 400:
            if sender.budget.tokens < Budget.FULL:
                sender.budget.earn()
            return None
        return self._pause(outcome)

    def _pause(self, outcome: httpx.Response | Exception) -> float | None:
        sender, retries = self._sender, self.count - 1
        if retries >= sender.options.max_retries or self._rewind is None:
            return None
        idempotent = self._call.operation.method.upper() in _IDEMPOTENT or self._has_key()
        if not _may_be_retried(outcome, idempotent=idempotent) or not (idempotent or self._is_first_hop(outcome)):
            return None
        wanted = retry_after(outcome.headers, sender.clock.wall()) if isinstance(outcome, httpx.Response) else None
        if wanted is not None and wanted > _LONGEST_WAIT:
            self.hint = f" The server asks to wait for {wanted:.0f} s, which is more than is waited for."
            return None
        pause = retry_pause(retries, wanted, random.random())  # noqa: S311 -- spread, not a secret
        if self._end is not None and pause >= self._left():
            self.hint = " The deadline leaves no time for another attempt."
            return None
        if not sender.budget.spend(sender.clock.monotonic()):
            self.hint = " Not retried: too many calls of this client fail."
            return None
        self._rewind()
        return pause

    def _has_key(self) -> bool:
        names = self._call.kwargs.get("headers") or ()
        return IDEMPOTENCY_KEY in self._sender.options.headers or any(
            name.lower() == IDEMPOTENCY_KEY.decode() for name in names
        )

    def _is_first_hop(self, outcome: httpx.Response | Exception) -> bool:
        """Say whether no redirect was followed: the hop before a failed one may have done what was to be done."""
        if isinstance(outcome, httpx.Response):
            return not outcome.history
        if not self._sender.http.follow_redirects:
            return True
        error: Any = outcome
        return bool(error.request.url == self._sender.request(self._call, self._sender.options).url)

    def _left(self) -> float:
        return (self._end or 0.0) - self._sender.clock.monotonic()

    def result(self, outcome: httpx.Response | Exception) -> tuple[httpx.Response, Any]:
        """Return the answer and its typed result, or raise what came instead."""
        hint = f" This was attempt {self.count}.{self.hint}" if self.count > 1 else self.hint
        if isinstance(outcome, httpx.Response):
            return outcome, result_of(self._call, outcome, hint=hint, now=self._sender.clock.wall)
        late = self._end is not None and self._left() <= 0
        if late and isinstance(outcome, RefreshUnavailableError):
            raise APITimeoutError(
                f"{name_of(self._call.operation)}: {self._deadline()} while the call waited for a new token. "
                f"The server has done nothing for this call; the refresh goes on.{hint}"
            ) from outcome
        if isinstance(outcome, SignedInError):
            raise outcome
        if late and isinstance(outcome, httpx.TimeoutException):
            hint = f" {self._deadline().capitalize()}.{hint}"
        raise typed_error(self._call.operation, outcome, hint=hint) from outcome

    def _deadline(self) -> str:
        return f"the deadline of {self._sender.options.deadline:g} s passed"

    def _log(self, outcome: httpx.Response | Exception, began: float) -> None:
        duration = (self._sender.clock.monotonic() - began) * 1000
        status, request_id = type(outcome).__name__, "-"
        if isinstance(outcome, httpx.Response):
            status, request_id = str(outcome.status_code), outcome.headers.get("x-request-id", "-")[:100]
        line = "%s: %s in %.1f ms, attempt %d, request id %s"
        _logger.debug(line, name_of(self._call.operation), status, duration, self.count, request_id)


def _may_be_retried(outcome: httpx.Response | Exception, *, idempotent: bool) -> bool:
    """Say whether one more attempt can help, and can do no harm."""
    if isinstance(outcome, httpx.Response):
        return outcome.status_code in _UNDONE or (idempotent and outcome.status_code in _DOUBTFUL)
    return isinstance(outcome, _NOT_SENT) or (idempotent and isinstance(outcome, _LOST))


class Budget:
    """Retries that a client may still make: some at first, one more for ten calls that worked, or for a minute.

    So an outage is met with at most a tenth more requests than calls. Without a lock: a race between threads grants or
    costs a fraction of a retry.
    """

    __slots__ = ("_since", "tokens")

    FULL: Final = 10.0
    BY_SUCCESS: Final = 0.1
    BY_SECOND: Final = 1 / 60

    def __init__(self) -> None:
        self.tokens = self.FULL
        self._since = 0.0

    def earn(self) -> None:
        """Count a call that worked."""
        self.tokens = min(self.FULL, self.tokens + self.BY_SUCCESS)

    def spend(self, now: float) -> bool:
        """Take one retry if there is one; `now` is monotonic."""
        if self.tokens < self.FULL:
            self.tokens = min(self.FULL, self.tokens + max(0.0, now - self._since) * self.BY_SECOND)
        self._since = now
        if self.tokens < 1.0 - 1e-9:
            return False
        self.tokens -= 1.0
        return True


# ------------------------------------------------------------------------------------------------- within a deadline


class _Bounds(dict[str, Any]):
    """Timeouts that shrink with the time that is left: httpx's transports look one up when its phase begins."""

    def __init__(self, bounds: dict[str, float | None], clock: Clock, end: float) -> None:
        super().__init__(bounds)
        self._clock, self._end = clock, end

    def get(self, name: str, default: Any = None) -> Any:
        left, bound = max(self.left(), _SHORTEST), super().get(name, default)
        return left if bound is None else min(bound, left)

    def left(self) -> float:
        return self._end - self._clock.monotonic()


class _Within(httpx.SyncByteStream):
    """A body that must have arrived within the bounds of its request: a timeout is over one read only."""

    def __init__(self, stream: Any, request: httpx.Request) -> None:
        self._stream, self._request = stream, request

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            if self._request.extensions["timeout"].left() <= 0:
                raise httpx.ReadTimeout(_TOO_LONG, request=self._request)
            yield chunk

    def close(self) -> None:
        self._stream.close()


def _rewinder(call: Call[Any]) -> Callable[[], object] | None:
    """Return what makes the call's body ready for another attempt; None where it can be sent only once."""
    if _BODIES.isdisjoint(call.kwargs):
        return _nothing
    return rewinder(httpx.Request("POST", "http://localhost", **{name: call.kwargs.get(name) for name in _BODIES}))


def _nothing() -> None:
    """Rewind a body that is built anew for each attempt."""


def _ignore(_: object) -> None:
    """End an attempt that nobody observes."""


def _presents(call: Call[Any], contract: RefreshContract | RevokeContract, renewal: Renewal) -> bool:
    """Say whether the call presented the session's own refresh token."""
    place = contract.request.refresh_token if contract.request else None
    token = argument(place, call.kwargs) if place else None
    if token is None:
        return True  # no argument of the call: the plan or the cookies put the session's own there
    pair = renewal.held.record.pair if renewal.held is not None else None
    if pair is None or pair.refresh_token != token:
        pair = renewal.load()  # perhaps another process has refreshed
    return pair is not None and pair.refresh_token == token


def _issued(response: httpx.Response, issue: IssueContract, refresh: RefreshContract, **context: Any) -> Renewed | None:
    """Return the pair that a response brings; None where it brings none and need not."""
    # No local holds the answer: crash reporters show those of every frame.
    answer = Received(response.status_code, response.headers, response.content)
    try:
        return issued(answer, issue.response, refresh, **context)
    except LookupError as error:
        if issue.optional and answer.at(issue.response.access_token) is None:
            return None
        missing = str(error)
    raise APIResponseError(f"The answer has no usable {missing}; nothing was stored.", response=response)
