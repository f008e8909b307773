"""OAuth 2.0 libraries for httpx: they renew by `expires_in` and speak form-encoded token requests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client
from httpx_auth import OAuth2, OAuth2ResourceOwnerPasswordCredentials

from benchmarks.conformance.peers.peer import CALL, POOLED, Peer, Reply, blob

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signedin import TokenPair

    from benchmarks.conformance.site import Site


def token_of(site: Site, pair: TokenPair) -> dict[str, Any]:
    """Return the pair as a token response of RFC 6749, with `expires_at` by the local clock."""
    expires_at = pair.expires_at.timestamp() - site.skew if pair.expires_at else 0.0
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": "Bearer",
        "expires_at": int(expires_at),
    }


class _OfAuthlib(Peer):
    packages = ("authlib", "httpx2")
    client: Any

    def options(self, pair: TokenPair) -> dict[str, Any]:
        return {
            "client_id": "conformance",
            "token_endpoint": self.site.token_url,
            "token_endpoint_auth_method": "none",
            "token": token_of(self.site, pair),
            "leeway": min(60, self.site.ttl // 4),
            "timeout": POOLED,
            "follow_redirects": True,
        }

    async def sign_out(self) -> None:
        self.client.token = None

    async def sign_in(self, pair: TokenPair) -> None:
        self.client.token = token_of(self.site, pair)

    def refresh_token(self) -> object:
        return self.client.token.get("refresh_token") if self.client.token else None

    def shown(self) -> Iterable[object]:
        return (self.client, self.client.token, self.client.token_auth)


class Authlib(_OfAuthlib):
    name = "authlib"
    blocking = True

    def build(self, pair: TokenPair) -> None:
        self.client = OAuth2Client(**self.options(pair))

    def call(self, method: str, url: str, content: Any = None) -> Reply:
        answer = self.client.request(method, url, content=content)
        return Reply(answer.status_code, answer.content)


class AsyncAuthlib(_OfAuthlib):
    name = "authlib async"

    def build(self, pair: TokenPair) -> None:
        self.client = AsyncOAuth2Client(**self.options(pair))

    async def send(self, method: str, url: str, content: Any = None) -> Reply:
        answer = await self.client.request(method, url, content=blob(content))
        return Reply(answer.status_code, answer.content)

    async def close(self) -> None:
        await self.client.aclose()
        await super().close()


class HttpxAuth(Peer):
    """The password grant, its only one that takes refresh tokens without a browser."""

    name = "httpx_auth"
    packages = ("httpx-auth", "httpx")
    blocking = True

    def build(self, pair: TokenPair) -> None:
        OAuth2.token_cache.clear()
        self.auth = OAuth2ResourceOwnerPasswordCredentials(
            self.site.token_url,
            "ada@example.com",
            "correct horse battery staple",
            early_expiry=min(30, self.site.ttl // 4),
            timeout=int(CALL),
        )
        self._put(pair)
        self.http = httpx.Client(auth=self.auth, timeout=POOLED, follow_redirects=True)

    def _put(self, pair: TokenPair) -> None:
        expires_at = token_of(self.site, pair)["expires_at"]
        expires_in = int(expires_at - time.time())
        OAuth2.token_cache._add_access_token(  # noqa: SLF001 -- the library has no other way to sign in with a pair
            self.auth.state, pair.access_token, expires_in, pair.refresh_token
        )

    def call(self, method: str, url: str, content: Any = None) -> Reply:
        answer = self.http.request(method, url, content=content)
        return Reply(answer.status_code, answer.content)

    async def sign_out(self) -> None:
        OAuth2.token_cache.clear()

    async def sign_in(self, pair: TokenPair) -> None:
        self._put(pair)

    def refresh_token(self) -> object:
        entry = OAuth2.token_cache.tokens.get(self.auth.state)
        return entry[2] if entry else None

    def shown(self) -> Iterable[object]:
        return (self.auth, self.http, OAuth2.token_cache)

    async def close(self) -> None:
        self.http.close()
        await super().close()
