"""What every answer carries: headers, limits, failures. What none tells is in `test_oracle.py`."""

import json
import logging
import sqlite3
from typing import Any

import httpx
import pytest
from signedin_backend import Settings
from signedin_backend.journal import Journal, Mark
from signedin_backend.limits import Limit, origin
from signedin_backend.logs import JsonLines
from signedin_backend.sessions import Sessions
from signedin_backend.storage import Storage

from tests.backend.running import PASSWORD, Serve, Served, checked, lines


def test_no_answer_is_stored_or_sniffed(served: Served) -> None:
    pair = served.register()
    tokens = (pair, served.login(), served.refresh(pair.json()["refreshToken"]))
    for answer in (*tokens, *map(served.client.get, ("/users/profile", "/nowhere", "/auth/login"))):
        assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


def test_a_request_id_comes_back(shared: Served) -> None:
    answer = shared.client.get("/users/profile", headers={"X-Request-ID": "trace-1.2_3"})
    assert answer.headers["X-Request-ID"] == "trace-1.2_3"


@pytest.mark.parametrize("request_id", ["", "a b", "x" * 129, "a\tb", '{"x"}', "é"])
def test_a_strange_request_id_is_replaced(shared: Served, request_id: str) -> None:
    headers = [(b"X-Request-ID", request_id.encode("latin-1"))]
    made = shared.client.get("/users/profile", headers=headers).headers["X-Request-ID"]
    assert len(made) == 32
    assert made != request_id


def test_health_and_readiness(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = serve()
    for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
        answer = served.beside(path, headers={"Host": "10.0.0.7:80"})
        assert (answer.status_code, answer.json()) == (200, {"status": status})
    served.rows("ALTER TABLE users RENAME TO gone")
    assert served.beside("/healthz").status_code == 200
    assert served.beside("/readyz").status_code == 503
    (line,) = lines(caplog, "not ready")
    assert line["level"] == "warning"
    assert line["reason"] in {"no such table: users", 'relation "users" does not exist'}
    served.rows("ALTER TABLE gone RENAME TO users")
    assert served.beside("/readyz").status_code == 200


@pytest.mark.sqlite
def test_a_locked_database_is_a_503_and_nothing_was_done(serve: Serve) -> None:
    served = serve(database_seconds=0)
    token = served.pair()["refreshToken"]
    other = sqlite3.connect(served.settings.sqlite_file or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answer = served.refresh(token)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    other.execute("ROLLBACK")
    other.close()
    assert served.refresh(token).status_code == 200


def test_a_failure_is_a_500_that_tells_nothing(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("secret-in-the-text")

    monkeypatch.setattr(Sessions, "password_of", fail)
    answer = served.login()
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal server error.", "stack": ""})
    assert answer.headers["X-Request-ID"]
    (failed,) = lines(caplog, "failed")
    assert failed["exception"]["type"] == "RuntimeError"
    assert failed["exception"]["at"][-1].endswith(" fail")
    assert failed["request_id"] == answer.headers["X-Request-ID"]
    assert "secret-in-the-text" not in json.dumps(failed)


def test_a_database_failure_keeps_its_values_out_of_the_log(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Storage, "reading", Storage.writing)
    served.rows("ALTER TABLE users RENAME TO gone")
    assert served.login("ada@example.com").status_code == 500
    served.rows("ALTER TABLE gone RENAME TO users")
    text = json.dumps(lines(caplog))
    # The one is SQLite's word for it, the other PostgreSQL's.
    assert "OperationalError" in text or "ProgrammingError" in text
    assert "ada@example.com" not in text
    # Nor in the exception itself, for whoever formats it otherwise.
    assert "ada@example.com" not in caplog.text


def login_from(served: Served, network: int, **body: str) -> httpx.Response:
    with checked(served.base_url, transport=httpx.HTTPTransport(local_address=f"127.0.0.{network}")) as elsewhere:
        return elsewhere.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD, **body})


def test_failed_sign_ins_from_many_networks_close_an_account_to_new_networks_and_not_to_its_owners(
    serve: Serve,
) -> None:
    served = serve(rate_limit=True, account_rate=(4, 3600), account_network_rate=(3, 3600), address_rate=(1000, 1))
    served.register()
    guesses = [login_from(served, network, password="wrong password") for network in (2, 3, 2, 4, 5)]
    assert [answer.status_code for answer in guesses] == [403] * 4 + [429]
    assert 0 < int(guesses[-1].headers["Retry-After"]) <= 900
    assert login_from(served, 6, email="ADA@example.com").status_code == 429
    assert login_from(served, 6, email="bob@example.com").status_code == 403
    # The owner's own network has its own limit, for guesses too.
    assert [served.login(password=PASSWORD + tail).status_code for tail in ("", "x", "x", "x")] == [200, 403, 403, 429]


def test_one_network_alone_keeps_nobody_from_signing_in_elsewhere(serve: Serve) -> None:
    served = serve(rate_limit=True, account_rate=(4, 3600), account_network_rate=(3, 3600), address_rate=(1000, 1))
    served.register()
    statuses = [served.login(password="wrong password").status_code for _ in range(10)]
    assert statuses == [403] * 3 + [429] * 7
    # What succeeds does not count.
    assert [login_from(served, network).status_code for network in (2, 3, 4)] == [200] * 3


def test_registrations_of_a_taken_address_keep_nobody_from_signing_in(serve: Serve) -> None:
    served = serve(rate_limit=True, account_rate=(3, 3600), account_network_rate=(3, 3600), address_rate=(1000, 1))
    served.register()
    assert [served.register().status_code for _ in range(10)] == [400] * 2 + [429] * 8
    assert served.login().status_code == 200
    assert login_from(served, 2).status_code == 200


@pytest.mark.parametrize("wrong", [{"password": "short"}, {"password": "x" * 5_000}, {"email": "no address"}])
@pytest.mark.parametrize("path", ["/auth/register", "/auth/login"])
def test_a_malformed_request_is_not_counted_against_an_account(serve: Serve, path: str, wrong: dict[str, str]) -> None:
    served = serve(rate_limit=True, account_rate=(2, 3600), account_network_rate=(2, 3600), address_rate=(1000, 1))
    served.register()
    if (path, wrong) == ("/auth/login", {"password": "short"}):
        wrong = {"password": ""}
    body = {"email": "ada@example.com", "password": PASSWORD, **wrong}
    assert {served.post(path, body).status_code for _ in range(10)} == {400}
    assert (served.register().status_code, served.login().status_code) == (400, 200)


@pytest.mark.parametrize("path", ["/auth/register", "/auth/login", "/auth/refreshToken", "/auth/logout"])
def test_an_address_is_limited_whatever_it_tries(serve: Serve, path: str) -> None:
    served = serve(rate_limit=True, account_rate=(1000, 1), address_rate=(3, 3600))
    for _ in range(3):
        assert served.post(path, {}).status_code == 400
    answer = served.post(path, {})
    assert (answer.status_code, answer.json()) == (429, {"message": "Too many requests.", "stack": ""})
    assert int(answer.headers["Retry-After"]) > 0


def test_a_limit_refills_evenly_and_says_when() -> None:
    now = 1000.0
    limit = Limit((3, 30), clock=lambda: now)
    assert [limit.take("a") for _ in range(3)] == [0, 0, 0]
    assert limit.take("a") == pytest.approx(10)
    assert limit.take("b") == 0
    now += 10
    assert limit.take("a") == 0
    assert limit.take("a") == pytest.approx(10)
    now += 1000
    assert [limit.take("a") for _ in range(3)] == [0, 0, 0]


def test_a_limit_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Limit, "_KEYS", 10)
    limit = Limit((1, 1))
    for number in range(100):
        limit.take(str(number))
    assert len(limit._paid_at) == 10


@pytest.mark.parametrize(
    ("address", "shared_by"),
    [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"),
     ("::ffff:192.0.2.1%eth0", "192.0.2.1"), ("::ffff:192.0.2.2", "192.0.2.2"), ("2001:db8::1", "2001:db8::/64"),
     ("2001:db8:0:0:ffff::2", "2001:db8::/64"), ("fe80::1%eth0", "fe80::/64"), ("unix", ""), ("x" * 5_000, "")],
)  # fmt: skip
def test_an_ipv4_address_is_one_origin_whichever_socket_shows_it_and_so_is_an_ipv6_customer(
    address: str, shared_by: str
) -> None:
    assert origin(address) == shared_by


@pytest.mark.parametrize(
    ("marked", "status", "level"),
    [
        ({"kind": "rotated"}, 200, "INFO"),
        ({"kind": "refused_refresh", "reason": "over", "revoked": False}, 401, "INFO"),
        ({"kind": "signed_out", "revoked": True}, 204, "INFO"),
        ({"kind": "repeated"}, 200, "WARNING"),
        ({"kind": "refused_refresh", "reason": "reused", "revoked": True}, 401, "WARNING"),
        ({}, 500, "ERROR"),
        ({}, 503, "ERROR"),
    ],
)
def test_a_token_presented_again_is_a_warning_and_a_failure_an_error(
    caplog: pytest.LogCaptureFixture, marked: Mark, status: int, level: str
) -> None:
    caplog.set_level(logging.INFO, "signedin_backend")
    Journal(Settings()).record(marked, status=status, about={})
    assert [record.levelname for record in caplog.records] == [level]


def test_log_lines_are_json_even_for_strange_values() -> None:
    record = logging.makeLogRecord({"msg": "x\ny", "levelname": "INFO", "fields": {"odd": object()}})
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["event"] == "x\ny"
