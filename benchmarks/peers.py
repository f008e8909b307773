"""The clients of `make bench`: each opens on an address and yields one call, which answers with the profile as JSON."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import google.auth.transport.requests
import google.oauth2.credentials
import httpx
import httpx_aiohttp
import openai
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client
from azure.core.credentials import AccessToken
from azure.core.pipeline import AsyncPipeline, Pipeline
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy, BearerTokenCredentialPolicy
from azure.core.pipeline.transport import AioHttpTransport, RequestsTransport
from azure.core.rest import HttpRequest
from pyreqwest.client import ClientBuilder, SyncClientBuilder
from signedin import AsyncClient, Client, TokenPair

from benchmarks.canned import PATH, TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    Call = Callable[[], object]
    AsyncCall = Callable[[], Awaitable[object]]

_HEADERS: Final = {"authorization": f"Bearer {TOKEN}"}
_PATIENCE: Final = 60.0  # seconds


class _Profile(openai.BaseModel):  # type: ignore[misc, unused-ignore]
    id: str
    email: str


class _Credential:
    def get_token(self, *_: str, **__: object) -> AccessToken:
        return AccessToken(TOKEN, int(time.time()) + 86_400)


class _AsyncCredential:
    async def get_token(self, *_: str, **__: object) -> AccessToken:
        return AccessToken(TOKEN, int(time.time()) + 86_400)


def signed_in(client: Any) -> Any:
    """Return a client of ours with a token."""
    client.session.sign_in(TokenPair(TOKEN, "r"))
    return client


# ------------------------------------------------------------------------------------------------------------ blocking


@contextmanager
def _httpx(url: str) -> Iterator[Call]:
    with httpx.Client(base_url=url, headers=_HEADERS, timeout=_PATIENCE) as client:
        yield lambda: client.get(PATH).json()


@contextmanager
def _signedin(url: str, **options: Any) -> Iterator[Call]:
    with signed_in(Client(url, **options)) as client:
        yield client.users.get_profile


@contextmanager
def _generated(url: str) -> Iterator[Call]:
    api, client = import_module("bare_sdk.api.users.get_profile"), import_module("bare_sdk").AuthenticatedClient
    with client(url, TOKEN) as opened:
        yield lambda: api.sync(client=opened)


@contextmanager
def _authlib(url: str) -> Iterator[Call]:
    token = {"access_token": TOKEN, "token_type": "Bearer", "expires_at": time.time() + 86_400}
    with OAuth2Client(token=token, base_url=url, timeout=_PATIENCE) as client:
        yield lambda: client.get(PATH).json()


@contextmanager
def _openai(url: str) -> Iterator[Call]:
    with openai.OpenAI(base_url=url, api_key=TOKEN) as client:
        yield lambda: client.get(PATH, cast_to=_Profile)


@contextmanager
def _azure(url: str) -> Iterator[Call]:
    with Pipeline(RequestsTransport(), [BearerTokenCredentialPolicy(_Credential(), "scope")]) as pipeline:

        def call() -> object:
            return pipeline.run(HttpRequest("GET", url + PATH), enforce_https=False).http_response.json()

        yield call


@contextmanager
def _google(url: str) -> Iterator[Call]:
    credentials = google.oauth2.credentials.Credentials(TOKEN)
    with google.auth.transport.requests.AuthorizedSession(credentials) as session:
        yield lambda: session.get(url + PATH).json()


@contextmanager
def _pyreqwest(url: str) -> Iterator[Call]:
    with SyncClientBuilder().build() as client:
        yield lambda: client.get(url + PATH).bearer_auth(TOKEN).build().send().json()


def _request(url: str) -> bytes:
    host = url.removeprefix("http://")
    return f"GET {PATH} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()


def _length(head: bytes) -> int:
    return int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])


@contextmanager
def _socket(url: str) -> Iterator[Call]:
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as raw:

        def call() -> object:
            raw.sendall(_request(url))
            received = b""
            while b"\r\n\r\n" not in received or len(received.partition(b"\r\n\r\n")[2]) < _length(received):
                received += raw.recv(65536)
            return json.loads(received.partition(b"\r\n\r\n")[2])

        yield call


# --------------------------------------------------------------------------------------------------------------- async


@asynccontextmanager
async def _httpx_async(url: str, **options: Any) -> AsyncIterator[AsyncCall]:
    async with httpx.AsyncClient(base_url=url, headers=_HEADERS, timeout=_PATIENCE, **options) as client:

        async def call() -> object:
            return (await client.get(PATH)).json()

        yield call


@asynccontextmanager
async def _httpx_aiohttp(url: str) -> AsyncIterator[AsyncCall]:
    async with _httpx_async(url, transport=httpx_aiohttp.AiohttpTransport()) as call:
        yield call


@asynccontextmanager
async def _signedin_async(url: str, **options: Any) -> AsyncIterator[AsyncCall]:
    async with signed_in(AsyncClient(url, **options)) as client:
        yield client.users.get_profile


@asynccontextmanager
async def _generated_async(url: str) -> AsyncIterator[AsyncCall]:
    api, client = import_module("bare_sdk.api.users.get_profile"), import_module("bare_sdk").AuthenticatedClient
    async with client(url, TOKEN) as opened:
        yield lambda: api.asyncio(client=opened)


@asynccontextmanager
async def _authlib_async(url: str) -> AsyncIterator[AsyncCall]:
    token = {"access_token": TOKEN, "token_type": "Bearer", "expires_at": time.time() + 86_400}
    async with AsyncOAuth2Client(token=token, base_url=url, timeout=_PATIENCE) as client:

        async def call() -> object:
            return (await client.get(PATH)).json()

        yield call


@asynccontextmanager
async def _openai_async(url: str) -> AsyncIterator[AsyncCall]:
    async with openai.AsyncOpenAI(base_url=url, api_key=TOKEN) as client:
        yield lambda: client.get(PATH, cast_to=_Profile)


@asynccontextmanager
async def _azure_async(url: str) -> AsyncIterator[AsyncCall]:
    policy = AsyncBearerTokenCredentialPolicy(_AsyncCredential(), "scope")
    async with AsyncPipeline(AioHttpTransport(), [policy]) as pipeline:

        async def call() -> object:
            answer = (await pipeline.run(HttpRequest("GET", url + PATH), enforce_https=False)).http_response
            await answer.load_body()
            return json.loads(answer.body())

        yield call


@asynccontextmanager
async def _aiohttp(url: str) -> AsyncIterator[AsyncCall]:
    async with aiohttp.ClientSession(url, headers=_HEADERS) as session:

        async def call() -> object:
            async with session.get(PATH) as answer:
                return await answer.json()

        yield call


@asynccontextmanager
async def _pyreqwest_async(url: str) -> AsyncIterator[AsyncCall]:
    async with ClientBuilder().build() as client:

        async def call() -> object:
            return await (await client.get(url + PATH).bearer_auth(TOKEN).build().send()).json()

        yield call


@asynccontextmanager
async def _socket_async(url: str) -> AsyncIterator[AsyncCall]:
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    room = asyncio.Semaphore(100)  # as the others

    async def call() -> object:
        async with room:
            streams = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            streams[1].write(_request(url))
            body = await streams[0].readexactly(_length(await streams[0].readuntil(b"\r\n\r\n")))
            idle.append(streams)
            return json.loads(body)

    yield call
    for _, writer in idle:
        writer.close()


BARE, OURS, FAST, AIOHTTP = "httpx", "signedin", "signedin, `fast=True`", "aiohttp"
_PEERS: Final[dict[str, tuple[Any, Any]]] = {  # each one's blocking and async client
    BARE: (_httpx, _httpx_async),
    OURS: (_signedin, _signedin_async),
    FAST: (partial(_signedin, fast=True), partial(_signedin_async, fast=True)),
    "the bare generator's client": (_generated, _generated_async),
    "authlib": (_authlib, _authlib_async),
    "openai": (_openai, _openai_async),
    "azure-core": (_azure, _azure_async),
    "google-auth": (_google, None),
    "httpx on aiohttp": (None, _httpx_aiohttp),
    AIOHTTP: (None, _aiohttp),
    "pyreqwest": (_pyreqwest, _pyreqwest_async),
    "a raw socket": (_socket, _socket_async),
}
BLOCKING: Final = {name: opens for name, (opens, _) in _PEERS.items() if opens}
ASYNC: Final = {name: opens for name, (_, opens) in _PEERS.items() if opens}
PACKAGES: Final = (
    "httpx", "openapi-python-client", "authlib", "openai", "azure-core", "google-auth", "aiohttp", "httpx-aiohttp",
    "pyreqwest",
)  # fmt: skip
