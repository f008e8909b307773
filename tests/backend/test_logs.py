"""No log holds a secret, whatever fails: the key, the database's password, addresses, passwords, tokens."""

import json
from pathlib import Path

import pytest

from tests.backend.running import PASSWORD, checked, rows
from tests.servers import KEY, backend

pytestmark = pytest.mark.both_databases

EMAIL = "ada.lovelace@example.com"


def test_no_failure_puts_a_secret_into_the_log(tmp_path: Path, database: str) -> None:
    secrets = {PASSWORD, EMAIL, "lovelace", "wrong-one", KEY, "only-on-loopback", "in-the-query", "in-the-path"}
    environ = {"SIGNEDIN_BACKEND_JWT_KEY": KEY, "SIGNEDIN_BACKEND_DATABASE_SECONDS": "0"}
    credentials = {"email": EMAIL, "password": PASSWORD}
    with (
        backend(tmp_path, database=database, environ=environ, checked=False) as server,
        checked(server.base_url) as client,
    ):
        pair = client.post("/auth/register", json=credentials).json()
        secrets |= {*pair.values()}
        bearer = {"Authorization": f"Bearer {pair['accessToken']}"}
        statuses = set()
        for table in ("sessions", "refresh_tokens", "users"):
            rows(database, f"ALTER TABLE {table} RENAME TO gone")
            statuses |= {
                client.post("/auth/register", json={**credentials, "email": f"x.{EMAIL}"}).status_code,
                client.post("/auth/login", json=credentials).status_code,
                client.post("/auth/refreshToken", json={"refreshToken": pair["refreshToken"]}).status_code,
                client.post("/auth/logout", json={"refreshToken": pair["refreshToken"]}).status_code,
                client.get("/users/profile", headers=bearer).status_code,
            }
            rows(database, f"ALTER TABLE gone RENAME TO {table}")
        assert 500 in statuses
        assert client.post("/auth/login", json={**credentials, "password": "wrong-one"}).status_code == 403
        client.post("/auth/login", content=f'{{"email": "{EMAIL}", "password": "{PASSWORD}"'.encode())
        client.get("/users/profile?token=in-the-query", headers={"Authorization": f"Bearer {pair['accessToken']}x"})
        client.get("/in-the-path")
        for token in (pair["refreshToken"], pair["refreshToken"], *[pair["refreshToken"]] * 2):
            secrets |= set(client.post("/auth/refreshToken", json={"refreshToken": token}).json().values())
        secrets -= {"Unauthorized", ""}
        client.post("/auth/login", json=credentials, headers={"Host": f"{PASSWORD.replace(' ', '.')}.example"})
        assert server.stop() == 0
        log = server.log.read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    assert any(line["event"] == "failed" for line in lines)
    assert [secret for secret in secrets if secret in log] == []
