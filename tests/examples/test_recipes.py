"""The recipes: each program of a how-to page does what its page promises."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import django
import django.conf
import django.test
import httpx
import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from signedin import Client, FileStore, SignInRequiredError
from signedin.testing import FakeAuthServer
from signedin.testing.transport import FakeTransport

from examples import behind_a_gateway, django_views, fastapi_app, graphql_query, rq_jobs, script
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


def test_workers_of_rq_share_one_sign_in(email: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with redis_server(tmp_path) as server, Redis.from_url(server.url) as connection:
        monkeypatch.setenv("SIGNEDIN_STORE", server.url)
        with Client() as client:
            client.auth.login(email=email, password=PASSWORD)
            queue = Queue(connection=connection)
            jobs = [queue.enqueue(rq_jobs.report) for _ in range(3)]
            SimpleWorker([queue], connection=connection).work(burst=True)
            assert [job.return_value(refresh=True) for job in jobs] == [email] * 3
            client.logout()


def test_a_daemon_works_until_it_is_asked_to_end(email: str) -> None:
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


@contextmanager
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
