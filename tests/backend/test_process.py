"""`python -m signedin_backend` as a process: options, refusals, key file, logs, a graceful stop."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from signedin_backend import Settings, SettingsError, create_app
from signedin_backend.settings import OPTIONS, read

from tests.backend.running import PASSWORD, checked, receive
from tests.servers import backend

STRONG = "3f6a1c0b9d8e7f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a"
BAD = {
    "port": ["", "x", "-1", "65536", "5000.5", "٣"],
    "access_ttl": ["0", "-5", "1.5", "86401", "five"],
    "refresh_ttl": ["0", "x"],
    "grace": ["maybe", ""],
    "ledger": ["2"],
    "account_rate": ["5", "0/1", "5/0", "a/b"],
    "trusted_hosts": ["", " , "],
    "issuer": ["", "a\nb"],
    "body_limit": ["1"],
    "hash_memory": ["1024"],
    "hash_passes": ["1"],
    "database": [
        "",
        ":memory:",
        "sqlite://",
        "mysql://localhost/x",
        "postgresql+nodriver://localhost/x",
        "nonsense://x",
    ],
    "jwt_key": ["", "short", "x" * 64, "a1b2c3d4e5f60718" * 3, "password" * 3, "0123456789" * 3],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_value_is_refused_by_the_name_of_its_option(name: str, value: str) -> None:
    variable = f"SIGNEDIN_BACKEND_{name.upper()}"
    with pytest.raises(SettingsError, match=rf"^{variable} (must|is) ") as refused:
        read({variable: value})
    if name == "jwt_key" and value:
        assert value not in str(refused.value)


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


@pytest.mark.parametrize("key", [b"", b"x" * 31])
def test_a_weak_key_is_refused_however_it_came(tmp_path: Path, key: bytes) -> None:
    with pytest.raises(SettingsError, match="256 bit"):
        create_app(Settings(database=f"sqlite:///{tmp_path / 'x.db'}", jwt_key=key))


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
    with pytest.raises(SettingsError, match="no key of 256 bit"):
        create_app(settings)


def refused(*options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "signedin_backend", *options]
    return subprocess.run(
        command, env={**os.environ, **environ}, capture_output=True, text=True, timeout=30, check=False
    )


def test_a_refused_option_ends_the_process_with_2_and_one_line(tmp_path: Path) -> None:
    ended = refused("--port", "x")
    assert (ended.returncode, ended.stderr) == (2, "signedin_backend: --port must be a whole number from 0 to 65535\n")
    ended = refused("--database", str(tmp_path / "nowhere" / "x.db"))
    assert ended.returncode == 2
    assert "No such file or directory" in ended.stderr
    ended = refused("--database", str(tmp_path / "x.db"), SIGNEDIN_BACKEND_JWT_KEY="weakweakweak")
    assert ended.returncode == 2
    assert "weaker than 256 bit" in ended.stderr
    assert "weakweakweak" not in ended.stderr
    assert refused("--jwt-key", STRONG).returncode == 2


def test_a_taken_port_ends_the_process_with_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = refused("--port", str(taken.getsockname()[1]), "--database", str(tmp_path / "x.db"))
    assert ended.returncode == 2
    assert "Address already in use" in ended.stderr


def test_a_file_that_is_no_database_ends_the_process(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("This is not a database, it is a text that is long enough to be read as one." * 20)
    assert refused("--port", "0", "--database", str(tmp_path / "x.db")).returncode == 3


def test_the_logs_hold_no_secret(tmp_path: Path) -> None:
    secrets = {
        PASSWORD,
        "ada.lovelace@example.com",
        "lovelace",
        "secret-in-the-query",
        "secret-in-the-path",
        "wrong-one",
    }
    with backend(tmp_path) as server, checked(server.base_url) as client:
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


def test_a_stop_lets_a_running_request_end(tmp_path: Path) -> None:
    with backend(tmp_path) as server:
        where = urlsplit(server.base_url)
        body = json.dumps({"email": "ada@example.com", "password": PASSWORD}).encode()
        with socket.create_connection((where.hostname, where.port), 20) as peer:
            head = f"POST {where.path}/auth/register HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            peer.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            # Only an operation that reads its body causes this line: the request is under way.
            assert peer.recv(1000).startswith(b"HTTP/1.1 100 ")
            server.process.terminate()
            peer.sendall(body)
            assert receive(peer, "/auth/register").status == 200
        assert server.process.wait(20) == 0


def test_an_asgi_server_runs_it_with_several_workers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", "signedin_backend:from_environment", "--workers", "2"]
    environ = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}", "SIGNEDIN_BACKEND_RATE_LIMIT": "off"}
    with subprocess.Popen([*command, "--port", str(port)], env=environ, stderr=subprocess.DEVNULL) as process:
        try:
            answers = [_registered(port, number) for number in range(20)]
        finally:
            process.terminate()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["accessToken"] for answer in answers}) == 20


def _registered(port: int, number: int) -> httpx.Response:
    body = {"email": f"user{number}@example.com", "password": PASSWORD}
    # `retries` waits for the workers to listen, with a back-off of its own.
    with checked(f"http://127.0.0.1:{port}/api/v1", transport=httpx.HTTPTransport(retries=8)) as client:
        return client.post("/auth/register", json=body)
