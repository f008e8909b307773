"""Records for tests."""

from signedin._tokens import Record, Status, TokenPair


def record_of(generation: int = 1, revision: int = 1, *, family: str = "family", tokens: str = "t") -> Record:
    """Return an active record; the tokens of generation 3 are "t-access-3" and "t-refresh-3"."""
    pair = TokenPair(f"{tokens}-access-{generation}", f"{tokens}-refresh-{generation}")
    return Record(generation, revision, Status.ACTIVE, pair, 1_800_000_000.25, -1.5, family)
