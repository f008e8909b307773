"""Faults put into the shipped code on purpose, and the test that must notice each. One line of code a mutant."""

# ruff: noqa: E501 -- the code that is replaced stands here as it stands there

from __future__ import annotations

from dataclasses import dataclass

MODEL = "tests/model/test_model.py::test_every_interleaving_keeps_the_invariants"


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old`, which stands in `file` exactly once, becomes `new`; `killer` must fail, and say `says`."""

    name: str
    file: str
    old: str
    new: str
    killer: str
    says: str


FLIGHT = (
    Mutant(
        "no check under the lock",
        "_flight.py",
        "    found = yield from _check(orders)\n    if isinstance(found, Landing):\n        return found\n    # From",
        "    found = orders.held\n    # From",
        f"{MODEL}[grace, no faults]",
        "I1",
    ),
    Mutant(
        "no lock",
        "_flight.py",
        "    while not (yield TryLock()):",
        "    while False:",
        f"{MODEL}[grace, no faults]",
        "I1",
    ),
    Mutant(
        "a new attempt id for a token that may be spent",
        "_flight.py",
        "return (yield from _send(orders, record, intent.attempt, deadline, in_doubt=True))",
        "return (yield from _send(orders, record, (yield Draw()), deadline, in_doubt=True))",
        f"{MODEL}[grace, a crash]",
        "I2",
    ),
    Mutant(
        "no journal",
        "_flight.py",
        "    if not (yield from _compare_and_set(found, noted)):\n        raise _Moved(None)\n",
        "    noted = found\n",
        f"{MODEL}[grace, a crash]",
        "I2",
    ),
    Mutant(
        "blind save",
        "_flight.py",
        "            if current is None or current.generation != record.generation:\n",
        "            if current is None:\n",
        f"{MODEL}[grace, sign-out, one round]",
        "I8",
    ),
    Mutant(
        "published before it is saved",
        "_flight.py",
        '            if (yield from _compare_and_set(record, fresh)):\n                return Landing(fresh, "refreshed")\n',
        '            return Landing(fresh, "refreshed")\n',
        f"{MODEL}[grace, no faults]",
        "I7",
    ),
    Mutant(
        "what came after a sign-out is not revoked",
        "_flight.py",
        "    yield Revoke(pair.refresh_token)\n",
        "",
        f"{MODEL}[grace, sign-out, one round]",
        "I8",
    ),
    Mutant(
        "a lost answer counts as a refusal",
        "_flight.py",
        "        if isinstance(last, Refused):\n            return (yield from _end(orders, record, Status.DEAD, _expired(last.reason)))\n",
        "        if isinstance(last, Refused | Unknown):\n"
        "            return (yield from _end(orders, record, Status.DEAD, _expired(last.reason)))\n",
        f"{MODEL}[grace, one fault]",
        "I1",
    ),
    Mutant(
        "blind clear",
        "_flight.py",
        "    found = yield from _still(orders, record)\n    while not (yield from _compare_and_set(found, found.ended(status))):",
        "    found = yield from _load()\n    while not (yield from _compare_and_set(found, found.ended(status))):",
        f"{MODEL}[upstream, lease, a stall]",
        "I10",
    ),
    Mutant(
        "DEAD is tried again",
        "_flight.py",
        "    if record.status is Status.DEAD:\n        raise _expired()\n    held = orders.held if",
        "    held = orders.held if",
        f"{MODEL}[strict, three hosts, a crash, one round]",
        "I12",
    ),
    Mutant(
        "an older pair is put back",
        "_tokens.py",
        "            generation=self.generation + 1,\n            revision=self.revision + 1,\n            pair=pair,",
        "            generation=self.generation - 1,\n            revision=self.revision + 1,\n            pair=pair,",
        f"{MODEL}[grace, no faults]",
        "I3",
    ),
)
