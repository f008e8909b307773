"""FakeAuthServer: the backend's contract in memory, with a virtual clock, faults, gates and a ledger.

A fake with rules, not a mock with a script: it rotates, detects reuse, honours the grace and counts what it saw.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx

from signedin import Client
from signedin._contract import Received, issued
from signedin.testing._examples import examples
from signedin.testing._places import Presented, answer, bearer, goes_to, showing
from signedin.testing._routes import Route, demand_name, document, listening
from signedin.testing.clock import VirtualClock
from signedin.testing.faults import FAULTS
from signedin.testing.transport import FakeTransport

if TYPE_CHECKING:
    import os
    import ssl
    from contextlib import AbstractContextManager

    from signedin_sdk.types import IssueContract, RefreshContract, TokenRequest, TokenResponse

    from signedin._tokens import TokenPair
    from signedin.protocols import Contract
    from signedin.testing._routes import Handle

_KEY = b"a key for tests, and no secret"


@dataclass(slots=True)
class _Family:
    """One sign-in: the pair that is valid now, its parent, and how often the parent came again."""

    email: str
    current: str = ""
    parent: str = ""
    answer: httpx.Response = field(default_factory=lambda: httpx.Response(500))  # the last one
    carried: str = ""
    attempt: str | None = None
    rotated_at: float = 0.0
    presented_again: int = 0
    revoked: bool = False


class Gate:
    """Holds requests of one operation back, so that a test decides what happens meanwhile."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self._open = threading.Event()

    def wait_for(self, count: int = 1) -> None:
        """Return when so many requests have arrived; fail after thirty seconds."""
        for _ in range(count):
            if not self.entered.acquire(timeout=30):
                raise AssertionError(f"fewer than {count} requests arrived at the gate")

    def release(self) -> None:
        """Let all pass, now and later."""
        self._open.set()

    def pass_through(self) -> None:
        self.entered.release()
        if not self._open.wait(timeout=30):
            raise AssertionError("the gate was not opened within thirty seconds")


class FakeAuthServer:
    """The auth backend for tests: give `transport` to a client, then look at `ledger`.

    `contract`: of a generated package; by default that of `signedin.Client`. Its places, encodings, constants and signs
    are played as they are; where it has `absent: keep` or `none`, no refresh token is rotated. `sign_in`: the path of
    the operation that issues tokens, for an e-mail or user name and a password. `opaque`: access tokens are no JWTs.
    `grace`: how often a spent refresh token may come again with the same Idempotency-Key within `grace_seconds`; None
    for a strict server, which revokes the family. `skew`: seconds that its clock is ahead. `identical`: tokens minted
    for one user in the same second are byte-identical, as some backends make them. `dated`: answers carry a Date
    header.
    """

    base_url = "https://auth.test/api/v1"

    def __init__(
        self,
        *,
        contract: Contract = Client.api,
        sign_in: str = "/auth/login",
        opaque: bool = False,
        access_ttl: int = 300,
        grace: int | None = 5,
        grace_seconds: float = 60.0,
        skew: float = 0.0,
        identical: bool = False,
        dated: bool = True,
        clock: VirtualClock | None = None,
    ) -> None:
        self.clock = clock or VirtualClock()
        self.access_ttl = access_ttl
        self.skew = skew
        self.ledger: Counter[str] = Counter()  # guarded by _mutex, like all below
        self.seen: list[str] = []
        self._refresh_contract: RefreshContract = contract.REFRESH
        self._revocation: TokenRequest | None = contract.REVOKE and contract.REVOKE.request
        self._issues: tuple[IssueContract, ...] = contract.ISSUES
        self._sign_in_path, self._opaque = sign_in, opaque
        refresh, revocation = contract.REFRESH.request, self._revocation
        self.refresh_operation = (refresh and refresh.operation_id) or "refreshToken"
        self.revoke_operation = (revocation and revocation.operation_id) or "logout"
        self._claims: dict[str, dict[str, Any]] = {}  # by access token
        self._grace = grace
        self._grace_seconds = grace_seconds
        self._identical = identical
        self._dated = dated
        self._users: dict[str, str] = {}
        self._families: dict[str, _Family] = {}  # by every refresh token ever issued
        self._faults: dict[str, deque[str]] = defaultdict(deque)
        self._gates: dict[str, Gate] = {}
        self._own: list[Route] = []
        self._expired_before = -1.0
        self._serial = 0
        self._mutex = threading.RLock()
        self.transport = FakeTransport(self._serve)

    # -------------------------------------------------------------------------------------------- what tests call

    def add_user(self, email: str = "ada@example.com", password: str = "correct horse battery staple") -> None:  # noqa: S107 -- a test's
        """Create an account."""
        with self._mutex:
            self._users[email] = password

    def issue(self, email: str = "ada@example.com") -> TokenPair:
        """Return a pair as if the user had signed in."""
        with self._mutex:
            self._users.setdefault(email, secrets.token_hex(8))
            places = self._issued_by("login")
            response = self._tokens(places, _Family(email), rotates=True)
        now, received = self.clock.wall(), Received(200, response.headers, response.content)
        return issued(received, places, self._refresh_contract, sent=now, received=now).pair

    def expire_access_tokens(self) -> None:
        """Let all access tokens issued so far count as expired, though their `exp` has not come."""
        with self._mutex:
            self._expired_before = self._serial

    def revoke_all(self) -> None:
        """End every session."""
        with self._mutex:
            for family in self._families.values():
                family.revoked = True

    def is_live(self, refresh_token: str | None) -> bool:
        """Say whether a refresh token would still work."""
        with self._mutex:
            family = self._families.get(refresh_token or "")
            return family is not None and not family.revoked and family.current == refresh_token

    @property
    def operations(self) -> list[str]:
        """The names that `fail`, `hold` and `ledger` know."""
        own = [route.name for route in self._own]
        login = ["register", "login", self.refresh_operation, self.revoke_operation]
        return [*login, "getProfile", "echo", "foreign", *own]

    def route(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        status: int = 200,
        signed_in: bool = True,
        name: str | None = None,
    ) -> None:
        """Answer one operation of your own API, by a path below the base URL such as "/orders/{id}".

        Without `json` the body is empty. `signed_in`: demand a valid access token, as the login's own operations do.
        Its name in `fail`, `hold` and `ledger` is `name`, or "GET /orders". The route that was added last wins.
        """
        body = {} if json is None else {"json": json}
        response = partial(httpx.Response, status, **body)
        self._own.insert(0, Route(name or f"{method.upper()} {path}", method.upper(), path, signed_in, response))

    def route_examples(self, spec: Mapping[str, Any] | str | os.PathLike[str]) -> None:
        """Answer every operation of a spec but the login's by its example: the document, or a JSON or YAML file."""
        login = self.operations
        for one in examples(spec if isinstance(spec, Mapping) else document(Path(spec))):
            if one.name not in login:
                self.route(
                    one.method, one.path, json=one.json, status=one.status, signed_in=one.signed_in, name=one.name
                )

    def refuse_refresh(self) -> None:
        """Let the server refuse the next refresh: the session is over."""
        self.fail(self.refresh_operation, "401")

    def lose_answer(self, operation: str | None = None) -> None:
        """Let the server do the next request of an operation, the refresh by default, and its answer get lost."""
        self.fail(operation or self.refresh_operation, "lost read timeout")

    def assert_refreshes(self, count: int) -> None:
        """Fail unless so many refreshes have arrived."""
        if (arrived := self.ledger[self.refresh_operation]) != count:
            raise AssertionError(f"{arrived} refreshes arrived, not {count}. The server saw: {', '.join(self.seen)}")

    def listening(self, tls: ssl.SSLContext | None = None) -> AbstractContextManager[str]:
        """Listen on a free loopback port, for other processes, and give the base URL there; with `tls` by https.

        Their clocks are the machine's: give the server a `VirtualClock(time.time())`.
        """
        # Looked up at each request: a test may put another transport in its place.
        return listening(lambda request: self.transport.handle_request(request), httpx.URL(self.base_url), tls)  # noqa: PLW0108

    def fail(self, operation: str, *faults: str) -> None:
        """Let the next requests of an operation ("refreshToken", "getProfile", …) fail, by names of `FAULTS`."""
        demand_name(operation, self.operations, "operation")
        for fault in faults:
            demand_name(fault, FAULTS, "fault")
        with self._mutex:
            self._faults[operation].extend(faults)

    def hold(self, operation: str) -> Gate:
        """Hold requests of an operation back until the gate is released."""
        demand_name(operation, self.operations, "operation")
        gate = self._gates[operation] = Gate()
        return gate

    def now(self) -> float:
        """The server's own idea of the time."""
        return self.clock.wall() + self.skew

    # ---------------------------------------------------------------------------------------------------- the server

    def _serve(self, request: httpx.Request) -> httpx.Response:
        operation, handle = self._route(request)
        with self._mutex:
            self.ledger[operation] += 1
            self.seen.append(operation)
            fault = self._faults[operation].popleft() if self._faults[operation] else None
        if (gate := self._gates.get(operation)) is not None:
            gate.pass_through()

        def atomic(request: httpx.Request) -> httpx.Response:
            with self._mutex:
                response = handle(request)
                if self._dated:
                    response.headers["date"] = formatdate(self.now(), usegmt=True)  # RFC 9110, section 6.6.1
                return response

        return FAULTS[fault](request, atomic) if fault else atomic(request)

    def _route(self, request: httpx.Request) -> tuple[str, Handle]:
        for route in self._own:
            if route.matches(request, httpx.URL(self.base_url)):
                return route.name, partial(self._answer, route)
        routes = {
            ("POST", "/auth/register"): ("register", self._register),
            ("POST", self._sign_in_path): ("login", self._login),
            ("GET", "/users/profile"): ("getProfile", self._profile),
        }
        refresh, path = self._refresh_contract.request, request.url.path.removeprefix("/api/v1")
        if goes_to(request, refresh, self.base_url) and not self._signs_in(request):
            return self.refresh_operation, self._refresh
        if goes_to(request, self._revocation, self.base_url):
            return self.revoke_operation, self._logout
        if request.url.host != "auth.test":
            return "foreign", self._foreign
        return routes.get((request.method, path), ("echo", self._echo))

    def _answer(self, route: Route, request: httpx.Request) -> httpx.Response:
        return (self._refusal(request) if route.signed_in else None) or route.response()

    def _signs_in(self, request: httpx.Request) -> bool:
        """Say whether a request to the refresh's own operation is a sign-in."""
        refresh = self._refresh_contract.request
        whens = [issue.when for issue in self._issues if refresh and issue.operation_id == refresh.operation_id]
        presented = Presented(request, refresh, self.base_url) if refresh else None
        return any(when and presented and presented.at(when.place) == when.value for when in whens)

    def _register(self, request: httpx.Request) -> httpx.Response:
        email, password = _credentials(request)
        if not email or not password:
            return _error(400, "You must provide an email and a password.")
        if email in self._users:
            return _error(400, "Email already in use.")
        self._users[email] = password
        return self._tokens(self._issued_by("register"), _Family(email), rotates=True)

    def _login(self, request: httpx.Request) -> httpx.Response:
        email, password = _credentials(request)
        if not email or not password:
            return _error(400, "You must provide an email and a password.")
        if self._users.get(email) != password:
            return _error(403, "Invalid login credentials.")
        return self._tokens(self._issued_by("login"), _Family(email), rotates=True)

    def _issued_by(self, operation: str) -> TokenResponse:
        responses = {issue.operation_id: issue.response for issue in self._issues}
        return responses.get(operation) or next(iter(responses.values()), self._refresh_contract.response)

    def _refresh(self, request: httpx.Request) -> httpx.Response:
        contract = self._refresh_contract
        arrived = Presented(request, contract.request, self.base_url)  # type: ignore[arg-type]  # there is one here
        presented = self._handle(arrived, contract.request)
        if not presented or not arrived.is_complete:
            return _error(400, "Missing refresh token.")
        family = self._families.get(presented)
        if family is None or family.revoked:
            self.ledger["refused"] += 1
            return self._dead()
        if any(arrived.at(target) != family.carried for _, target in contract.request.carry):  # type: ignore[union-attr]
            self.ledger["carried nothing"] += 1
            return httpx.Response(422)
        attempt = request.headers.get((contract.grace and contract.grace.header) or "idempotency-key")
        if presented != family.current:
            return self._presented_again(family, presented, attempt)
        rotates = contract.response.absent == "refuse" and contract.response.refresh_token is not None
        if rotates:
            family.parent, family.presented_again, family.rotated_at = presented, 0, self.clock.monotonic()
            family.attempt = attempt
        self.ledger["rotations"] += 1
        return self._tokens(contract.response, family, rotates=rotates)

    def _handle(self, arrived: Presented, request: TokenRequest | None) -> str | None:
        """Return the refresh token that a request presents, or the one behind the access token that it presents."""
        if request is None or request.refresh_token is not None:
            token: str | None = arrived.at(request and request.refresh_token)
            return token
        family = self._families.get(self._claims.get(arrived.at(request.access_token), {}).get("family", ""))
        return family.current if family else arrived.at(request.access_token)

    def _presented_again(self, family: _Family, presented: str, attempt: str | None) -> httpx.Response:
        self.ledger["reused"] += 1
        family.presented_again += 1
        in_grace = (
            self._grace is not None
            and presented == family.parent
            and attempt is not None
            and attempt == family.attempt
            and family.presented_again <= self._grace
            and self.clock.monotonic() - family.rotated_at <= self._grace_seconds
        )
        if in_grace:
            self.ledger["grace"] += 1
            return httpx.Response(200, headers=family.answer.headers, content=family.answer.content)
        family.revoked = True
        self.ledger["families revoked"] += 1
        return self._dead()

    def _logout(self, request: httpx.Request) -> httpx.Response:
        arrived = Presented(request, self._revocation, self.base_url)  # type: ignore[arg-type]  # there is one here
        presented = self._handle(arrived, self._revocation)
        if not presented:
            return _error(400, "Missing refresh token.")
        if (family := self._families.get(presented)) is not None:
            family.revoked = True
        return httpx.Response(204)

    def _dead(self) -> httpx.Response:
        contract = self._refresh_contract
        sign = next((sign for sign in contract.dead if sign.status == 401), contract.dead[0])
        return showing(sign, contract.error_properties)

    def _profile(self, request: httpx.Request) -> httpx.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        email = self._presented(request)["sub"]
        at = "2026-01-02T03:04:05.678Z"
        return httpx.Response(200, json={"id": email, "email": email, "createdAt": at, "updatedAt": at})

    def _echo(self, request: httpx.Request) -> httpx.Response:
        """Any other path: what arrived, for signed-in users."""
        if (refusal := self._refusal(request)) is not None:
            return refusal
        body = request.content.decode("utf-8", "replace")
        return httpx.Response(200, json={"method": request.method, "path": request.url.path, "body": body})

    def _foreign(self, request: httpx.Request) -> httpx.Response:
        """Another origin: it says what it received, and that the token has expired."""
        self.ledger["tokens seen by a foreign origin"] += self._refresh_contract.attach.name in request.headers
        return _error(401, "TokenExpiredError")

    def _refusal(self, request: httpx.Request) -> httpx.Response | None:
        claims = self._presented(request)
        if not claims:
            self.ledger["unauthorized"] += 1
            return _error(401, "🚫 Un-Authorized 🚫")
        if claims["exp"] <= self.now() or claims["serial"] <= self._expired_before:
            self.ledger["expired"] += 1
            return showing(self._refresh_contract.expired[0], self._refresh_contract.error_properties)
        family = self._families.get(claims["family"])
        if family is None or family.revoked:
            return _error(401, "🚫 Un-Authorized 🚫")
        self.ledger["accepted"] += 1
        return None

    # ---------------------------------------------------------------------------------------------------- the tokens

    def _presented(self, request: httpx.Request) -> dict[str, Any]:
        """Return the claims of the access token that a request has."""
        attach = self._refresh_contract.attach
        return self._claims.get(bearer(request, attach.name, attach.prefix) or "", {})

    def _tokens(self, response: TokenResponse, family: _Family, *, rotates: bool) -> httpx.Response:
        """Return the response with a new access token, and a new refresh token where it rotates."""
        if rotates:
            family.current = secrets.token_urlsafe(24)
            self._families[family.current] = family
        family.carried = secrets.token_urlsafe(24)
        self._serial += 1
        iat = int(self.now())
        claims = {"iat": iat, "exp": iat + self.access_ttl, "family": family.parent or family.current}
        claims |= {self._refresh_contract.subject[0]: family.email, "sub": family.email, "serial": self._serial}
        if self._identical:
            claims |= {"family": next(t for t, f in self._families.items() if f is family), "serial": iat}
        token = secrets.token_urlsafe(24) if self._opaque else _signed(claims)
        self._claims[token] = claims
        values = [(response.access_token, token), (response.refresh_token if rotates else None, family.current)]
        if response.expires is not None:
            values.append((response.expires.place, self._end(response.expires.unit)))
        request = self._refresh_contract.request
        values += [(source, family.carried) for source, _ in (request.carry if request else ())]
        family.answer = answer(200, values)
        return family.answer

    def _end(self, unit: str) -> Any:
        end = self.now() + self.access_ttl
        iso = datetime.fromtimestamp(end, UTC).isoformat()
        ttl = self.access_ttl
        return {"seconds": ttl, "milliseconds": ttl * 1000, "epoch": int(end), "date-time": iso}[unit]


def _signed(claims: dict[str, Any]) -> str:
    head = ".".join(_base64(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
    return f"{head}.{_base64(hmac.digest(_KEY, head.encode(), hashlib.sha256))}"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _credentials(request: httpx.Request) -> tuple[Any, Any]:
    try:
        body = json.loads(request.content)
    except ValueError:
        body = dict(parse_qsl(request.content.decode("utf-8", "replace")))
    body = body if isinstance(body, dict) else {}
    return body.get("email") or body.get("username"), body.get("password")


def _error(status: int, message: str) -> httpx.Response:
    return httpx.Response(status, json={"message": message, "stack": ""})
