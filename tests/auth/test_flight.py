"""The flight driven by hand, effect by effect: what it does when a lock, a store or a record turns under it."""

from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
from signedin import (
    NotSignedInError,
    RefreshUnavailableError,
    SessionExpiredError,
    Timing,
    TokenPair,
    TokenStoreError,
)
from signedin import _flight as f
from signedin._tokens import Intent, Record, Status
from signedin.protocols import Answer, Busy, NotSent, Refused, Renewed, Unknown

from tests.records import record_of

ADA = record_of(3, 30, family="ada", tokens="ada")
BOB = record_of(3, 7, family="bob", tokens="bob")
NEW = Renewed(TokenPair("access-new", "refresh-new"), 0.0)


class World:
    """A store, a lock, a clock and the answers that the server will give. `before` interrupts an effect."""

    def __init__(self, record: Record | None = ADA, *answers: Answer) -> None:
        self.record, self.answers = record, deque(answers)
        self.owner: str | None = None
        self.now = 0.0
        self.seen: list[str] = []
        self.attempts: list[str] = []
        self.revoked: list[TokenPair] = []
        self.before: dict[str, deque[Callable[[], object]]] = {}
        self.after: dict[str, deque[Callable[[], object]]] = {}

    def fly(self, **changes: Any) -> f.Landing:
        orders = f.Orders(owner="we", usable=lambda record, _: record.generation > ADA.generation, grace=5)
        flight = f.fly(orders._replace(**changes))
        answer: Any = None
        failure: TokenStoreError | None = None
        try:
            while True:
                effect = flight.throw(failure) if failure else flight.send(answer)
                answer, failure = None, None
                try:
                    answer = self._carry_out(effect)
                except TokenStoreError as error:
                    failure = error
        except StopIteration as landed:
            landing: f.Landing = landed.value
            return landing

    def count(self, name: str) -> int:
        return self.seen.count(name)

    def becomes(self, record: Record | None) -> Callable[[], None]:
        def change() -> None:
            self.record = record

        return change

    def _carry_out(self, effect: f.Effect) -> object:
        name = type(effect).__name__
        self.seen.append(name)
        _next(self.before, name)
        result = self._done(effect)
        _next(self.after, name)
        return result

    def _done(self, effect: f.Effect) -> object:
        result: object = None
        match effect:
            case f.Now():
                result = f.Instant(self.now, self.now)
            case f.Draw():
                result = f"attempt {self.count('Draw')}"
            case f.Sleep(seconds):
                self.now += seconds
            case f.Load():
                result = self.record
            case f.CompareAndSet(expected, record):
                result = self.record is not None and self.record.revision == expected
                self.record = record if result else self.record
            case f.TryLock():
                result = self.owner in {None, "we"}
                self.owner = "we" if result else self.owner
            case f.Unlock():
                self.owner = None if self.owner == "we" else self.owner
            case f.Post(_, attempt):
                self.attempts.append(attempt)
                result = self.answers.popleft()
            case f.Revoke(pair):
                self.revoked.append(pair)
        return result


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
    world.after["TryLock"] = deque([lost])  # taken, and the answer gets lost
    with pytest.raises(TokenStoreError):
        world.fly()
    assert world.owner is None
    assert world.attempts == []


def test_a_lock_is_given_back_though_the_first_word_of_it_is_lost() -> None:
    world = World(ADA, NEW)
    world.before["Unlock"] = deque([lost])
    assert world.fly().how == "refreshed"
    assert world.owner is None


def test_a_lock_that_cannot_be_given_back_loses_no_pair() -> None:
    world = World(ADA, NEW)
    world.before["Unlock"] = deque([lost] * 10)
    assert world.fly().record.pair == NEW.pair
    assert world.count("Unlock") == 2


def test_while_another_holds_the_lock_what_it_saves_is_adopted() -> None:
    world = World(ADA)
    world.owner = "another"
    world.after["Sleep"] = deque([world.becomes(ADA.after_refresh(NEW.pair, obtained_at=0, clock_offset=0))])
    landing = world.fly()
    assert (landing.how, landing.record.generation) == ("adopted", 4)
    assert world.count("TryLock") == 1  # it did not wait for the lock itself
    assert world.attempts == []


# ------------------------------------------------------------------------------------- a record lost and begun anew


def test_a_sign_in_after_the_record_was_lost_is_not_overwritten() -> None:
    world = World(ADA, NEW)
    world.after["Post"] = deque([world.becomes(BOB)])
    landing = world.fly()
    assert (world.record, landing.record, landing.how) == (BOB, BOB, "adopted")
    assert world.revoked == [NEW.pair]


def test_a_sign_in_after_the_record_was_lost_does_not_die_of_the_answer_to_the_old_one() -> None:
    world = World(ADA, Refused("no"), NEW)
    world.after["Post"] = deque([world.becomes(BOB)])
    world.fly(held=ADA, rejected=ADA.generation)
    assert world.record is not None
    assert (world.record.family, world.record.status) == ("bob", Status.ACTIVE)


# ----------------------------------------------------------------------------------------------------- the journal


def test_an_intent_whose_write_was_made_and_not_answered_is_gone_on_with() -> None:
    world = World(ADA, NEW)
    world.after["CompareAndSet"] = deque([lost])
    assert world.fly().how == "refreshed"
    assert world.attempts == ["attempt 1"]


def test_an_intent_that_could_not_be_written_means_that_nothing_is_sent() -> None:
    world = World(ADA, NEW)
    world.before["CompareAndSet"] = deque([lost])
    with pytest.raises(TokenStoreError):
        world.fly()
    assert (world.record, world.attempts, world.owner) == (ADA, [], None)


def test_an_intent_of_an_earlier_generation_is_no_doubt() -> None:
    left = Intent("old attempt", ADA.generation - 1, "another", deadline=1e9)
    world = World(ADA._replace(intent=left), NEW)
    assert world.fly(grace=None).how == "refreshed"
    assert world.attempts == ["attempt 1"]
    assert world.count("Sleep") == 0


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

    def wake() -> None:  # the other one, stopped beyond its lease before it sent: what `_clear_intent` does
        assert world.record is not None
        taken_back.append(world.record.revision == doubted.revision)
        assert world.record.intent == Intent("their attempt", ADA.generation, "we", deadline=8.0)

    world.before["Post"] = deque([wake])
    assert world.fly().how == "refreshed"
    assert (taken_back, world.attempts) == ([False], ["their attempt"])


def test_in_doubt_what_the_other_process_saves_is_adopted_while_it_may_still_be_answered() -> None:
    left = Intent("their attempt", ADA.generation, "another", deadline=5.0)
    doubted = ADA._replace(intent=left)
    world = World(doubted)
    world.after["Sleep"] = deque([fine, world.becomes(doubted.after_refresh(NEW.pair, obtained_at=0, clock_offset=0))])
    landing = world.fly(grace=None)
    assert (landing.how, landing.record.generation) == ("adopted", 4)
    assert (world.count("Sleep"), world.attempts) == (2, [])


# ------------------------------------------------------------------------------------------------------ the policy


def test_relogin_is_for_a_server_without_grace() -> None:
    world = World(ADA, Unknown("no answer"), NEW)
    assert world.fly(on_doubt="relogin").how == "refreshed"
    assert world.attempts == ["attempt 1"] * 2


def test_relogin_ends_a_session_in_doubt_on_a_strict_server() -> None:
    world = World(ADA, Unknown("no answer"))
    with pytest.raises(SessionExpiredError):
        world.fly(on_doubt="relogin", grace=None)
    assert world.record is not None
    assert world.record.status is Status.SIGNED_OUT


# ----------------------------------------------------------------------------------------------- between two sendings


@pytest.mark.parametrize("passing", [NotSent("refused"), Busy("wait", 1.0)])
def test_after_a_back_off_nothing_is_sent_for_a_session_that_was_signed_out_meanwhile(passing: Answer) -> None:
    world = World(ADA, passing, NEW)
    world.after["Sleep"] = deque([world.becomes(ADA.ended(Status.SIGNED_OUT))])
    with pytest.raises(NotSignedInError):
        world.fly()
    assert len(world.attempts) == 1


def test_after_a_back_off_what_another_process_saved_is_adopted() -> None:
    world = World(ADA, NotSent("refused"), NEW)
    world.after["Sleep"] = deque([world.becomes(ADA.after_refresh(NEW.pair, obtained_at=0, clock_offset=0))])
    assert world.fly().how == "adopted"
    assert len(world.attempts) == 1


def test_a_token_that_was_never_sent_leaves_no_doubt_behind() -> None:
    world = World(ADA, *[NotSent("refused")] * 3)
    with pytest.raises(RefreshUnavailableError):
        world.fly()
    assert world.record is not None
    assert world.record.intent is None
