"""Encryption of records at rest, with a key that the user gives and keeps. The extra is `encryption`."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import TYPE_CHECKING, Final

from signedin.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY: Final = 32  # bytes
_NONCE: Final = 12  # bytes; random, and far fewer writes than AES-GCM allows per key (NIST SP 800-38D, section 8.3)


class Seal:
    """AES-256-GCM, or nothing when there is no key. `name` tells one key from another and says nothing of it."""

    def __init__(self, key: bytes | None) -> None:
        self._cipher = _cipher(key) if key is not None else None
        self.name: Final = hashlib.sha256(b"signedin seal" + key).hexdigest()[:16] if key is not None else ""

    def __repr__(self) -> str:
        return f"<Seal {self.name or 'none'}>"

    def close(self, text: str, context: bytes) -> str:
        """Return the text as it is stored; it opens only in the same context, so that nobody swaps records."""
        if self._cipher is None:
            return text
        nonce = secrets.token_bytes(_NONCE)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, text.encode(), context)).decode()

    def open(self, stored: str, context: bytes) -> str:
        """Return the text. ValueError: it was changed, or belongs elsewhere."""
        if self._cipher is None:
            return stored
        from cryptography.exceptions import InvalidTag

        try:
            content = base64.b64decode(stored, validate=True)
            return self._cipher.decrypt(content[:_NONCE], content[_NONCE:], context).decode()
        except (ValueError, InvalidTag):
            raise ValueError("its seal is broken") from None


def _cipher(key: bytes) -> AESGCM:
    if len(key) != _KEY:
        raise ConfigurationError(f"An encryption key is {_KEY} random bytes: secrets.token_bytes({_KEY}), kept apart.")
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise ConfigurationError(
            "encryption_key needs the cryptography library: pip install signedin[redis,encryption]"
        ) from None
    return AESGCM(key)
