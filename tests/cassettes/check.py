"""Hold every cassette against `openapi.yaml`, offline: `python -m tests.cassettes.check [FOLDER]`.

Prints which statuses of which operations no cassette has, and fails when one of them is not excused below.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from signedin.testing.cassettes import CassetteError, Interaction, read

from generator.recordings.exchange import Exchange, Message
from tests.contract import ContractError, check_exchange, operations

CASSETTES: Final = Path(__file__).parent.parent.parent / "cassettes"
ORIGIN: Final = "http://localhost:5000"
BASE_URL: Final = f"{ORIGIN}/api/v1"
Pair = tuple[str, int]
_FAULT = "only a failing backend answers so"
_BUSY = "only an overloaded or stopping backend answers so"
# What cannot be recorded in earnest, and why.
EXCUSED: Final[Mapping[Pair, str]] = {
    **{(name, 500): _FAULT for name in ("register", "login", "refreshToken", "logout", "getProfile")},
    **{(name, 503): _BUSY for name in ("register", "login", "refreshToken", "logout", "getProfile")},
    ("getProfile", 429): "the reference backend limits the operations that take a password or a refresh token",
}


def read_all(folder: Path) -> dict[str, list[Interaction]]:
    """Return every cassette below a folder by its name in there.

    Raises:
        CassetteError: One is broken, or there is none at all.
    """
    cassettes = {path.relative_to(folder).as_posix(): read(path) for path in sorted(folder.rglob("*.yaml"))}
    if not cassettes:
        raise CassetteError(f"{folder.name}/ holds no cassettes; make them with: make record")
    return cassettes


def problems_of(cassettes: Mapping[str, list[Interaction]], excused: Mapping[Pair, str] = EXCUSED) -> Iterator[str]:
    """Yield what is not as the contract says, then what no cassette covers, then excuses that are needed no more."""
    for name, interactions in cassettes.items():
        for interaction in interactions:
            try:
                check(interaction)
            except ContractError as error:
                yield f"{name}: {error}"
    missing = documented() - covered(cassettes)
    yield from (f"{operation} {status}: in no cassette" for operation, status in sorted(missing - excused.keys()))
    yield from (f"{operation} {status}: excused for nothing" for operation, status in sorted(excused.keys() - missing))


def check(interaction: Interaction) -> None:
    """Raise ContractError unless the contract knows this request and this answer."""
    if not interaction.url.startswith(BASE_URL + "/"):
        raise ContractError(f"{interaction}: not below the contract's server")
    request = Message(interaction.request_headers, interaction.request_body)
    answer = Message(interaction.response_headers, interaction.response_body)
    check_exchange(Exchange(interaction.method, interaction.url, request, interaction.status, answer))


def documented() -> set[Pair]:
    """Return each operation with each of its statuses."""
    return {(one["operationId"], int(status)) for one in operations().values() for status in one["responses"]}


def covered(cassettes: Mapping[str, list[Interaction]]) -> set[Pair]:
    """Return each operation with the statuses that cassettes have of it."""
    ids = {key: one["operationId"] for key, one in operations().items()}
    return {
        (ids[key], one.status)
        for interactions in cassettes.values()
        for one in interactions
        if (key := (one.method, one.url.removeprefix(BASE_URL))) in ids
    }


def main() -> int:
    """Check, and print the problems."""
    parser = argparse.ArgumentParser(prog="python -m tests.cassettes.check", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=CASSETTES)
    try:
        cassettes = read_all(parser.parse_args().folder)
    except CassetteError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    problems, pairs, have = list(problems_of(cassettes)), documented(), covered(cassettes)
    count = sum(map(len, cassettes.values()))
    sys.stdout.write(f"{len(cassettes)} cassettes, {count} interactions, {len(pairs & have)} of {len(pairs)} pairs\n")
    for operation, status in sorted(pairs - have):
        sys.stdout.write(f"  no cassette: {operation} {status} ({EXCUSED.get((operation, status), 'NOT EXCUSED')})\n")
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
