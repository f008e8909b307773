"""What can be configured, where it comes from, and which values are refused.

Each field of `Settings` is one option: `--access-ttl 300` on the command line, `SIGNEDIN_BACKEND_ACCESS_TTL=300` in the
environment, the command line first. Keys come from the environment only: arguments are visible to every process.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from signedin_backend.limits import network
from signedin_backend.strength import weakness

PREFIX = "SIGNEDIN_BACKEND_"
# `postgres` is what many a host puts into DATABASE_URL.
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
# psycopg.connect takes these beside libpq's; here they would break transactions, or fail where nobody looks.
_DRIVERS_OWN = {"autocommit", "context", "cursor_factory", "prepare_threshold", "row_factory"}
# What Kubernetes puts into the environment of each pod for a Service whose name begins as our options do, beside
# SERVICE_PORT_NAME: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_SERVICE_LINK = re.compile(
    rf"{PREFIX}(?:[A-Z0-9_]+_)?(?:SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)
_SERVICE_URL = re.compile(r"(?:tcp|udp|sctp)://.+:\d+")
_PORT = re.compile(r":\d{1,5}\Z", re.ASCII)
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_.])?")


class SettingsError(ValueError):
    """A value that the backend refuses to start with; the text names the option, never a secret."""


class StartError(Exception):
    """The values are right and the backend cannot start all the same; the text says why, never a secret."""


def _between(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        # `int` has a limit of its own, and words of its own for it.
        if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _switch(text: str) -> bool:
    if text.lower() not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        raise ValueError("must be true or false")
    return text.lower() in {"1", "true", "yes", "on"}


def _rate(text: str) -> tuple[int, int]:
    times, _, seconds = text.partition("/")
    try:
        return _between(1, 1_000_000)(times), _between(1, 86_400)(seconds)
    except ValueError:
        raise ValueError("must be COUNT/SECONDS, for example 60/60") from None


def _name(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError("must be a non-empty printable text")
    return text


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(network(part.strip())) for part in text.split(","))
    except ValueError:
        raise ValueError("must be IP addresses or networks, separated by commas") from None


def _addresses(text: str) -> str:
    # uvicorn takes what it cannot read for a Unix socket's name, and then trusts nobody without a word.
    try:
        networks = [network("::/0" if part.strip() == "*" else part.strip()) for part in text.split(",")]
    except ValueError:
        raise ValueError("must be IP addresses or networks, separated by commas") from None
    if any(each.prefixlen == 0 for each in networks):
        raise ValueError("must name the proxies' own networks: were everybody a proxy, each client chose its address")
    return ",".join(map(str, networks))


def _claims(text: str) -> tuple[str, ...]:
    return tuple(_name(name.strip()) for name in text.split(","))


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    if not names:
        raise ValueError("must name at least one, separated by commas")
    return names


def _redis(text: str) -> str:
    # The text is no part of the message: it may hold a password.
    parts = urlsplit(text)
    try:
        right = parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and (parts.port or 6379) > 0
    except ValueError:
        right = False
    if not right or not text.isprintable():
        raise ValueError("must be the URL of a Redis, as redis://HOST:PORT/0")
    return text


def _hosts(text: str) -> tuple[str, ...]:
    names = _names(text)
    for name in names:
        if name != "*" and not (_HOST.fullmatch(name) or _is_bracketed(name)):
            raise ValueError(
                "must be names and addresses as a client's Host has them, separated by commas: no scheme, no port, no "
                "wildcard, IPv6 in brackets, other alphabets as xn--; or * for any"
            )
    return names


def _origins(text: str) -> tuple[str, ...]:
    names = _names(text)
    for name in names:
        scheme, _, authority = name.partition("://")
        host, colon, port = authority.rpartition(":") if _PORT.search(authority) else (authority, "", "")
        default = {"http": "80", "https": "443"}.get(scheme)
        right = default and (_HOST.fullmatch(host) or _is_bracketed(host))
        if not right or (colon and (port == default or not 0 < int(port) < 65_536)):
            raise ValueError(
                "must be origins as a browser sends them, as https://app.example or http://localhost:3000, separated "
                "by commas: no path, no usual port, no wildcard, other alphabets as xn--"
            )
    return names


def _is_bracketed(name: str) -> bool:
    try:
        return name == f"[{IPv6Address(name[1:-1])}]"
    except ValueError:
        return False


def _database(text: str) -> str:
    url = text if "://" in text else f"sqlite:///{text}"
    try:
        parsed = make_url(url)
        parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
        dialect = parsed.get_dialect()
    except (ArgumentError, ValueError):
        raise ValueError("must be a database URL or the path of an SQLite file") from None
    if (dialect.name, dialect.driver) not in {("sqlite", "pysqlite"), ("postgresql", "psycopg")}:
        raise ValueError("must be SQLite or PostgreSQL, as postgresql://USER:PASSWORD@HOST:PORT/NAME")
    if dialect.name == "sqlite":
        _check_file(parsed, text)
    elif not parsed.database:
        raise ValueError("must name a database after the host")
    elif not _DRIVERS_OWN.isdisjoint(parsed.query):
        raise ValueError("must have parameters of PostgreSQL's libpq only, as sslmode; none of the driver's own")
    return parsed.render_as_string(hide_password=False)


def _check_file(url: URL, text: str) -> None:
    if not (url.database or "").strip() or url.database == ":memory:":
        raise ValueError("must be a file: several connections share it")
    if "?" in text or "\0" in str(url.database) or url.host or url.username or url.password:
        raise ValueError("must be the path of an SQLite file and no more, as sqlite:///PATH: it takes no parameters")


def _key(text: str) -> bytes:
    raw = os.fsencode(text)  # A variable may hold any bytes.
    check_keys(raw.split(b","), "make one with: openssl rand -hex 32")
    return raw


def check_keys(keys: Sequence[bytes], remedy: str) -> None:
    """Refuse what is no list of good keys.

    Raises:
        ValueError: One of them is weak, or stands there twice; the text goes on after the name of the list.
    """
    for place, key in enumerate(keys, 1):
        if (why := weakness(key)) is not None:
            which = f" (number {place} of {len(keys)}, separated by commas)" if len(keys) > 1 else ""
            raise ValueError(f"is weaker than 256 bit: {why}{which}; {remedy}")
    if len(set(keys)) < len(keys):
        raise ValueError("must have no key twice")


def _option(default: Any, parse: Callable[[str], Any], text: str, *, secret: bool = False, shown: bool = True) -> Any:
    return field(default=default, repr=shown and not secret, metadata={"parse": parse, "help": text, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every option of one backend; built by hand in tests, by `read` elsewhere."""

    host: str = _option("127.0.0.1", _name, "address to listen on")
    port: int = _option(5000, _between(0, 65535), "port to listen on; 0 takes a free one")
    database: str = _option(
        "sqlite:///signedin.sqlite3",
        _database,
        "SQLite file or PostgreSQL URL (also DATABASE_URL)",
        shown=False,
    )
    jwt_key: bytes | None = _option(
        None,
        _key,
        "key of the access tokens, at least 256 bit; of several, separated by commas, the first signs",
        secret=True,
    )
    issuer: tuple[str, ...] = _option(
        ("signedin",), _claims, "`iss` of the access tokens; of several, separated by commas, the first is written"
    )
    audience: tuple[str, ...] = _option(
        ("signedin",), _claims, "`aud` of the access tokens; of several, separated by commas, the first is written"
    )
    access_ttl: int = _option(300, _between(1, 86_400), "seconds that an access token lives")
    refresh_ttl: int = _option(
        2_592_000, _between(1, 31_536_000), "seconds that a session lives, however it is renewed"
    )
    grace: bool = _option(True, _switch, "answer a token that is presented again with the same pair, within limits")
    rate_limit: bool = _option(True, _switch, "limit requests per account and per address")
    account_rate: tuple[int, int] = _option(
        (300, 60), _rate, "failed sign-ins per account from everywhere, COUNT/SECONDS"
    )
    account_network_rate: tuple[int, int] = _option(
        (30, 60), _rate, "sign-ins per account from one address, and registrations, COUNT/SECONDS"
    )
    address_rate: tuple[int, int] = _option((600, 60), _rate, "auth requests per address, COUNT/SECONDS")
    rate_store: str = _option(
        "", _redis, "Redis in which workers share their rate limits, as redis://HOST:PORT/0", shown=False
    )
    trusted_hosts: tuple[str, ...] = _option(
        ("localhost", "127.0.0.1", "[::1]"), _hosts, "values of Host that are answered, separated by commas; * for any"
    )
    allow_origin: tuple[str, ...] = _option(
        (), _origins, "origins whose pages may use the backend from a browser (CORS), separated by commas"
    )
    trusted_proxies: str = _option("", _addresses, "addresses whose X-Forwarded-For is believed, separated by commas")
    connections: int = _option(4_096, _between(16, 1_000_000), "connections at the same time, in each worker")
    head_seconds: int = _option(10, _between(1, 600), "seconds that the head of a request may take to arrive")
    body_limit: int = _option(16_384, _between(256, 1_048_576), "bytes of a request body")
    body_seconds: int = _option(10, _between(1, 600), "seconds that a body may take to arrive")
    password_words: tuple[str, ...] = _option(
        ("signedin",), _names, "words that no password may be made of, as the service's name, separated by commas"
    )
    hash_memory: int = _option(19_456, _between(19_456, 4_194_304), "KiB of memory of one argon2id hash")
    hash_passes: int = _option(2, _between(2, 100), "passes of one argon2id hash")
    hash_threads: int = _option(max(1, (os.cpu_count() or 1) - 1), _between(1, 64), "hashes at the same time")
    hash_queue: int = _option(128, _between(1, 100_000), "hashes that may wait; beyond that the answer is 503")
    database_threads: int = _option(4, _between(1, 64), "statements at the same time")
    database_seconds: int = _option(5, _between(0, 600), "seconds that a statement waits for another's lock")
    turn_seconds: int = _option(
        30, _between(1, 600), "seconds that a request waits for its turn at the database; beyond that the answer is 503"
    )
    stop_seconds: int = _option(10, _between(1, 600), "seconds that running requests get when the backend stops")
    metrics_from: tuple[str, ...] = _option(
        (), _networks, "addresses and networks that may read /metrics, separated by commas"
    )
    ledger: bool = _option(False, _switch, "count what happens and show it on loopback, for demos and tests")

    @property
    def sqlite_file(self) -> Path | None:
        """The file that holds everything, unless the database is a server."""
        url = make_url(self.database)
        return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


OPTIONS = fields(Settings)


def shown(default: object) -> str:
    """Return a default as help and page have it."""
    match default:
        case None | "" | ():
            return "none"
        case bool():
            return "true" if default else "false"
        case (int(times), int(seconds)):
            return f"{times}/{seconds}"
        case tuple():
            return ",".join(map(str, default))
        case _:
            return str(default)


def read(environ: Mapping[str, str], arguments: Mapping[str, str] | None = None) -> Settings:
    """Read every option from `arguments`, then from the environment, then from the defaults.

    Raises:
        SettingsError: A value is refused, or there is no such option; the text names where it came from.
    """
    environ = _without_service_links(environ)
    _check_names(environ)
    flags = {f"--{name.replace('_', '-')}": text for name, text in (arguments or {}).items()}
    values: dict[str, Any] = {}
    for option in OPTIONS:
        sources = {f"--{option.name.replace('_', '-')}": flags, PREFIX + option.name.upper(): environ}
        if option.name == "database":
            sources["DATABASE_URL"] = environ
        for name, source in sources.items():
            if (text := source.get(name)) is not None:
                values[option.name] = _parsed(name, text, option.metadata["parse"])
                break
    return Settings(**values)


def _without_service_links(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in environ.items() if not _is_service_link(name, text)}


def _is_service_link(name: str, text: str) -> bool:
    if not _SERVICE_LINK.fullmatch(name):
        return False
    # PORT is an option too, and a number then.
    return name != f"{PREFIX}PORT" or _SERVICE_URL.fullmatch(text) is not None


def _check_names(environ: Mapping[str, str]) -> None:
    # A limit whose name is misspelt would be none, and nobody would notice.
    names = {PREFIX + option.name.upper() for option in OPTIONS}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in names:
            raise SettingsError(f"{name} is no option; --help lists them")


def _parsed(name: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise SettingsError(f"{name} {error}") from None
