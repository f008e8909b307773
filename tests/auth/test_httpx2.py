"""`BearerAuth` fits clients of httpx2, the successor of httpx, beside clients of httpx in one process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio.to_thread
import httpx
import httpx2
import pytest
from signedin import BearerAuth, TokenSession

if TYPE_CHECKING:
    from tests.auth.driving import Drive, Server

pytestmark = pytest.mark.anyio


class _Bridge(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """The fake server for httpx2."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._answer(request, request.read())

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await anyio.to_thread.run_sync(self._answer, request, await request.aread())

    def _answer(self, request: httpx2.Request, content: bytes) -> httpx2.Response:
        headers = [(name.decode(), value.decode()) for name, value in request.headers.raw]
        forwarded = httpx.Request(request.method, str(request.url), headers=headers, content=content)
        answer = self._server.transport.handle_request(forwarded)
        return httpx2.Response(answer.status_code, headers=dict(answer.headers), content=answer.read())


async def test_one_auth_serves_clients_of_both_libraries_and_replays_bodies(drive: Drive, server: Server) -> None:
    async with drive.client(server) as client:
        session: TokenSession = client.session
        kind: Any = httpx2.AsyncClient if drive.is_async else httpx2.Client
        http = kind(auth=BearerAuth(session), transport=_Bridge(server), base_url=server.base_url)
        server.expire_access_tokens()
        answer = await drive(http.post, "/echo", content=b"twice")
        assert answer.json()["body"] == "twice"
        async with drive.bare(session, server) as bare:
            assert (await drive(bare.get, "/users/profile")).status_code == 200
        await drive.close(http)
    assert server.ledger["refreshToken"] == 1
