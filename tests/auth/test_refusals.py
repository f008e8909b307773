"""How a server can say that it does not take the token, and what the client makes of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from signedin import (
    FileStore,
    MemoryStore,
    NotSignedInError,
    RefreshUnavailableError,
    SessionExpiredError,
    UnauthorizedError,
)
from signedin._network import LEAVING, RETURNING
from signedin._plan import BEARER, Leaving, Send, TokenOutdated, plan
from signedin._threads import SharedJob
from signedin.session import renewal_of

from tests.auth.driving import Body, Drive, Server, Waiters, Wire, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from signedin._tokens import Held


pytestmark = pytest.mark.anyio

EXPIRED = 'Bearer realm="a, b", error="invalid_token", error_description="expired"'


class Challenging(Wire):
    """The fake server, whose 401s have no body that says why, and the challenge that a test wants."""

    def __init__(self, server: Server, challenge: str | None) -> None:
        super().__init__(server)
        self._challenge = challenge

    def _changed(self, answer: httpx.Response, request: httpx.Request) -> httpx.Response:
        if answer.status_code != 401 or request.url.path.endswith("/refreshToken"):
            return answer
        headers = {"www-authenticate": self._challenge} if self._challenge else {}
        return httpx.Response(401, headers=headers, content=b"" if request.method == "HEAD" else b'{"message": "no"}')


@pytest.mark.parametrize(
    "challenge", [EXPIRED, "Bearer error=invalid_token", 'Basic realm="x", bearer Error = "invalid_token"']
)
async def test_a_challenge_of_an_invalid_token_is_a_refresh_and_a_replay(
    drive: Drive, server: Server, challenge: str
) -> None:
    async with drive.client(server, transport=Challenging(server, challenge)) as client:
        server.expire_access_tokens()
        assert (await drive(client.users.get_profile)).email == "ada@example.com"
        assert server.ledger["rotations"] == 1


@pytest.mark.parametrize("challenge", [None, EXPIRED, 'Bearer realm="x"'])
async def test_a_refused_head_whose_answer_has_no_body_is_a_refresh(
    drive: Drive, server: Server, challenge: str | None
) -> None:
    async with drive.client(server, transport=Challenging(server, challenge)) as client:
        server.expire_access_tokens()
        answers = [await drive(client.http.head, "/users/profile") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert server.ledger["rotations"] == 1


@pytest.mark.parametrize(
    "challenge",
    [
        None,
        "Bearer",
        'Bearer error="insufficient_scope"',
        'Bearer error_description="invalid_token"',
        'Basic realm="x", error="invalid_token"',
    ],
)
async def test_a_401_that_does_not_speak_of_the_token_is_the_callers_answer_after_one_look_at_the_store(
    drive: Drive, server: Server, challenge: str | None
) -> None:
    class Counting(MemoryStore):
        loads = 0

        def load(self, key: str) -> Any:
            self.loads += 1
            return super().load(key)

    store = Counting()
    async with drive.client(server, transport=Challenging(server, challenge), store=store) as client:
        server.expire_access_tokens()
        before = store.loads
        for _ in range(3):
            with pytest.raises(UnauthorizedError, match="GET /users/profile: 401: no"):
                await drive(client.users.get_profile)
        assert server.ledger["refreshToken"] == 0
        assert store.loads == before + 1


async def test_a_401_after_another_process_has_refreshed_is_replayed_with_its_pair(
    drive: Drive, server: Server, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"transport": Challenging(server, None), "store": FileStore(tmp_path / "tokens.json")}
    async with drive.client(server, **options) as here, drive.client(server, signed_in=False, **options) as there:
        await drive(here.users.get_profile)
        await drive.refresh(there.session)
        server.expire_access_tokens()
        await drive.refresh(there.session)

        assert (await drive(here.users.get_profile)).email == "ada@example.com"

        assert server.ledger["rotations"] == 2


@pytest.mark.parametrize(("end", "error"), [("signed_out", NotSignedInError), ("expired", SessionExpiredError)])
async def test_a_401_of_a_session_that_ended_elsewhere_asks_to_sign_in(
    drive: Drive, server: Server, tmp_path: Path, end: Any, error: type[Exception]
) -> None:
    store = FileStore(tmp_path / "tokens.json")
    async with drive.client(server, store=store) as here, drive.client(server, store=store, signed_in=False) as there:
        await drive(here.users.get_profile)
        events: list[str] = []
        here.session.on(end, lambda event: events.append(event.name))
        await drive(there.users.get_profile)
        if end == "signed_out":
            await drive(there.logout)
        else:
            server.revoke_all()
            with pytest.raises(SessionExpiredError):
                await drive.refresh(there.session)

        with pytest.raises(error):
            await drive(here.users.get_profile)

        assert not here.session.is_signed_in
        assert events == [end]


class Tracked(Wire):
    """The fake server, whose answers come as streams; `open` counts those that nobody has closed."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._bodies: list[Body] = []

    @property
    def open(self) -> int:
        return sum(not body.is_closed for body in self._bodies)

    def _changed(self, answer: httpx.Response, request: httpx.Request) -> httpx.Response:  # noqa: ARG002 -- a Wire's
        return self._streamed(answer.status_code, answer.content, **answer.headers)

    def _streamed(self, status: int, content: bytes, **headers: str) -> httpx.Response:
        self._bodies.append(Body(content))
        return httpx.Response(status, headers=headers, stream=self._bodies[-1])


async def test_a_large_refusal_is_left_to_the_caller_unread(drive: Drive, server: Server) -> None:
    class Large(Tracked):
        def _instead(self, _: httpx.Request) -> httpx.Response:
            return httpx.Response(401)

        def _changed(self, *_: object) -> httpx.Response:
            return self._streamed(401, b"x" * 100_000, **{"content-length": "100000"})

    wire = Large(server)
    async with drive.client(server, transport=wire, refresh_transport=server.transport) as client:
        stream = client.http.stream("GET", "/things")

        async def aread() -> int:
            async with stream as answer:
                return wire.open * len(await answer.aread())

        def read() -> int:
            with stream as answer:
                return wire.open * len(answer.read())

        assert await drive(aread if drive.is_async else read) == 100_000
        assert wire.open == 0


@pytest.mark.parametrize("kind", ["a client of ours", "an httpx client with BearerAuth"])
async def test_who_waits_for_a_refresh_keeps_no_connection(drive: Drive, server: Server, kind: str) -> None:
    wire = Tracked(server)
    async with (
        drive.client(server, transport=wire, refresh_transport=server.transport) as client,
        drive.bare(client.session, server, transport=wire) as bare,
    ):
        server.expire_access_tokens()
        refresh, waiters = server.hold("refreshToken"), Waiters(client.session)
        http = client.http if kind.startswith("a client") else bare
        async with drive.under_way(lambda: http.get("/things"), 5) as answers:
            await drive.aside(waiters.wait_for, 5)
            assert wire.open == 0
            refresh.release()
        assert [answer.status_code for answer in answers] == [200] * 5


async def test_a_timeout_of_the_users_own_bounds_the_wait_for_a_refresh_which_goes_on(
    drive: Drive, server: Server
) -> None:
    async with drive.client(server, timeout=0.05) as client:
        server.expire_access_tokens()
        refresh = server.hold("refreshToken")
        with pytest.raises(RefreshUnavailableError, match="takes longer"):
            await drive(client.users.get_profile)
        refresh.release()
        await drive.close(client.session)
        assert server.ledger["rotations"] == 1


@pytest.mark.parametrize("sending", ["first", "replay"])
async def test_a_request_whose_token_expires_while_it_waits_for_a_connection_leaves_with_the_next_one(
    drive: Drive, server: Server, sending: str
) -> None:
    class Queueing(Wire):
        def _arrived(self, request: httpx.Request, content: bytes) -> httpx.Request:
            if LEAVING in request.extensions and (request.extensions.get(RETURNING) or sending == "first"):
                if not waited:
                    waited.append(True)
                    server.clock.advance(301)
                request.extensions[LEAVING](request)
            return super()._arrived(request, content)

    waited: list[bool] = []
    async with drive.client(server, transport=Queueing(server)) as client:
        if sending == "replay":
            server.expire_access_tokens()
        answer = await drive(client.http.post, "/things", content=b"whole")
        assert answer.json()["body"] == "whole"
        assert server.ledger["expired"] == (sending == "replay")


async def test_a_request_that_comes_back_need_not_wait_its_turn_again(drive: Drive, server: Server) -> None:
    class Watching(Wire):
        def _arrived(self, request: httpx.Request, content: bytes) -> httpx.Request:
            returning.append(RETURNING in request.extensions)
            return super()._arrived(request, content)

    returning: list[bool] = []
    async with drive.client(server, transport=Watching(server)) as client:
        server.expire_access_tokens()
        await drive(client.users.get_profile)
        await drive(client.users.get_profile)
    assert returning == [False, False, True, False]  # the second is the refresh, which this transport serves, too


async def test_a_401_is_the_callers_answer_where_no_thread_can_look_at_the_store(
    drive: Drive, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_: object) -> None:
        raise RuntimeError("can't start new thread")

    async with drive.client(server, transport=Challenging(server, None)) as client:
        server.expire_access_tokens()
        monkeypatch.setattr(renewal_of(client.session).threads, "start", no_thread)
        with pytest.raises(UnauthorizedError):
            await drive(client.users.get_profile)


# ------------------------------------------------------------------------------------------------ the plan, by hand


def test_a_request_that_waited_for_its_connection_leaves_with_the_pair_of_then(server: Server) -> None:
    with signed_in(server) as client:
        renewal: Any = renewal_of(client.session)
        refused: list[Held] = []

        def refuse(sent: Held, _: str) -> Held:
            refused.append(sent)
            return sent

        request = httpx.Request("GET", f"{server.base_url}/things", extensions={BEARER: True})
        for step in plan(request, renewal):
            assert isinstance(step, Send)
            client.session.refresh()  # meanwhile, by another request
            renewal.renew = refuse
            step.request.extensions[LEAVING](step.request)
            assert step.request.headers["authorization"] == renewal.held.header
            step.answer, step.body = httpx.Response(401), b'{"message": "TokenExpiredError"}'
        assert refused == [renewal.held]  # the pair that was sent, not the one that it waited with


def test_a_request_is_held_back_once(server: Server) -> None:
    with signed_in(server) as client:
        renewal = renewal_of(client.session)
        request = httpx.Request("GET", f"{server.base_url}/things", extensions={BEARER: True})
        steps: list[type] = []
        for step in plan(request, renewal, holds_back=True):
            steps.append(type(step))
            assert len(steps) < 10
            if isinstance(step, Send):
                server.clock.advance(301)  # longer than any token lives
                with suppress(TokenOutdated):
                    step.request.extensions[LEAVING](step.request)
                    step.answer = httpx.Response(200)
            else:
                renewal.wait(step)
        assert steps == [Send, SharedJob, Send]


def test_a_request_of_one_user_with_an_expired_token_is_held_back_while_another_user_is_signed_in(
    server: Server,
) -> None:
    with signed_in(server) as client:
        renewal: Any = renewal_of(client.session)
        leaving = Leaving(renewal.held, renewal, holds_back=True)
        request = leaving.stamped(httpx.Request("GET", server.base_url))
        server.clock.advance(301)
        client.session.sign_in(server.issue("bob@example.com"))
        with pytest.raises(TokenOutdated):
            leaving(request)


def test_a_request_is_held_back_where_the_newest_pair_was_refused(server: Server) -> None:
    with signed_in(server) as client:
        renewal: Any = renewal_of(client.session)
        leaving = Leaving(renewal.held, renewal, holds_back=True)
        request = leaving.stamped(httpx.Request("GET", server.base_url))
        client.session.refresh()
        renewal.held.refuse()
        with pytest.raises(TokenOutdated):
            leaving(request)


@pytest.mark.parametrize("why", ["another user's", "refused already"])
def test_a_request_leaves_with_no_other_pair_than_a_good_one_of_its_own_user(server: Server, why: str) -> None:
    with signed_in(server) as client:
        renewal: Any = renewal_of(client.session)
        leaving = Leaving(renewal.held, renewal)
        request = leaving.stamped(httpx.Request("GET", server.base_url))
        before = request.headers["authorization"]
        if why == "refused already":
            client.session.refresh()
            renewal.held.refuse()
        else:
            client.session.sign_in(server.issue("bob@example.com"))

        leaving(request)

        assert request.headers["authorization"] == before
