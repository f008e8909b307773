"""The factory under another ASGI server than uvicorn: hypercorn, with processes that share the database alone."""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import SIGKILL

import httpx
import pytest

from tests.backend.running import PASSWORD, at_once, body_awaited, checked, receive, rows
from tests.servers import KEY, START_SECONDS, STOP_SECONDS

ADA = {"email": "ada@example.com", "password": PASSWORD}


@dataclass(frozen=True)
class Hypercorn:
    """A running backend, and its log."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def running(self) -> list[tuple[str, str]]:
        """Process id and address of each worker that listens."""
        return re.findall(r"\[(\d+)\] \[INFO\] Running on (http://[\d.]+:\d+)", self.log.read_text())

    @property
    def base_url(self) -> str:
        return f"{self.running[0][1]}/api/v1"

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@contextmanager
def hypercorn(folder: Path, *, workers: int, **environ: str) -> Iterator[Hypercorn]:
    """Start so many workers on a free port; they are killed at the end of the block, if they did not stop before."""
    log, configured = folder / "hypercorn.log", {"SIGNEDIN_BACKEND_JWT_KEY": KEY, "SIGNEDIN_BACKEND_RATE_LIMIT": "off"}
    command = [
        *(sys.executable, "-m", "hypercorn", "signedin_backend:from_environment()"),
        *("--bind", "127.0.0.1:0", "--workers", str(workers), "--graceful-timeout", "10"),
    ]
    with log.open("wb") as lines:
        process = subprocess.Popen(
            command, env={**os.environ, **configured, **environ}, stdout=lines, stderr=lines, start_new_session=True
        )
    started, end = Hypercorn(process, log), time.monotonic() + START_SECONDS
    try:
        while len(started.running) < workers and process.poll() is None:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        yield started
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, SIGKILL)
        process.wait(STOP_SECONDS)


def post(base_url: str, path: str, body: dict[str, str]) -> httpx.Response:
    with checked(base_url) as client:
        return client.post(path, json=body)


def test_two_workers_of_another_server_are_one_backend_and_stop_by_a_signal(tmp_path: Path, database: str) -> None:
    with hypercorn(tmp_path, workers=2, DATABASE_URL=database) as running:
        registered = at_once([partial(post, running.base_url, "/auth/register", ADA)] * 20)
        assert Counter(answer.status_code for answer in registered) == {200: 1, 400: 19}
        token = next(answer for answer in registered if answer.status_code == 200).json()["refreshToken"]
        renew = partial(post, running.base_url, "/auth/refreshToken", {"refreshToken": token})
        refreshed = [answer for answer in at_once([renew] * 3) if answer.status_code == 200]
        assert len(refreshed) == 3
        assert len({answer.content for answer in refreshed}) == 1
        access = refreshed[0].json()["accessToken"]
        with checked(running.base_url, headers={"Authorization": f"Bearer {access}"}) as client:
            assert client.get("/users/profile").json()["email"] == "ada@example.com"
            assert client.get("/nowhere").status_code == 404
            assert client.get("/nowhere", headers={"Host": "evil.example"}).status_code == 400
        assert rows(database, "SELECT count(*) FROM users") == [(1,)]
        running.process.terminate()
        assert running.process.wait(STOP_SECONDS) == 0
        for worker, _ in running.running:
            with pytest.raises(ProcessLookupError):
                os.kill(int(worker), 0)
        assert {line["level"] for line in running.lines if line["event"] != "request"} == {"info"}
        assert "Traceback" not in running.log.read_text()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_request_that_runs_when_another_server_stops_is_answered_or_not_done(tmp_path: Path, workers: int) -> None:
    """Of several workers hypercorn ends all as soon as one has stopped, by a signal that they do not handle."""
    database, body = f"sqlite:///{tmp_path / 'x.db'}", json.dumps(ADA).encode()
    with hypercorn(tmp_path, workers=workers, DATABASE_URL=database) as running:
        with body_awaited(running.base_url, "/auth/register", len(body)) as peer:
            running.process.terminate()
            if workers == 1:
                peer.sendall(body)
                assert receive(peer, "/auth/register").status == 200
        assert running.process.wait(STOP_SECONDS) == 0
        assert "Traceback" not in running.log.read_text()
    done = 1 if workers == 1 else 0
    assert rows(database, "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM sessions)") == [(done, done)]


def test_a_worker_of_another_server_that_cannot_start_logs_why(tmp_path: Path) -> None:
    with hypercorn(tmp_path, workers=2, DATABASE_URL="postgresql://ada:s3cret@127.0.0.1:1/x") as running:
        running.process.wait(START_SECONDS)
    assert {(line["level"], line["event"]) for line in running.lines} == {("critical", "cannot start")}
    assert all(str(line["reason"]).startswith("the database cannot be used: connect") for line in running.lines)
    assert "s3cret" not in running.log.read_text()
