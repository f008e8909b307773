"""The rows of the table: who runs, against which server and lock, with how many faults."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal

from tests.model.explore import Broken, Explorer
from tests.model.world import (
    Family,
    LockKind,
    Process,
    Server,
    ServerKind,
    World,
    first_record,
    host,
    losing_the_record_to_bob,
    signing_in_as_bob,
    signing_out,
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row. `reaches`: outcomes that must be seen; `never`: outcomes that must not."""

    name: str
    _: KW_ONLY
    server: ServerKind = "grace"
    lock: LockKind = "flock"
    hosts: int = 2
    rounds: int = 2
    faults: int = 0
    crashes: int = 0
    stalls: int = 0
    outages: int = 0
    late: int = 0  # of the hosts, so many begin when an outage is over
    sign_out: bool = False
    sign_in: bool = False
    loss: bool = False
    on_doubt: Literal["resend", "relogin"] = "resend"
    reaches: tuple[str, ...] = ("landed",)
    never: tuple[str, ...] = ()

    def start(self) -> tuple[Explorer, World]:
        """Return the explorer of this scenario and its first state."""
        first = first_record()
        programs = [
            host(f"host {n}", first, rounds=self.rounds, server=self.server, on_doubt=self.on_doubt, late=n < self.late)
            for n in range(self.hosts)
        ]
        programs += [signing_out] * self.sign_out + [signing_in_as_bob] * self.sign_in
        programs += [losing_the_record_to_bob] * self.loss
        world = World(
            record=first,
            server=Server(self.server, (Family("ada"), Family("bob"))),
            processes=tuple(Process(0) for _ in programs),
            faults=self.faults,
            crashes=self.crashes,
            stalls=self.stalls,
            outages=self.outages,
        )
        return Explorer(programs, self.lock), world


# What must be seen, and what must not.
EXPIRES, OUT, UNSAVED = ("landed", "expired"), ("landed", "signed out"), ("landed", "unsaved")
EXPIRED = ("expired",)

SMALL = (
    Scenario("grace, no faults"),
    Scenario("grace, one fault", faults=1, never=EXPIRED),
    Scenario("grace, a crash", crashes=1, never=EXPIRED),
    Scenario("grace, sign-out, one round", sign_out=True, rounds=1, reaches=OUT),
    Scenario("grace, another user signs in, one round", sign_in=True, rounds=1, faults=1),
    Scenario("grace, the record is lost to another user, one round", loss=True, rounds=1, faults=1, reaches=OUT),
    Scenario("grace, lease, one fault", lock="lease", faults=1, never=EXPIRED),
    Scenario("grace, lease, a stall and a fault, one round", lock="lease", stalls=1, faults=1, rounds=1),
    Scenario("grace, lease, a crash, one round", lock="lease", crashes=1, rounds=1, never=EXPIRED),
    Scenario("grace, lease, the store stays away", lock="lease", outages=1, reaches=UNSAVED, never=EXPIRED),
    Scenario(
        "grace, lease, the store stays away, one comes later",
        lock="lease",
        outages=1,
        late=1,
        faults=1,
        reaches=UNSAVED,
        never=EXPIRED,
    ),
    Scenario("grace, one host, four faults", hosts=1, faults=4, never=EXPIRED),
    # A lease is no lock: two refreshes by others while one is stopped before its send, and the grace is past.
    Scenario("grace, lease, a stall, one comes later", lock="lease", late=1, stalls=1, reaches=EXPIRES),
    # A strict server and a lost answer: impossible for any client, so the way to the new sign-in must be there.
    Scenario("strict, one fault", server="strict", faults=1, reaches=EXPIRES),
    Scenario("strict, relogin, one fault", server="strict", faults=1, on_doubt="relogin", reaches=EXPIRES),
    Scenario(
        "strict, three hosts, a crash, one round",
        server="strict",
        hosts=3,
        rounds=1,
        crashes=1,
        reaches=EXPIRES,
        never=("store error",),
    ),
    Scenario("upstream, lease, a stall", server="upstream", lock="lease", stalls=1, never=("store error",)),
    Scenario("upstream, one fault", server="upstream", faults=1, reaches=EXPIRES),
    Scenario("three hosts, one round, one fault", hosts=3, rounds=1, faults=1, never=EXPIRED),
)

# The longest first, so that no processor ends alone with one.
LARGE = (
    Scenario(
        "grace, lease, three rounds, the store stays away, two faults",
        lock="lease",
        rounds=3,
        outages=1,
        faults=2,
        reaches=UNSAVED,
        never=EXPIRED,
    ),
    Scenario("three hosts, one fault", hosts=3, faults=1, never=EXPIRED),
    Scenario("strict, three hosts, one fault", server="strict", hosts=3, faults=1, reaches=EXPIRES),
    Scenario("grace, three faults", faults=3, never=EXPIRED),
    Scenario("grace, two faults and a crash", faults=2, crashes=1, never=EXPIRED),
    Scenario("grace, three rounds, two faults", rounds=3, faults=2, never=EXPIRED),
    Scenario("grace, another user signs in, one fault", sign_in=True, faults=1, never=EXPIRED),
    Scenario("grace, sign-out and a fault", sign_out=True, faults=1, reaches=OUT),
    Scenario("grace, the record is lost to another user, two faults", loss=True, faults=2, reaches=OUT),
    Scenario("grace, lease, a stall and a fault", lock="lease", stalls=1, faults=1, never=EXPIRED),
    Scenario("strict, lease, a stall and a fault", server="strict", lock="lease", stalls=1, faults=1, reaches=EXPIRES),
    Scenario(
        "upstream, lease, a stall and a fault", server="upstream", lock="lease", stalls=1, faults=1, reaches=EXPIRES
    ),
    Scenario("grace, lease, three rounds, a stall and a crash", lock="lease", rounds=3, stalls=1, crashes=1),
    Scenario("grace, lease, three rounds, a stall", lock="lease", rounds=3, stalls=1, reaches=EXPIRES),
    Scenario("grace, sign-out and a crash", sign_out=True, crashes=1, reaches=OUT),
    Scenario(
        "grace, lease, the record is lost to another user, a stall", lock="lease", loss=True, stalls=1, reaches=OUT
    ),
    Scenario(
        "three hosts, the record is lost to another user, one round",
        hosts=3,
        loss=True,
        rounds=1,
        faults=1,
        reaches=OUT,
    ),
    Scenario("grace, sign-out and another user, one round", sign_in=True, sign_out=True, rounds=1, reaches=OUT),
    Scenario(
        "three hosts, lease, the store stays away, one comes later",
        hosts=3,
        lock="lease",
        outages=1,
        late=1,
        faults=1,
        reaches=UNSAVED,
        never=EXPIRED,
    ),
    Scenario("strict, two faults", server="strict", faults=2, reaches=EXPIRES),
    Scenario("upstream, a fault and a crash", server="upstream", faults=1, crashes=1, reaches=("expired",)),
    Scenario("grace, lease, a fault and a crash", lock="lease", faults=1, crashes=1, never=EXPIRED),
)

RANDOM = (
    Scenario("three hosts, grace, everything", hosts=3, rounds=3, faults=3, crashes=1, never=EXPIRED),
    Scenario(
        "three hosts, grace, lease, everything",
        hosts=3,
        rounds=3,
        faults=2,
        crashes=1,
        stalls=1,
        outages=1,
        lock="lease",
        sign_out=True,
        loss=True,
        reaches=OUT,
    ),
    Scenario(
        "three hosts, strict, everything", server="strict", hosts=3, rounds=3, faults=3, crashes=1, reaches=EXPIRES
    ),
)


def check(scenario: Scenario, limit: int = 1_500_000) -> Explorer:
    """Explore a scenario whole; raise if an invariant breaks or an outcome is not as the row says."""
    explorer, world = scenario.start()
    explorer.exhaust(world, limit)
    _demand_outcomes(scenario, explorer)
    return explorer


def sample(scenario: Scenario, seeds: range) -> Explorer:
    """Take one random path of a scenario for each seed."""
    explorer, world = scenario.start()
    for seed in seeds:
        explorer.walk(world, seed)
    _demand_outcomes(scenario, explorer)
    return explorer


def _demand_outcomes(scenario: Scenario, explorer: Explorer) -> None:
    missing = set(scenario.reaches) - explorer.reached
    if missing:
        raise Broken(f"{scenario.name}: never reached {sorted(missing)}")
    forbidden = set(scenario.never) & explorer.reached
    if forbidden:
        raise Broken(f"{scenario.name}: reached {sorted(forbidden)}")
