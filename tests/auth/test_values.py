"""Values stay as they were made, and say when they are not equal."""

import copy
import pickle
from collections.abc import Callable

import pytest
from signedin import Timing, TokenPair
from signedin._tokens import Record, Status
from signedin.protocols import NotSent, Refused, Unknown

from tests.auth.driving import Server


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
