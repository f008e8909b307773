"""The second sending carries the body of the first, whole, or does not happen."""

import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from signedin import AsyncClient, Client, SessionExpiredError, TokenSession
from signedin._plan import BEARER, Send, plan
from signedin._tokens import Held
from signedin.session import renewal_of

from tests.auth.driving import Drive, Server

pytestmark = pytest.mark.anyio

PAYLOAD = b"0123456789" * 5000


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"name": "ada", "list": [1, 2, 3]}},
        {"content": PAYLOAD},
        {"content": "text"},
        {"data": {"a": "1", "b": "2"}},
        {"data": {"a": "1"}, "files": {"f": ("f.txt", b"in memory")}},
        {},
    ],
    ids=["json", "bytes", "text", "form", "multipart bytes", "nothing"],
)
async def test_a_body_in_memory_is_replayed_intact(
    drive: Drive, server: Server, body: dict[str, Any], client: Any
) -> None:
    server.expire_access_tokens()
    answer = await drive(client.http.post, "/things", **body)
    first, second = client.wire.sent_to("/things")
    assert answer.status_code == 200
    assert first.content == second.content == answer.json()["body"].encode()
    assert first.headers["authorization"] != second.headers["authorization"]
    assert {k: v for k, v in first.headers.items() if k != "authorization"} == {
        k: v for k, v in second.headers.items() if k != "authorization"
    }


@pytest.mark.parametrize("position", [0, 7])
@pytest.mark.parametrize("colour", ["threads"])
async def test_a_file_in_memory_is_replayed_from_where_it_stood(
    drive: Drive, server: Server, position: int, client: Any
) -> None:
    server.expire_access_tokens()
    body = io.BytesIO(PAYLOAD)
    body.seek(position)
    answer = await drive(client.http.post, "/things", content=body)
    assert answer.json()["body"].encode() == PAYLOAD[position:]
    first, second = client.wire.sent_to("/things")
    assert first.content == second.content == PAYLOAD[position:]


@pytest.mark.parametrize("colour", ["threads"])
async def test_a_multipart_file_is_replayed_whole(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    answer = await drive(client.http.post, "/things", files={"f": ("f.txt", io.BytesIO(PAYLOAD))})
    assert PAYLOAD.decode() in answer.json()["body"]
    first, second = client.wire.sent_to("/things")
    assert first.content == second.content


class _Pipe(io.RawIOBase):
    """A file that cannot be rewound."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return 0  # it may know where it stands all the same

    def readinto(self, buffer: Any) -> int:
        return self._content.readinto(buffer)


def _generator() -> Iterator[bytes]:
    yield PAYLOAD[:10]
    yield PAYLOAD[10:]


async def _async_generator() -> AsyncIterator[bytes]:
    for chunk in _generator():
        yield chunk


def _one_shot(drive: Drive) -> Any:
    return _async_generator() if drive.is_async else _generator()


async def test_a_generator_body_refused_is_not_sent_again_but_refreshed_for(
    drive: Drive, server: Server, client: Any
) -> None:
    server.expire_access_tokens()
    answer = await drive(client.http.post, "/things", content=_one_shot(drive))
    assert answer.status_code == 401  # the caller's, who can make the body anew
    assert [request.content for request in client.wire.sent_to("/things")] == [PAYLOAD]
    assert server.ledger["rotations"] == 1
    again = await drive(client.http.post, "/things", content=_one_shot(drive))
    assert again.json()["body"].encode() == PAYLOAD
    assert server.ledger["rotations"] == 1


async def test_before_a_generator_body_a_token_near_its_end_is_refreshed(
    drive: Drive, server: Server, client: Any
) -> None:
    old = client.session.tokens
    server.clock.advance(280)  # the soft window, in which others send the old token
    answer = await drive(client.http.post, "/things", content=_one_shot(drive))
    assert answer.json()["body"].encode() == PAYLOAD
    assert client.wire.sent_to("/things")[0].headers["authorization"] != f"Bearer {old.access_token}"
    assert server.seen == ["refreshToken", "echo"]


async def test_during_an_outage_a_usable_token_serves_a_generator_body(
    drive: Drive, server: Server, client: Any
) -> None:
    server.clock.advance(280)
    server.fail("refreshToken", *["connect error"] * 3)
    await drive(client.http.get, "/things")  # its refresh in the background fails
    await drive.close(client.session)

    answer = await drive(client.http.post, "/things", content=_one_shot(drive))

    assert answer.json()["body"].encode() == PAYLOAD
    assert server.ledger["rotations"] == 0


async def test_a_usable_token_serves_a_generator_body_whose_own_refresh_fails(
    drive: Drive, server: Server, client: Any
) -> None:
    server.clock.advance(280)
    server.fail("refreshToken", *["connect error"] * 3)

    answer = await drive(client.http.post, "/things", content=_one_shot(drive))

    assert answer.json()["body"].encode() == PAYLOAD
    assert server.ledger["rotations"] == 0


async def test_a_generator_body_learns_that_its_session_has_ended(drive: Drive, server: Server, client: Any) -> None:
    server.clock.advance(280)
    server.revoke_all()
    with pytest.raises(SessionExpiredError):
        await drive(client.http.post, "/things", content=_one_shot(drive))
    assert server.ledger["echo"] == 0


class _Stream(httpx.SyncByteStream):
    """One that knows nothing of itself, or looks like httpx's."""

    def __init__(self, file: io.BytesIO | None = None) -> None:
        if file is not None:
            self._stream = file

    def __iter__(self) -> Iterator[bytes]:
        yield PAYLOAD


def _pipe() -> Any:
    return io.BufferedReader(_Pipe(PAYLOAD))


ONE_SHOT: dict[str, Callable[[], dict[str, Any]]] = {
    "a pipe": lambda: {"content": _pipe()},
    "a pipe in a form": lambda: {"files": {"f": _pipe()}},
    "a pipe among the files of a form": lambda: {
        "data": {"name": "x"}, "files": {"kept": io.BytesIO(b"kept"), "gone": _pipe()}
    },
    "a stream of ones own": lambda: {"stream": _Stream()},
    "a stream that looks like httpx's": lambda: {"stream": _Stream(io.BytesIO(PAYLOAD))},
}  # fmt: skip


@pytest.mark.parametrize("body", ONE_SHOT.values(), ids=ONE_SHOT)
@pytest.mark.parametrize("colour", ["threads"])
async def test_what_may_be_readable_once_only_is_not_sent_twice(
    drive: Drive, server: Server, body: Callable[[], dict[str, Any]], client: Any
) -> None:
    server.expire_access_tokens()
    answer = await drive(client.http.send, httpx.Request("POST", f"{server.base_url}/things", **body()))
    assert answer.status_code == 401
    (sent,) = client.wire.sent_to("/things")
    assert PAYLOAD in sent.content
    assert server.ledger["rotations"] == 1


async def test_no_body_ever_arrives_empty_or_cut(drive: Drive, server: Server, client: Any) -> None:
    makers: list[Any] = [lambda: PAYLOAD, lambda: _one_shot(drive)]
    if not drive.is_async:
        makers += [lambda: io.BytesIO(PAYLOAD), _pipe]
    for make in makers:
        for age in (0, 250, 280, 298, 400):
            server.clock.advance(age)
            await drive(client.http.post, "/things", content=make())
            await drive.close(client.session)
    assert {request.content for request in client.wire.sent_to("/things")} == {PAYLOAD}


async def test_an_answer_may_be_streamed_after_a_replay(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    stream = client.http.stream

    async def astreamed() -> bytes:
        async with stream("POST", "/things", content=b"abc") as answer:
            return b"".join([chunk async for chunk in answer.aiter_bytes()])

    def streamed() -> bytes:
        with stream("POST", "/things", content=b"abc") as answer:
            return b"".join(answer.iter_bytes())

    read = json.loads(await drive(astreamed if drive.is_async else streamed))
    assert read["body"] == "abc"


async def test_neither_refusal_nor_refresh_stand_in_the_history(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    answer = await drive(client.http.get, "/things")
    assert answer.history == []
    assert "authorization" not in answer.request.headers


def _nothing(_: TokenSession) -> None: ...


def _steps(
    server: Server,
    newer: Callable[[TokenSession], object],
    meanwhile: Callable[[TokenSession], object] = _nothing,
    body: bytes = b'{"message": "TokenExpiredError"}',
) -> list[str]:
    """Return what is done for a request that is always refused.

    `newer` brings the pair that is in hand after a refusal. `meanwhile` happens while the request is sent again, whose
    refusal has the body.
    """
    session = Client(server.base_url, transport=server.transport, clock=server.clock).session
    session.sign_in(server.issue())
    renewal: Any = renewal_of(session)
    steps: list[str] = []
    by_hand = renewal.renew

    def renew(sent: Held, reason: str) -> Any:
        if reason == "demanded":
            return by_hand(sent, reason)
        steps.append("renew")
        newer(session)
        return renewal.held

    renewal.renew = renew
    request = httpx.Request("GET", f"{server.base_url}/things", extensions={BEARER: True})
    for step in plan(request, renewal):
        assert isinstance(step, Send)
        steps.append("send")
        if again := steps.count("send") > 1:
            meanwhile(session)
        step.answer, step.body = httpx.Response(401), body if again else b'{"message": "TokenExpiredError"}'
    return steps


def test_without_a_newer_pair_nothing_is_sent_again(server: Server) -> None:
    assert _steps(server, lambda _: None) == ["send", "renew"]


def test_a_replay_is_sent_as_the_same_user_only(server: Server) -> None:
    assert _steps(server, lambda session: session.refresh()) == ["send", "renew", "send"]
    bobs = server.issue("bob@example.com")
    assert _steps(server, lambda session: session.sign_in(bobs)) == ["send", "renew"]


def test_a_replay_is_repeated_once_where_its_token_was_replaced_on_its_way(server: Server) -> None:
    once = ["send", "renew", "send"]
    assert _steps(server, TokenSession.refresh, TokenSession.refresh) == [*once, "renew", "send"]
    assert _steps(server, TokenSession.refresh, TokenSession.refresh, body=b"{}") == once  # refused for another reason


@pytest.mark.parametrize("colour", ["asyncio"])
async def test_the_fake_servers_own_transport_lets_no_body_be_sent_twice(server: Server) -> None:
    async def once() -> AsyncIterator[bytes]:
        yield b"only once"

    async with AsyncClient(server.base_url, transport=server.transport, clock=server.clock) as client:
        client.session.sign_in(server.issue())
        server.expire_access_tokens()

        answer = await client.http.post("/things", content=once())

    assert answer.status_code == 401
    assert server.seen == ["echo", "refreshToken"]


@pytest.mark.parametrize("colour", ["asyncio", "trio"])
async def test_an_async_file_is_sent_once_and_whole(drive: Drive, server: Server, tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(PAYLOAD)
    async with drive.client(server) as client, await anyio.open_file(path, "rb") as body:
        server.expire_access_tokens()

        answer = await client.http.post("/things", content=body)

        assert answer.status_code == 401
        assert [request.content for request in client.wire.sent_to("/things")] == [PAYLOAD]


async def test_a_request_that_is_sent_again_later_gets_the_token_of_then(
    drive: Drive, server: Server, client: Any
) -> None:
    request = client.http.build_request("GET", "/things")
    for _ in range(3):
        assert (await drive(client.http.send, request)).status_code == 200
        server.expire_access_tokens()
    assert server.ledger["rotations"] == 2


async def test_a_request_that_is_sent_again_elsewhere_leaves_its_token_behind(drive: Drive, server: Server) -> None:
    async with drive.client(server) as client, drive.bare(client.session, server) as bare:
        request = bare.build_request("GET", "/things")
        await drive(bare.send, request)
        request.url = httpx.URL("https://elsewhere.test/things")

        await drive(bare.send, request)

        assert server.ledger["tokens seen by a foreign origin"] == 0
