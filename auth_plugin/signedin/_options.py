"""The options of a call: timeout, retries, headers, deadline; and a client's User-Agent and log.

All of it is checked here, before anything is sent. When a call is retried is in `_retries`, how it is sent in `_call`.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import sys
import threading
from datetime import timedelta
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx

from signedin.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from signedin.protocols import Contract

VERSION: Final = "0.1.0"  # of the distribution; `make release` writes it. importlib.metadata costs more than a call
IDEMPOTENCY_KEY: Final = b"idempotency-key"
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1
_NO_VALUE: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")  # to name what is refused takes 30 ms to compile
_NUMBER: Final = (int, float)
_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO}

Unchanged = EllipsisType  # an option that is left out stays as it is
Headers = dict[bytes, tuple[bytes, bytes]]  # names and values as they go on the wire, by lower-case names
_NO_HEADERS: Final[Headers] = {}


class CallOptions(NamedTuple):
    """The options of a client's or a view's calls. Of one attempt, `deadline` is the time that is left for it."""

    max_retries: int = 2
    timeout: httpx.Timeout | None = None  # None: that of httpx's client
    headers: Headers = _NO_HEADERS
    deadline: float | None = None  # seconds

    def __repr__(self) -> str:
        return f"<call options: {self.max_retries} retries>"  # headers can hold secrets

    def changed(
        self,
        timeout: httpx.Timeout | float | Unchanged | None,
        max_retries: int | Unchanged,
        headers: Mapping[str, str] | None,
        deadline: timedelta | float | Unchanged | None,
        idempotency_key: str | Unchanged | None,
    ) -> CallOptions:
        """Return these options with some of them replaced, and headers added.

        Raises:
            ConfigurationError: A value cannot work.
        """
        merged = {**self.headers, **checked_headers(headers)} if headers else self.headers
        if not isinstance(idempotency_key, EllipsisType):
            merged = {name: value for name, value in merged.items() if name != IDEMPOTENCY_KEY}
            if idempotency_key is not None:
                key = _not_blank("idempotency_key", idempotency_key)
                merged[IDEMPOTENCY_KEY] = b"Idempotency-Key", key
        return CallOptions(
            self.max_retries if isinstance(max_retries, EllipsisType) else checked_retries(max_retries),
            self.timeout if isinstance(timeout, EllipsisType) else checked_timeout(timeout),
            merged,
            self.deadline if isinstance(deadline, EllipsisType) else _checked_deadline(deadline),
        )


def checked_retries(max_retries: int) -> int:
    """Return the number, if it is one."""
    if type(max_retries) is not int or max_retries < 0:
        raise ConfigurationError("max_retries= takes a whole number, 0 for none.")
    return max_retries


def checked_timeout(timeout: object) -> httpx.Timeout:
    """Return httpx's timeout, if all that it holds is positive and finite."""
    if isinstance(timeout, _NUMBER) and timeout is not True and _is_duration(timeout):
        return _timeout_of(timeout)  # a view is to cost microseconds
    try:
        checked: httpx.Timeout = httpx.Timeout(timeout)  # type: ignore[arg-type]  # of any type: it is checked here
        if not isinstance(timeout, _NUMBER) and all(map(_is_duration, checked.as_dict().values())):
            return checked
    except (TypeError, ValueError):
        pass
    raise ConfigurationError("timeout= takes positive, finite seconds, None for no limit, or an httpx.Timeout.")


_timeout_of = functools.lru_cache(maxsize=64)(httpx.Timeout)


def _checked_deadline(deadline: object) -> float | None:
    seconds: Any = deadline.total_seconds() if isinstance(deadline, timedelta) else deadline
    try:
        if seconds is None or (seconds is not True and _is_duration(seconds)):
            return None if seconds is None else float(seconds)
    except TypeError:
        pass
    raise ConfigurationError("deadline= takes positive, finite seconds or a timedelta, None for no deadline.")


def _is_duration(seconds: float | None) -> bool:
    return seconds is None or 0 < seconds <= threading.TIMEOUT_MAX


def checked_headers(headers: Mapping[str, str] | None) -> Headers:
    """Return the headers as they go on the wire.

    Raises:
        ConfigurationError: No header can carry a name or a value. Values are not quoted: one may be a secret.
    """
    raw: Headers = {}
    items: Any = (headers or {}).items()
    for name, value in items:
        encoded = _encoded(value)
        if encoded is None or not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigurationError(f"headers= has {name!r}, whose name or value no header can carry.")
        raw[name.lower().encode()] = name.encode(), encoded
    return raw


def _encoded(value: object) -> bytes | None:
    return None if not isinstance(value, str) or _NO_VALUE.search(value) else value.encode("latin-1")


def _not_blank(option: str, value: object) -> bytes:
    encoded = _encoded(value)
    if not (encoded and encoded.strip()):
        raise ConfigurationError(f"{option}= has a value that no header can carry.")
    return encoded


# --------------------------------------------------------------------------------------------------- what others read


def user_agent(api: Any, app: str | None) -> bytes:
    """Return the User-Agent: the program's own name, ours, the generated package's, Python's and httpx's."""
    package = re.sub(r"[^\w.+-]", "_", getattr(api, "__name__", "").partition(".")[0] or "sdk", flags=re.ASCII)
    version = re.sub(r"[^\w.+-]", "_", str(getattr(api, "VERSION", "")), flags=re.ASCII)
    comment = f"({package}/{version})" if version else f"({package})"
    python = f"python/{sys.version_info[0]}.{sys.version_info[1]}"
    ours = f"signedin/{VERSION} {comment} {python} httpx/{httpx.__version__}".encode()
    return ours if app is None else _not_blank("app", app) + b" " + ours


def set_up_logging() -> None:
    """Write the log of `signedin` to standard error if SIGNEDIN_LOG asks for it; leave it to the program otherwise."""
    if not (wanted := os.environ.get("SIGNEDIN_LOG")):
        return
    if (level := _LEVELS.get(wanted.strip().lower())) is None:
        raise ConfigurationError(f"SIGNEDIN_LOG is {wanted[:40]!r}; it may be {' or '.join(_LEVELS)}.")
    logger = logging.getLogger("signedin")
    logger.setLevel(level)
    if not any(isinstance(handler, _Handler) for handler in logger.handlers):
        logger.addHandler(_Handler())


def hide_from_logs(api: Contract) -> None:
    """Keep tokens out of the response headers that httpcore logs at DEBUG, if the login has them in headers."""
    responses = [issues.response for issues in api.ISSUES] + ([api.REFRESH.response] if api.REFRESH else [])
    places = [place for response in responses for place in (response.access_token, response.refresh_token) if place]
    carried = api.REFRESH.request.carry if api.REFRESH and api.REFRESH.request else ()
    for place in (*places, *(carry.source for carry in carried)):
        if place.where != "body":
            _HIDDEN.names.add("set-cookie" if place.where == "cookie" else place.name.lower())
    for version in ("http11", "http2") if _HIDDEN.names else ():
        logging.getLogger(f"httpcore.{version}").addFilter(_HIDDEN)


class _Hidden(logging.Filter):
    """Replaces the values of headers in a text that shows them as pairs of bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        names = "|".join(map(re.escape, self.names))
        pair = rf"""\(b'({names})', b(?P<quote>['"])(?:\\.|(?!(?P=quote)).)*(?P=quote)\)"""
        record.msg = re.sub(pair, r"(b'\1', ***)", str(record.msg), flags=re.IGNORECASE)
        return True


_HIDDEN: Final = _Hidden()


class _Handler(logging.StreamHandler[Any]):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
