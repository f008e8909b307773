"""`make backend-load`: load a backend of its own, print the figures, and write them into docs/backend.md.

On an SQLite file first, then on a PostgreSQL that it starts; `ARGS=--sqlite` or `--postgresql` does one of them,
`ARGS="--database URL"` takes a database that runs, and `ARGS=--quick` is smaller and writes nothing. `--judge` measures
only what `make backend-check` holds the backend to: the time of wrong logins and of bad input.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import secrets
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from signedin_backend import Settings
from signedin_backend.sessions import Sessions
from signedin_backend.settings import read
from signedin_backend.storage import Storage
from sqlalchemy.engine import make_url

from benchmarks.backend import bad_input, stages, watch
from tests.servers import Backend, backend
from tests.servers_postgres import postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from signedin_backend.sessions import Pair

PAGE: Final = Path(__file__).parents[2] / "docs" / "backend.md"
# Of this run only: it lets the client put sessions into the database whose access tokens all end at one moment.
_KEY: Final = secrets.token_hex(32)
# Longer than a run on a busy machine.
_TTL: Final = 7_200

# The event loop does nothing for a refusal that takes longer, whatever the machine; a hash has a thread of its own.
_REFUSED_WITHIN: Final = 10  # milliseconds

Row = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done."""

    tries: int = 300
    floods: int = 5
    seconds: float = 6
    steady: int = 3_000
    storm: int = 1_000
    refreshes: int = 10_000
    refusals: int = 200


Figure = Callable[[stages.Server, Size], "Iterator[Row]"]
QUICK: Final = Size(tries=20, floods=1, seconds=2, steady=300, storm=100, refreshes=500, refusals=10)


def main() -> int:
    """Measure; 1 if a figure missed what it has to reach."""
    parser = argparse.ArgumentParser(prog="make backend-load", description=__doc__, allow_abbrev=False)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--database", help="URL of a database to load")
    where.add_argument("--sqlite", action="store_true", help="only on a fresh SQLite file")
    where.add_argument("--postgresql", action="store_true", help="only on a PostgreSQL of its own")
    parser.add_argument("--quick", action="store_true", help="a smaller run that writes nothing")
    parser.add_argument(
        "--judge", action="store_true", help="only the time of wrong logins and bad input; writes nothing"
    )
    chosen = parser.parse_args()
    places = [] if chosen.postgresql else [_given(chosen.database)]
    if not (chosen.database or chosen.sqlite):
        places.append(_postgresql())
    missed = [_measured(place, chosen) for place in places]
    return int(any(missed))


def _measured(place: AbstractContextManager[str | None], chosen: argparse.Namespace) -> bool:
    size = QUICK if chosen.quick else Size()
    with place as url, tempfile.TemporaryDirectory() as folder, serving(Path(folder), url) as server:
        kind, began = make_url(server.database).get_backend_name(), watch.load()
        rows = list(_rows(server, size, [_again(_oracle)] if chosen.judge else _FIGURES))
        refused = list(_rows(server, size, [_again(_refusals) if chosen.judge else _refusals]))
    load = f"{began} at the start, {watch.load()} at the end"
    tables = {kind: _table(_HEAD, rows, kind, load), f"bad input {kind}": _table(_BAD_HEAD, refused, kind, load)}
    print(*tables.values(), sep="\n")
    if not (chosen.quick or chosen.judge):
        page = PAGE.read_text(encoding="utf-8")
        for name, table in tables.items():
            page = written(page, table, name)
        PAGE.write_text(page, encoding="utf-8")
    return _missed([*rows, *refused])


@contextmanager
def _given(url: str | None) -> Iterator[str | None]:
    yield url


@contextmanager
def serving(folder: Path, url: str | None) -> Iterator[stages.Server]:
    """Run a backend on this database, or on a file in `folder`, with an account on it."""
    database = read({}, {"database": url or f"sqlite:///{folder / 'backend.sqlite3'}"}).database
    options, environ = ("--database", database, "--access-ttl", str(_TTL)), {"SIGNEDIN_BACKEND_JWT_KEY": _KEY}
    with backend(folder, *options, environ=environ, checked=False) as running:
        yield _server(running, database)


@contextmanager
def _postgresql() -> Iterator[str | None]:
    with postgres_server(fsync="on", full_page_writes="on") as server, server.database() as url:
        yield url


def _server(running: Backend, database: str) -> stages.Server:
    # An existing database may have the account already.
    for operation in ("register", "login"):
        body = json.dumps({"email": stages.EMAIL, "password": stages.PASSWORD}).encode()
        request = urllib.request.Request(  # noqa: S310  # our own loopback server
            f"{running.base_url}/auth/{operation}", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # as above
                access = json.load(answer)["accessToken"]
                return stages.Server(running.base_url, running.process.pid, database, access, running.log)
        except urllib.error.HTTPError:
            continue
    raise SystemExit("the account of the load could neither be made nor entered")


def _rows(server: stages.Server, size: Size, figures: Iterable[Figure]) -> Iterator[Row]:
    for measured in figures:
        for row in measured(server, size):
            print(" | ".join(row), file=sys.stderr, flush=True)
            yield row


def _oracle(server: stages.Server, size: Size) -> Iterator[Row]:
    measured = asyncio.run(stages.oracle(server, size.tries))
    made = f"medians of {size.tries} tries each, in turns"
    for name, ratio in (("time", measured.wall), ("processor time", measured.processor)):
        text = _judged(f"{ratio:.3f}", 0.95 <= ratio <= 1.05)
        yield f"login, {name} of a wrong password ÷ of an unknown user", text, "0.95 to 1.05", made


def _again(figure: Figure) -> Figure:
    """Measure again, at most twice, what other programs may have disturbed; an oracle stays one, as does slow work."""

    def measured(server: stages.Server, size: Size) -> Iterator[Row]:
        for _ in range(3):
            rows = list(figure(server, size))
            if not _missed(rows):
                break
        yield from rows

    return measured


def _refusals(server: stages.Server, size: Size) -> Iterator[Row]:
    measured = asyncio.run(stages.refusals(server, size.refusals))
    for name in sorted(measured, key=lambda name: -_p99(measured[name].processor)):
        p99 = _p99(measured[name].processor)
        # Of the clock's time other programs take as much as they like.
        clock = f"{_p99(measured[name].wall):.1f} ms, median {statistics.median(measured[name].wall):.1f} ms"
        paid = " (one hash)" if bad_input.CLASSES[name].hashed else ""
        yield f"{name}{paid}", _judged(f"{p99:.1f} ms", p99 <= _REFUSED_WITHIN), f"≤ {_REFUSED_WITHIN} ms", clock


def _p99(milliseconds: Iterable[float]) -> float:
    return watch.quantile(milliseconds, 0.99)


def _flood(server: stages.Server, size: Size) -> Iterator[Row]:
    rounds = [asyncio.run(stages.flood(server, seconds=size.seconds)) for _ in range(size.floods)]
    ratio = statistics.median(one.ratio for one in rounds)
    each = ", ".join(f"{one.ratio:.1f}" for one in rounds)
    made = f"32 clients that sign in, {sum(one.logins for one in rounds)} logins; median of the rounds {each}"
    yield "profile p99, login flood ÷ idle", _judged(f"{ratio:.1f}", ratio <= 5), "≤ 5", made


def _storm(server: stages.Server, size: Size) -> Iterator[Row]:
    alone = asyncio.run(stages.refreshes(server, sessions(server, 1, lifetime=_TTL), min(200, size.refreshes)))
    lifetime = 3
    pairs = sessions(server, size.storm, lifetime=lifetime)
    time.sleep(lifetime + 1)
    measured = asyncio.run(stages.storm(server, pairs))
    share = measured.succeeded / measured.sessions
    made = f"{measured.sessions} sessions, one expiry, a connection each: refused, refreshed, read"
    yield "refresh storm, sessions that went on", _judged(f"{share:.3f}", share == 1), "1.000", made
    yield (
        "storm, wall time per session ÷ a lone refresh",
        f"{measured.per_refresh / alone:.2f}",
        "none",
        "three requests ÷ one",
    )
    share = measured.slowest / (measured.per_refresh * measured.sessions)
    yield "storm, slowest refresh ÷ the whole storm", _judged(f"{share:.2f}", share <= 1), "≤ 1", "as above"


def _growth(server: stages.Server, size: Size) -> Iterator[Row]:
    pairs, each = sessions(server, 8, lifetime=_TTL), size.refreshes // 8
    asyncio.run(stages.refreshes(server, sessions(server, 8, lifetime=_TTL), each // 5))
    before = watch.held(server.pid, server.database)
    asyncio.run(stages.refreshes(server, pairs, each))
    time.sleep(1)
    grown = watch.held(server.pid, server.database) - before
    made = f"after {8 * (each // 5)} to warm up"
    small = grown.kibibytes <= 1024 and grown.threads <= 0 and grown.descriptors <= 0
    what = f"{grown.kibibytes} KiB RSS, threads {grown.threads}, descriptors {grown.descriptors}"
    yield f"{8 * each:,} refreshes grow the process by", _judged(what, small), "≤ 1 MiB, 0, 0", made
    rows = f"sessions {grown.sessions}, fingerprints {grown.tokens}"
    right = grown.sessions == 0 and grown.tokens == 8 * each
    yield "… and the database by", _judged(rows, right), "0, one each", "until the session's end"


def _steady(server: stages.Server, size: Size) -> Iterator[Row]:
    alone, many = asyncio.run(stages.steady(server, clients=16, requests=size.steady))
    yield "profiles a second, 16 clients ÷ 1 client", f"{many / alone:.2f}", "none", f"{size.steady:,} requests each"


def sessions(server: stages.Server, count: int, *, lifetime: int) -> list[Pair]:
    """Begin sessions past the server, so that no hash is paid, with access tokens that still live so many seconds."""
    settings = Settings(database=server.database, jwt_key=_KEY.encode(), access_ttl=_TTL)
    storage = Storage(settings)
    late = Sessions(storage, settings, (_KEY.encode(),), lambda: time.time() - settings.access_ttl + lifetime)
    account = late.password_of(stages.EMAIL)
    if account is None:
        raise SystemExit("the account of the load is gone")
    try:
        return [late.sign_in(account[0]) for _ in range(count)]
    finally:
        storage.close()


def _judged(text: str, reached: bool) -> str:  # noqa: FBT001  # a verdict is its argument
    return text if reached else f"{text} missed"


def _missed(rows: Iterable[Row]) -> bool:
    return any(row[1].endswith("missed") for row in rows)


_FIGURES: Final = (_oracle, _flood, _storm, _growth, _steady)
_HEAD: Final = "| figure | measured | to reach | made from |"
_BAD_HEAD: Final = "| what is wrong | p99 of processor time, judged | to reach | by the clock, not judged: p99 |"


def _table(columns: str, rows: list[Row], database: str, load: str) -> str:
    head = (
        f"Measured on {time.strftime('%Y-%m-%d', time.gmtime())} with Python {platform.python_version()} on "
        f"{platform.system()}, two cores, {database}. Load of the machine: {load}.\n\n"
        f"{columns}\n|---|---|---|---|\n"
    )
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def written(page: str, text: str, database: str) -> str:
    """Return the page with this table in the place of the last one of this database."""
    begin, end = f"<!-- load {database} -->\n", f"<!-- /load {database} -->\n"
    before, begun, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (begun and closed):
        raise ValueError(f"the page has no place for {database}")
    return f"{before}{begin}{text}{end}{after}"


if __name__ == "__main__":
    sys.exit(main())
