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

SESSION = (
    Mutant(
        "waiters without a bound",
        "_waiting.py",
        "        async with asyncio.timeout(patience):\n            await done.wait()",
        "        await done.wait()",
        "tests/auth/test_expiry.py::test_a_waiter_ends_within_its_patience_and_the_refresh_goes_on[asyncio]",
        "",  # I5: it hangs, and the runner's own bound ends it
    ),
    Mutant(
        "I6: the leader flies the refresh itself",
        "_renewal.py",
        "            self.threads.start(lambda: self._fly(orders, future))\n",
        "            self._lock.release()\n            self.flight = future\n            self._fly(orders, future)\n            self._lock.acquire()\n",
        "tests/auth/test_cancelling.py::test_cancelling_the_leader_disturbs_no_waiter[asyncio]",
        "",
    ),
    Mutant(
        "I9: replayed as whoever is signed in now",
        "_plan.py",
        " and newer.record.same_user(held.record)",
        "",
        "tests/auth/test_leaving.py::test_a_request_begun_as_one_user_is_never_replayed_as_another",
        "",
    ),
    Mutant(
        "I13: every waiter of a failed refresh tries again",
        "_setbacks.py",
        "        self._rest_until = self._clock.monotonic() + rest\n",
        "",
        "tests/auth/test_windows.py::test_during_an_outage_attempts_do_not_depend_on_the_number_of_callers",
        "",
    ),
    Mutant(
        "I14: a background refresh for each caller in an outage",
        "_renewal.py",
        "if now >= held.soft_at and not self._setbacks.rest() and self.flight is None and not self._orphaned:",
        "if now >= held.soft_at and self.flight is None and not self._orphaned:",
        "tests/auth/test_windows.py",
        "",
    ),
    Mutant(
        "I15: a forked child refreshes its parent's pair",
        "_renewal.py",
        "        self._orphaned = self.store.private\n",
        "",
        "tests/auth/test_processes.py::test_a_forked_child_refreshes_only_what_it_shares",
        "",
    ),
    Mutant(
        "I16: sent again without a newer pair",
        "_plan.py",
        "    if body.replayable and not newer.same_pair(held) and",
        "    if body.replayable and",
        "tests/auth/test_replay.py::test_without_a_newer_pair_nothing_is_sent_again",
        "",
    ),
    Mutant(
        "I16: a body that is gone is sent again",
        "_plan.py",
        "    if body.replayable and not newer",
        "    if not newer",
        "tests/auth/test_replay.py::test_a_generator_body_refused_is_not_sent_again_but_refreshed_for[threads]",
        "",
    ),
    Mutant(
        "I16: a file is not put back before the replay",
        "_plan.py",
        "        body.rewind()\n",
        "",
        "tests/auth/test_replay.py::test_a_file_in_memory_is_replayed_from_where_it_stood",
        "",
    ),
    Mutant(
        "I16: the bearer goes everywhere",
        "_plan.py",
        'if origin_of(request.url) not in session.origins or "authorization" in request.headers:',
        'if "authorization" in request.headers:',
        "tests/auth/test_origins.py::test_a_bare_httpx_client_takes_no_bearer_elsewhere",
        "",
    ),
    Mutant(
        "I1: tokens compared as strings",
        "_renewal.py",
        "            if held is not None and not held.same_pair(rejected):\n",
        "            if held is not None and held.header != rejected.header:\n",
        "tests/auth/test_windows.py::test_fifty_refused_with_identical_tokens_share_one_refresh",
        "",
    ),
    Mutant(
        "I1: a late 401 refreshes again",
        "_renewal.py",
        "            if held is not None and not held.same_pair(rejected):\n                return held\n            if self.flight",
        "            if self.flight",
        "tests/auth/test_expiry.py::test_late_401_does_not_refresh_again[threads]",
        "",
    ),
    Mutant(
        "no end of a loop",
        "_renewal.py",
        "            self._setbacks.refuse_to_loop(rejected, self.windows.clock_offset)\n",
        "",
        "tests/auth/test_expiry.py::test_over_several_requests_the_loop_is_stopped[threads]",
        "",
    ),
    Mutant(
        "an unread 401 keeps its connection while its request waits",
        "auth.py",
        "                    response.read()  # before anybody waits: an unread answer keeps its connection\n",
        "                    pass\n",
        "tests/auth/test_wire.py::test_the_whole_way_over_a_real_socket",
        "",
    ),
)

STORES = (
    Mutant(
        "I3: a file written without comparing",
        "stores/file.py",
        "            if (current.revision if current else 0) != expected:\n                return False\n",
        "",
        "tests/auth/test_stores.py",
        "",
    ),
    Mutant(
        "I3: a file written without its lock",
        "stores/file.py",
        'with self._trouble("write"), self._locks.writing():',
        'with self._trouble("write"):',
        "tests/auth/test_stores.py",
        "",
    ),
    Mutant(
        "I7: not on disk when it is published",
        "stores/file.py",
        "                os.fsync(descriptor)\n",
        "",
        "tests/auth/test_file_store.py::test_a_write_is_on_disk_before_it_is_visible",
        "",
    ),
    Mutant(
        "I3: memory written without comparing",
        "stores/memory.py",
        "            if (current.revision if current else 0) != expected:\n                return False\n",
        "",
        "tests/auth/test_stores.py",
        "",
    ),
    Mutant(
        "a foreign token file is read",
        "stores/file.py",
        "        if status.st_uid != os.geteuid():",
        "        if False:",
        "tests/auth/test_file_store.py::test_a_file_of_another_user_is_not_used",
        "",
    ),
)
