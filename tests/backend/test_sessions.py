"""Signing in, rotating and signing out, each answer checked against the contract."""

import base64
from pathlib import Path

import jwt
import pytest
from signedin_backend import Settings, storage
from signedin_backend.keys import name
from signedin_backend.storage import Storage
from signedin_backend.tokens import next_refresh_token
from sqlalchemy import event

from tests.backend.running import KEY, Serve, Served

pytestmark = pytest.mark.both_databases


def test_a_login_opens_a_session_of_its_own(served: Served) -> None:
    first = served.pair()
    second = served.login().raise_for_status().json()
    served.logout(first["refreshToken"])
    assert served.profile(first["accessToken"]).status_code == 401
    assert served.profile(second["accessToken"]).status_code == 200


def test_every_pair_differs_from_every_other_and_works(served: Served) -> None:
    made = [served.pair(), *(served.login().json() for _ in range(4))]  # in one second of the backend's clock
    made.append(served.refresh(made[0]["refreshToken"]).raise_for_status().json())
    assert len({pair["accessToken"] for pair in made}) == len({pair["refreshToken"] for pair in made}) == 6
    assert {served.profile(pair["accessToken"]).json()["email"] for pair in made} == {"ada@example.com"}


def test_a_token_may_come_from_a_host_whose_clock_is_half_a_minute_ahead(served: Served) -> None:
    token = served.pair()["accessToken"]
    served.clock.advance(-30)
    assert served.profile(token).status_code == 200
    served.clock.advance(-1)
    assert served.profile(token).status_code == 401


@pytest.mark.parametrize("begun", [0.0, 0.25, 0.999])
def test_an_access_token_never_lives_longer_than_promised(serve: Serve, begun: float) -> None:
    served = serve(access_ttl=2)
    served.clock.advance(begun)
    token = served.pair()["accessToken"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 2
    assert claims["exp"] <= served.clock() + 2
    served.clock.now = claims["exp"] - 0.001
    assert served.profile(token).status_code == 200
    served.clock.now = claims["exp"]
    answer = served.profile(token)
    assert answer.status_code == 401
    assert answer.json() == {"message": "TokenExpiredError", "stack": ""}
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_claims_are_the_contracts_and_name_issuer_audience_and_session(served: Served) -> None:
    token = served.pair()["accessToken"]
    claims = jwt.decode(token, KEY, algorithms=["HS256"], issuer="signedin", audience="signedin")
    assert set(claims) == {"iss", "aud", "sub", "userId", "sid", "jti", "iat", "exp"}
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "kid": name(KEY), "typ": "at+jwt"}


def test_logout_ends_the_session_at_once_whichever_of_its_tokens_is_shown(served: Served) -> None:
    first = served.pair()
    second = served.refresh(first["refreshToken"]).json()
    third = served.refresh(second["refreshToken"]).json()
    assert served.logout(first["refreshToken"]).status_code == 204
    for pair in (first, second, third):
        answer = served.profile(pair["accessToken"])
        assert answer.status_code == 401
        assert answer.json()["message"] == "🚫 Un-Authorized 🚫"
    assert served.refresh(third["refreshToken"]).status_code == 401


def test_a_session_ends_at_its_absolute_lifetime_however_often_it_is_renewed(serve: Serve) -> None:
    served = serve(refresh_ttl=100)
    token = served.pair()["refreshToken"]
    for _ in range(4):
        served.clock.advance(24)
        token = served.refresh(token).raise_for_status().json()["refreshToken"]
    served.clock.advance(4)
    assert served.refresh(token).status_code == 401


def test_an_access_token_does_not_outlive_its_session(serve: Serve) -> None:
    served = serve(refresh_ttl=10, access_ttl=300)
    token = served.pair()["accessToken"]
    served.clock.advance(10)
    assert served.profile(token).json()["message"] == "🚫 Un-Authorized 🚫"


def test_neither_kind_of_token_passes_for_the_other(served: Served) -> None:
    pair = served.pair()
    refused = served.refresh(pair["accessToken"])
    assert (refused.status_code, refused.json()["message"]) == (401, "Unauthorized")
    assert served.profile(pair["refreshToken"]).status_code == 401
    # Neither attempt harmed the session.
    assert served.refresh(pair["refreshToken"]).status_code == 200


@pytest.mark.sqlite
def test_a_restart_keeps_sessions_and_the_generated_key(serve: Serve) -> None:
    first = serve(jwt_key=None)
    pair = first.pair()
    again = serve(jwt_key=None)
    assert again.profile(pair["accessToken"]).status_code == 200
    assert again.refresh(pair["refreshToken"]).status_code == 200


def test_a_repeat_after_the_key_was_changed_hands_out_no_token_that_nobody_knows(serve: Serve) -> None:
    """The child cannot be computed any more; whoever received it goes on with it."""
    parent = serve().pair()
    child = serve().refresh(parent["refreshToken"]).json()
    again = serve(jwt_key=b"another" + KEY)
    answer = again.refresh(parent["refreshToken"])
    assert (answer.status_code, answer.json()["message"]) == (401, "Unauthorized")
    assert again.refresh(child["refreshToken"]).status_code == 200


def test_expired_sessions_are_forgotten_as_new_ones_begin(serve: Serve) -> None:
    served = serve(refresh_ttl=10)
    for _ in range(3):
        served.pair(f"user{_}@example.com")
    served.clock.advance(11)
    served.login("user0@example.com")
    assert served.rows("SELECT count(*) FROM sessions")[0][0] == 1
    assert served.rows("SELECT count(*) FROM refresh_tokens")[0][0] == 1


def row_counts(served: Served) -> tuple[int, int]:
    """Count sessions and fingerprints; none of these is without its session."""
    (counts,) = served.rows("SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM refresh_tokens)")
    assert served.rows("SELECT 1 FROM refresh_tokens WHERE session_id NOT IN (SELECT id FROM sessions)") == []
    return (counts[0], counts[1])


def test_one_sign_in_forgets_so_many_fingerprints_and_the_next_ones_the_rest(serve: Serve) -> None:
    served = serve(refresh_ttl=10)
    served.pair()
    served.rows(
        """
        INSERT INTO refresh_tokens (fingerprint, session_id, counter, created_at)
        WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 599)
        SELECT 'f' || i, s.id, i, s.created_at FROM sessions s, numbers
        """
    )
    served.clock.advance(11)
    seen = [row_counts(served)]
    for _ in range(3):
        served.login().raise_for_status()
        seen.append(row_counts(served))
    assert seen == [(1, 600), (2, 345), (3, 90), (3, 3)]


def test_one_sign_in_forgets_eight_sessions_and_the_next_one_the_rest(serve: Serve) -> None:
    served = serve(refresh_ttl=10)
    served.pair()
    for _ in range(9):
        served.login()
    served.clock.advance(11)
    for sessions in (3, 2):
        served.login()
        assert row_counts(served) == (sessions, sessions)


def test_rotations_forget_too_and_more_than_they_bring(serve: Serve) -> None:
    served = serve(refresh_ttl=10)
    served.pair()
    served.clock.advance(5)
    token = served.login().json()["refreshToken"]
    served.rows(f"UPDATE sessions SET counter = {storage._FORGET_EVERY - 2}")
    served.clock.advance(6)
    for sessions, fingerprints in ((2, 3), (1, 3)):
        token = served.refresh(token).raise_for_status().json()["refreshToken"]
        assert row_counts(served) == (sessions, fingerprints)
    assert storage._FORGOTTEN_TOKENS > 2 * storage._FORGET_EVERY


def test_a_child_takes_the_key_the_parent_and_the_salt() -> None:
    child = next_refresh_token(b"key", "parent", b"salt")
    assert child == next_refresh_token(b"key", "parent", b"salt")
    others = [(b"another", "parent", b"salt"), (b"key", "another", b"salt"), (b"key", "parent", b"another")]
    assert child not in {next_refresh_token(*other) for other in others}
    assert len(base64.urlsafe_b64decode(child + "=")) == 32


def test_a_first_token_and_the_salt_of_each_rotation_are_256_random_bits(served: Served) -> None:
    served.pair()
    firsts = [served.login().json()["refreshToken"] for _ in range(3)]
    for token in firsts:
        served.refresh(token).raise_for_status()
    salts = [bytes(salt) for (salt,) in served.rows("SELECT salt FROM sessions WHERE salt IS NOT NULL")]
    for random_parts in ([base64.urlsafe_b64decode(token + "=") for token in firsts], salts):
        assert [len(bits) for bits in random_parts] == [32, 32, 32]
        assert len(set(random_parts)) == 3


@pytest.mark.sqlite
def test_an_answered_pair_is_on_the_disk_whatever_sqlites_default_is(tmp_path: Path) -> None:
    store = Storage(Settings(database=f"sqlite:///{tmp_path / 'x.db'}"))
    event.listen(store.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"), insert=True)
    full = 2
    with store.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == full
    store.close()


@pytest.mark.sqlite
def test_only_fingerprints_of_refresh_tokens_are_stored(served: Served) -> None:
    pair = served.pair()
    child = served.refresh(pair["refreshToken"]).json()
    stored = b"".join(path.read_bytes() for path in served.settings.sqlite_file.parent.glob("backend.sqlite3*"))  # type: ignore[union-attr]
    for token in (*pair.values(), *child.values()):
        assert token.encode() not in stored
        assert token.rpartition(".")[2].encode() not in stored
