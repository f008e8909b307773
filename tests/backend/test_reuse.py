"""A refresh token presented again: the two-tier grace, and what happens beyond it."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.backend.holding import held
from tests.backend.running import Serve, Served

pytestmark = pytest.mark.both_databases

KEYED = {"idempotency_key": "attempt-1"}
OTHER = {"idempotency_key": "attempt-2"}


def assert_revoked(served: Served, *pairs: dict[str, str]) -> None:
    for pair in pairs:
        assert served.profile(pair["accessToken"]).status_code == 401
        assert served.refresh(pair["refreshToken"]).status_code == 401
    assert served.rows("SELECT revoked_at FROM sessions")[0][0] is not None


@pytest.mark.parametrize(
    ("again", "age", "times"),
    [(KEYED, 59.9, 5), ({}, 9.9, 2), (OTHER, 9.9, 2)],
    ids=["same-key", "no-key", "another-key"],
)
def test_a_parent_inside_the_grace_gets_the_same_pair_byte_for_byte(
    served: Served, again: dict[str, str], age: float, times: int
) -> None:
    parent = served.pair()
    child = served.refresh(parent["refreshToken"], **KEYED)
    served.clock.advance(age)
    for _ in range(times):
        assert served.refresh(parent["refreshToken"], **again).content == child.content
    assert served.profile(child.json()["accessToken"]).status_code == 200
    assert served.refresh(child.json()["refreshToken"]).status_code == 200


@pytest.mark.parametrize(
    ("again", "times"), [(KEYED, 5), ({}, 2), (OTHER, 2)], ids=["same-key", "no-key", "another-key"]
)
def test_one_time_too_many_revokes_the_session(served: Served, again: dict[str, str], times: int) -> None:
    parent = served.pair()
    child = served.refresh(parent["refreshToken"], **KEYED).json()
    for _ in range(times):
        served.refresh(parent["refreshToken"], **again).raise_for_status()
    assert served.refresh(parent["refreshToken"], **again).status_code == 401
    assert_revoked(served, parent, child)


@pytest.mark.parametrize(("again", "age"), [(KEYED, 60), ({}, 10), (OTHER, 10)], ids=["same-key", "no-key", "another"])
def test_a_closed_window_revokes_the_session(served: Served, again: dict[str, str], age: float) -> None:
    parent = served.pair()
    child = served.refresh(parent["refreshToken"], **KEYED).json()
    served.clock.advance(age)
    assert served.refresh(parent["refreshToken"], **again).status_code == 401
    assert_revoked(served, parent, child)


def test_a_grandparent_revokes_the_session_even_inside_its_window(served: Served) -> None:
    grandparent = served.pair()
    parent = served.refresh(grandparent["refreshToken"], **KEYED).json()
    child = served.refresh(parent["refreshToken"]).json()
    assert served.refresh(grandparent["refreshToken"], **KEYED).status_code == 401
    assert_revoked(served, grandparent, parent, child)


def test_revocation_ends_one_session_only(served: Served) -> None:
    parent = served.pair()
    other = served.login().json()
    served.refresh(served.refresh(parent["refreshToken"]).json()["refreshToken"])
    served.refresh(parent["refreshToken"])
    assert served.profile(parent["accessToken"]).status_code == 401
    assert served.profile(other["accessToken"]).status_code == 200


def test_both_tiers_count_by_themselves(served: Served) -> None:
    parent = served.pair()
    child = served.refresh(parent["refreshToken"], **KEYED)
    for again in (KEYED, {}, KEYED, OTHER, KEYED, KEYED, KEYED):
        assert served.refresh(parent["refreshToken"], **again).content == child.content
    assert served.refresh(parent["refreshToken"], **KEYED).status_code == 401


def test_the_count_starts_anew_with_each_rotation(served: Served) -> None:
    token = served.pair()["refreshToken"]
    for _ in range(4):
        child = served.refresh(token)
        for _ in range(2):
            assert served.refresh(token).content == child.content
        token = child.json()["refreshToken"]


def test_the_window_counts_from_the_rotation_not_from_the_last_repeat(served: Served) -> None:
    parent = served.pair()["refreshToken"]
    served.refresh(parent)
    served.clock.advance(9)
    assert served.refresh(parent).status_code == 200
    served.clock.advance(2)
    assert served.refresh(parent).status_code == 401


def refreshed_late(served: Served, token: str, seconds: float) -> httpx.Response:
    """Refresh while somebody else has the sessions for so many seconds."""
    with ThreadPoolExecutor(1) as pool:
        with held(served) as somebody_waits:
            answer = pool.submit(served.refresh, token)
            somebody_waits()
            served.clock.advance(seconds)
        return answer.result(30)


def test_a_rotation_that_waited_gives_its_parent_the_whole_grace(served: Served) -> None:
    parent = served.pair()["refreshToken"]
    child = refreshed_late(served, parent, 6)
    served.clock.advance(9)
    assert served.refresh(parent).content == child.content
    assert served.refresh(child.json()["refreshToken"]).status_code == 200


def test_a_parent_presented_in_time_is_not_late_for_having_waited(served: Served) -> None:
    parent = served.pair()["refreshToken"]
    child = served.refresh(parent)
    served.clock.advance(9)
    assert refreshed_late(served, parent, 6).content == child.content


def test_a_session_that_ends_while_its_refresh_waits_is_over(serve: Serve) -> None:
    served = serve(refresh_ttl=10)
    token = served.pair()["refreshToken"]
    assert refreshed_late(served, token, 10).status_code == 401


def test_a_repeat_never_hands_out_an_access_token_that_is_dead_already(serve: Serve) -> None:
    served = serve(access_ttl=2)
    parent = served.pair()["refreshToken"]
    child = served.refresh(parent, **KEYED).json()
    served.clock.advance(30)
    again = served.refresh(parent, **KEYED).json()
    assert again["refreshToken"] == child["refreshToken"]
    assert served.profile(again["accessToken"]).status_code == 200
    assert served.refresh(parent, **KEYED).json() == again


def test_repeating_does_not_extend_the_session(serve: Serve) -> None:
    served = serve(refresh_ttl=20)
    parent = served.pair()["refreshToken"]
    served.clock.advance(15)
    served.refresh(parent, **KEYED).raise_for_status()
    served.clock.advance(5)
    assert served.refresh(parent, **KEYED).status_code == 401


def test_a_dead_session_is_not_revoked_twice(served: Served) -> None:
    parent = served.pair()
    served.logout(parent["refreshToken"])
    revoked = served.rows("SELECT revoked_at FROM sessions")
    served.clock.advance(5)
    assert served.refresh(parent["refreshToken"]).status_code == 401
    assert served.rows("SELECT revoked_at FROM sessions") == revoked


@pytest.mark.parametrize(
    "keys", [["one", "two"], [""], ["a b"], ["x" * 129], ["é".encode().decode("latin-1")], ['x"y']]
)
def test_a_malformed_idempotency_key_or_two_of_them_spend_nothing(served: Served, keys: list[str]) -> None:
    token = served.pair()["refreshToken"]
    headers = [(b"Idempotency-Key", key.encode("latin-1")) for key in keys]
    answer = served.client.post("/auth/refreshToken", json={"refreshToken": token}, headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (400, "Malformed Idempotency-Key.")
    assert served.rows("SELECT counter FROM sessions") == [(0,)]
