"""The cassettes, played to real clients with the network blocked: every scenario, in every colour, at any date."""

import socket
from datetime import UTC, datetime
from typing import Final

import anyio
import pytest
from signedin import Client, RefreshUnavailableError, TokenPair
from signedin.protocols import Clock
from signedin.testing import VirtualClock
from signedin.testing.cassettes import CassetteError, read, signedin_cassette
from vcr.errors import CannotOverwriteExistingCassetteException  # type: ignore[import-untyped]

from tests.cassettes.check import BASE_URL, CASSETTES
from tests.cassettes.scenarios import COLOURS, SCENARIOS, START, Cast, Colour, Stage, finish

# Long before the recording, at it, today (None: the machine's own clock), and in a far future.
DATES: Final = (datetime(1971, 1, 1, tzinfo=UTC), START, None, datetime(9000, 1, 1, tzinfo=UTC))


def _clock(date: datetime | None) -> Clock | None:
    return VirtualClock(now=date.timestamp()) if date else None


def _play(name: str, loop: str, date: datetime | None) -> None:
    colour: Colour = "sync" if loop == "none" else "async"
    stage = Stage(colour, BASE_URL, Cast(), _clock(date))
    scenario = SCENARIOS[name]
    with signedin_cassette(CASSETTES / colour / f"{name}.yaml") as cassette:
        if colour == "sync":
            finish(scenario.play(stage))
        else:
            anyio.run(scenario.play, stage, backend=loop)
    assert cassette.all_played


# What a date changes is the session's, which knows no colour.
@pytest.mark.parametrize(
    ("loop", "date"),
    [*(("none", date) for date in DATES), ("asyncio", None), ("trio", None)],
    ids=lambda value: f"{value:%Y}" if isinstance(value, datetime) else str(value or "today"),
)
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_replays_without_a_network_at_any_date(name: str, loop: str, date: datetime | None) -> None:
    _play(name, loop, date)


def test_every_cassette_has_a_scenario_and_every_scenario_its_cassettes() -> None:
    names = {path.relative_to(CASSETTES).as_posix() for path in CASSETTES.rglob("*.yaml")}
    assert names == {f"{colour}/{name}.yaml" for colour in COLOURS for name in SCENARIOS}


@pytest.mark.parametrize("colour", COLOURS)
def test_rotation_is_visible_in_the_cassette(colour: Colour) -> None:
    played = read(CASSETTES / colour / "expired.yaml")
    bearers = [one.request_headers["authorization"] for one in played if one.url.endswith("/users/profile")]
    refreshes = [one.request_body for one in played if one.url.endswith("/auth/refreshToken")]
    # Accepted, expired, replayed, expired, replayed: each replay with the bearer that the refresh has brought.
    assert [bearers.index(bearer) for bearer in bearers] == [0, 0, 2, 2, 4]
    assert [f'"fake-token-{number:03d}"' in body for number, body in zip((2, 4), refreshes, strict=True)] == [True] * 2


def test_request_with_another_bearer_is_not_answered() -> None:
    with (
        signedin_cassette(CASSETTES / "sync" / "expired.yaml") as cassette,
        Client(BASE_URL, clock=VirtualClock()) as client,
    ):
        client.session.sign_in(TokenPair("another", "another"))
        with pytest.raises(CannotOverwriteExistingCassetteException):
            client.users.get_profile()
    assert not cassette.all_played


def test_refresh_with_another_token_is_not_answered() -> None:
    with (
        signedin_cassette(CASSETTES / "sync" / "expired.yaml") as cassette,
        Client(BASE_URL, clock=VirtualClock()) as client,
    ):
        pair = client.auth.register(email=Cast().email, password=Cast().password)
        client.session.sign_in(TokenPair(pair.access_token, "another"))
        client.users.get_profile()
        # The refresh runs in a thread of the session's own, and vcrpy stands in its way there too.
        with pytest.raises(RefreshUnavailableError):
            client.users.get_profile()
    assert not cassette.all_played


def test_missing_cassette_is_an_error() -> None:
    with pytest.raises(CassetteError, match=r"nothing\.yaml"), signedin_cassette(CASSETTES / "nothing.yaml"):
        pass


def test_network_is_blocked_meanwhile() -> None:
    with (
        signedin_cassette(CASSETTES / "sync" / "profile.yaml"),
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.socket() as client,
        pytest.raises(RuntimeError, match="Network is disabled"),
    ):
        client.connect(listening.getsockname())
