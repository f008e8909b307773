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
# What `explain` tells as the last failure is that of this very process, which has only just begun.
_ELSEWHERE = "each process logs its own, by the logger signedin at level INFO"


def examine(client: Client, store: TokenStore) -> tuple[Mapping[str, object], int]:
    """Return what was found, and 1 if any of it is a problem."""
    told = client.session.explain()
    server = _server(str(client.session.base_url))
    problems = [
        f"{what}: {said}"
        for what, said in (("store", told["store_failure"]), ("server", server["server_failure"]))
        if said is not None
    ]
    if told["unfinished_refresh_until"] is not None:
        problems.append("session: a refresh has begun and not come back; the next use completes it")
    if told["status"] == "dead":
        problems.append("session: the server refused the refresh token; sign in again")
    found = {**server, **_place(store), **told, "failures_elsewhere": _ELSEWHERE, "problems": problems}
    return found, 1 if problems else 0


def _server(base_url: str) -> dict[str, object]:
    found: dict[str, object] = {"base_url": base_url, "server_failure": None, "server_clock_ahead": None}
    sent = time.time()
    try:
        # Without the session: what is asked is whether the server is there.
        answer = httpx.get(base_url, timeout=_PATIENCE, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return {**found, "server_failure": f"{type(error).__name__}: {error}"}
    received = time.time()
    return {**found, "server_answer_took": received - sent, "server_clock_ahead": _ahead(answer, sent, received)}


def _ahead(answer: httpx.Response, sent: float, received: float) -> float | None:
    """Return how many seconds the server's clock is ahead; 0.0 where the difference is within what can be seen."""
    try:
        shown = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None
    # The header is cut to whole seconds: the server's clock was in [shown, shown + 1).
    lowest, highest = shown - received, shown + 1 - sent
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
        found = path.lstat()
    except OSError as error:
        return error.strerror or type(error).__name__
    return f"{stat.filemode(found.st_mode)} of uid {found.st_uid}"
