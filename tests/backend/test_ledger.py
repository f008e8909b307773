"""The ledger: what demos and tests compare a client's behaviour with."""

from typing import Any

import anyio
import httpx
import pytest

from tests.backend.running import Serve, Served

LEDGER = "/api/v1/__ledger__"


@pytest.fixture
def counted(serve: Serve) -> Served:
    """A backend with a ledger and tokens of ten seconds: due 2.2 seconds before their end."""
    return serve(ledger=True, access_ttl=10)


def ledger(served: Served) -> dict[str, Any]:
    counts: dict[str, Any] = served.beside(LEDGER).raise_for_status().json()
    return counts


def test_the_ledger_is_off_by_default(served: Served) -> None:
    assert served.beside(LEDGER).status_code == 404


def test_every_outcome_is_counted_under_its_name(counted: Served) -> None:
    pair = counted.pair()
    counted.register()
    counted.login(password="wrong password")
    counted.login()
    counted.profile(pair["accessToken"])
    counted.profile("x.y.z")
    counted.client.get("/users/profile")
    counted.clock.advance(10)
    counted.profile(pair["accessToken"])
    child = counted.refresh(pair["refreshToken"]).json()
    counted.refresh(pair["refreshToken"])
    counted.refresh("A" * 43)
    counted.logout(child["refreshToken"])
    counts = ledger(counted)
    expected = {
        "requests": 12, "registrations": 1, "logins": 1, "refused_logins": 1, "profile_ok": 1, "refused_bearers": 2,
        "expired_401": 1, "refreshes": 1, "expiries": 1, "reused_tokens": 1, "refused_refreshes": 1, "logouts": 1,
        "families_revoked": 1, "errors_5xx": 0, "rate_limited": 0,
    }  # fmt: skip
    assert {name: counts[name] for name in expected} == expected
    kinds = [event["kind"] for event in counts["events"]]
    assert kinds[:2] == ["registered", "other"]
    assert all(set(event) - {"left_ms"} == {"ms", "kind", "status"} for event in counts["events"])
    assert [event["kind"] for event in counts["events"] if "left_ms" in event] == ["rotated"]
    moments = [event["ms"] for event in counts["events"]]
    assert moments == sorted(moments)


@pytest.mark.parametrize(("age", "expiries"), [(0, 0), (7.7, 0), (7.8, 1), (10, 1), (100, 1)])
def test_only_a_rotation_of_a_used_up_token_counts_as_an_expiry(counted: Served, age: float, expiries: int) -> None:
    token = counted.pair()["refreshToken"]
    counted.clock.advance(age)
    counted.refresh(token)
    counts = ledger(counted)
    assert (counts["refreshes"], counts["expiries"], counts["due_within_ms"]) == (1, expiries, 2200)


def test_reuse_that_revokes_is_counted(counted: Served) -> None:
    pair = counted.pair()
    counted.refresh(counted.refresh(pair["refreshToken"]).json()["refreshToken"])
    counted.refresh(pair["refreshToken"])
    counts = ledger(counted)
    assert (counts["families_revoked"], counts["refused_refreshes"], counts["reused_tokens"]) == (1, 1, 0)


def test_reading_the_ledger_and_probing_are_not_counted(counted: Served) -> None:
    ledger(counted)
    counted.beside("/healthz")
    assert ledger(counted)["requests"] == 0


def test_the_ledger_holds_no_secret(counted: Served) -> None:
    pair = counted.pair()
    text = counted.beside(LEDGER).text
    assert not any(value in text for value in (*pair.values(), "ada@example.com"))


def test_a_session_ends_once(counted: Served) -> None:
    pair = counted.pair()
    counted.logout(pair["refreshToken"])
    ended = counted.rows("SELECT revoked_at FROM sessions")
    counted.clock.advance(5)
    counted.logout(pair["refreshToken"])
    assert counted.rows("SELECT revoked_at FROM sessions") == ended
    assert ledger(counted)["families_revoked"] == 1


@pytest.mark.parametrize(
    ("address", "status"),
    [("192.0.2.1", 404), ("127.0.0.1", 200), ("::1", 200), ("::ffff:127.0.0.1", 200), ("::ffff:192.0.2.1", 404),
     ("unix", 404)],
)  # fmt: skip
def test_the_ledger_is_for_this_machine_only(counted: Served, address: str, status: int) -> None:
    async def ask() -> int:
        transport = httpx.ASGITransport(counted.app, client=(address, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url=counted.base_url) as client:
            return (await client.get("/__ledger__")).status_code

    assert anyio.run(ask) == status


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded"])
def test_the_ledger_is_not_for_whom_a_proxy_speaks_for(counted: Served, name: str) -> None:
    assert counted.beside(LEDGER, headers={name: "127.0.0.1"}).status_code == 404
    assert counted.beside(LEDGER).status_code == 200
