"""The lean exchange: what it sends, returns and raises is what httpx's client would, and it leaves nothing open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from signedin import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AsyncClient,
    Client,
    TokenPair,
)

from tests.auth.conftest import send_by_httpx
from tests.auth.counting import Counting, counting, until
from tests.auth.driving import Body, Drive, Server, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.anyio
ADA = {"email": "ada@example.com", "password": "correct horse battery staple"}


class Answering(Wire):
    """The fake server, whose profiles come with a cookie, or are a redirect."""

    redirects, bakes = False, True

    def _changed(self, answer: httpx.Response, request: httpx.Request) -> httpx.Response:
        if self.bakes and request.url.path.endswith("/profile"):
            answer.headers["set-cookie"] = f"seen={len(self.sent_to('/profile'))}; Path=/"
        if self.redirects:
            return httpx.Response(302, headers={"location": "/elsewhere"})
        return answer


async def _calls(drive: Drive, client: Any) -> None:
    await drive(client.auth.login, **ADA)
    for _ in range(2):
        await drive(client.users.get_profile)


async def _a_refusal(drive: Drive, client: Any) -> None:
    await drive(client.auth.login, email="ada@example.com", password="wrong horse battery staple")


async def _an_expiry(drive: Drive, client: Any) -> None:
    await drive(client.auth.login, **ADA)
    client.wire.server.expire_access_tokens()
    await drive(client.users.get_profile)


async def _a_redirect(drive: Drive, client: Any) -> None:
    client.wire.redirects = True
    await drive(client.users.get_profile)


async def _changed_settings(drive: Drive, client: Any) -> None:
    client.wire.bakes = False  # with cookies httpx builds the requests
    await drive(client.users.get_profile)
    client.http.headers["x-later"] = "1"
    client.http.params = {"later": "2"}
    client.http.timeout = 7.0
    await drive(client.users.get_profile)


@pytest.mark.parametrize("scenario", [_calls, _a_refusal, _an_expiry, _a_redirect, _changed_settings])
async def test_both_exchanges_send_the_same_and_show_hooks_the_same(
    drive: Drive, server: Server, monkeypatch: pytest.MonkeyPatch, scenario: Any
) -> None:
    assert await _seen(drive, server, scenario) == await _seen(drive, server, scenario, full=monkeypatch)


async def _seen(drive: Drive, server: Server, scenario: Any, full: pytest.MonkeyPatch | None = None) -> list[object]:
    seen: list[object] = []

    def before(request: httpx.Request) -> None:
        request.headers["x-hooked"] = "yes"
        seen.append(("hook", request.method, str(request.url), request.content, [*request.headers]))

    def after(response: httpx.Response) -> None:
        seen.append(("hook", response.status_code, [*response.request.headers], dict(client.http.cookies)))

    if full is not None:
        send_by_httpx(full)
    hooks = {"request": [drive.hook(before)], "response": [drive.hook(after)]}
    wire = Answering(server)
    wire.server = server  # type: ignore[attr-defined]
    async with drive.client(server, transport=wire, event_hooks=hooks, headers={"X-Own": "1"}) as client:
        client.wire = wire
        try:
            await scenario(drive, client)
        except (APIStatusError, APIResponseError) as error:
            answer = error.http_response
            assert answer is not None
            seen.append((str(error), str(answer.url), [*answer.request.headers]))
    hidden = "authorization", "cookie"
    for request in (*wire.sent_to("/login"), *wire.sent_to("/profile")):
        headers = [(name, value) for name, value in request.headers.items() if name not in hidden]
        seen.append((request.method, str(request.url), headers, request.content))
        seen.append([(name in request.headers) for name in hidden])
    return seen


async def test_a_cookie_that_a_call_brought_goes_with_the_next(drive: Drive, server: Server) -> None:
    async with drive.client(server, transport=(wire := Answering(server))) as client:
        for _ in range(2):
            await drive(client.users.get_profile)
    assert [request.headers.get("cookie") for request in wire.sent_to("/profile")] == [None, "seen=1"]


async def test_no_object_of_the_callers_ever_holds_the_token(drive: Drive, server: Server) -> None:
    seen: list[httpx.Request] = []
    hooks = {"request": [drive.hook(seen.append)], "response": [drive.hook(lambda r: seen.append(r.request))]}
    async with drive.client(server, event_hooks=hooks) as client:
        await drive(client.users.get_profile)
    assert len(seen) == 2
    assert not [request for request in seen if "authorization" in request.headers]


@pytest.mark.parametrize("moment", ["request", "response"])
async def test_a_raising_hook_ends_the_call_and_closes_the_answer(drive: Drive, server: Server, moment: str) -> None:
    def raising(_: object) -> None:
        raise ZeroDivisionError

    body = Body(b"{}")
    wire = httpx.MockTransport(lambda _: httpx.Response(200, stream=body))
    async with drive.client(server, transport=wire, event_hooks={moment: [drive.hook(raising)]}) as client:
        with pytest.raises(ZeroDivisionError):
            await drive(client.users.get_profile)
    assert body.is_closed == (moment == "response")


async def test_redirects_are_followed_by_httpx(drive: Drive, server: Server) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        return httpx.Response(307, headers={"location": "/moved"}) if len(paths) == 1 else httpx.Response(204)

    paths: list[str] = []
    async with drive.client(server, transport=httpx.MockTransport(answer)) as client:
        client.http.follow_redirects = True
        with pytest.raises(APIResponseError):
            await drive(client.users.get_profile)
    assert [path.rpartition("/")[2] for path in paths] == ["profile", "moved"]


async def test_an_auth_of_the_users_own_on_the_client_is_used(drive: Drive, client: Any) -> None:
    client.http.auth = ("ada", "secret")
    with pytest.raises(APIStatusError):
        await drive(client.users.get_profile)
    assert client.wire.requests[-1].headers["authorization"].startswith("Basic ")


@pytest.mark.usefixtures("exchange")
@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (httpx.ReadError("reset"), APIConnectionError),
        (httpx.ReadTimeout("slow"), APITimeoutError),
        (httpx.RemoteProtocolError("half"), APIConnectionError),
    ],
)
async def test_half_an_answer_is_a_typed_error_and_its_connection_is_closed(
    drive: Drive, server: Server, trouble: Exception, error: type[Exception]
) -> None:
    body = Body(b'{"email": ', trouble)
    wire = httpx.MockTransport(lambda _: httpx.Response(200, stream=body))
    async with drive.client(server, transport=wire) as client:
        with pytest.raises(error) as raised:
            await drive(client.users.get_profile)
    assert body.is_closed
    assert type(raised.value) is error
    cause = raised.value.__cause__
    assert isinstance(cause, httpx.RequestError)
    assert cause.request.url.path.endswith("/users/profile")


@pytest.fixture
def api() -> Iterator[Counting]:
    with counting() as api:
        yield api


def _client(drive: Drive, url: str, **options: Any) -> Any:
    client: Any = (AsyncClient if drive.is_async else Client)(url, limits=httpx.Limits(max_connections=1), **options)
    client.session.sign_in(TokenPair("a", "r"))
    return client


@pytest.mark.usefixtures("exchange")
async def test_an_answer_that_is_too_slow_leaves_no_connection(drive: Drive, api: Counting) -> None:
    client = _client(drive, f"{api.url}/held", timeout=httpx.Timeout(20, read=0.01))
    with pytest.raises(APITimeoutError):
        await drive(client.users.get_profile)
    api.release("profile")
    await drive.aside(api.wait_until, lambda: not api.open)
    await drive.close(client)


@pytest.mark.usefixtures("exchange")
@pytest.mark.parametrize("colour", ["asyncio", "trio"])
async def test_a_cancelled_call_leaves_no_connection_and_makes_room(drive: Drive, api: Counting) -> None:
    client = _client(drive, f"{api.url}/held")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.users.get_profile)
        await until(lambda: len(api.seen) == 1)
        tasks.cancel_scope.cancel()
    api.release("profile")
    await drive.aside(api.wait_until, lambda: not api.open)
    with pytest.raises(APIResponseError):  # a number is no profile
        await client.users.get_profile()
    assert api.total == 2
    await client.aclose()
