"""Who is signed in at which browser: a random id in a cookie here, times under its hash in the store of the tokens.

A browser's id opens its session, so only its SHA-256 is stored, as the name of the profile that has the tokens.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from signedin import TokenStoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from signedin import Stored, TokenStore

COOKIE: Final = "__Host-browser"  # no Domain, Path=/, Secure: no neighbour can set it (RFC 6265bis, section 4.1.3.2)
_IDLE: Final = 30 * 60.0  # seconds without a request
_LONGEST: Final = 12 * 3600.0  # seconds since the sign-in (OWASP ASVS 5.0, 7.3)
_EXACT: Final = 60.0  # seconds; the time of the last request is written no more often


@dataclass(frozen=True, slots=True)
class Browser:
    """One signed-in browser. `profile` names its tokens."""

    profile: str
    since: float
    seen: float


class Browsers:
    """The signed-in browsers of all workers that share a store. Blocking: call it in a thread."""

    def __init__(self, store: TokenStore, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock

    def sign_in(self) -> tuple[str, Browser]:
        """Return a new id for the cookie, and whom it stands for once `keep` was called."""
        identifier, now = secrets.token_urlsafe(32), self._clock()
        return identifier, Browser(profile_of(identifier), now, now)

    def keep(self, browser: Browser) -> None:
        """Remember a browser whose sign-in has succeeded.

        Raises:
            TokenStoreError: The store cannot be written.
        """
        self._write(browser.profile, None, browser)

    def find(self, identifier: str | None) -> Browser | None:
        """Return whom a cookie stands for; None when it is unknown, was signed out, or has reached a limit.

        Raises:
            TokenStoreError: The store cannot be read.
        """
        if not identifier:
            return None
        profile, now = profile_of(identifier), self._clock()
        stored = self._store.load(_key(profile))
        if stored is None or not stored.data:
            return None
        try:
            browser = Browser(profile, **json.loads(stored.data))
        except (ValueError, TypeError):
            raise TokenStoreError("A browser's record in the store is damaged; sign in again.") from None
        if now - browser.seen > _IDLE or now - browser.since > _LONGEST:
            return None
        if now - browser.seen > _EXACT:
            browser = Browser(profile, browser.since, now)
            self._write(profile, stored, browser)  # another tab may have been quicker, with the same time
        return browser

    def sign_out(self, browser: Browser) -> None:
        """Forget a browser: whoever still sends its cookie is a stranger.

        Raises:
            TokenStoreError: The store cannot be written.
        """
        while not self._write(browser.profile, self._store.load(_key(browser.profile)), None):
            pass

    def _write(self, profile: str, before: Stored | None, browser: Browser | None) -> bool:
        data = json.dumps({"since": browser.since, "seen": browser.seen}).encode() if browser else b""
        return self._store.compare_and_set(_key(profile), before.revision if before else 0, data)


def profile_of(identifier: str) -> str:
    """Return the name of the profile whose tokens belong to a browser's id."""
    return hashlib.sha256(identifier.encode()).hexdigest()


def _key(profile: str) -> str:
    return f"browser#{profile}"
