"""Answers that arrive in parts, items of a stream, bytes for a file, pages; in every colour, on one fake server."""

from __future__ import annotations

import ast
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import signedin_sdk.contract
from signedin import APIConnectionError, APIResponseError, AsyncSignedInClient, NotFoundError, SignedInClient

from generator.pipeline import Request, generate
from tests.auth.driving import Body
from tests.generator.conftest import ROOT, imported
from tests.once import first, shared

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import ModuleType

    from tests.auth.driving import Drive, Server

    Page = Callable[[httpx.Request], Any]

# httpx's own generators are not closed when a stream is left early, which trio warns of.
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")]
EVENTS = "text/event-stream; charset=utf-8"
TWO = b"""\
: hello

data: {"n": 1}
id: a

event: ping

event: it
retry: 5
data: {"n":
data:  2}

data: [DONE]

data: x

"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    folder = shared(tmp_path_factory) / "streams"
    with first(folder) as is_first:
        if is_first:
            spec = ROOT / "tests" / "generator" / "streams.yaml"
            assert generate(Request(spec, folder / "streams_sdk"), lambda _: None) == []
    return imported(folder / "streams_sdk")


class Wire(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers with a body to whoever has a token that counts, or needs none; the rest is the auth server's."""

    def __init__(self, server: Server, kind: str, body: Body, status: int = 200) -> None:
        self._server, self._kind, self._body, self._status = server, kind, body, status
        self.statuses: list[int] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if "/auth/" in request.url.path:
            return self._server.transport.handle_request(request)
        if "authorization" in request.headers:
            profile = httpx.Request("GET", f"{self._server.base_url}/users/profile", headers=request.headers)
            refusal = self._server.transport.handle_request(profile)
            if refusal.status_code == 401:
                self.statuses.append(401)
                return refusal
        self.statuses.append(self._status)
        return httpx.Response(self._status, headers={"Content-Type": self._kind}, stream=self._body)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


@asynccontextmanager
async def opened(drive: Drive, server: Server, package: ModuleType, wire: Any) -> AsyncIterator[Any]:
    bases: Any = (
        (AsyncSignedInClient, package.AsyncResources) if drive.is_async else (SignedInClient, package.Resources)
    )
    kind: Any = type("Streams", bases, {"api": signedin_sdk.contract})
    client = kind(server.base_url, clock=server.clock, transport=wire, refresh_transport=server.transport)
    client.session.sign_in(server.issue())
    try:
        yield client
    finally:
        await drive.close(client)


async def all_of(drive: Drive, stream: Any) -> list[Any]:
    if drive.is_async:
        return [item async for item in stream]
    items: list[Any] = await drive(list, stream)
    return items


@pytest.mark.usefixtures("exchange")
async def test_events_arrive_typed_through_an_expiry_and_the_connection_is_given_back(
    drive: Drive, server: Server, package: ModuleType
) -> None:
    wire = Wire(server, EVENTS, body := Body(TWO[:20], TWO[20:50], TWO[50:]))
    async with opened(drive, server, package, wire) as client:
        server.expire_access_tokens()
        stream = await drive(client.items.events)
        assert (wire.statuses, body.is_closed) == ([401, 200], False)
        item = package.models.Item
        event = package.streams.Event
        assert await all_of(drive, stream) == [event(item(n=1), "message", "a", None), event(item(n=2), "it", "a", 5)]
        assert (body.is_closed, repr(stream)) == (True, f"{type(stream).__name__}(status_code=200)")
        assert server.ledger["refreshToken"] == 1


@pytest.mark.parametrize(
    ("operation", "kind", "parts", "items"),
    [
        ("lines", "application/x-ndjson", (b'{"n": 1}\r', b'\n\n{"n"', b": 2", b"}"), [1, 2]),
        ("lines", "application/jsonl", ('{"n": 3, "text": "a\u2028b\x85"}\n'.encode(),), [3]),
        ("sequence", "application/json-seq", (b'\x1e"a\\n', b'b"\n\x1e', b'"c"\n'), ["a\nb", "c"]),
        ("texts", EVENTS, (b"data: a\ndata: b\n\ndata: {\n\n",), ["a\nb", "{"]),
        ("either", EVENTS, (b'data: {"total": 2}\n\ndata: {"n": 1}\n\n',), [2, 1]),
    ],
)
async def test_each_format_is_split_into_its_items(
    drive: Drive, server: Server, package: ModuleType, operation: str, kind: str, parts: Any, items: list[Any]
) -> None:
    wire = Wire(server, kind, Body(*parts))
    async with opened(drive, server, package, wire) as client:
        stream = await call(drive, client, operation)
        values = [getattr(item, "data", item) for item in await all_of(drive, stream)]
        assert [getattr(each, "n", getattr(each, "total", each)) for each in values] == items


async def call(drive: Drive, client: Any, operation: str) -> Any:
    if operation != "lines":
        return await drive(getattr(client.items, operation))
    with pytest.warns(DeprecationWarning, match="items.lines"):
        return await drive(client.items.lines, n=1)


async def test_a_stream_that_is_left_frees_its_connection(drive: Drive, server: Server, package: ModuleType) -> None:
    for leaves in ("close", "with"):
        wire = Wire(server, EVENTS, body := Body(TWO, httpx.ReadError("never read")))
        async with opened(drive, server, package, wire) as client:
            stream = await drive(client.items.events)
            first_item = (await anext(stream)) if drive.is_async else await drive(next, stream)
            assert first_item.data.n == 1
            if leaves == "close":
                await drive.close(stream)
            elif drive.is_async:
                async with stream:
                    assert not body.is_closed
            else:
                with stream:
                    assert not body.is_closed
            assert body.is_closed


@pytest.mark.parametrize(
    ("part", "error"),
    [
        (httpx.ReadError("broken"), APIConnectionError),
        *((each, APIResponseError) for each in (b'data: {"n": "secret"}\n\n', b"data: secret\n\n")),
    ],
)
async def test_what_ends_a_stream_too_early_is_one_of_our_errors_after_the_items_before(
    drive: Drive, server: Server, package: ModuleType, part: Any, error: type[Exception]
) -> None:
    wire = Wire(server, EVENTS, body := Body(b'data: {"n": 1}\n\n', part))
    async with opened(drive, server, package, wire) as client:
        stream = await drive(client.items.events)
        assert ((await anext(stream)) if drive.is_async else await drive(next, stream)).data.n == 1
        with pytest.raises(error, match="GET /events") as caught:
            await all_of(drive, stream)
        assert body.is_closed
        assert "secret" not in str(caught.value)
        assert caught.value.__context__ is None or "secret" not in str(caught.value.__context__)


async def test_what_is_no_stream_is_read_as_any_answer(drive: Drive, server: Server, package: ModuleType) -> None:
    for status, error in ((404, NotFoundError), (200, APIResponseError)):
        wire = Wire(server, "application/json", body := Body(b'{"message": "gone"}'), status)
        async with opened(drive, server, package, wire) as client:
            with pytest.raises(error, match="gone" if status == 404 else "no text/event-stream"):
                await drive(client.items.events)
            assert body.is_closed


async def test_an_operation_that_may_answer_plain_json_does(drive: Drive, server: Server, package: ModuleType) -> None:
    async with opened(drive, server, package, Wire(server, "application/json", Body(b'{"n": 7}'))) as client:
        assert (await drive(client.items.chat)).n == 7


async def test_a_raw_stream_has_headers_before_its_items(drive: Drive, server: Server, package: ModuleType) -> None:
    async with opened(drive, server, package, Wire(server, EVENTS, Body(TWO))) as client:
        answer = await drive(client.with_raw_response.items.events)
        assert answer.headers["content-type"] == EVENTS
        assert len(await all_of(drive, answer.parsed)) == 2


async def test_a_download_goes_to_a_file_that_appears_when_it_is_complete(
    drive: Drive, server: Server, package: ModuleType, tmp_path: Path
) -> None:
    target = tmp_path / "report.pdf"
    wire = Wire(server, "application/pdf", Body(b"%PDF", b"-1"))
    async with opened(drive, server, package, wire) as client:
        server.expire_access_tokens()
        download = await drive(client.with_streaming_response.files.download, id="7")
        await drive(download.to_file, target)
        assert (target.read_bytes(), wire.statuses) == (b"%PDF-1", [401, 200])
        assert (await drive(client.files.download, id="7")).payload.read() == b"%PDF-1"
    gone = Wire(server, "application/pdf", body := Body(b"no"), 404)
    async with opened(drive, server, package, gone) as client:
        with pytest.raises(NotFoundError):
            await drive(client.with_streaming_response.files.download, id="7")
        assert body.is_closed
    broken = Wire(server, "application/pdf", Body(b"%PDF", httpx.ReadError("broken")))
    async with opened(drive, server, package, broken) as client:
        download = await drive(client.with_streaming_response.files.download, id="7")
        with pytest.raises(APIConnectionError):
            await drive(download.to_file, target)
    assert ([*os.listdir(tmp_path)], target.read_bytes()) == (["report.pdf"], b"%PDF-1")  # noqa: PTH208  (no I/O to wait for)


class Pages(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers with a page to whoever asks, and remembers the requests."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.requests: list[httpx.Request] = []

    @property
    def urls(self) -> list[httpx.URL]:
        return [each.url for each in self.requests]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._page(request)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def items(*numbers: int) -> list[dict[str, int]]:
    return [{"n": each} for each in numbers]


def cursor(request: httpx.Request) -> Any:
    after = request.url.params.get("after")
    return {"items": items(1, 2), "next": "b"} if after is None else {"items": items(3), "next": None}


def numbered(name: str, step: int) -> Page:
    """Return what answers a page of two items, then one of one; a page's number counts `step` items."""
    start = 1 if name == "page" else 0

    def page(request: httpx.Request) -> Any:
        at = (int(request.url.params.get(name, start)) - start) * step
        return {"items": items(1, 2, 3)[at : at + 2]}

    return page


def url(request: httpx.Request) -> Any:
    following = "https://evil.example/elsewhere?$skip=2&x="
    return {"items": None} if "$skip" in request.url.params else {"items": items(1, 2, 3), "next": following}


def header(request: httpx.Request) -> httpx.Response:
    link = {} if request.url.params else {"Link": '</header?page=2>; rel="next", </header?page=9>; rel="last"'}
    return httpx.Response(200, json=items(3) if request.url.params else items(1, 2), headers=link)


@pytest.mark.parametrize(
    ("method", "page", "last"),
    [
        ("iter_by_cursor", lambda request: {"page": (p := cursor(request)), "next": p["next"] or ""}, "after=b&q=x"),
        ("iter_by_links", cursor, "after=b"),
        ("iter_by_speakeasy", cursor, "after=b"),
        ("iter_by_page", numbered("page", 2), "page=3"),
        ("iter_by_offset", numbered("skip", 1), "skip=3"),
        ("iter_by_url", url, "%24skip=2&x="),
        ("iter_by_header_", header, "page=2"),
    ],
)
async def test_items_of_all_pages_come_in_order(
    drive: Drive, server: Server, package: ModuleType, method: str, page: Page, last: str
) -> None:
    wire = Pages(page)
    async with opened(drive, server, package, wire) as client:
        options = {"q": "x"} if method == "iter_by_cursor" else {}
        if method == "iter_by_header_":
            with pytest.warns(DeprecationWarning, match="by_header"):
                pages = client.items.iter_by_header_()
        else:
            pages = getattr(client.items, method)(**options)
        assert wire.urls == []
        assert [each.n for each in await all_of(drive, pages)] == [1, 2, 3]
        assert isinstance((await all_of(drive, pages.pages()))[0], list if "header" in method else object)
        assert sorted(wire.urls[-1].query.decode().split("&")) == sorted(last.split("&"))
        assert {each.host for each in wire.urls} == {"auth.test"}


async def test_pages_are_fetched_when_they_are_needed_with_the_options_and_the_token_of_the_client(
    drive: Drive, server: Server, package: ModuleType
) -> None:
    page: Page = lambda request: {"page": (p := cursor(request)), "next": p["next"] or ""}  # noqa: E731
    wire = Pages(page)
    async with opened(drive, server, package, wire) as client:
        pages = client.with_options(headers={"x-a": "1"}).items.iter_by_cursor()
        iterator = aiter(pages) if drive.is_async else iter(pages)
        for expected in (1, 1, 2):
            await (anext(iterator) if drive.is_async else drive(next, iterator))
            assert len(wire.urls) == expected
        assert {each.headers["x-a"] for each in wire.requests} == {"1"}
        assert all(each.headers["authorization"].startswith("Bearer ") for each in wire.requests)
        if drive.is_async:
            await iterator.aclose()


@pytest.mark.parametrize("repeated", ["a", "b"])
async def test_a_repeated_cursor_is_an_error(drive: Drive, server: Server, package: ModuleType, repeated: str) -> None:
    following = {None: "a", "a": "b", "b": repeated}
    page: Page = lambda request: {"items": items(1), "next": following[request.url.params.get("after")]}  # noqa: E731
    wire = Pages(page)
    async with opened(drive, server, package, wire) as client:
        with pytest.raises(APIResponseError, match="one that came before"):
            await all_of(drive, client.items.iter_by_links())
        assert len(wire.urls) == 3


def test_the_stubs_of_raw_responses_have_docstrings_and_deprecations(package: ModuleType) -> None:
    tree = ast.parse((Path(str(package.__file__)).parent / "resources" / "_raw.pyi").read_text("utf-8"))
    resources = [each for each in tree.body if isinstance(each, ast.ClassDef) and each.name.endswith("Resource")]
    methods = [
        each
        for resource in resources
        for each in resource.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert all(map(ast.get_docstring, methods))
    assert {each.name for each in methods if each.decorator_list} == {"lines", "by_header"}
