"""The credential layers of two clouds' SDKs, both on requests."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RedirectPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.credentials import Credentials

from benchmarks.conformance.peers.oauth import token_of
from benchmarks.conformance.peers.peer import CALL, Peer, Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signedin import TokenPair

    from benchmarks.conformance.site import Site


class Google(Peer):
    name = "google-auth"
    packages = ("google-auth", "requests")
    blocking = True

    def build(self, pair: TokenPair) -> None:
        self.session = AuthorizedSession(self._credentials(pair), refresh_timeout=CALL)

    def _credentials(self, pair: TokenPair) -> Any:
        return Credentials(
            pair.access_token,
            refresh_token=pair.refresh_token,
            token_uri=self.site.token_url,
            client_id="conformance",
            client_secret="conformance",  # noqa: S106 -- the fault server wants none
            expiry=datetime.fromtimestamp(token_of(self.site, pair)["expires_at"], UTC).replace(tzinfo=None),
        )

    def call(self, method: str, url: str, content: Any = None) -> Reply:
        answer = self.session.request(method, url, data=content, timeout=CALL)
        return Reply(answer.status_code, answer.content)

    async def sign_out(self) -> None:
        # What it offers is another credentials object, without tokens.
        self.session.credentials = Credentials(None)

    async def sign_in(self, pair: TokenPair) -> None:
        self.session.credentials = self._credentials(pair)

    def refresh_token(self) -> object:
        return self.session.credentials.refresh_token

    def shown(self) -> Iterable[object]:
        return (self.session, self.session.credentials)


class _Credential:
    """A TokenCredential as one writes it for a refresh token; azure-core brings the cache and the policy."""

    def __init__(self, site: Site, pair: TokenPair) -> None:
        self.site = site
        self.refresh: str | None = pair.refresh_token
        self.first: AccessToken | None = AccessToken(pair.access_token, token_of(site, pair)["expires_at"])

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """Return the first token once, then refresh."""
        if self.first is not None and self.first.expires_on > time.time():
            first, self.first = self.first, None
            return first
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh}
        answer = requests.post(self.site.token_url, data=form, timeout=CALL)
        answer.raise_for_status()
        payload = answer.json()
        token = AccessToken(payload["access_token"], int(time.time()) + payload["expires_in"])
        self.refresh = payload["refresh_token"]
        return token


class Azure(Peer):
    name = "azure-core"
    packages = ("azure-core", "requests")
    blocking = True

    def build(self, pair: TokenPair) -> None:
        self.credential = _Credential(self.site, pair)
        self.policy = BearerTokenCredentialPolicy(self.credential, "scope")
        self.pipeline: Any = Pipeline(RequestsTransport(), [RedirectPolicy(), self.policy])

    def call(self, method: str, url: str, content: Any = None) -> Reply:
        answer = self.pipeline.run(
            HttpRequest(method, url, content=content), enforce_https=False, connection_timeout=CALL, read_timeout=CALL
        ).http_response
        return Reply(answer.status_code, answer.body() if hasattr(answer, "body") else answer.content)

    async def sign_out(self) -> None:
        self.credential.refresh = self.credential.first = None
        self.policy._token = None  # noqa: SLF001 -- it offers no other way

    async def sign_in(self, pair: TokenPair) -> None:
        self.credential.refresh = pair.refresh_token
        self.policy._token = AccessToken(pair.access_token, token_of(self.site, pair)["expires_at"])  # noqa: SLF001

    def refresh_token(self) -> object:
        return self.credential.refresh

    def shown(self) -> Iterable[object]:
        return (self.policy, self.credential, self.pipeline)
