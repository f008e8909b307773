"""Values stay as they were made, and say when they are not equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from signedin import TokenPair
from signedin._tokens import Record, Status
from signedin.protocols import NotSent, Refused, Unknown

from tests.auth.driving import Server

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("value", [TokenPair("a", "r"), TokenPair("a")], ids=["pair", "access token alone"])
def test_a_pair_is_written_once(value: TokenPair) -> None:
    changes: list[Callable[[], None]] = [
        lambda: setattr(value, "access_token", "x"),
        lambda: delattr(value, "access_token"),
        lambda: setattr(value, "more", 1),
    ]
    for change in changes:
        with pytest.raises(AttributeError):
            change()
    assert value.access_token == "a"


def test_equal_pairs_are_one_key_of_a_set() -> None:
    assert {TokenPair("a", "r"), TokenPair("a", "r")} == {TokenPair("a", "r")}
    others = [TokenPair("r", "a"), TokenPair("a"), TokenPair("a", "r", carried={"body:/c": "1"})]
    assert all(TokenPair("a", "r") != other for other in others)


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
