"""Binds the generated package to the auth layer: the refresh contract becomes a Refresher, calls keep the session.

With `client` and `_calls` the only module that knows `signedin_sdk`; another backend is another generated package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, TypeVar

from signedin_sdk.contract import REFRESH, REVOKE

from signedin._calls import result_of, typed_failures
from signedin._origin import MARK
from signedin._tokens import TokenPair, claims_of, clock_offset, is_token
from signedin._wire import HttpRefresher, RefreshEndpoint, RevokeEndpoint, date_of
from signedin.errors import APIResponseError, ConfigurationError
from signedin.protocols import ExpirySignal
from signedin.session import TokenSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import httpx
    from signedin_sdk.types import Call, RefreshContract

    from signedin.protocols import Clock, TokenStore
    from signedin.timing import Timing

T = TypeVar("T")


class SessionOptions(TypedDict):
    """What a client passes through to its sessions."""

    base_url: str
    origins: Iterable[str]
    store: TokenStore | None
    on_doubt: Literal["resend", "relogin"]
    timing: Timing | None
    clock: Clock


def session_for(key: str, refresh_client: Callable[[], httpx.Client], options: SessionOptions) -> TokenSession:
    """Return a session that refreshes as the spec declares."""
    contract, base_url = _contract(), options["base_url"]
    grace, signal = contract.grace, contract.expired
    endpoint = RefreshEndpoint(
        url=base_url + contract.path,
        method=contract.method,
        request_refresh_token=contract.request_refresh_token,
        response_access_token=contract.response_access_token,
        response_refresh_token=contract.response_refresh_token,
        dead=contract.dead,
        error_properties=contract.error_properties,
        attempt_header=grace.header if grace else None,
    )
    refresher = HttpRefresher(
        endpoint, revoke=_revoke_endpoint(base_url), client=refresh_client, clock=options["clock"]
    )
    return TokenSession(
        refresher,
        key=key,
        expired=ExpirySignal(signal.status, signal.property, signal.equals),
        grace=grace.times if grace else None,
        grace_seconds=grace.seconds if grace else None,
        **options,
    )


def _contract() -> RefreshContract:
    if REFRESH is None:
        raise ConfigurationError("The spec declares no refresh (x-signedin-refresh); use the generated client alone.")
    return REFRESH


def _revoke_endpoint(base_url: str) -> RevokeEndpoint | None:
    if REVOKE is None:
        return None
    return RevokeEndpoint(
        url=base_url + REVOKE.path, method=REVOKE.method, request_refresh_token=REVOKE.request_refresh_token
    )


# ------------------------------------------------------------------------------------------ what calls do to a session


def settle(call: Call[Any], response: httpx.Response, session: TokenSession, *, sent: float, received: float) -> None:
    """Store or clear the session's pair where a successful answer asks for it, by `x-signedin-tokens`."""
    if call.operation.tokens == "issues":
        if call.operation.id == _contract().operation_id and not _presents(call, session):
            return  # somebody refreshed a pair of their own by hand
        pair = _pair_in(response)
        claims, date = claims_of(pair.access_token), date_of(response.headers)
        session.sign_in(pair, clock_offset=clock_offset(claims, sent=sent, received=received, date=date))
    elif call.operation.tokens == "revokes" and _presents(call, session):
        session.sign_out(revoke=False)  # the server has ended it


def _presents(call: Call[Any], session: TokenSession) -> bool:
    """Say whether the call sent the session's own refresh token."""
    pair, body = session.tokens, call.kwargs.get("json")
    if pair is None or not isinstance(body, dict):
        return False
    return pair.refresh_token in body.values()


def _pair_in(response: httpx.Response) -> TokenPair:
    # No local holds the answer: crash reporters show those of every frame.
    names = _contract().response_access_token, _contract().response_refresh_token
    for name in names:
        if not is_token(response.json().get(name)):
            raise APIResponseError(f"The answer has no usable {name}; nothing was stored.", response=response)
    return TokenPair(*(response.json()[name] for name in names))


class Sender:
    """Sends generated calls for one session, blocking."""

    def __init__(self, http: httpx.Client, session: TokenSession, clock: Clock) -> None:
        self._http: Final = http
        self._session: Final = session
        self._clock: Final = clock

    def __call__(self, call: Call[T], /) -> T:
        """Return the typed answer, after storing or clearing the pair where the operation says so."""
        sent = self._clock.wall()
        with typed_failures(call):
            response = self._http.request(**_arguments(call))
        received = self._clock.wall()
        result = result_of(call, response)
        settle(call, response, self._session, sent=sent, received=received)
        return result


class AsyncSender:
    """Sends generated calls for one session, awaiting."""

    def __init__(self, http: httpx.AsyncClient, session: TokenSession, clock: Clock) -> None:
        self._http: Final = http
        self._session: Final = session
        self._clock: Final = clock

    async def __call__(self, call: Call[T], /) -> T:
        """Return the typed answer, after storing or clearing the pair where the operation says so."""
        sent = self._clock.wall()
        with typed_failures(call):
            response = await self._http.request(**_arguments(call))
        received = self._clock.wall()
        result = result_of(call, response)
        if call.operation.tokens is not None:  # the store's I/O is not for the event loop
            await self._session.in_thread(
                lambda: settle(call, response, self._session, sent=sent, received=received),
            )
        return result


def _arguments(call: Call[Any]) -> dict[str, Any]:
    # Marked with or without a token: a redirected login would carry the password away.
    arguments = {**call.kwargs, "extensions": {MARK: True}}
    # An operation without security gets no token: signing in must work while the old session is over.
    return arguments if call.operation.auth != "none" else {**arguments, "auth": None}
