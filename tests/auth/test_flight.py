"""The flight in a scripted world: what it does when a lock, a store or a record turns under it."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from signedin import (
    NotSignedInError,
    RefreshUnavailableError,
    Timing,
    TokenPair,
    TokenStoreError,
)
from signedin import _flight as f
from signedin._tokens import Instant, Intent, Record, Status
from signedin.protocols import Answer, Busy, NotSent, Refused, Renewed, Unknown

from tests.records import record_of

ADA = record_of(3, 30, family="ada", tokens="ada")
BOB = record_of(3, 7, family="bob", tokens="bob")
NEW = Renewed(TokenPair("access-new", "refresh-new"), 0.0)


class World:
    """A store, a lock, a clock and the answers that the server will give. `before` and `after` interrupt a call."""

    def __init__(self, record: Record | None = ADA, *answers: Answer) -> None:
        self.record, self.answers = record, deque(answers)
        self.owner: str | None = None
        self.seconds = 0.0
        self.calls: Counter[str] = Counter()
        self.attempts: list[str] = []
        self.revoked: list[TokenPair] = []
        self.before: dict[str, deque[Callable[[], object]]] = {}
        self.after: dict[str, deque[Callable[[], object]]] = {}

    def fly(self, **changes: Any) -> f.Landing:
        orders = f.Orders(owner="we", usable=lambda record, _: record.generation > ADA.generation, grace=5)
        return f.fly(self, orders._replace(**changes))

    def becomes(self, record: Record | None) -> Callable[[], None]:
        def change() -> None:
            self.record = record

        return change

    def now(self) -> Instant:
        return Instant(self.seconds, self.seconds)

    def draw(self) -> str:
        with self._call("draw"):
            return f"attempt {self.calls['draw']}"

    def sleep(self, seconds: float, *, to_the_end: bool = False) -> None:
        del to_the_end
        with self._call("sleep"):
            self.seconds += seconds

    def load(self) -> Record | None:
        with self._call("load"):
            return self.record

    def compare_and_set(self, expected: int, record: Record) -> bool:
        with self._call("compare_and_set"):
            if self.record is None or self.record.revision != expected:
                return False
            self.record = record
            return True

    def try_lock(self) -> bool:
        with self._call("try_lock"):
            if self.owner not in {None, "we"}:
                return False
            self.owner = "we"
            return True

    def unlock(self) -> None:
        with self._call("unlock"):
            self.owner = None if self.owner == "we" else self.owner

    def post(self, pair: TokenPair, attempt: str) -> Answer:
        del pair
        with self._call("post"):
            self.attempts.append(attempt)
            return self.answers.popleft()

    def revoke(self, pair: TokenPair) -> None:
        self.revoked.append(pair)

    @contextmanager
    def _call(self, name: str) -> Iterator[None]:
        self.calls[name] += 1
        _next(self.before, name)
        yield
        _next(self.after, name)


def _next(hooks: dict[str, deque[Callable[[], object]]], name: str) -> None:
    if hooks.get(name):
        hooks[name].popleft()()


def lost() -> None:
    """A store that does not answer."""
    raise TokenStoreError("no answer")


def fine() -> None:
    """Nothing happens."""


# ------------------------------------------------------------------------------------------------------- the lock


def test_a_lock_that_may_have_been_taken_is_given_back() -> None:
    world = World(ADA, NEW)
    world.after["try_lock"] = deque([lost])  # taken, and the answer gets lost
    with pytest.raises(TokenStoreError):
        world.fly()
    assert world.owner is None
    assert world.attempts == []


def test_a_lock_is_given_back_though_the_first_word_of_it_is_lost() -> None:
    world = World(ADA, NEW)
    world.before["unlock"] = deque([lost])
    assert world.fly().how == "refreshed"
    assert world.owner is None


def test_a_lock_that_cannot_be_given_back_loses_no_pair() -> None:
    world = World(ADA, NEW)
    world.before["unlock"] = deque([lost] * 10)
    assert world.fly().record.pair == NEW.pair
    assert world.calls["unlock"] == 2


def test_while_another_holds_the_lock_what_it_saves_is_adopted() -> None:
    world = World(ADA)
    world.owner = "another"
    world.after["sleep"] = deque([world.becomes(ADA.after_refresh(NEW.pair, obtained_at=0, clock_offset=0))])
    landing = world.fly()
    assert (landing.how, landing.record.generation) == ("adopted", 4)
    assert world.calls["try_lock"] == 1  # it did not wait for the lock itself
    assert world.attempts == []


# ------------------------------------------------------------------------------------- a record lost and begun anew


def test_a_sign_in_after_the_record_was_lost_is_not_overwritten() -> None:
    world = World(ADA, NEW)
    world.after["post"] = deque([world.becomes(BOB)])
    landing = world.fly()
    assert (world.record, landing.record, landing.how) == (BOB, BOB, "adopted")
    assert world.revoked == [NEW.pair]


def test_a_sign_in_after_the_record_was_lost_does_not_die_of_the_answer_to_the_old_one() -> None:
    world = World(ADA, Refused("no"), NEW)
    world.after["post"] = deque([world.becomes(BOB)])
    world.fly(held=ADA)
    assert world.record is not None
    assert (world.record.family, world.record.status) == ("bob", Status.ACTIVE)


# ----------------------------------------------------------------------------------------------------- the journal


def test_an_intent_whose_write_was_made_and_not_answered_is_gone_on_with() -> None:
    world = World(ADA, NEW)
    world.after["compare_and_set"] = deque([lost])
    assert world.fly().how == "refreshed"
    assert world.attempts == ["attempt 1"]


def test_an_intent_that_could_not_be_written_means_that_nothing_is_sent() -> None:
    world = World(ADA, NEW)
    world.before["compare_and_set"] = deque([lost])
    with pytest.raises(TokenStoreError):
        world.fly()
    assert (world.record, world.attempts, world.owner) == (ADA, [], None)


def test_an_intent_of_an_earlier_generation_is_no_doubt() -> None:
    left = Intent("old attempt", ADA.generation - 1, "another", deadline=1e9)
    world = World(ADA._replace(intent=left), NEW)
    assert world.fly(grace=None).how == "refreshed"
    assert world.attempts == ["attempt 1"]
    assert world.calls["sleep"] == 0


@pytest.mark.parametrize("grace", [5, None])
def test_a_token_found_in_doubt_is_presented_also_where_nothing_is_sent_twice(grace: int | None) -> None:
    left = Intent("their attempt", ADA.generation, "another", deadline=0.0)
    world = World(ADA._replace(intent=left), NEW)
    assert world.fly(grace=grace, timing=Timing(resends=0)).how == "refreshed"
    assert world.attempts == ["their attempt"]


def test_who_noted_a_token_that_another_has_taken_over_cannot_take_it_back() -> None:
    left = Intent("their attempt", ADA.generation, "another", deadline=0.0)
    doubted = ADA._replace(intent=left)
    world, taken_back = World(doubted, NEW), []

    def wake() -> None:  # the other one, stopped beyond its lease before it sent: what `_send` does at its end
        assert world.record is not None
        taken_back.append(world.record.revision == doubted.revision)
        assert world.record.intent == Intent("their attempt", ADA.generation, "we", deadline=8.0)

    world.before["post"] = deque([wake])
    assert world.fly().how == "refreshed"
    assert (taken_back, world.attempts) == ([False], ["their attempt"])


def test_in_doubt_what_the_other_process_saves_is_adopted_while_it_may_still_be_answered() -> None:
    left = Intent("their attempt", ADA.generation, "another", deadline=5.0)
    doubted = ADA._replace(intent=left)
    world = World(doubted)
    world.after["sleep"] = deque([fine, world.becomes(doubted.after_refresh(NEW.pair, obtained_at=0, clock_offset=0))])
    landing = world.fly(grace=None)
    assert (landing.how, landing.record.generation) == ("adopted", 4)
    assert (world.calls["sleep"], world.attempts) == (2, [])


# ------------------------------------------------------------------------------------------------------ the policy


def test_relogin_is_for_a_server_without_grace() -> None:
    world = World(ADA, Unknown("no answer"), NEW)
    assert world.fly(on_doubt="relogin").how == "refreshed"
    assert world.attempts == ["attempt 1"] * 2


# ----------------------------------------------------------------------------------------------- between two sendings


@pytest.mark.parametrize("passing", [NotSent("refused"), Busy("wait", 1.0)])
def test_after_a_back_off_nothing_is_sent_for_a_session_that_was_signed_out_meanwhile(passing: Answer) -> None:
    world = World(ADA, passing, NEW)
    world.after["sleep"] = deque([world.becomes(ADA.ended(Status.SIGNED_OUT))])
    with pytest.raises(NotSignedInError):
        world.fly()
    assert len(world.attempts) == 1


def test_a_token_that_was_never_sent_leaves_no_doubt_behind() -> None:
    world = World(ADA, *[NotSent("refused")] * 3)
    with pytest.raises(RefreshUnavailableError):
        world.fly()
    assert world.record is not None
    assert world.record.intent is None
