"""Is there a secret in a cassette? Two searches: for secrets that are known, and for anything that looks like one."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

import yaml

from tests.cassettes.disguise import FAKE_CAST, PUBLIC, is_fake
from tests.cassettes.tape import BASE_URL, ORIGIN, REQUEST_HEADERS, RESPONSE_HEADERS, read
from tests.contract import operations

_JWT: Final = re.compile(r"[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
# Base64, base64url and hexadecimal runs, identities among them; dates and paths are shorter or have other letters.
_RUN: Final = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
_EMAIL: Final = re.compile(r"[\w.+-]+@[\w.-]+")
_PASSWORD: Final = re.compile(r'"password":\s*"((?:[^"\\]|\\.)*)"')
_ADDRESS: Final = re.compile(r"https?://[^/\s\"']+|\b\d+\.\d+\.\d+\.\d+\b|(?<!/)\blocalhost:\d+")


def leaks(folder: Path, secrets: Iterable[str]) -> Iterator[str]:
    """Yield where one of the secrets stands, in any usual encoding; never the secret."""
    forms = {form: name for secret in secrets for name, form in forms_of(secret)}
    for path in sorted(folder.rglob("*.yaml")):
        # Besides the values also the file as it is: a comment or a key is read by nobody's parser.
        texts = [path.read_text(encoding="utf-8"), *_texts(yaml.safe_load(path.read_bytes()))]
        found = {name for form, name in forms.items() if any(form in text for text in texts)}
        yield from (f"{path.relative_to(folder)}: a secret of the recording, {name}" for name in sorted(found))


def forms_of(secret: str) -> Iterator[tuple[str, str]]:
    """Yield the texts that give a secret away, each with the name of its encoding."""
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


def strangers(folder: Path) -> Iterator[str]:
    """Yield where something stands that looks like a secret, or tells of a machine, and is no fake of ours."""
    for path in sorted(folder.rglob("*.yaml")):
        for interaction in read(path):
            for name in interaction.request_headers.keys() - REQUEST_HEADERS:
                yield f"{path.relative_to(folder)}: {interaction}: request header {name}"
            for name in interaction.response_headers.keys() - RESPONSE_HEADERS:
                yield f"{path.relative_to(folder)}: {interaction}: response header {name}"
        text = path.read_text(encoding="utf-8")
        for _, place in operations():
            text = text.replace(f"{BASE_URL}{place}\n", ORIGIN + "\n")
        yield from (f"{path.relative_to(folder)}: {kind}" for kind in _strange_in(text))


def _strange_in(text: str) -> Iterator[str]:
    # Token by token, so that no part of a fake is taken for another thing.
    kinds: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
        ("a JWT", _JWT, is_fake),
        ("something like a token", _RUN, is_fake),
        ("an e-mail", _EMAIL, {FAKE_CAST.email}.__contains__),
        ("a password", _PASSWORD, {*PUBLIC, FAKE_CAST.password, FAKE_CAST.wrong_password}.__contains__),
        ("an address of a machine", _ADDRESS, {ORIGIN}.__contains__),
    )
    for kind, pattern, known in kinds:
        if not all(known(found) for found in pattern.findall(text)):
            yield f"{kind} that is not one of the known fakes"
        text = pattern.sub(" ", text) if pattern is _JWT else text


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield str(name)
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
    else:
        yield str(node)
