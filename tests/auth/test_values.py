"""Values stay as they were made, and say when they are not equal."""

import copy
import pickle
from collections.abc import Callable

import pytest
from signedin import Timing, TokenPair
from signedin._tokens import Record, Status
from signedin.protocols import Event, NotSent, Refused, Unknown

from tests.auth.driving import Server

WRITTEN_ONCE = [TokenPair("a", "r"), Timing()]


@pytest.mark.parametrize("value", WRITTEN_ONCE, ids=lambda value: type(value).__name__)
def test_what_is_written_once_is_neither_changed_nor_deleted_nor_given_more(value: TokenPair | Timing) -> None:
    part = "post" if isinstance(value, Timing) else "access_token"
    before = getattr(value, part)
    changes: list[Callable[[], None]] = [
        lambda: setattr(value, part, "x"),
        lambda: delattr(value, part),
        lambda: setattr(value, "more", 1),
    ]
    for change in changes:
        with pytest.raises(AttributeError):
            change()
    assert getattr(value, part) == before


def test_equal_pairs_and_bounds_are_one_key_of_a_set() -> None:
    assert {TokenPair("a", "r"), TokenPair("a", "r")} == {TokenPair("a", "r")}
    assert {Timing(post=4.0), Timing(post=4.0)} == {Timing(post=4.0)}
    assert TokenPair("a", "r") != TokenPair("r", "a")
    assert Timing() != Timing(post=4.0)


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_bounds_may_be_sent_to_another_process(copied: Callable[[Timing], Timing]) -> None:
    assert copied(Timing(post=4.0)) == Timing(post=4.0)
    assert repr(Timing(post=4.0)) == ("Timing(post=4.0, resends=2, flight=28.0, lease=35.0, waiter=30.0, save=5.0)")


def test_a_pair_is_no_sequence_that_would_show_its_tokens() -> None:
    with pytest.raises(TypeError):
        list(TokenPair("a", "r"))  # type: ignore[call-overload]  # that it raises is the point


def test_different_failures_for_one_reason_differ() -> None:
    assert Refused("status 502") == Refused("status 502")
    assert len({Refused("status 502"), NotSent("status 502"), Unknown("status 502")}) == 3


def test_a_record_shows_neither_tokens_nor_whose_they_are(server: Server) -> None:
    pair = server.issue()
    record = Record(1, 1, Status.ACTIVE, pair, family="f")
    assert record.claims.subject is not None
    assert record.claims.subject not in repr(record)
    assert repr(record).startswith("Record(generation=1, revision=1, status=<Status.ACTIVE: 'active'>, pair=TokenPair(")


def test_the_details_of_an_event_are_nobodys_to_change() -> None:
    with pytest.raises(TypeError):
        Event("signed_in", "key").details["more"] = 1  # type: ignore[index]  # that it raises is the point
