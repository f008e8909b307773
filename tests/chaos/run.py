"""One run of process chaos: what is started, for how long, and what must hold afterwards."""

from __future__ import annotations

import contextlib
import json
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
from signedin import Client, RefreshUnavailableError, SignedInError, TokenPair
from signedin._tokens import Records, decode
from signedin.stores import open_store
from signedin.stores.file import from_json

from tests.chaos.fleet import Fleet, Hit
from tests.chaos.proxy import Chances, FaultProxy, Presentation
from tests.chaos.watcher import Watcher
from tests.chaos.worker import AT_WORK, LONGEST, TIMING, WorkerOrders
from tests.servers import backend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FOR_EVER: Final = (
    180.0  # seconds; a worker ends within LONGEST and a flight, on a machine that is not busy with others
)
# What a caller may see while the network and its own process are being broken; all of them keep the pair.
_PASSING: Final = {"ok", "APIConnectionError", "APITimeoutError", "RefreshUnavailableError", "UnauthorizedError"}
_PASSING_SERVER: Final = {"ServerError"}  # the reference backend's database is busy
_ENOUGH_CALLS: Final = 20  # that went well, or the run shows nothing
_ACCOUNT: Final = {"email": "ada@example.com", "password": "correct horse battery staple"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The size of a run.

    `store` is a URL; `file:` takes a file in a temporary folder, `redis:` starts a Redis of the run's own. By Redis the
    workers share nothing but the network, as hosts do; with several `hosts` their wall clocks are right, `skew` seconds
    fast and as much slow, in turn.
    """

    seed: int
    processes: int = 8
    threads: int = 8
    hits: int = 200
    seconds: float = 80.0
    pause: float = 1.0
    store: str = "file:"
    access_ttl: int = 2
    hosts: int = 1
    skew: float = 0.0
    chances: Chances = field(default_factory=Chances)

    @property
    def enough_refreshes(self) -> int:
        """How many must have been made for the run to show anything; it goes on until then, within its bound."""
        return max(2, self.hits // 20)


@dataclass(slots=True)
class Report:
    """What happened, and what of it must not happen."""

    plan: Plan
    calls: Counter[str]
    longest: float
    hits: Counter[str]
    ledger: dict[str, Any]
    presentations: list[Presentation]
    struck: list[Hit]
    starts: int
    broken_exchanges: int
    unfinished: int
    reads: int
    torn: list[str]
    backwards: int
    signed_in: bool
    newest: list[str]  # the story of the last refresh token

    @property
    def with_another_key(self) -> int:
        """Refresh tokens that were presented under two names."""
        keys: dict[str, set[str | None]] = {}
        for seen in self.presentations:
            keys.setdefault(seen.token, set()).add(seen.attempt)
        return sum(len(names) > 1 or None in names for names in keys.values())

    @property
    def unexplained(self) -> int:
        """Second presentations although the first was answered in time and its sender was not hit."""
        of_token: dict[str, list[Presentation]] = {}
        for seen in self.presentations:
            of_token.setdefault(seen.token, []).append(seen)
        return sum(not self._in_doubt(before, after) for row in of_token.values() for before, after in pairwise(row))

    def _in_doubt(self, before: Presentation, after: Presentation) -> bool:
        slow = before.answered is None or before.answered - before.arrived > TIMING.post - 0.5
        between = [hit for hit in self.struck if hit.at <= after.arrived and hit.until >= before.arrived - 1.0]
        # Or the second was about to send, and was stopped until the first had taken over its journal entry.
        return slow or any(
            hit.sender == before.sender or (hit.sender == after.sender and hit.beyond_a_lease) for hit in between
        )

    @property
    def breaches(self) -> list[str]:
        """Everything that must not be, in words; empty when the run is sound."""
        bound = LONGEST + max((hit.until - hit.at for hit in self.struck), default=0.0) + 5
        unknown = {name: n for name, n in self.calls.items() if name not in _PASSING | _PASSING_SERVER}
        checks = {
            f"calls ended in {unknown}": bool(unknown),
            f"{self.unfinished} processes did not end": self.unfinished > 0,
            f"a call took {self.longest:.1f} s, longer than {bound:.1f} s": self.longest > bound,
            f"torn records: {self.torn[:3]}": bool(self.torn),
            f"the generation went back {self.backwards} times": self.backwards > 0,
            f"{self.with_another_key} tokens were sent again under another key": self.with_another_key > 0,
            f"{self.unexplained} tokens were sent again without a doubt": self.unexplained > 0,
            f"{self.ledger['families_revoked']} families were revoked": self.ledger["families_revoked"] > 0,
            f"{self.ledger['refused_refreshes']} refreshes were refused": self.ledger["refused_refreshes"] > 0,
            f"{self.ledger['logins']} logins": self.ledger["logins"] > 0,
            f"the session is over; its last token: {self.newest}": not self.signed_in,
            f"{self.ledger['refreshes']} refreshes for {self.ledger['expiries']} expiries, "
            f"{self.in_youth} in the first quarter of a life": not self._in_proportion,
            f"only {sum(self.hits.values())} hits": sum(self.hits.values()) < self.plan.hits,
            "hardly anything happened": self.calls["ok"] < _ENOUGH_CALLS,
            "hardly a refresh was made": self.ledger["refreshes"] < self.plan.enough_refreshes,
        }
        return [words for words, broken in checks.items() if broken]

    @property
    def in_youth(self) -> int:
        """Refreshes of tokens in the first quarter of their lives."""
        young = 0.75 * self.plan.access_ttl * 1000
        return sum(event.get("left_ms", 0) > young for event in self.ledger["events"])

    @property
    def _in_proportion(self) -> bool:
        if not self.plan.skew:
            return self.ratio == 1.0
        # A process on a host whose clock is wrong takes its first token for expired, until it hears a refresh tell the
        # time; then it knows that to about a second, which is a good part of these tokens' lives.
        return self.in_youth <= self.starts + sum(seen.answered is None for seen in self.presentations)

    @property
    def ratio(self) -> float:
        """Refreshes divided by expiries."""
        return float(self.ledger["refreshes"] / max(1, self.ledger["expiries"]))

    def __str__(self) -> str:
        failed = sum(self.calls.values()) - self.calls["ok"]
        return (
            f"{self.plan.store.partition(':')[0]}, {self.plan.hosts} host{'s' * (self.plan.hosts > 1)}, "
            f"{self.plan.processes} x {self.plan.threads}, seed {self.plan.seed}: "
            f"hits {sum(self.hits.values())} ({self.hits['kill']} kills, {self.hits['stop']} stops, "
            f"of these {sum(hit.beyond_a_lease for hit in self.struck)} beyond a lease), "
            f"{self.broken_exchanges} exchanges broken, {self.starts} processes, "
            f"calls {sum(self.calls.values())} ({failed} ended in a typed error), longest {self.longest:.1f} s, "
            f"hangs {self.unfinished + self.calls['HUNG']}, reads {self.reads}, torn {len(self.torn)}, "
            f"refreshes {self.ledger['refreshes']} / expiries {self.ledger['expiries']} = {self.ratio:.3f}, "
            f"presented again {len(self.presentations) - len({p.token for p in self.presentations})}, "
            f"of these without a doubt {self.unexplained}, under another key {self.with_another_key}, "
            f"families revoked {self.ledger['families_revoked']}, re-logins {self.ledger['logins']}"
        )


def run(plan: Plan) -> Report:
    """Carry the plan out and return what happened; bounded at about ten times `plan.seconds`."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        folder = Path(name)
        with (
            backend(folder, "--access-ttl", str(plan.access_ttl), "--ledger", "--grace") as server,
            _store(plan, folder) as store,
        ):
            return _run(plan, folder, server.base_url, store)


@contextlib.contextmanager
def _store(plan: Plan, folder: Path) -> Iterator[str]:
    if plan.store != "redis:":
        yield f"file:{folder / 'tokens.json'}" if plan.store == "file:" else plan.store
        return
    from tests.servers_redis import redis_server

    (folder / "redis").mkdir()
    with redis_server(folder / "redis") as server:
        yield server.url


def _run(plan: Plan, folder: Path, base_url: str, store: str) -> Report:
    (folder / "reports").mkdir()
    with FaultProxy(base_url, plan.seed, plan.chances) as proxy:
        _sign_in(base_url, proxy.base_url, store)
        fleet = Fleet(_orders(plan, folder, proxy.base_url, store), random.Random(plan.seed))
        proxy.on_refresh = fleet.on_refresh
        fleet.hold_fire = lambda: proxy.grace_is_used
        with Watcher(_reading(store, proxy.base_url)) as watcher:
            try:
                fleet.start()
                fleet.rampage(
                    plan.hits,
                    plan.seconds,
                    # Who is killed may not have recorded its answer.
                    enough=lambda: proxy.answered >= plan.enough_refreshes and proxy.served >= 3 * _ENOUGH_CALLS,
                    still_well=lambda: not watcher.torn,
                )
            finally:
                (folder / "stop").touch()
                unfinished = fleet.finish(_FOR_EVER)
        proxy.chances.refresh = proxy.chances.call = 0.0
        signed_in = _is_signed_in(proxy.base_url, store)
        ledger = httpx.get(f"{base_url}/__ledger__").json()
    calls, longest = _calls(folder / "reports")
    return Report(
        plan=plan,
        calls=calls,
        longest=longest,
        hits=Counter(hit.kind for hit in fleet.hits),
        ledger=ledger,
        presentations=proxy.presentations,
        struck=fleet.hits,
        starts=fleet.starts,
        broken_exchanges=proxy.broken,
        unfinished=unfinished,
        reads=watcher.reads,
        torn=watcher.torn,
        backwards=watcher.backwards,
        signed_in=signed_in,
        newest=proxy.history(),
    )


def _sign_in(direct: str, through_proxy: str, store: str) -> None:
    tokens = httpx.post(f"{direct}/auth/register", json=_ACCOUNT).raise_for_status().json()
    with Client(through_proxy, store=open_store(store), timing=TIMING) as client:
        client.session.sign_in(TokenPair(access_token=tokens["accessToken"], refresh_token=tokens["refreshToken"]))


def _is_signed_in(base_url: str, store: str) -> bool:
    # The last process may have been hit in the middle of a refresh: this one finishes it, once the lease has ended.
    end = time.monotonic() + 3 * TIMING.lease
    with Client(base_url, store=open_store(store), timing=TIMING) as client:
        while True:
            try:
                return client.users.get_profile().email == _ACCOUNT["email"]
            except RefreshUnavailableError:
                if time.monotonic() > end:
                    return False
            except SignedInError:
                return False


def _orders(plan: Plan, folder: Path, base_url: str, store: str) -> list[WorkerOrders]:
    return [
        WorkerOrders(
            base_url=base_url,
            store=store,
            sender=f"127.0.{1 + number % plan.hosts}.{number + 1}",
            skew=plan.skew * (0, 1, -1)[number % plan.hosts % 3],
            threads=plan.threads,
            pause=plan.pause,
            report=str(folder / "reports" / str(number)),
            stop=str(folder / "stop"),
            until=time.time() + 11 * plan.seconds + 60,
        )
        for number in range(plan.processes)
    ]


def _reading(url: str, base_url: str) -> Callable[[], int]:
    """Return what reads the stored generation: of a file its bytes, past the store's own care."""
    if url.startswith("file:"):
        path = Path(url.removeprefix("file:"))
        return lambda: max(_generation(entry) for entry in json.loads(path.read_bytes())["records"].values())
    store, key = open_store(url), f"{base_url}#default"

    def generation() -> int:
        record = Records(store, key).load()
        if record is None:
            raise KeyError(key)
        return record.generation

    return generation


def _generation(entry: Any) -> int:
    stored = from_json(entry)
    assert stored is not None
    return decode(stored).generation


def _calls(folder: Path) -> tuple[Counter[str], float]:
    calls: Counter[str] = Counter()
    longest = 0.0
    for path in folder.iterdir():
        for line in path.read_text().splitlines():
            outcome, _, seconds = line.rpartition(" ")
            calls[outcome] += outcome != AT_WORK
            longest = max(longest, float(seconds))
    return +calls, longest
