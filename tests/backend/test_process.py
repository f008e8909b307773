"""`python -m signedin_backend` as a process: starts that fail, key file, logs, proxies, a graceful stop."""

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any, cast

import anyio
import httpx
import pytest
from signedin_backend import Settings, SettingsError, create_app
from signedin_backend.__main__ import _server
from signedin_backend.settings import StartError, read
from signedin_backend.state import State
from signedin_backend.storage import Storage, UnavailableError
from sqlalchemy.exc import ProgrammingError
from starlette.types import Receive, Scope, Send

from tests.backend.conftest import Ended, logged
from tests.backend.running import PASSWORD, body_awaited, checked, receive, rows
from tests.backend.test_settings import STRONG
from tests.servers import backend

NO_USERS = ("no such table: users", 'relation "users" does not exist')
REFUSED = ProgrammingError("hunter2", {}, Exception("permission denied"))
DENIED = "the database cannot be used: permission denied"


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "url",
    ["postgresql://127.0.0.1/x?sslmode=bogus", "postgresql://127.0.0.1:99999/x", "postgresql://127.0.0.1/x?foo=b"],
)
def test_what_only_the_driver_can_tell_of_a_url_is_one_line_too(ended: Ended, url: str) -> None:
    status, line = ended("--port", "0", "--database", url, SIGNEDIN_BACKEND_JWT_KEY=STRONG)
    assert (status, line.count("\n")) == (3, 1)
    assert line.startswith("signedin_backend: the database cannot be used: ")


def test_the_made_key_is_for_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'x.db'}")
    create_app(settings)
    key_file = tmp_path / "x.db.key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "x.db").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.db", "x.db.key"]
    before = key_file.read_bytes()
    create_app(settings)
    assert key_file.read_bytes() == before
    key_file.chmod(0o640)
    with pytest.raises(SettingsError, match="open to others"):
        create_app(settings)
    key_file.chmod(0o600)
    key_file.write_bytes(b"short")
    with pytest.raises(SettingsError, match="weaker than 256 bit: it is too short; restore it"):
        create_app(settings)


def run(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program to its end."""
    env, program = {**os.environ, **environ}, [sys.executable, *command]
    return subprocess.run(program, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_a_refused_option_ends_the_process_with_2_and_one_line() -> None:
    done = run("-m", "signedin_backend", "--port", "x")
    assert (done.returncode, done.stderr) == (2, "signedin_backend: --port must be a whole number from 0 to 65535\n")


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--database", "/nowhere/x.db", "signedin_backend: --database: No such file or directory"),
        ("--database", "postgresql://h/x?port=abc", "signedin_backend: --database: "),
        ("--database", "postgresql://h/x?host=a&host=b&port=1", "signedin_backend: --database: "),
        ("--port", "TAKEN", "Address already in use"),
        ("--host", "no such host", "signedin_backend: --host no such host --port 0: "),
    ],
)
def test_an_unusable_place_is_refused(ended: Ended, tmp_path: Path, option: str, text: str, message: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = text.replace("TAKEN", str(taken.getsockname()[1]))
        options = {"--port": "0", "--database": str(tmp_path / "x.db"), option: text}
        status, line = ended(*chain(*options.items()), SIGNEDIN_BACKEND_JWT_KEY=STRONG)
    assert (status, line.count("\n"), message in line) == (2, 1, True)


def test_a_start_waits_while_another_has_the_file_to_itself(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    storage = Storage(Settings(database=f"sqlite:///{file}", database_seconds=0))
    with closing(sqlite3.connect(file, isolation_level=None)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN EXCLUSIVE")
        started = pool.submit(storage.prepare)
        with pytest.raises(TimeoutError):
            started.result(0.5)
        other.execute("ROLLBACK")
        started.result(30)
    storage.close()


@pytest.mark.parametrize(
    ("error", "reason", "cause"),
    [
        (StartError("no room"), "no room", None),
        (RuntimeError("hunter2"), "unforeseen: RuntimeError", "RuntimeError"),
        (UnavailableError("hunter2"), "unforeseen: UnavailableError", "UnavailableError"),
        (REFUSED, DENIED, "ProgrammingError"),
        (caused(UnavailableError(), REFUSED), DENIED, "UnavailableError"),
    ],
    ids=["foreseen", "unforeseen", "unavailable", "database", "unavailable database"],
)
def test_a_start_that_fails_says_why_in_one_line_without_quoting(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    reason: str,
    cause: str | None,
) -> None:
    def prepare(_: State) -> None:
        raise error

    async def start() -> None:
        app = create_app(Settings(database=f"sqlite:///{tmp_path / 'x.db'}"))
        async with app.router.lifespan_context(app):
            pass

    monkeypatch.setattr(State, "prepare", prepare)
    with logged(), pytest.raises(StartError, match=f"^{reason}$") as failed:
        anyio.run(start)
    assert failed.value.__suppress_context__
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert (line["level"], line["event"], line["reason"]) == ("critical", "cannot start", reason)
    assert line.get("exception", {}).get("type") == cause
    assert "hunter2" not in json.dumps(line)


@pytest.mark.both_databases
def test_a_start_on_a_broken_schema_says_so(ended: Ended, database: str, capsys: pytest.CaptureFixture[str]) -> None:
    storage = Storage(Settings(database=database))
    storage.prepare()
    storage.close()
    rows(database, "ALTER TABLE users RENAME TO people")
    with pytest.raises(SystemExit, match=r"^3$"):
        ended("--port", "0", "--database", database, SIGNEDIN_BACKEND_JWT_KEY=STRONG)
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "cannot start" in line]
    assert line["reason"] in {f"the database cannot be used: {cause}" for cause in NO_USERS}


def test_bodies_start_no_collection_of_all_that_lives(tmp_path: Path) -> None:
    program = """
import gc, json, signedin_backend
signedin_backend.from_environment()
begun = []
gc.callbacks.append(lambda phase, info: begun.append(info["generation"]))
for _ in range(200):
    json.loads("[" + "[]," * 5_000 + "[]]")
print(gc.get_freeze_count(), begun.count(1) > 20, begun.count(2))
"""
    frozen, many, full = run("-c", program, DATABASE_URL=f"sqlite:///{tmp_path / 'x.db'}").stdout.split()
    assert int(frozen) > 10_000
    assert (many, full) == ("True", "0")


def test_a_stop_lets_a_running_request_end(tmp_path: Path) -> None:
    body = json.dumps({"email": "ada@example.com", "password": PASSWORD}).encode()
    with backend(tmp_path, checked=False) as server:
        with body_awaited(server.base_url, "/auth/register", len(body)) as peer:
            server.process.terminate()
            peer.sendall(body)
            assert receive(peer, "/auth/register").status == 200
        assert server.process.wait(20) == 0
        assert {json.loads(line)["level"] for line in server.log.read_text().splitlines()} == {"info"}


def test_a_stop_does_not_wait_for_a_request_that_never_ends(tmp_path: Path) -> None:
    with backend(tmp_path, "--stop-seconds", "1", "--body-seconds", "600", checked=False) as server:
        with body_awaited(server.base_url, "/auth/register", 50):
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(20) == 0
        assert "Traceback" not in server.log.read_text()


def test_only_a_trusted_proxys_forwarded_for_counts(tmp_path: Path) -> None:
    options = ("--rate-limit", "--address-rate", "1/3600", "--trusted-proxies", "127.0.0.2,127.0.0.3")
    with backend(tmp_path, *options, checked=False) as server:

        def status_for(peer: str, forwarded: str) -> int:
            with checked(server.base_url, transport=httpx.HTTPTransport(local_address=peer)) as client:
                return client.post("/auth/login", json={}, headers={"X-Forwarded-For": forwarded}).status_code

        assert [status_for("127.0.0.1", "192.0.2.1"), status_for("127.0.0.1", "192.0.2.2")] == [400, 429]
        assert [status_for("127.0.0.2", "192.0.2.1"), status_for("127.0.0.3", "192.0.2.1")] == [400, 429]
        # A proxy appends whom it saw; what stands before that is anybody's word.
        assert [status_for("127.0.0.2", "192.0.2.1, 192.0.2.2"), status_for("127.0.0.2", "192.0.2.3, 192.0.2.2")] == [
            400,
            429,
        ]


def client_behind_a_proxy(forwarded: str, peer: str = "127.0.0.2") -> str:
    """Return whom the application takes a request for that a trusted proxy passed on."""
    seen: list[str] = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        seen.append(scope["client"][0])

    proxies: Any = _server(cast("Any", app), Settings(trusted_proxies="127.0.0.0/8")).config.app
    headers = [(b"x-forwarded-for", forwarded.encode("latin-1"))]
    anyio.run(proxies, {"type": "http", "client": (peer, 5), "headers": headers}, None, None)
    return seen[0]


@pytest.mark.parametrize("nearest", ["127.0.0.3", "::ffff:127.0.0.3"])
@pytest.mark.parametrize("peer", ["127.0.0.2", "::ffff:127.0.0.2"])
def test_a_proxy_is_trusted_whichever_socket_shows_it(peer: str, nearest: str) -> None:
    assert client_behind_a_proxy(f"192.0.2.9, {nearest}", peer) == "192.0.2.9"
    assert client_behind_a_proxy("192.0.2.9", "::ffff:128.0.0.2") == "::ffff:128.0.0.2"


@pytest.mark.parametrize("nonsense", ["unknown", "192.0.2.1.", "_hidden:80", "x" * 5_000, "[192.0.2.1", "\xff", ""])
def test_a_forwarded_text_that_is_no_address_is_the_proxy_itself(nonsense: str) -> None:
    assert client_behind_a_proxy(f"192.0.2.9, {nonsense}") == "127.0.0.2"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [("192.0.2.1", "192.0.2.1"), ("::1", "::1"), ("[2001:db8::1]:80", "2001:db8::1"), ("192.0.2.1:443", "192.0.2.1")],
)
def test_an_address_that_a_proxy_forwards_is_whom_it_speaks_for(forwarded: str, client: str) -> None:
    assert client_behind_a_proxy(f"unknown, {forwarded}") == client


def test_nobody_is_a_trusted_proxy_by_default(tmp_path: Path) -> None:
    app = create_app(read({"DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}"}))
    config = _server(app, read({})).config
    config.load()
    assert config.loaded_app is app


@pytest.mark.parametrize(
    ("name", "value", "status", "reason"),
    [
        ("SIGNEDIN_BACKEND_JWT_KEY", "s3cret", 2, "SIGNEDIN_BACKEND_JWT_KEY is weaker than 256 bit"),
        ("DATABASE_URL", "postgresql://ada:s3cret@127.0.0.1:1/x", 3, "the database cannot be used: connection failed"),
    ],
)
def test_a_start_that_fails_is_one_line_of_a_worker_of_another_server(
    tmp_path: Path, name: str, value: str, status: int, reason: str
) -> None:
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}", "SIGNEDIN_BACKEND_JWT_KEY": STRONG, name: value}
    log = ("--log-config", "backend/uvicorn_log.json")
    done = run("-m", "uvicorn", "--factory", "signedin_backend:from_environment", "--port", "0", *log, **environ)
    lines = list(map(json.loads, done.stderr.splitlines()))
    (line,) = [line for line in lines if line["level"] == "critical"]
    assert (done.returncode, line["event"]) == (status, "cannot start")
    assert line["reason"].startswith(reason)
    assert "s3cret" not in done.stderr
