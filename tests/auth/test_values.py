"""Values stay as they were made, and say when they are not equal."""

from signedin._tokens import Record, Status
from signedin.protocols import NotSent, Refused, Unknown

from tests.auth.driving import Server


def test_different_failures_for_one_reason_differ() -> None:
    assert Refused("status 502") == Refused("status 502")
    assert len({Refused("status 502"), NotSent("status 502"), Unknown("status 502")}) == 3


def test_a_record_shows_neither_tokens_nor_whose_they_are(server: Server) -> None:
    pair = server.issue()
    record = Record(1, 1, Status.ACTIVE, pair, family="f")
    assert record.claims.subject is not None
    assert record.claims.subject not in repr(record)
    assert repr(record).startswith("Record(generation=1, revision=1, status=<Status.ACTIVE: 'active'>, pair=TokenPair(")
