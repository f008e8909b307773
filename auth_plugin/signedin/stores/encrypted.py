"""Encryption around any store, with a key that the user gives and keeps. The extra is `encryption`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from typing import TYPE_CHECKING, Any, Final, NoReturn

from signedin._tokens import ENCRYPTED
from signedin.errors import ConfigurationError, TokenStoreError
from signedin.protocols import Stored

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from signedin.protocols import TokenStore

_KEY: Final = 32  # bytes
_NONCE: Final = 12  # bytes; random, and far fewer writes than AES-GCM allows per key (NIST SP 800-38D, section 8.3)


class EncryptedStore:
    """Keep what another store keeps, encrypted by AES-256-GCM: `EncryptedStore(RedisStore(url), key)`.

    `key`: 32 random bytes. Without it nobody reads the tokens, and this package writes over them neither. Who can write
    to the store can put an older record back, but neither change one nor move it to another key.
    """

    def __init__(self, store: TokenStore, key: bytes) -> None:
        self._store: Final = store
        self._cipher: Final = _cipher(key)
        # Tells one encryption key from another, and says nothing of it.
        name = hashlib.sha256(b"signedin seal" + key).hexdigest()[:16]
        self._head: Final = ENCRYPTED + b"1-" + name.encode()

    def __repr__(self) -> str:
        return f"EncryptedStore({self._store!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an EncryptedStore is neither pickled nor copied, since its key would be: make one where it is used, "
            "EncryptedStore(store, key), or set SIGNEDIN_STORE_KEY there"
        )

    @property
    def private(self) -> bool:
        """Whether only this process can reach the records."""
        return self._store.private

    def load(self, key: str) -> Stored | None:
        """Return what was last written under `key`; where it was tampered with, no bytes, which are no record."""
        return self._opened(key, self._store.load(key))

    def peek(self, key: str) -> Stored | None:
        """Return what `load` would, and have the store repair nothing."""
        return self._opened(key, getattr(self._store, "peek", self._store.load)(key))

    def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        """Write `data` if the revision under `key` is still the expected one, and written with this encryption key."""
        if expected_revision:
            self.load(key)  # refuses what another key wrote; if that changes now, so does the revision
        nonce = secrets.token_bytes(_NONCE)
        sealed = base64.b64encode(nonce + self._cipher.encrypt(nonce, data, _context(key)))
        return self._store.compare_and_set(key, expected_revision, b"%s:%s" % (self._head, sealed))

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """Take the refresh lock of `key`, as the store does."""
        return self._store.try_lock(key, owner, seconds)

    def unlock(self, key: str, owner: str) -> None:
        """Give the refresh lock back, as the store does."""
        self._store.unlock(key, owner)

    def lock_holder(self, key: str) -> str | None:
        """Return who holds the refresh lock of `key`, in words, if the store can tell."""
        holder: str | None = self._optional("lock_holder", key)
        return holder

    def after_fork(self) -> None:
        """Have the store forget, in a forked child, what is the parent's."""
        self._optional("after_fork")

    def close(self) -> None:
        """Close the store."""
        self._optional("close")

    def _optional(self, method: str, *arguments: str) -> Any:
        return getattr(self._store, method, lambda *_: None)(*arguments)

    def _opened(self, key: str, stored: Stored | None) -> Stored | None:
        from cryptography.exceptions import InvalidTag

        if stored is None:
            return None
        head, _, sealed = stored.data.partition(b":")
        if head != self._head:
            raise TokenStoreError(
                f"The record in {self._store!r} was written with another encryption key, or with none. It was left as "
                "it is: give the key that wrote it, or name another place."
            )
        try:
            content = base64.b64decode(sealed, validate=True)
            data = self._cipher.decrypt(content[:_NONCE], content[_NONCE:], _context(key))
        except (binascii.Error, ValueError, InvalidTag):
            data = b""
        return Stored(stored.revision, data)


def _context(key: str) -> bytes:
    return key.encode()  # the record's name is authenticated too, so that nobody swaps records


def _cipher(key: bytes) -> AESGCM:
    if len(key) != _KEY:
        raise ConfigurationError(f"An encryption key is {_KEY} random bytes: secrets.token_bytes({_KEY}).")
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise ConfigurationError(
            "EncryptedStore needs the cryptography library: pip install signedin[encryption]"
        ) from None
    return AESGCM(key)
