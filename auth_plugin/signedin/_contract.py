"""A login's contract carried out on values: places are read and filled, signs matched, settings resolved.

Pure functions over requests and responses; `_wire` sends the refresh, `_call` the generated calls. The types are those
of any generated package: ours stand for all.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import reduce
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus

from signedin_sdk.types import Place, Sign

from signedin._tokens import Claims, TokenPair, claims_of, clock_offset, is_token
from signedin.errors import ConfigurationError
from signedin.protocols import Renewed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx
    from signedin_sdk.types import Constant, Expires, IssueContract, RefreshContract, TokenRequest, TokenResponse

    from signedin.protocols import Contract

BEARER_HEADER: Final = Place("header", "Authorization", "Bearer ")
EXPIRED: Final = (Sign(401),)
SIGN_IN_REFUSED: Final = tuple(Sign(status) for status in (400, 401, 403, 404, 409, 410, 422))
_CLIENT: Final = ("client_id", "client_secret")
_ENCODED: Final = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


# ----------------------------------------------------------------------------------------------------------- responses


class Received:
    """A response that places are read from. `strict`: of a body with duplicate names nothing is read."""

    __slots__ = ("body", "content", "headers", "status")

    def __init__(self, status: int, headers: httpx.Headers, content: bytes, *, strict: bool = False) -> None:
        self.status, self.headers, self.content, self.body = status, headers, content, None
        with contextlib.suppress(ValueError, RecursionError):
            self.body = json.loads(content, object_pairs_hook=_without_duplicates if strict else None)

    def at(self, place: Place) -> Any:
        """Return the value at a place; None where there is none."""
        if place.where == "body":
            return _pointed(self.body, place.name)
        if place.where == "cookie":
            return self._cookie(place.name)
        value = self.headers.get(place.name)
        if value is None or value[: len(place.prefix)].lower() != place.prefix.lower():
            return None
        return value[len(place.prefix) :]

    def _cookie(self, name: str) -> str | None:
        # By hand: `http.cookies` refuses whole headers for one character (RFC 6265, section 5.2, does not).
        cookies = (line.split(";")[0].partition("=") for line in self.headers.get_list("set-cookie"))
        values = [value.strip().strip('"') for key, _, value in cookies if key.strip() == name]
        return values[-1] or None if values else None

    def matches(self, signs: tuple[Sign, ...], *, by_status: bool = False) -> Sign | None:
        """Return the first sign that the response shows. `by_status`: its body cannot be read, as of a HEAD."""
        for sign in signs:
            if sign.status == self.status and self._shows(sign, sign.place, by_status=by_status):
                return sign
        return None

    def _shows(self, sign: Sign, place: Place | None, *, by_status: bool) -> bool:
        if place is None or (by_status and place.where == "body"):
            return True
        value = self.at(place)
        if place.where == "body":
            return any(type(value) is type(other) and value == other for other in sign.values)  # True is not 1
        return value is not None and any(str(other).lower() in value.lower() for other in sign.values)


def date_of(headers: httpx.Headers) -> float | None:
    """Return the moment that a response's Date header names (RFC 9110, section 6.6.1), in seconds since the epoch."""
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None


def issued(
    answer: Received,
    response: TokenResponse,
    refresh: RefreshContract,
    *,
    sent: float,
    received: float,
    old: TokenPair | None = None,
) -> Renewed:
    """Return the pair that a response brings, and what the response shows of the server's clock.

    `sent`, `received`: the local wall clock around the exchange. `old`: the pair that is replaced.

    Raises:
        LookupError: There is no usable token at the place that the error names.
    """
    # No local holds a token: crash reporters show those of every frame.
    _demand_tokens(answer, response)
    claims, date = claims_of(answer.at(response.access_token), refresh.subject), date_of(answer.headers)
    offset = clock_offset(claims, sent=sent, received=received, date=date)
    reused = old.refresh_token if old is not None and response.absent == "keep" else None
    carry = refresh.request.carry if refresh.request else ()
    pair = TokenPair(
        answer.at(response.access_token),
        (answer.at(response.refresh_token) if response.refresh_token else None) or reused,
        _ends(answer, response.expires, sent + offset),
        # What a response leaves out stays as it was.
        carried=(dict(old.carried) if old else {})
        | {_key(source): answer.at(source) for source, _ in carry if is_token(answer.at(source))},
        subject=refresh.subject,
    )
    date_offset = None if date is None else clock_offset(Claims(), sent=sent, received=received, date=date)
    return Renewed(pair, offset, date_offset)


def _demand_tokens(answer: Received, response: TokenResponse) -> None:
    place = response.refresh_token
    if not is_token(answer.at(response.access_token)):
        raise LookupError(response.access_token.name.removeprefix("/"))
    absent = place is None or (answer.at(place) in (None, "") and response.absent != "refuse")
    if place is not None and not absent and not is_token(answer.at(place)):
        raise LookupError(place.name.removeprefix("/"))


def _key(place: Place) -> str:
    return f"{place.where}:{place.name}"


def _ends(answer: Received, expires: Expires | None, now: float) -> datetime | None:
    """Return when the access token ends, by the server's clock; None where the response does not say so usably."""
    value = answer.at(expires.place) if expires else None
    if expires is None or value is None or isinstance(value, bool):
        return None
    try:
        if expires.unit == "date-time":
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = float(value) / (1000 if expires.unit == "milliseconds" else 1)
        if not (math.isfinite(seconds) and seconds > 0):
            return None
        return datetime.fromtimestamp(seconds if expires.unit == "epoch" else now + seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):  # a word, or beyond what datetime can show
        return None


# ------------------------------------------------------------------------------------------------------------ requests


def filled(
    request: TokenRequest, url: str, pair: TokenPair, settings: Mapping[str, str], headers: Mapping[str, str]
) -> dict[str, Any]:
    """Return the arguments of `httpx.Client.build_request` for a request that carries the pair."""
    headers, query = dict(headers), {}
    body: dict[str, Any] = {}
    for place, value in _values(request, pair, settings):
        match place.where:
            case "body":
                *outer, name = _steps(place.name)
                reduce(lambda node, step: node.setdefault(step, {}), outer, body)[name] = value
            case "header":
                headers[place.name.lower()] = place.prefix + value
            case "bearer":
                headers["authorization"] = f"Bearer {value}"
            case "cookie":
                headers["cookie"] = "; ".join(filter(None, (headers.get("cookie"), f"{place.name}={value}")))
            case "query":
                query[place.name] = value
            case "path":
                url = url.replace(f"{{{place.name}}}", quote(value, safe=""))
    arguments = {"method": request.method, "url": url, "headers": headers, "params": query or None}
    if request.encoding in _ENCODED:
        # The content-type, too: one among the client's headers would stand for that of `json=`.
        headers["content-type"] = _ENCODED[request.encoding]
        arguments["json" if request.encoding == "json" else "data"] = body
    return arguments


def _values(request: TokenRequest, pair: TokenPair, settings: Mapping[str, str]) -> Iterator[tuple[Place, str]]:
    """Return what a request carries, and where."""
    for place, token in ((request.refresh_token, pair.refresh_token), (request.access_token, pair.access_token)):
        if place is not None and token is not None:
            yield place, token
    yield from request.constants
    for name, place in request.settings:
        yield place, settings[name]
    for source, target in request.carry:
        if (value := pair.carried.get(_key(source))) is not None:
            yield target, value
    if request.client == "basic":  # RFC 6749, section 2.3.1: each half is form-encoded first
        credentials = ":".join(quote_plus(settings[name]) for name in _CLIENT)
        yield Place("header", "authorization", "Basic "), base64.b64encode(credentials.encode()).decode()
    elif request.client == "body":
        yield from ((Place("body", f"/{name}"), settings[name]) for name in _CLIENT)


# ------------------------------------------------------------------------------------------------------ generated calls


def issues(issue: IssueContract, kwargs: Mapping[str, Any]) -> bool:
    """Say whether a call of an operation that issues tokens is one that does."""
    when: Constant | None = issue.when
    return when is None or argument(when.place, kwargs) == when.value


def argument(place: Place, kwargs: Mapping[str, Any]) -> Any:
    """Return what a generated call, by the arguments of its httpx request, sends at a place."""
    if place.where == "body":
        return _pointed(kwargs.get("json", kwargs.get("data")), place.name)
    if place.where in ("query", "cookie"):
        return dict(kwargs.get("params" if place.where == "query" else "cookies") or {}).get(place.name)
    headers = {name.lower(): value for name, value in dict(kwargs.get("headers") or {}).items()}
    if place.where == "bearer":
        place = BEARER_HEADER
    value = headers.get(place.name.lower())
    return value and value.removeprefix(place.prefix)


class Credentials:
    """The user's callback, by a repr that shows nothing: that of a `functools.partial` has its arguments."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], Mapping[str, Any]]) -> None:
        self._call = call

    def __call__(self) -> Mapping[str, Any]:
        return self._call()


class SignIn:
    """The operation that signs in anew, with the arguments that the user's callback returns."""

    def __init__(self, contract: Contract, credentials: Callable[[], Mapping[str, Any]]) -> None:
        self._contract, self._credentials = contract, credentials
        name = contract.REFRESH.sign_in
        issue: IssueContract | None = next((issue for issue in contract.ISSUES if issue.operation_id == name), None)
        if contract.REFRESH.renew != "signIn" or issue is None:
            raise ConfigurationError(
                "credentials= is for an API whose contract says `renew: signIn`; sign in to this one once, by its "
                "operation."
            )
        self.response: Final = issue.response

    def request(self, base_url: str, headers: Mapping[str, str]) -> dict[str, Any]:
        """Return the arguments of `httpx.Client.build_request`. Raises what the callback raises."""
        kwargs = self._operation().call(**self._credentials()).kwargs
        return {**kwargs, "url": base_url + kwargs["url"], "headers": {**kwargs.get("headers", {}), **headers}}

    def _operation(self) -> Any:
        """Return the operation's module of the generated package."""
        contract: Any = self._contract
        api = import_module(f"{contract.__name__.rpartition('.')[0]}.api")
        walk: Any = import_module("pkgutil").walk_packages  # here: most programs never sign in anew
        modules = (import_module(module.name) for module in walk(api.__path__, f"{api.__name__}."))
        name = contract.REFRESH.sign_in
        return next(module for module in modules if getattr(module, "OPERATION", None) and module.OPERATION.id == name)


# ------------------------------------------------------------------------------------------------------------ settings


class Settings(dict[str, str]):
    """Settings by name; their values are secrets."""

    def __repr__(self) -> str:
        return f"Settings({', '.join(self)})"


def resolved(contract: Contract, passed: Mapping[str, str] | None) -> Settings:
    """Return the settings that a contract's requests need, from `settings=` or SIGNEDIN_SETTING_<NAME>.

    Raises:
        ConfigurationError: One is missing, empty, or cannot be sent; it names the setting, never the value.
    """
    settings = Settings()
    requests = [part.request for part in (contract.REFRESH, contract.REVOKE) if part is not None and part.request]
    for request in requests:
        names = [setting.name for setting in request.settings] + list(_CLIENT if request.client else ())
        for name in names:
            variable = f"SIGNEDIN_SETTING_{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}"
            settings[name] = (passed or {}).get(name) or os.environ.get(variable, "")
            if not (isinstance(settings[name], str) and settings[name].isascii() and settings[name].isprintable()):
                raise ConfigurationError(f"The setting {name!r} is no line of printable ASCII characters.")
            if not settings[name]:
                raise ConfigurationError(
                    f"The API's login needs the setting {name!r}: pass settings={{{name!r}: …}}, or set {variable}."
                )
    return settings


# --------------------------------------------------------------------------------------------------------------- JSON


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]  # RFC 6901, section 4


def _pointed(body: Any, pointer: str) -> Any:
    """Return the value that a JSON pointer leads to; None where it leads nowhere."""
    for step in _steps(pointer):
        if isinstance(body, list) and step.isascii() and step.isdigit() and int(step) < len(body):
            body = body[int(step)]
        elif isinstance(body, dict):
            body = body.get(step)
        else:
            return None
    return body


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # RFC 8259, section 4: of a name that comes twice, parsers differ in which they take.
    if len(properties := dict(pairs)) < len(pairs):
        raise ValueError
    return properties
