"""`signedin doctor`: from what a user sees to what causes it. It sends no token and changes nothing."""

from __future__ import annotations

import stat
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx

from signedin.cli import output
from signedin.cli.output import Answer
from signedin.cli.status import place
from signedin.stores import FileStore
from signedin.stores.file import network_file_system

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from signedin import SignedInClient
    from signedin.cli.commands import Work
    from signedin.protocols import TokenStore

_PATIENCE = 5.0  # seconds for the server
_CLOCKS_APART = 60.0  # seconds; sessions measure the server's clock, other programs do not
# The last failure in `explain` is one of this very process, which has only just begun.
_ELSEWHERE = "each process logs its own, by the logger signedin at level INFO"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: what a user sees of it, why, and what to do."""

    symptom: str
    cause: str
    remedy: str


def doctor(work: Work) -> Answer:
    """Return a report, its problems first; exit code 1 if there are any."""
    with closing(work.client()) as client:
        details = {
            **_server(client),
            **_file(work.store),
            **client.session.explain(),
            "store": place(work.store),
            "failures_elsewhere": _ELSEWHERE,
        }
    problems = list(_problems(details, work.options.login))
    present = {name: value for name, value in details.items() if value is not None}
    text = "".join(
        f"{number}. {one.symptom}\n   Why: {one.cause}\n   Do:  {one.remedy}\n"
        for number, one in enumerate(problems, 1)
    )
    text = output.printable_lines(text or "No problem.\n") + "\n" + output.lines(present)
    return Answer({"problems": [asdict(one) for one in problems], **details}, 1 if problems else 0, text)


def _problems(details: Mapping[str, object], login: str) -> Iterator[Problem]:
    if (failure := details["store_failure"]) is not None:
        yield Problem("Every command fails.", f"store: {failure}", "What the cause says; the tokens are as they were.")
    elif details["status"] == "dead":
        cause = "The server refused the refresh token: it was revoked, used twice, or too old."
        yield Problem("Calls fail: the session has expired.", cause, login)
    elif details["status"] != "active":
        cause = f"No sign-in is stored for {details['key']} in {details['store']}."
        yield Problem("Calls fail: not signed in.", cause, f"{login}; or signedin profiles, for what is signed in")
    if (failure := details["server_failure"]) is not None:
        cause = f"server: {failure}"
        yield Problem("No call gets an answer.", cause, f"Is it running? Is {details['base_url']} its address?")
    ahead = details["server_clock_ahead"]
    if isinstance(ahead, float) and abs(ahead) > _CLOCKS_APART:
        cause = f"The server's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's."
        yield Problem("Tokens seem to expire too early or too late.", cause, "Set the clock of the one that is wrong.")
    if (until := details["unfinished_refresh_until"]) is not None:
        cause = f"A refresh began and has not come back; it may until {until}."
        yield Problem("The next call takes longer.", cause, "Nothing: the next use completes it.")
    if (kind := details.get("store_network_file_system")) is not None:
        cause = f"The token file is on a network file system ({kind}), whose locks other hosts may not see."
        yield Problem("Sessions end for no visible reason.", cause, "--store file:///a/local/path or redis://host")


def _server(client: SignedInClient) -> dict[str, object]:
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


def _file(store: TokenStore) -> dict[str, object]:
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
