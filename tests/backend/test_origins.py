"""Pages of other origins: who is on the list may use the backend from a browser, nobody else."""

import httpx
import pytest
from signedin_backend.storage import Storage

from tests.backend.running import PASSWORD, Serve, Served, ask

APP, LOCAL = "https://app.example", "http://localhost:3000"
ADA = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture
def open_(serve: Serve) -> Served:
    """A backend that pages of two origins may use."""
    return serve(allow_origin=(APP, LOCAL))


def preflight(served: Served, origin: str, path: str = "/auth/login", **more: str) -> httpx.Response:
    wanted = {"method": "POST", "headers": "content-type", **more}
    requested = {f"Access-Control-Request-{name.capitalize()}": value for name, value in wanted.items()}
    return ask(served.base_url + path, method="OPTIONS", headers={"Origin": origin, **requested})


def post(served: Served, path: str, body: dict[str, str], origin: str) -> httpx.Response:
    return served.client.post(path, json=body, headers={"Origin": origin})


def allowed(answer: httpx.Response) -> str | None:
    assert "*" not in answer.headers.get("access-control-allow-origin", "")
    assert "access-control-allow-credentials" not in answer.headers
    named: str | None = answer.headers.get("access-control-allow-origin")
    return named


@pytest.mark.parametrize("origin", [APP, LOCAL])
@pytest.mark.parametrize(
    ("method", "headers"),
    [("POST", "content-type"), ("POST", "content-type,idempotency-key,x-request-id"), ("GET", "authorization")],
)
def test_a_page_on_the_list_may_ask_first(open_: Served, origin: str, method: str, headers: str) -> None:
    answer = preflight(open_, origin, method=method, headers=headers)
    assert (answer.status_code, allowed(answer), answer.headers["access-control-max-age"]) == (200, origin, "7200")
    assert "Origin" in answer.headers["vary"]


def test_a_page_on_the_list_registers_refreshes_reads_and_signs_out(open_: Served) -> None:
    made = post(open_, "/auth/register", ADA, APP)
    renewed = post(open_, "/auth/refreshToken", {"refreshToken": made.json()["refreshToken"]}, APP)
    bearer = {"Authorization": f"Bearer {renewed.json()['accessToken']}", "Origin": APP}
    read_ = open_.client.get("/users/profile", headers=bearer)
    ended = post(open_, "/auth/logout", {"refreshToken": renewed.json()["refreshToken"]}, APP)
    over = open_.client.get("/users/profile", headers=bearer)
    answers = (made, renewed, read_, ended, over)
    assert [(answer.status_code, allowed(answer)) for answer in answers] == [
        (status, APP) for status in (200, 200, 200, 204, 401)
    ]
    for answer in answers:
        exposed = {name.strip().lower() for name in answer.headers["access-control-expose-headers"].split(",")}
        assert exposed == {"retry-after", "x-request-id", "date", "www-authenticate"}
        assert "Origin" in answer.headers["vary"]


def test_a_page_on_the_list_may_read_every_refusal_and_failure(open_: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Storage) -> None:
        raise RuntimeError

    foreign = open_.client.post("/auth/login", json=ADA, headers={"Origin": APP, "Host": "evil.example"})
    missing = open_.client.post("/nowhere", headers={"Origin": APP})
    monkeypatch.setattr(Storage, "reading", fail)
    failed = post(open_, "/auth/login", ADA, APP)
    answers = (foreign, missing, failed)
    assert [(answer.status_code, allowed(answer)) for answer in answers] == [(400, APP), (404, APP), (500, APP)]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://app.example", f"{APP}.evil.example", f"{APP}:8443", ""]
)
def test_any_other_page_gets_nothing_and_nothing_is_done_for_it(open_: Served, origin: str) -> None:
    requested, done = preflight(open_, origin), post(open_, "/auth/register", ADA, origin)
    # A browser sends this one without asking.
    simple = open_.client.post("/auth/logout", content=b"{}", headers={"Origin": origin, "Content-Type": "text/plain"})
    for answer in (requested, done, simple):
        assert (answer.status_code, answer.json()["message"]) == (400, "Invalid Origin header.")
        assert not any(name.startswith("access-control-") for name in answer.headers)
    assert open_.rows("SELECT count(*) FROM users") == [(0,)]


def test_two_origins_are_none(open_: Served) -> None:
    headers = [("Origin", APP), ("Origin", APP), ("Content-Type", "application/json")]
    assert open_.client.post("/auth/login", content=b"{}", headers=headers).status_code == 400
    assert open_.client.post("/auth/login", json=ADA, headers=headers[:1]).status_code == 403


def test_the_backends_own_pages_and_what_is_no_page_go_on(open_: Served) -> None:
    own = open_.base_url.removesuffix("/api/v1")
    assert post(open_, "/auth/register", ADA, own).status_code == 200
    assert post(open_, "/auth/login", ADA, own.replace("http:", "https:")).status_code == 200
    assert open_.login().status_code == 200
