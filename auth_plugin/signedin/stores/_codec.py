"""A record as JSON and back: what files, keyrings and Redis hold. What does not fit is refused, never guessed."""

from __future__ import annotations

from typing import Any

from signedin._tokens import Claims, Intent, Record, Status, TokenPair, claims_of
from signedin.errors import TokenStoreError

FORMAT = 1


def refuse_newer(said: object) -> None:
    """Raise TokenStoreError for what a later version of this package has written: it is not damaged."""
    if isinstance(said, dict) and isinstance(number := said.get("format"), int) and number > FORMAT:
        raise TokenStoreError(
            f"The tokens were written in format {number} by a later version of signedin; this one knows {FORMAT}. "
            "Nothing was changed. Upgrade it, or name another place."
        )


def encode(record: Record) -> dict[str, Any]:
    """Return the record as plain JSON values; it holds the tokens in clear."""
    pair, intent = record.pair, record.intent
    return {
        "generation": record.generation,
        "revision": record.revision,
        "status": record.status.value,
        "access_token": pair.access_token if pair else None,
        "refresh_token": pair.refresh_token if pair else None,
        "obtained_at": record.obtained_at,
        "clock_offset": record.clock_offset,
        "family": record.family,
        "intent": None
        if intent is None
        else {
            "attempt": intent.attempt,
            "generation": intent.generation,
            "owner": intent.owner,
            "deadline": intent.deadline,
        },
    }


def decode(said: object) -> Record:
    """Return the record.

    Raises:
        ValueError: It is no record of this format; the message never quotes a value.
    """
    try:
        return _decode(said)
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not a token record: {type(error).__name__}") from None


def _decode(said: Any) -> Record:
    tokens = said["access_token"], said["refresh_token"]
    pair = TokenPair(_text(tokens[0]), _text(tokens[1])) if any(tokens) else None
    status = _status(said["status"])
    if (status is Status.ACTIVE) != (pair is not None):
        raise ValueError("not a token record: status and tokens do not fit together")
    noted = said["intent"]
    return Record(
        generation=_count(said["generation"]),
        revision=_count(said["revision"]),
        status=status,
        pair=pair,
        obtained_at=_seconds(said["obtained_at"]),
        clock_offset=_seconds(said["clock_offset"]),
        family=_text(said["family"]),
        intent=None
        if noted is None
        else Intent(
            _text(noted["attempt"]), _count(noted["generation"]), _text(noted["owner"]), _seconds(noted["deadline"])
        ),
        claims=claims_of(pair.access_token) if pair else Claims(),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError
    return value


def _status(value: object) -> Status:
    try:
        return Status(_text(value))
    except ValueError:  # its text quotes the value
        raise TypeError from None


def _seconds(value: object) -> float:
    # What datetime can show, from the year 1 to 9999; NaN is refused, too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not -62_135_596_800 <= value < 253_402_300_800:
        raise TypeError
    return float(value)
