"""Cassettes without secrets: recorded once against a real backend, replayed at any date with the network blocked.

`signedin_cassette` is a context manager and a fixture; `vcr_config` is for pytest-recording. Both refuse to write what
looks like a secret; `python -m signedin.testing.cassettes FOLDER` searches what is there. The extra is `testing`.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, urlsplit

import yaml
from pytest_recording.network import blocking_context
from vcr import VCR  # type: ignore[import-untyped]
from vcr.record_mode import RecordMode  # type: ignore[import-untyped]
from vcr.request import Request  # type: ignore[import-untyped]

from signedin import Client
from signedin.testing._disguise import EMAIL, JWT, Disguise, Names, is_fake, leaves, payload_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from signedin.protocols import Contract

    Watch = Callable[[bytes, Mapping[str, str]], object]

# Written, and nothing else: no date, no request id, no length, no version of anybody's.
REQUEST_HEADERS: Final = frozenset({"accept", "authorization", "content-type"})
RESPONSE_HEADERS: Final = frozenset({"cache-control", "content-type", "location", "retry-after", "www-authenticate"})
_MATCH: Final = ("method", "uri", "headers", "body")
# Base64, base64url and hexadecimal runs, with a digit among letters; fakes are shorter, dates have other signs.
_RUN: Final = re.compile(r"(?=[A-Za-z+_-]*\d)(?=[\d+_-]*[A-Za-z])[A-Za-z0-9+_-]{24,}")
_FORM: Final = "application/x-www-form-urlencoded"


class CassetteError(AssertionError):
    """A file is no cassette, or would have held a secret; the text names the place and the kind, never the value."""


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


@contextmanager
def signedin_cassette(
    path: str | Path,
    *,
    record: bool = False,
    contract: Contract = Client.api,
    headers: Collection[str] = (),
    replace: Mapping[str, str] | None = None,
    watch: Watch | None = None,
) -> Iterator[Any]:
    """Answer requests from a cassette and from nowhere else, or `record` it where there is none.

    `contract`: of the generated package whose login is recorded (`shop_sdk.contract`). `headers`: further ones to
    write. `replace`: further texts, such as a host, and what stands in their place. `watch`: is shown each body and its
    headers as they were. Gives vcrpy's cassette: `all_played`, say.

    Raises:
        CassetteError: The file is no cassette, is there already, or would have held a secret; then none is written.
    """
    path = Path(path)
    if record and path.exists():
        raise CassetteError(f"{path.name}: recorded already; delete it to record anew")
    if not record:
        read(path)
    mode = RecordMode.ONCE if record else RecordMode.NONE
    vcr = VCR(serializer="plain")
    # PyYAML's own dumper: libYAML, where there is one, folds lines elsewhere, and bytes must not depend on that.
    vcr.register_serializer("plain", SimpleNamespace(serialize=_dumped, deserialize=yaml.safe_load))
    try:
        with ExitStack() as stack:
            config = stack.enter_context(vcr_config(contract, headers=headers, replace=replace, watch=watch))
            if not record:
                stack.enter_context(blocking_context())
            yield stack.enter_context(vcr.use_cassette(str(path), record_mode=mode, **config))
    except CassetteError:
        if record:
            path.unlink(missing_ok=True)
        raise


@contextmanager
def vcr_config(
    contract: Contract = Client.api,
    *,
    headers: Collection[str] = (),
    replace: Mapping[str, str] | None = None,
    watch: Watch | None = None,
) -> Iterator[dict[str, Any]]:
    """Give vcrpy's options for one cassette, with arguments as above: what pytest-recording's `vcr_config` returns.

    Raises:
        CassetteError: An interaction would have held a secret; it was left out.
    """
    names = Names(contract)
    problems: list[str] = []
    yield _config(Disguise(names, replace or {}), names, headers, watch, problems)
    if problems:
        # Not raised while vcrpy writes, which would leave its patches in place.
        raise CassetteError(f"{'; '.join(problems)}. It was not written.")


def read(path: Path) -> list[Interaction]:
    """Return what a cassette holds.

    Raises:
        CassetteError: It is broken or empty, which vcrpy would take for a new one.
    """
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
        if body["version"] != 1 or not body["interactions"]:
            raise CassetteError(f"{path.name}: no interactions of version 1")
        return [_interaction(one["request"], one["response"]) for one in body["interactions"]]
    except (OSError, UnicodeError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CassetteError(f"{path.name}: not a cassette ({type(error).__name__})") from error


def problems_in(folder: Path, contract: Contract = Client.api, *, headers: Collection[str] = ()) -> Iterator[str]:
    """Yield where something in a folder's cassettes looks like a secret and is no fake; never the value."""
    names = Names(contract)
    for path in sorted(folder.rglob("*.yaml")):
        place = path.relative_to(folder).as_posix()
        for one in read(path):
            yield from (f"{place}: {one.method} {one.status}: {problem}" for problem in _problems(one, names, headers))
        if re.search(r"^\s*#", path.read_text(encoding="utf-8"), re.MULTILINE):
            yield f"{place}: a comment, which no recording has"


def leaks_in(text: str, secrets: Iterable[str]) -> list[str]:
    """Return in which encodings one of the secrets stands in a text, or in the middle of another; never the secret."""
    forms = {form: name for secret in secrets for name, form in _forms_of(secret)}
    return sorted({f"a secret of the recording, {name}" for form, name in forms.items() if form in text})


def _forms_of(secret: str) -> Iterator[tuple[str, str]]:
    for text in {secret, json.dumps(secret)[1:-1]}:
        data = text.encode()
        yield "as it is", text
        yield "url-encoded", quote(text, safe="")
        yield "form-encoded", quote_plus(text)
        yield "hexadecimal", data.hex()
        for shift in range(3):
            # Inside of another text it is encoded in one of three ways; letters shared with its neighbours are cut.
            encoded = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
            inner = encoded[(0, 2, 3)[shift] : len(encoded) - (1 if (len(data) + shift) % 3 else 0)]
            yield "base64", inner
            yield "base64url", inner.replace("+", "-").replace("/", "_")


class _Disguised(Request):  # type: ignore[misc]  # vcrpy is untyped
    """A request that is as it will be written."""


def _config(
    disguise: Disguise, names: Names, headers: Collection[str], watch: Watch | None, problems: list[str]
) -> dict[str, Any]:
    def request(request: Any) -> Any:
        if isinstance(request, _Disguised):  # vcrpy asks again with what it got
            return request
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        if watch is not None:
            watch(body, dict(request.headers))
        return _disguised(request, body, disguise, _allowed(names, headers)[0])

    def response(response: dict[str, Any]) -> dict[str, Any]:
        values = {name.lower(): texts for name, texts in response["headers"].items()}
        if watch is not None:
            watch(response["body"]["string"], {name: texts[0] for name, texts in values.items()})
        response["body"]["string"] = disguise.body(response["body"]["string"], form=False, sent=False)
        response["headers"] = {
            name: texts
            for name in sorted(_allowed(names, headers)[1] & values.keys())
            if (texts := [text for one in values[name] if (text := disguise.header(name, one, sent=False))])
        }
        # Servers take their phrases from Python, which renamed some; nobody may rely on them (RFC 9112, section 4).
        response["status"]["message"] = _phrase(response["status"]["code"])
        return response

    def save(request: Any, response: dict[str, Any], *_: object) -> tuple[Any, dict[str, Any]] | None:
        texts = {name: [value] for name, value in request.headers.items()}
        body = {"method": request.method, "uri": request.uri, "headers": texts, "body": request.body}
        one = _interaction(body, response)
        what = [*_problems(one, names, headers), *leaks_in(repr((one, one.response_body)), disguise.secrets)]
        problems.extend(f"{one.method} {one.status}: {problem}" for problem in what)
        return None if what else (request, response)

    return {
        "match_on": _MATCH,
        "decode_compressed_response": True,
        "before_record_request": request,
        "before_record_response": response,
        "before_save_interaction": save,
    }


def _disguised(request: Any, body: bytes, disguise: Disguise, allowed: set[str]) -> Any:
    headers = {name.lower(): value for name, value in request.headers.items()}
    form = headers.get("content-type", "").startswith(_FORM)
    written = {
        name: text
        for name in sorted(allowed & headers.keys())
        if (text := disguise.header(name, headers[name], sent=True))
    }
    return _Disguised(request.method, disguise.url(request.uri), disguise.body(body, form=form, sent=True), written)


def _allowed(names: Names, headers: Collection[str]) -> tuple[set[str], set[str]]:
    more = {*names.prefixes, *(name.lower() for name in headers)}
    cookies = ({"cookie"}, {"set-cookie"}) if names.cookies else (set(), set())
    return {*REQUEST_HEADERS, names.attempt, *more, *cookies[0]}, {*RESPONSE_HEADERS, *more, *cookies[1]}


def _problems(one: Interaction, names: Names, headers: Collection[str]) -> Iterator[str]:
    for kind, present, allowed in zip(
        ("request", "response"), (one.request_headers, one.response_headers), _allowed(names, headers), strict=True
    ):
        yield from (f"{kind} header {name}" for name in sorted(present.keys() - allowed))
    pairs = [*_leaves_of(one.request_body), *_leaves_of(one.response_body), *parse_qsl(urlsplit(one.url).query)]
    for name, value in pairs:
        if (secret := names.kind(name, value)) in {"token", "password"} and not is_fake(value):
            yield f"the {secret} {name!r} is no fake"
    parts = urlsplit(one.url)
    texts = {
        "the URL": f"{parts.path.replace('/', ' ')} {unquote_plus(parts.query)}",
        "a header": "\n".join([*one.request_headers.values(), *one.response_headers.values()]),
        "the request's body": one.request_body if one.request_body[:1] in "{[" else unquote_plus(one.request_body),
        "the response's body": one.response_body,
    }
    for place, text in texts.items():
        kinds = {"an e-mail" if "@" in word else "something like a token" for word in _words(text) if not is_fake(word)}
        yield from (f"{kind} in {place} that is no fake" for kind in sorted(kinds))


def _words(text: str) -> Iterator[str]:
    """Yield what looks like a token, an identity or an e-mail; JWTs first, so that no part of one counts again."""
    yield from (token for token in JWT.findall(text) if payload_of(token) is not None)
    text = JWT.sub(" ", text)
    yield from EMAIL.findall(text)
    yield from _RUN.findall(EMAIL.sub(" ", text))


def _leaves_of(body: str) -> Iterator[tuple[str, str]]:
    try:
        yield from leaves(json.loads(body))
    except ValueError:
        yield from parse_qsl(body)


def _interaction(request: dict[str, Any], response: dict[str, Any]) -> Interaction:
    return Interaction(
        method=request["method"],
        url=request["uri"],
        request_headers={name: values[0] for name, values in request["headers"].items()},
        request_body=_decoded(request["body"]),
        status=int(response["status"]["code"]),
        response_headers={name: values[0] for name, values in response["headers"].items()},
        response_body=_decoded(response["body"]["string"]),
    )


def _decoded(body: Any) -> str:
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")


def _dumped(cassette: dict[str, Any]) -> str:
    text: str = yaml.dump(cassette, Dumper=yaml.SafeDumper, allow_unicode=True, width=10_000, sort_keys=False)
    return text


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def main(arguments: Iterable[str]) -> int:
    """Search the cassettes of folders, and return 1 if there is a problem."""
    problems = [problem for folder in arguments for problem in problems_in(Path(folder))]
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
