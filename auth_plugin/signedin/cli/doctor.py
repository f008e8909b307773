"""`signedin doctor`: what may explain a sign-in that does not work. It sends no token and changes nothing."""

from __future__ import annotations

import stat
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx

from signedin.stores import FileStore
from signedin.stores.file import network_file_system

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from signedin import Client
    from signedin.protocols import TokenStore

_PATIENCE = 5.0  # seconds for the server
# The last failure in `explain` is one of this very process, which has only just begun.
_ELSEWHERE = "each process logs its own, by the logger signedin at level INFO"


def examine(client: Client, store: TokenStore) -> tuple[Mapping[str, object], int]:
    """Return a report, and 1 if there is a problem in it."""
    state, server = client.session.explain(), _server(client)
    failures = {"store": state["store_failure"], "server": server["server_failure"]}
    problems = [f"{part}: {failure}" for part, failure in failures.items() if failure is not None]
    if state["unfinished_refresh_until"] is not None:
        problems.append("session: a refresh has begun and not come back; the next use completes it")
    if state["status"] == "dead":
        problems.append("session: the server refused the refresh token; sign in again")
    report = {**server, **_place(store), **state, "failures_elsewhere": _ELSEWHERE, "problems": problems}
    return report, 1 if problems else 0


def _server(client: Client) -> dict[str, object]:
    base_url = str(client.session.base_url)
    server: dict[str, object] = {"base_url": base_url, "server_failure": None, "server_clock_ahead": None}
    sent = time.time()
    try:
        # By the connections that calls take, proxies and certificates included, and without a token.
        response = client.http.get(base_url, auth=None, timeout=_PATIENCE, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return {**server, "server_failure": f"{type(error).__name__}: {error}"}
    received = time.time()
    return {**server, "server_answer_took": received - sent, "server_clock_ahead": _ahead(response, sent, received)}


def _ahead(response: httpx.Response, sent: float, received: float) -> float | None:
    """Return how many seconds the server's clock is ahead; 0.0 where the difference is within what can be seen."""
    try:
        date = parsedate_to_datetime(response.headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None
    # The header is cut to whole seconds: the server's clock was in [date, date + 1).
    lowest, highest = date - received, date + 1 - sent
    return 0.0 if lowest <= 0 <= highest else (lowest + highest) / 2


def _place(store: TokenStore) -> dict[str, object]:
    if not isinstance(store, FileStore):
        return {"store_kind": type(store).__name__}
    return {
        "store_kind": "FileStore",
        "store_path": str(store.path),
        "store_permissions": _permissions(store.path),
        "store_folder_permissions": _permissions(store.path.parent),
        "store_network_file_system": network_file_system(store.path),
    }


def _permissions(path: Path) -> str:
    try:
        entry = path.lstat()
    except OSError as error:
        return error.strerror or type(error).__name__
    return f"{stat.filemode(entry.st_mode)} of uid {entry.st_uid}"
