"""Entries of any length in a keyring that takes short ones. Who may write, and when, is the business of `keyring`."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any, Final

from signedin._tokens import FORMAT, refuse_later_format
from signedin.stores.file import from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyring.backend import KeyringBackend

    from signedin.protocols import Stored

# Windows holds 2,560 bytes per secret, in UTF-16; what we store is ASCII. 1,250 characters are 2,500 bytes there.
LONGEST: Final = 1250
_MOST_PARTS: Final = 1000
_SLOTS: Final = (0, 1)


class Entries:
    """What a store keeps under its keys: each a JSON text in one secret, or a head, and parts in one of two slots.

    A write fills the slot that the head does not name, and then the head: a reader finds the old text or the new one,
    or, if it is overtaken by two writes, parts that do not fit, which the digest tells.
    """

    def __init__(self, backend: KeyringBackend, service: str) -> None:
        self._backend = backend
        self._service = service
        self._parts = f"{service}/parts"
        self._damaged = f"{service}/damaged"

    def read(self, key: str) -> Stored | None:
        """Return the entry last written. ValueError: it is damaged, or being written."""
        head = _parsed(self._backend.get_password(self._service, key))
        if head is None or "slot" not in head:
            return from_json(head)
        slot, count = head["slot"], head.get("parts")
        if slot not in _SLOTS or not isinstance(count, int) or not 0 < count <= _MOST_PARTS:
            raise ValueError("its head is none")
        parts = [self._backend.get_password(self._parts, f"{slot}.{n}:{key}") or "" for n in range(count)]
        whole = "".join(parts)
        if _digest(whole) != head.get("sha256"):
            raise ValueError("its parts do not fit together")
        return from_json(_parsed(whole))

    def write(self, key: str, stored: Stored) -> None:
        """Replace the entry, all or nothing; the old one stays until the head is written."""
        before = _parsed(self._backend.get_password(self._service, key)) or {}
        text = json.dumps({"format": FORMAT, **to_json(stored)}, separators=(",", ":"))
        if len(text) <= LONGEST:
            slot, head = None, text
        else:
            slot = 1 if before.get("slot") == 0 else 0
            head = self._write_parts(key, slot, text)
        self._backend.set_password(self._service, key, head)
        # It is written; a leftover is dropped with the next one. Also where the head before named no parts: they may be
        # of a write that was cut before its head.
        with contextlib.suppress(Exception):
            for stale in set(_SLOTS) - {slot}:
                self._drop(key, stale)

    def set_aside(self, key: str) -> str:
        """Move everything under `key` to another service, and return its name."""
        mark = secrets.token_hex(4)
        for slot in _SLOTS:
            for name in list(self._names(key, slot)):
                part = self._backend.get_password(self._parts, name) or ""
                self._backend.set_password(self._damaged, f"{mark} {name}", part)
        head = self._backend.get_password(self._service, key) or ""
        self._backend.set_password(self._damaged, f"{mark} {key}", head)
        self._backend.delete_password(self._service, key)
        for slot in _SLOTS:
            self._drop(key, slot)
        return self._damaged

    def _write_parts(self, key: str, slot: int, text: str) -> str:
        parts = [text[start : start + LONGEST] for start in range(0, len(text), LONGEST)]
        for n, part in enumerate(parts):
            self._backend.set_password(self._parts, f"{slot}.{n}:{key}", part)
        self._drop(key, slot, start=len(parts))
        return json.dumps({"format": FORMAT, "slot": slot, "parts": len(parts), "sha256": _digest(text)})

    def _drop(self, key: str, slot: int, start: int = 0) -> None:
        # The last first: if this is interrupted, the rest has no gap, and the next drop removes it.
        for name in reversed(list(self._names(key, slot, start))):
            self._backend.delete_password(self._parts, name)

    def _names(self, key: str, slot: int, start: int = 0) -> Iterator[str]:
        for n in range(start, _MOST_PARTS):
            if self._backend.get_password(self._parts, f"{slot}.{n}:{key}") is None:
                return
            yield f"{slot}.{n}:{key}"


def _parsed(text: str | None) -> dict[str, Any] | None:
    """Return what stands in an entry. ValueError: it is none of ours."""
    if text is None:
        return None
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    refuse_later_format(body)
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise ValueError("it is no entry of this format")
    return body


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
