"""Record all cassettes anew: `make record`, or `python -m tests.cassettes.record [FOLDER]`.

Everything is recorded into a temporary folder, held against the contract and searched for secrets; only then the
cassettes are replaced. The credentials of a recording are random and of random length.
"""

import argparse
import json
import re
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio
import yaml
from signedin.testing import VirtualClock
from signedin.testing._disguise import payload_of
from signedin.testing.cassettes import leaks_in, problems_in, signedin_cassette

from tests.backend.running import running
from tests.cassettes.check import CASSETTES, ORIGIN, problems_of, read_all
from tests.cassettes.scenarios import (
    ACCESS_SECONDS,
    COLOURS,
    OVERSIZED,
    SCENARIOS,
    START,
    UNKNOWN_TOKEN,
    Cast,
    Colour,
    Scenario,
    Stage,
    finish,
)

_SHORTEST_SECRET: Final = 12
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


class Secrets:
    """Everything that a recording must not hold, collected from the traffic without asking the disguise."""

    def __init__(self, cast: Cast) -> None:
        self.values = {cast.email, cast.password, cast.wrong_password}

    def see(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Take every long text of a JSON body, every bearer with the parts of a JWT, and the name of the attempt."""
        try:
            payload = json.loads(body)
        except ValueError:
            payload = {}
        for name, value in payload.items():
            if name not in {"message", "stack"} and isinstance(value, str):
                self._add(value)
        for name, value in headers.items():
            if name.lower() in {"authorization", "idempotency-key", "x-request-id"}:
                self._add(value.removeprefix("Bearer "))

    def _add(self, value: str) -> None:
        # The first part of a JWT is the same in every token, the fakes included.
        parts = value.split(".")[1:] if payload_of(value) else []
        for text in (value, *parts, *(str(claim) for claim in (payload_of(value) or {}).values())):
            if len(text) >= _SHORTEST_SECRET and text not in {OVERSIZED, UNKNOWN_TOKEN} and not _DATE.fullmatch(text):
                self.values.add(text)


def record(folder: Path) -> set[str]:
    """Record every scenario in both colours into an empty folder; return the secrets that were seen."""
    values: set[str] = set()
    for name, scenario in SCENARIOS.items():
        for colour in COLOURS:
            values |= record_one(folder / colour / f"{name}.yaml", scenario, colour)
    return values


def record_one(path: Path, scenario: Scenario, colour: Colour) -> set[str]:
    """Record one scenario; return the secrets that were seen."""
    cast = canaries()
    seen = Secrets(cast)
    with TemporaryDirectory() as work, running(Path(work), access_ttl=ACCESS_SECONDS, **scenario.backend) as served:
        served.clock.now = START.timestamp()
        # The client's own clock stands still, so it is the server who says that a token has expired.
        clock = VirtualClock(now=START.timestamp())
        stage = Stage(colour, served.base_url, cast, clock, served.clock.advance)
        origin = served.base_url.removesuffix("/api/v1")
        with signedin_cassette(path, record=True, replace={origin: ORIGIN}, watch=seen.see):
            if colour == "sync":
                finish(scenario.play(stage))
            else:
                anyio.run(scenario.play, stage)
    return {*seen.values, origin}


def leaks(folder: Path, values: Iterable[str]) -> Iterator[str]:
    """Yield where one of the values stands, in any usual encoding; never the value."""
    values = set(values)
    for path in sorted(folder.rglob("*.yaml")):
        # Besides the values also the file as it is: a comment or a key is read by nobody's parser.
        text = path.read_text(encoding="utf-8")
        parsed = json.dumps(yaml.safe_load(text), ensure_ascii=False)
        yield from (f"{path.relative_to(folder)}: {leak}" for leak in leaks_in(f"{text}\n{parsed}", values))


def canaries() -> Cast:
    """Return credentials that were never used before."""

    def word() -> str:
        return secrets.token_hex(8 + secrets.randbelow(12))

    return Cast(f"canary-{word()}@example.com", f"canary {word()}", f"wrong canary {word()}")


def replace(folder: Path, by: Path) -> None:
    """Put the cassettes of one folder in place of another's."""
    for old in folder.rglob("*.yaml"):
        old.unlink()
    for new in sorted(by.rglob("*.yaml")):
        target = folder / new.relative_to(by)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(new.read_bytes())


def main() -> int:
    """Record, verify, replace."""
    parser = argparse.ArgumentParser(prog="python -m tests.cassettes.record", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=CASSETTES)
    folder: Path = parser.parse_args().folder
    with TemporaryDirectory() as temporary:
        fresh = Path(temporary)
        secrets_seen = record(fresh)
        cassettes = read_all(fresh)
        problems = [*problems_of(cassettes), *leaks(fresh, secrets_seen), *problems_in(fresh)]
        if problems:
            sys.stderr.writelines(f"{problem}\n" for problem in problems)
            return 1
        replace(folder, fresh)
    count = sum(map(len, cassettes.values()))
    sys.stdout.write(f"recorded {len(cassettes)} cassettes, {count} interactions, no secret of {len(secrets_seen)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
