"""`python -m signedin_backend` as a process: options, refusals, key file, logs, a graceful stop."""

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import httpx
import pytest
from signedin_backend import Settings, SettingsError, create_app
from signedin_backend.__main__ import _server, main
from signedin_backend.settings import OPTIONS, StartError, read, shown
from signedin_backend.state import State
from signedin_backend.storage import Storage, UnavailableError
from sqlalchemy.exc import ProgrammingError
from starlette.types import Receive, Scope, Send

from tests.backend.conftest import Ended, logged
from tests.backend.running import PASSWORD, checked, receive, rows
from tests.servers import Backend, backend, workers

STRONG = "3f6a1c0b9d8e7f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a"
NO_NUMBER = ["", "x", "-1", "1.5", "٣", "1e3", "9" * 5000]
NO_SWITCH = ["maybe", "", "2", "tru"]
NO_RATE = ["", "5", "0/1", "5/0", "a/b", "-1/60", "5/60/60"]
NO_NAME = ["", "a\nb", "a\0b"]
NO_NAMES = ["", " , "]
BAD = {
    "host": NO_NAME,
    "port": [*NO_NUMBER, "65536"],
    "database": [
        *("", "  ", ":memory:", "sqlite://", "mysql://localhost/x", "postgresql+nodriver://h/x", "nonsense://x"),
        *(
            "sqlite:///x.db?timeout=abc",
            "sqlite:///x.db?check_same_thread=zz",
            "sqlite:///x.db?foo=bar",
            "x.db?",
            "x\0",
        ),
        *("sqlite:///file:mem?mode=memory&uri=true", "sqlite://h/x.db", "sqlite://user@/x.db", "sqlite://:word@/x.db"),
        *("postgresql://h", "postgresql://h:port/x", "postgresql://h/x?autocommit=1", "postgresql://h/x?row_factory=x"),
    ],
    "jwt_key": ["", "tiny", "x" * 64, "a1b2c3d4e5f60718" * 3, "password" * 3, "0123456789" * 3],
    "issuer": [*NO_NAME, "a,", "a,b\nc"],
    "audience": [*NO_NAME, ","],
    "access_ttl": [*NO_NUMBER, "0", "86401"],
    "refresh_ttl": [*NO_NUMBER, "0", "31536001"],
    "grace": NO_SWITCH,
    "rate_limit": NO_SWITCH,
    "account_rate": NO_RATE,
    "account_network_rate": NO_RATE,
    "address_rate": NO_RATE,
    "rate_store": [
        "",
        "here",
        "memory://",
        "http://h:1",
        "redis://",
        "redis://h:port",
        "redis://h:99999/0",
        "redis://h/\n",
    ],
    "trusted_hosts": [
        *(*NO_NAMES, "https://auth.example", "auth.example:8443", "*.example.com", "auth.example/", "a b", "-a", "a-"),
        *(
            "::1",
            "[::1",
            "[::1]:80",
            "[0:0::1]",
            "[127.0.0.1]",
            "münchen.example",
            "ok.example,*.example.com",
            "x" * 254,
        ),
    ],
    "allow_origin": [
        *(*NO_NAMES, "*", "null", "app.example", "https://", "https://app.example/", "https://app.example:443"),
        *("http://localhost:80", "https://*.example", "https://a b", "ftp://app.example", "https://app.example:0"),
        *("https://app.example:65536", "https://ada@app.example", "https://::1", "https://app.example,*"),
    ],
    "trusted_proxies": [
        *("", "proxy", "10.0.0.256", "10.0.0.1/8", "10.0.0.1,,10.0.0.2", "::1::"),
        *("*", "10.0.0.1,*", "0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"),
    ],
    "connections": [*NO_NUMBER, "15", "1000001"],
    "head_seconds": [*NO_NUMBER, "0", "601"],
    "body_limit": [*NO_NUMBER, "255", "1048577"],
    "body_seconds": [*NO_NUMBER, "0", "601"],
    "password_words": NO_NAMES,
    "hash_memory": [*NO_NUMBER, "19455", "4194305"],
    "hash_passes": [*NO_NUMBER, "1", "101"],
    "hash_threads": [*NO_NUMBER, "0", "65"],
    "hash_queue": [*NO_NUMBER, "0", "100001"],
    "database_threads": [*NO_NUMBER, "0", "65"],
    "database_seconds": [*NO_NUMBER, "601"],
    "turn_seconds": [*NO_NUMBER, "0", "601"],
    "stop_seconds": [*NO_NUMBER, "0", "601"],
    "metrics_from": ["", "here", "10.0.0.256", "10.0.0.1/8", "10.0.0.1,,10.0.0.2", "*"],
    "ledger": NO_SWITCH,
}


NO_USERS = ("no such table: users", 'relation "users" does not exist')
DENIED = "the database cannot be used: permission denied"


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def test_every_option_has_values_that_are_refused() -> None:
    assert list(BAD) == [option.name for option in OPTIONS]


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in BAD.items() for value in values],
    ids=[f"{name}-{number}" for name, values in BAD.items() for number, _ in enumerate(values)],
)
def test_a_bad_value_is_refused_by_the_name_of_its_option(name: str, value: str) -> None:
    variable = f"SIGNEDIN_BACKEND_{name.upper()}"
    with pytest.raises(SettingsError, match=rf"^{variable} (must|is) ") as refused:
        read({variable: value})
    if name == "jwt_key" and value:
        assert value not in str(refused.value)


@pytest.mark.parametrize("name", ["ACCESS_TTLS", "KEY", "access_ttl", ""])
def test_a_variable_that_is_no_option_is_refused_and_not_ignored(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"^SIGNEDIN_BACKEND_{name} is no option; --help lists them$"):
        read({f"SIGNEDIN_BACKEND_{name}": "5", "SIGNEDIN_BACKEND_ACCESS_TTL": "5"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "tcp://10.96.0.12:5000"),
        ("SERVICE_HOST", "10.96.0.12"),
        ("SERVICE_PORT", "5000"),
        ("SERVICE_PORT_HTTP_ALT", "5000"),
        ("PORT_5000_TCP", "tcp://[fd00::12]:5000"),
        ("PORT_5000_TCP_PROTO", "tcp"),
        ("PORT_5000_UDP_PORT", "5000"),
        ("PORT_5000_SCTP_ADDR", "10.96.0.12"),
        ("DB_SERVICE_HOST", "10.96.0.12"),
        ("DB_PORT", "tcp://10.96.0.12:5432"),
        ("DB_PORT_5432_TCP_ADDR", "10.96.0.12"),
    ],
)
def test_what_kubernetes_says_of_a_service_of_our_name_is_no_option(name: str, value: str) -> None:
    assert read({f"SIGNEDIN_BACKEND_{name}": value}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "tcp"), ("PORTS", "tcp://h:1"), ("SERVICE", "x"), ("PORT_5000", "tcp://h:5000")]
)
def test_what_only_resembles_that_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^SIGNEDIN_BACKEND_{name} "):
        read({f"SIGNEDIN_BACKEND_{name}": value})
    with pytest.raises(SettingsError, match=r"^--port must be"):
        read({}, {"port": "tcp://10.96.0.12:5000"})


@pytest.mark.parametrize(
    "url", ["postgresql://h/x?port=abc", "postgresql://h/x?host=a&host=b&port=1"], ids=["port", "hosts"]
)
def test_a_database_url_that_cannot_be_used_is_one_line(refused: Callable[..., str], url: str) -> None:
    said = refused("--database", url, SIGNEDIN_BACKEND_JWT_KEY=STRONG)
    assert said.startswith("signedin_backend: --database: ")


@pytest.mark.parametrize(
    "url",
    ["postgresql://127.0.0.1/x?sslmode=bogus", "postgresql://127.0.0.1:99999/x", "postgresql://127.0.0.1/x?foo=b"],
)
def test_what_only_the_driver_can_tell_of_a_url_is_one_line_too(ended: Ended, url: str) -> None:
    status, said = ended("--port", "0", "--database", url, SIGNEDIN_BACKEND_JWT_KEY=STRONG)
    assert (status, said.count("\n")) == (3, 1)
    assert said.startswith("signedin_backend: the database cannot be used: ")


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("Auth.Example, 10.0.0.1", ("auth.example", "10.0.0.1")),
        ("[::1],a_b.c-d.", ("[::1]", "a_b.c-d.")),
        ("*", ("*",)),
    ],
)
def test_hosts_are_names_and_addresses_as_host_has_them(text: str, read_as: tuple[str, ...]) -> None:
    assert read({"SIGNEDIN_BACKEND_TRUSTED_HOSTS": text}).trusted_hosts == read_as


@pytest.mark.parametrize(
    ("text", "read_as"),
    [("10.0.0.1", "10.0.0.1/32"), ("10.0.0.0/8, ::1", "10.0.0.0/8,::1/128"), ("::ffff:10.0.0.0/104", "10.0.0.0/8")],
)
def test_proxies_are_addresses_and_networks(text: str, read_as: str) -> None:
    assert read({"SIGNEDIN_BACKEND_TRUSTED_PROXIES": text}).trusted_proxies == read_as


def test_the_command_line_goes_before_the_environment_and_that_before_the_default() -> None:
    environ = {"SIGNEDIN_BACKEND_ACCESS_TTL": "20", "SIGNEDIN_BACKEND_PORT": "6000", "DATABASE_URL": "sqlite:///a.db"}
    settings = read(environ, {"access_ttl": "10"})
    assert (settings.access_ttl, settings.port, settings.refresh_ttl) == (10, 6000, 2_592_000)
    assert settings.database == "sqlite:///a.db"
    assert read({**environ, "SIGNEDIN_BACKEND_DATABASE": "b.db"}).database == "sqlite:///b.db"
    with pytest.raises(SettingsError, match=r"^--access-ttl must"):
        read(environ, {"access_ttl": "0"})


def test_the_defaults_are_values_that_would_be_accepted() -> None:
    assert read({}) == Settings()
    assert {option.name for option in OPTIONS if option.metadata["secret"]} == {"jwt_key"}


def test_a_key_is_not_shown() -> None:
    assert STRONG not in repr(read({"SIGNEDIN_BACKEND_JWT_KEY": STRONG}))


def test_a_server_database_needs_a_configured_key() -> None:
    with pytest.raises(SettingsError, match="SIGNEDIN_BACKEND_JWT_KEY is missing"):
        create_app(Settings(database="postgresql://localhost/x"))


def test_the_made_key_is_for_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'x.db'}")
    create_app(settings)
    kept = tmp_path / "x.db.key"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "x.db").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.db", "x.db.key"]
    before = kept.read_bytes()
    create_app(settings)
    assert kept.read_bytes() == before
    kept.chmod(0o640)
    with pytest.raises(SettingsError, match="open to others"):
        create_app(settings)
    kept.chmod(0o600)
    kept.write_bytes(b"short")
    with pytest.raises(SettingsError, match="weaker than 256 bit: it is too short; restore it"):
        create_app(settings)


def started(*options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    command = [sys.executable, "-m", "signedin_backend", *options]
    return subprocess.run(
        command, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def refused(ended: Ended) -> Callable[..., str]:
    """What is said of an option that is refused."""

    def run(*options: str, **environ: str) -> str:
        status, said = ended(*options, **environ)
        assert (status, said.count("\n")) == (2, 1)
        return said

    return run


def test_a_refused_option_ends_the_process_with_2_and_one_line() -> None:
    ended = started("--port", "x")
    assert (ended.returncode, ended.stderr) == (2, "signedin_backend: --port must be a whole number from 0 to 65535\n")


def test_a_place_that_is_not_there_is_refused(refused: Callable[..., str], tmp_path: Path) -> None:
    said = refused("--port", "0", "--database", str(tmp_path / "nowhere" / "x.db"))
    assert said.startswith("signedin_backend: --database: No such file or directory")


def test_a_weak_key_is_refused_and_not_quoted(refused: Callable[..., str], tmp_path: Path) -> None:
    said = refused("--database", str(tmp_path / "x.db"), SIGNEDIN_BACKEND_JWT_KEY="weakweakweak")
    assert "weaker than 256 bit" in said
    assert "weakweakweak" not in said


def test_a_taken_port_is_refused(refused: Callable[..., str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused("--port", str(taken.getsockname()[1]), "--database", str(tmp_path / "x.db"))
    assert "Address already in use" in said


def test_a_host_that_has_no_address_is_refused(refused: Callable[..., str], tmp_path: Path) -> None:
    said = refused("--host", "no such host", "--port", "0", "--database", str(tmp_path / "x.db"))
    assert said.startswith("signedin_backend: --host no such host --port 0: ")


def test_help_names_every_option_and_the_environment(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--help"])
    said = capsys.readouterr().out
    shown = {option.name for option in OPTIONS if f"--{option.name.replace('_', '-')}" in said}
    assert shown == {option.name for option in OPTIONS} - {"jwt_key"}
    assert "SIGNEDIN_BACKEND_JWT_KEY" in said
    assert "SIGNEDIN_BACKEND_NAME" in said


def test_help_says_every_default_and_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    for option in OPTIONS:
        if not option.metadata["secret"]:
            text = " ".join(option.metadata["help"].split())
            assert f"{text} (default: {shown(option.default)})" in said
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--version"])
    assert capsys.readouterr().out == f"signedin_backend {version('signedin')}\n"


def test_a_key_is_no_argument(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        main(["--jwt-key", STRONG])
    assert STRONG not in capsys.readouterr().err


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
        (ProgrammingError("hunter2", {}, Exception("permission denied")), DENIED, "ProgrammingError"),
        (
            caused(UnavailableError(), ProgrammingError("", {}, Exception("permission denied"))),
            DENIED,
            "UnavailableError",
        ),
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
def test_a_start_on_a_broken_schema_says_what_is_wrong_with_it(
    ended: Ended, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = Storage(Settings(database=database))
    storage.prepare()
    storage.close()
    rows(database, "ALTER TABLE users RENAME TO people")
    with pytest.raises(SystemExit, match=r"^3$"):
        ended("--port", "0", "--database", database, SIGNEDIN_BACKEND_JWT_KEY=STRONG)
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "cannot start" in line]
    assert line["reason"] in {f"the database cannot be used: {said}" for said in NO_USERS}


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
    environ = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}"}
    said = subprocess.run([sys.executable, "-c", program], env=environ, stdout=subprocess.PIPE, timeout=60, check=True)
    frozen, many, full = said.stdout.decode().split()
    assert int(frozen) > 10_000
    assert (many, full) == ("True", "0")


def test_the_logs_hold_no_secret(tmp_path: Path) -> None:
    secrets = {
        PASSWORD,
        "ada.lovelace@example.com",
        "lovelace",
        "secret-in-the-query",
        "secret-in-the-path",
        "wrong-one",
    }
    with backend(tmp_path, checked=False) as server, checked(server.base_url) as client:
        body = {"email": "ada.lovelace@example.com", "password": PASSWORD}
        pair = client.post("/auth/register", json=body, headers={"X-Request-ID": "first"}).json()
        client.post("/auth/login", json={**body, "password": "wrong-one"})
        client.get(
            "/users/profile?token=secret-in-the-query", headers={"Authorization": f"Bearer {pair['accessToken']}"}
        )
        client.get("/secret-in-the-path")
        child = client.post("/auth/refreshToken", json={"refreshToken": pair["refreshToken"]}).json()
        client.post("/auth/refreshToken", json={"refreshToken": child["refreshToken"]})
        client.post("/auth/refreshToken", json={"refreshToken": pair["refreshToken"]})
        secrets |= {*pair.values(), *child.values(), (tmp_path / "backend.sqlite3.key").read_text()}
        assert server.stop() == 0
        lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    text = server.log.read_text()
    assert [secret for secret in secrets if secret in text] == []
    requests = [line for line in lines if line["event"] == "request"]
    assert len(requests) == 7
    assert requests[0]["request_id"] == "first"
    assert requests[0]["kind"] == "registered"
    (revoked,) = [line for line in requests if line.get("revoked")]
    assert (revoked["level"], revoked["reason"]) == ("warning", "reused")
    assert any(line["event"] == "signing key kept in a file" for line in lines)


@contextmanager
def registering(server: Backend, length: int) -> Iterator[socket.socket]:
    """Begin a registration and keep its body back."""
    where = urlsplit(server.base_url)
    with socket.create_connection((where.hostname, where.port), 20) as peer:
        head = f"POST {where.path}/auth/register HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        peer.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode())
        # Only an operation that reads its body causes this line: the request is under way.
        assert peer.recv(1000).startswith(b"HTTP/1.1 100 ")
        yield peer


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_stop_lets_a_running_request_end(tmp_path: Path, asked: signal.Signals) -> None:
    body = json.dumps({"email": "ada@example.com", "password": PASSWORD}).encode()
    with backend(tmp_path, checked=False) as server:
        with registering(server, len(body)) as peer:
            server.process.send_signal(asked)
            peer.sendall(body)
            assert receive(peer, "/auth/register").status == 200
        assert server.process.wait(20) == 0
        assert {json.loads(line)["level"] for line in server.log.read_text().splitlines()} == {"info"}


def test_a_stop_does_not_wait_for_a_request_that_never_ends(tmp_path: Path) -> None:
    with backend(tmp_path, "--stop-seconds", "1", "--body-seconds", "600", checked=False) as server:
        with registering(server, 50):
            server.process.terminate()
            assert server.process.wait(20) == 0
        assert "Traceback" not in server.log.read_text()


def test_only_a_trusted_proxy_is_asked_whom_it_speaks_for(tmp_path: Path) -> None:
    options = ("--rate-limit", "--address-rate", "1/3600", "--trusted-proxies", "127.0.0.2,127.0.0.3")
    with backend(tmp_path, *options, checked=False) as server:

        def asked(peer: str, forwarded: str) -> int:
            with checked(server.base_url, transport=httpx.HTTPTransport(local_address=peer)) as client:
                return client.post("/auth/login", json={}, headers={"X-Forwarded-For": forwarded}).status_code

        assert [asked("127.0.0.1", "192.0.2.1"), asked("127.0.0.1", "192.0.2.2")] == [400, 429]
        assert [asked("127.0.0.2", "192.0.2.1"), asked("127.0.0.3", "192.0.2.1")] == [400, 429]
        # A proxy appends whom it saw; what stands before that is anybody's word.
        assert [asked("127.0.0.2", "192.0.2.1, 192.0.2.2"), asked("127.0.0.2", "192.0.2.3, 192.0.2.2")] == [400, 429]


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


def test_nobody_is_a_trusted_proxy_unless_told(tmp_path: Path) -> None:
    app = create_app(read({"DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}"}))
    config = _server(app, read({})).config
    config.load()
    assert config.loaded_app is app


def test_a_bad_value_is_one_line_of_a_worker_of_another_server(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "uvicorn", "--factory", "signedin_backend:from_environment", "--port", "0"]
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}", "SIGNEDIN_BACKEND_JWT_KEY": "weakweakweak"}
    ended = subprocess.run(
        command, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    (line,) = map(json.loads, ended.stderr.splitlines())
    assert (line["level"], line["event"]) == ("critical", "cannot start")
    assert line["reason"].startswith("SIGNEDIN_BACKEND_JWT_KEY is weaker than 256 bit")
    assert "weakweakweak" not in ended.stderr


def test_an_asgi_server_runs_it_with_several_workers(tmp_path: Path) -> None:
    with workers(tmp_path, 2, database=f"sqlite:///{tmp_path / 'x.db'}") as running:
        where = urlsplit(running.base_url)
        with checked(running.base_url) as client:
            bodies = [{"email": f"user{number}@example.com", "password": PASSWORD} for number in range(8)]
            answers = [client.post("/auth/register", json=body) for body in bodies]
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["accessToken"] for answer in answers}) == 8
        with socket.create_connection((where.hostname, where.port), 20) as peer:
            peer.sendall(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
            assert receive(peer).status == 400
        running.process.terminate()
        assert running.process.wait(30) == 0
        lines = running.log.read_text().splitlines()
    events = [json.loads(line)["event"] for line in lines]  # the supervisor's lines too, and all of them JSON
    assert sum("parent process" in event for event in events) == 2
    assert sum("server process" in event for event in events) >= 4
