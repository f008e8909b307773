"""The rows of the table: who runs, against which server and lock, with how many faults."""

from __future__ import annotations

from dataclasses import dataclass
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
    signing_in_as_bob,
    signing_out,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One row. `reaches`: outcomes that must be seen; `never`: outcomes that must not."""

    name: str
    server: ServerKind = "grace"
    lock: LockKind = "flock"
    hosts: int = 2
    rounds: int = 2
    faults: int = 0
    crashes: int = 0
    stalls: int = 0
    sign_out: bool = False
    sign_in: bool = False
    on_doubt: Literal["resend", "relogin"] = "resend"
    reaches: tuple[str, ...] = ("landed",)
    never: tuple[str, ...] = ()

    def start(self) -> tuple[Explorer, World]:
        """Return the explorer of this scenario and its first state."""
        first = first_record()
        programs = [
            host(f"host {n}", first, rounds=self.rounds, server=self.server, on_doubt=self.on_doubt)
            for n in range(self.hosts)
        ]
        programs += [signing_out] * self.sign_out + [signing_in_as_bob] * self.sign_in
        world = World(
            record=first,
            server=Server(self.server, (Family("ada"), Family("bob"))),
            processes=tuple(Process(0) for _ in programs),
            faults=self.faults,
            crashes=self.crashes,
            stalls=self.stalls,
        )
        return Explorer(programs, self.lock), world


SMALL = (
    Scenario(name="grace, no faults"),
    Scenario(name="grace, one fault", faults=1, never=("expired",)),
    Scenario(name="grace, a crash", crashes=1, never=("expired",)),
    Scenario(name="grace, sign-out, one round", sign_out=True, rounds=1, reaches=("landed", "signed out")),
    Scenario(name="grace, another user signs in, one round", sign_in=True, rounds=1, faults=1),
    Scenario(name="grace, lease, a stall and a fault, one round", lock="lease", stalls=1, faults=1, rounds=1),
    Scenario(name="grace, lease, a crash, one round", lock="lease", crashes=1, rounds=1, never=("expired",)),
    # A strict server and a lost answer: impossible for any client, so the way to the new sign-in must be there.
    Scenario(name="strict, one fault", server="strict", faults=1, reaches=("landed", "expired")),
    Scenario(
        name="strict, relogin, one fault", server="strict", faults=1, on_doubt="relogin", reaches=("landed", "expired")
    ),
    Scenario(
        name="strict, three hosts, a crash, one round",
        server="strict",
        hosts=3,
        rounds=1,
        crashes=1,
        reaches=("landed", "expired"),
        never=("store error",),
    ),
    Scenario(name="upstream, lease, a stall", server="upstream", lock="lease", stalls=1, never=("store error",)),
    Scenario(name="upstream, one fault", server="upstream", faults=1, reaches=("landed", "expired")),
    Scenario(name="three hosts, one round, one fault", hosts=3, rounds=1, faults=1, never=("expired",)),
)

LARGE = (
    Scenario(name="grace, two faults", faults=2, never=("expired",)),
    Scenario(name="grace, a fault and a crash", faults=1, crashes=1, never=("expired",)),
    Scenario(name="grace, lease, a stall", lock="lease", stalls=1, never=("expired",)),
    Scenario(name="grace, lease, a crash", lock="lease", crashes=1, never=("expired",)),
    Scenario(name="grace, sign-out", sign_out=True, reaches=("landed", "signed out")),
    Scenario(name="grace, sign-out and a crash", sign_out=True, crashes=1, reaches=("landed", "signed out")),
    Scenario(name="grace, another user signs in, one fault", sign_in=True, faults=1, never=("expired",)),
    Scenario(
        name="grace, sign-out and another user, one round",
        sign_in=True,
        sign_out=True,
        rounds=1,
        reaches=("landed", "signed out"),
    ),
    Scenario(name="upstream, a fault and a crash", server="upstream", faults=1, crashes=1, reaches=("expired",)),
)

RANDOM = (
    Scenario(name="three hosts, grace, everything", hosts=3, rounds=3, faults=3, crashes=1, never=("expired",)),
    Scenario(
        name="three hosts, grace, lease, everything",
        hosts=3,
        rounds=3,
        faults=2,
        crashes=1,
        stalls=1,
        lock="lease",
        sign_out=True,
        sign_in=True,
        reaches=("landed", "signed out"),
    ),
    Scenario(
        name="three hosts, strict, everything",
        server="strict",
        hosts=3,
        rounds=3,
        faults=3,
        crashes=1,
        reaches=("landed", "expired"),
    ),
)


def check(scenario: Scenario, limit: int = 600_000) -> Explorer:
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
