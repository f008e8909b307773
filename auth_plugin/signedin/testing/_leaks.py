"""The search for secrets that are at hand: in any usual encoding, also in the middle of another text."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def leaks_in(text: str, secrets: Iterable[str]) -> list[str]:
    """Return the encodings in which one of the secrets stands in the text; never the secret."""
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
