"""The cassettes themselves: how vcrpy writes them, how it plays them, how they are read without it.

What is secret is decided in `disguise`, what is played in `scenarios`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import httpx
import yaml
from vcr import VCR  # type: ignore[import-untyped]
from vcr.cassette import Cassette  # type: ignore[import-untyped]
from vcr.record_mode import RecordMode  # type: ignore[import-untyped]
from vcr.request import Request  # type: ignore[import-untyped]

from tests.cassettes.disguise import ATTEMPT, Disguise

CASSETTES: Final = Path(__file__).parent.parent.parent / "cassettes"
ORIGIN: Final = "http://localhost:5000"
BASE_URL: Final = f"{ORIGIN}/api/v1"
# Kept, and nothing else: no date, no request id, no length, no version of anybody's.
REQUEST_HEADERS: Final = frozenset({"accept", "authorization", "content-type", "idempotency-key"})
RESPONSE_HEADERS: Final = frozenset({"cache-control", "content-type", "retry-after", "www-authenticate"})
# 128 random bits; what is no such thing is kept, and then matches nothing.
_ATTEMPT: Final = re.compile(r"[0-9a-f]{32}")
# The backend counts its limits by a clock that no test turns.
_WAIT: Final = "60"

Spy = Callable[[bytes, Mapping[str, str]], object]


class CassetteError(AssertionError):
    """A file is no cassette; the text names it and says why."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One request and its answer as they stand in a cassette."""

    method: str
    url: str
    request_headers: Mapping[str, str]
    request_body: str
    status: int
    response_headers: Mapping[str, str]
    response_body: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.url} {self.status}"


def read(path: Path) -> list[Interaction]:
    """Return what a cassette holds.

    Raises:
        CassetteError: It is broken or empty, which vcrpy would take for a new one.
    """
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        if said["version"] != 1 or not said["interactions"]:
            raise CassetteError(f"{path.name}: no interactions of version 1")
        return [_interaction(one["request"], one["response"]) for one in said["interactions"]]
    except (OSError, UnicodeError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CassetteError(f"{path.name}: not a cassette ({type(error).__name__})") from error


def read_all(folder: Path) -> dict[str, list[Interaction]]:
    """Return every cassette below a folder by its name in there.

    Raises:
        CassetteError: One is broken, or there is none at all.
    """
    found = {path.relative_to(folder).as_posix(): read(path) for path in sorted(folder.rglob("*.yaml"))}
    if not found:
        raise CassetteError(f"{folder.name}/ holds no cassettes; make them with: make record")
    return found


@contextmanager
def recording(path: Path, origin: str, disguise: Disguise, spy: Spy) -> Iterator[Cassette]:
    """Record what is exchanged with `origin`, disguised when it is saved; `spy` is shown all of it as it was."""
    if path.exists():
        raise CassetteError(f"{path.name}: recorded already")

    def keep(request: Any) -> Any:
        if request.uri.startswith(ORIGIN):  # vcrpy asks again with what it got
            return request
        if not request.uri.startswith(origin):
            raise CassetteError(f"{path.name}: a request to somebody else")
        spy(request.body or b"", dict(request.headers))
        return _normal(request, origin)

    def answer(response: dict[str, Any]) -> dict[str, Any]:
        # The server takes its phrases from Python, which renamed some; nobody may rely on them (RFC 9112, section 4).
        response["status"]["message"] = httpx.codes.get_reason_phrase(response["status"]["code"])
        spy(response["body"]["string"], {name: values[0] for name, values in response["headers"].items()})
        kept = {name.lower(): values for name, values in response["headers"].items()}
        response["headers"] = {name: kept[name] for name in sorted(RESPONSE_HEADERS & kept.keys())}
        if "retry-after" in kept:
            response["headers"]["retry-after"] = [_WAIT]
        return response

    def save(request: Any, response: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return _disguised(request, response, disguise)

    with _vcr().use_cassette(
        str(path),
        record_mode=RecordMode.ONCE,
        before_record_request=keep,
        before_record_response=answer,
        before_save_interaction=save,
    ) as cassette:
        yield cassette


@contextmanager
def replaying(path: Path) -> Iterator[Cassette]:
    """Answer from a cassette and from nowhere else.

    Raises:
        CassetteError: The file is no cassette.
    """
    read(path)

    def keep(request: Any) -> Any:
        return _normal(request, ORIGIN)

    with _vcr().use_cassette(str(path), record_mode=RecordMode.NONE, before_record_request=keep) as cassette:
        yield cassette


def _vcr() -> VCR:
    vcr = VCR(match_on=("method", "uri", "headers", "body"), serializer="plain")
    # PyYAML's own dumper: libYAML, where there is one, folds lines elsewhere, and the bytes must not depend on that.
    vcr.register_serializer("plain", SimpleNamespace(serialize=_dumped, deserialize=yaml.safe_load))
    return vcr


def _dumped(cassette: dict[str, Any]) -> str:
    text: str = yaml.dump(cassette, Dumper=yaml.SafeDumper, allow_unicode=True, width=10_000, sort_keys=False)
    return text


def _normal(request: Any, origin: str) -> Any:
    headers = {name.lower(): value for name, value in request.headers.items()}
    kept = {name: headers[name] for name in sorted(REQUEST_HEADERS & headers.keys())}
    if _ATTEMPT.fullmatch(kept.get("idempotency-key", "")):
        kept["idempotency-key"] = ATTEMPT
    return Request(request.method, ORIGIN + request.uri.removeprefix(origin), request.body, kept)


def _disguised(request: Any, response: dict[str, Any], disguise: Disguise) -> tuple[Any, dict[str, Any]]:
    disguise.learn(request.body or b"")
    disguise.learn(response["body"]["string"])
    headers = {name: disguise.cover(value) for name, value in request.headers.items()}
    body = disguise.cover((request.body or b"").decode())
    for name, values in response["headers"].items():
        response["headers"][name] = [disguise.cover(value) for value in values]
    response["body"]["string"] = disguise.cover(response["body"]["string"].decode()).encode()
    return Request(request.method, disguise.cover(request.uri), body, headers), response


def _interaction(request: dict[str, Any], response: dict[str, Any]) -> Interaction:
    return Interaction(
        method=request["method"],
        url=request["uri"],
        request_headers={name: values[0] for name, values in request["headers"].items()},
        request_body=request["body"] or "",
        status=int(response["status"]["code"]),
        response_headers={name: values[0] for name, values in response["headers"].items()},
        response_body=response["body"]["string"],
    )
