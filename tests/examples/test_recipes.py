"""The recipes: each program of a how-to page does what its page promises."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import django
import django.conf
import django.test
import httpx
import pytest
from redis import Redis
from rq.job import Job
from signedin import Client, FileStore, SignInRequiredError
from signedin.testing import FakeAuthServer
from signedin.testing.transport import FakeTransport
from websockets.exceptions import ConnectionClosedError
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from examples import behind_a_gateway, django_views, fastapi_app, graphql_query, rq_jobs, script, websocket_feed
from tests.examples.conftest import ROOT
from tests.servers_redis import redis_server

PASSWORD = "correct horse battery staple"


@pytest.fixture
def email(base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An account; its tokens stand in the file that SIGNEDIN_STORE names, as `signedin register` leaves them."""
    email = f"{os.urandom(6).hex()}@example.com"
    monkeypatch.setenv("SIGNEDIN_BASE_URL", base_url)
    monkeypatch.setenv("SIGNEDIN_STORE", f"file:{tmp_path / 'tokens.json'}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with Client() as client:
        client.auth.register(email=email, password=PASSWORD)
    return email


def test_a_script_says_who_must_sign_in_and_then_stays_signed_in(
    email: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main() == 3
    assert "signedin login" in capsys.readouterr().err
    with Client(store=FileStore()) as client:
        client.auth.login(email=email, password=PASSWORD)
    assert script.main() == 0
    assert capsys.readouterr().out == f"{email}\n"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_fastapi_serves_each_browser_as_its_own_user(email: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNEDIN_STORE", "memory:")
    app = fastapi_app.app
    browser = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://shop.test")
    async with fastapi_app.lifespan(app), browser:
        assert (await browser.get("/me")).status_code == 401
        assert (await browser.post("/login", json={"email": email, "password": "wrong"})).status_code == 403
        assert (await browser.post("/login", json={"email": email, "password": PASSWORD})).status_code == 200
        assert (await browser.get("/me")).json() == email
        browser.cookies.set("sid", "guessed")
        assert (await browser.get("/me")).status_code == 401


def test_django_serves_each_browser_as_its_own_user(email: str) -> None:
    django.conf.settings.configure(SECRET_KEY=os.urandom(16).hex(), ROOT_URLCONF=django_views.__name__)
    django.setup()
    django.test.utils.setup_test_environment()
    browser = django.test.Client()
    try:
        assert browser.get("/me").status_code == 401
        assert browser.post("/login", {"email": email, "password": "wrong"}).status_code == 403
        assert browser.post("/login", {"email": email, "password": PASSWORD}).status_code == 204
        assert browser.get("/me").json() == {"email": email}
        browser.cookies["sid"] = "guessed:signature"
        assert browser.get("/me").status_code == 401
    finally:
        django_views.client().close()
        django_views.client.cache_clear()
        django.test.utils.teardown_test_environment()


def test_a_fleet_of_rq_workers_outlives_its_token_by_one_refresh(
    auth_server: FakeAuthServer, auth_server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, workers = auth_server.transport.handle_request, 3
    together = threading.Barrier(workers)  # each has a job under way before one of them is answered

    def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            together.wait(timeout=8)
        return answer(request)

    auth_server.transport = FakeTransport(handle)
    with (
        redis_server(tmp_path) as redis,
        Redis.from_url(redis.url, socket_timeout=90) as connection,
        contextlib.ExitStack() as fleet,
    ):
        monkeypatch.setenv("SIGNEDIN_BASE_URL", auth_server_url)
        monkeypatch.setenv("SIGNEDIN_STORE", redis.url)
        with Client() as client:
            client.session.sign_in(auth_server.issue())
        for _ in range(workers):
            fleet.enter_context(started("-m", "rq.cli", "worker", "--quiet", "--url", redis.url))
        assert finished(rq_jobs.enqueue(connection, workers)) == workers
        auth_server.expire_access_tokens()
        assert finished(rq_jobs.enqueue(connection, workers)) == workers
    assert auth_server.ledger["expired"] == workers
    auth_server.assert_refreshes(1)


def finished(jobs: list[Job]) -> int:
    """Wait for jobs that show the account, and return how many workers did them."""
    results = [job.latest_result(timeout=60) for job in jobs]
    assert [result and result.return_value for result in results] == ["ada@example.com"] * len(jobs)
    return len({result.worker_name for result in results if result})


def test_a_daemon_works_until_it_gets_a_signal(email: str) -> None:
    with started("examples/daemon.py") as (daemon, line):
        line(rf"working for {email}")
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0


def test_a_client_made_before_gunicorn_forks_works_in_its_workers(email: str) -> None:
    arguments = ("-m", "gunicorn", "--preload", "--workers=2", "--bind=127.0.0.1:0", "examples.gunicorn_app:app")
    with started(*arguments) as (_, line):
        address = line(r"Listening at: (\S+)")[1]
        line("Booting worker")
        line("Booting worker")
        assert {httpx.get(address, timeout=30).text for _ in range(6)} == {email}


@contextlib.contextmanager
def started(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", Callable[[str], "re.Match[str]"]]]:
    """Run a program; what is yielded with it returns the next line of its output that matches."""
    command, environ = [sys.executable, *arguments], {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:

        def line(pattern: str) -> "re.Match[str]":
            for text in process.stdout or ():
                if match := re.search(pattern, text):
                    return match
            raise AssertionError(f"the program ended before {pattern}")

        try:
            yield process, line
        finally:
            process.terminate()
            process.wait(30)


def test_a_graphql_query_outlives_its_token_and_shows_errors(server: FakeAuthServer) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        response = server.transport.handle_request(request)
        if not (request.url.path.endswith("/graphql") and response.is_success):
            return response
        text = request.content.decode()
        return httpx.Response(
            200, json={"errors": [{"message": "no"}]} if "wrong" in text else {"data": {"orders": []}}
        )

    with Client(server.base_url, transport=FakeTransport(handle), clock=server.clock) as client:
        client.session.sign_in(server.issue())
        server.expire_access_tokens()
        assert graphql_query.query(client, "{ orders { id } }") == {"orders": []}
        assert server.ledger["rotations"] == 1
        with pytest.raises(RuntimeError, match="no"):
            graphql_query.query(client, "{ wrong }")


def test_a_websocket_connects_anew_with_a_token_that_the_server_accepts(
    server: FakeAuthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_feed, "TOO_SOON", 0.0)

    def feed(connection: ServerConnection) -> None:
        connection.send(f"message {handshakes.count(200)}")
        if handshakes.count(200) < 3:
            server.expire_access_tokens()
            connection.close(websocket_feed.UNAUTHORIZED)

    with websocket(server, feed) as (client, handshakes):
        server.expire_access_tokens()
        assert [*websocket_feed.messages(client, "/feed")] == ["message 1", "message 2", "message 3"]
    assert handshakes == [401, 200, 200, 200]
    server.assert_refreshes(3)


def test_a_websocket_that_refuses_new_tokens_too_is_not_tried_for_ever(server: FakeAuthServer) -> None:
    def refuse(connection: ServerConnection) -> None:
        connection.close(websocket_feed.UNAUTHORIZED)

    with websocket(server, refuse) as (client, handshakes), pytest.raises(ConnectionClosedError):
        [*websocket_feed.messages(client, "/feed")]
    assert handshakes == [200, 200]
    server.assert_refreshes(1)


@contextlib.contextmanager
def websocket(server: FakeAuthServer, feed: Callable[[ServerConnection], None]) -> Iterator[tuple[Client, list[int]]]:
    """Serve a websocket at the API's address; what is yielded with the client is how each handshake was answered."""
    handshakes: list[int] = []

    def admit(connection: ServerConnection, handshake: Request) -> Response | None:
        headers = {"Authorization": handshake.headers["Authorization"]}
        profile = httpx.Request("GET", f"{server.base_url}/users/profile", headers=headers)
        handshakes.append(server.transport.handle_request(profile).status_code)
        return None if handshakes[-1] == 200 else connection.respond(handshakes[-1], "")

    def handle(request: httpx.Request) -> httpx.Response:
        request.url = httpx.URL(f"{server.base_url}/{request.url.path.removeprefix('/api/v1/')}")
        return server.transport.handle_request(request)

    with serve(feed, "127.0.0.1", 0, process_request=admit) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        base_url = f"http://127.0.0.1:{listening.socket.getsockname()[1]}/api/v1"
        with Client(base_url, transport=FakeTransport(handle), clock=server.clock) as client:
            client.session.sign_in(server.issue())
            yield client, handshakes
        listening.shutdown()
    thread.join(30)


def test_the_key_of_a_gateway_goes_with_calls_refresh_and_revocation(
    server: FakeAuthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def gateway(request: httpx.Request) -> httpx.Response:
        if request.headers.get("x-api-key") != "s3cret":
            return httpx.Response(403, html="<h1>Who are you?</h1>")
        seen.append(request.url.path.rpartition("/")[2])
        return server.transport.handle_request(request)

    monkeypatch.setenv("GATEWAY_KEY", "s3cret")
    monkeypatch.setenv("SIGNEDIN_BASE_URL", server.base_url)
    with behind_a_gateway.connected(transport=FakeTransport(gateway)) as client:
        client.auth.login(email="ada@example.com", password=PASSWORD)
        server.expire_access_tokens()
        client.users.get_profile()
        client.logout()
        with pytest.raises(SignInRequiredError):
            client.users.get_profile()
    assert {"login", "refreshToken", "profile", "logout"} <= set(seen)
