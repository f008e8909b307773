"""No answer tells whether an account or a token exists. Durations: `make backend-load`; here the work is counted."""

from collections import Counter

import anyio
import httpx
import pytest
from argon2 import PasswordHasher, Type
from signedin_backend.passwords import Passwords

from tests.backend.running import PASSWORD, Serve, Served
from tests.backend.work import worked

VARYING = {"date", "x-request-id"}


def visible(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return everything that an answer says: status, body, and each header by name, place and value."""
    headers = [(name, "" if name in VARYING else value) for name, value in answer.headers.multi_items()]
    return answer.status_code, answer.content, headers


def hashes(monkeypatch: pytest.MonkeyPatch, served: Served, email: str) -> list[tuple[int, int]]:
    """Return the costs of all hashes of a wrong login, in ascending order."""
    with worked(monkeypatch) as work:
        assert served.login(email, "wrong password").status_code == 403
    return sorted((one[-2], one[-1]) for one in work if one != "read")


@pytest.mark.parametrize("password", ["wrong password", "x", "x" * 1024, "pâte", "☃" * 300, PASSWORD + " "])
def test_a_wrong_login_says_nothing_about_the_account(served: Served, password: str) -> None:
    served.register()
    existing = served.login(password=password)
    unknown = served.login("nobody@example.com", password)
    assert visible(existing) == visible(unknown)
    assert existing.status_code == 403


def test_a_wrong_login_does_the_same_work_whether_there_is_an_account(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.register()
    with worked(monkeypatch) as existing:
        served.login(password="wrong password")
    with worked(monkeypatch) as unknown:
        served.login("nobody@example.com", "wrong password")
    assert existing == unknown
    assert Counter(kind if isinstance(kind, str) else kind[0] for kind in existing) == {"read": 1, "verify": 1}


@pytest.mark.both_databases
@pytest.mark.parametrize("costs", [[(8, 1), (16, 2)], [(16, 2), (8, 1)], [(8, 1), (8, 2), (16, 3)]], ids=str)
def test_a_wrong_login_does_the_same_work_whatever_the_record_once_cost(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, costs: list[tuple[int, int]]
) -> None:
    """Accounts from before the cost was changed, from after, and none: the same hashes, in some order."""
    emails = [f"user{number}@example.com" for number in range(len(costs))]
    for email, (memory, passes) in zip(emails, costs, strict=True):
        serve(hash_memory=memory, hash_passes=passes).register(email)
    served = serve(hash_memory=costs[-1][0], hash_passes=costs[-1][1])
    for email in (*emails, "nobody@example.com"):
        assert hashes(monkeypatch, served, email) == sorted(costs)


@pytest.mark.parametrize(
    "record",
    [
        PasswordHasher(2, 16, parallelism=1, salt_len=8).hash("another"),
        PasswordHasher(2, 16, parallelism=1, type=Type.I).hash("another"),
        f"$2b$12${'x' * 53}",
        "",
    ],
    ids=["another salt", "argon2i", "bcrypt", "none"],
)
def test_a_wrong_login_does_the_same_work_for_a_record_of_another_program(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, record: str
) -> None:
    before = serve()
    before.register()
    before.rows(f"UPDATE users SET password = '{record}'")
    served = serve()
    served.login(password="wrong password")
    seen = hashes(monkeypatch, served, "ada@example.com")
    assert hashes(monkeypatch, served, "nobody@example.com") == seen
    assert (8, 1) in seen


def test_an_unverifiable_record_is_as_much_work(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.register()
    served.rows("UPDATE users SET password = substr(password, 1, length(password) - 2)")
    with worked(monkeypatch) as work:
        assert served.login().status_code == 403
    # Nothing was computed by the attempt to verify it.
    assert work == ["read", ("verify", 8, 1), ("hash", 8, 1)]


@pytest.mark.parametrize("password", [PASSWORD, "wrong password"])
def test_a_cost_after_the_start_is_learned(serve: Serve, monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    """Another worker was started with a higher cost already; this one still runs."""
    served = serve()
    serve(hash_passes=3).register()
    served.login(password=password)
    assert hashes(monkeypatch, served, "nobody@example.com") == [(8, 1), (8, 3)]


def test_an_account_removed_during_verification_is_none(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.register()
    never = visible(served.login("nobody@example.com"))
    verify = Passwords.verify

    async def removed_meanwhile(self: Passwords, record: str | None, password: bytes) -> bool:
        fits = await verify(self, record, password)
        for table in ("refresh_tokens", "sessions", "users"):
            served.rows(f"DELETE FROM {table}")
        return fits

    monkeypatch.setattr(Passwords, "verify", removed_meanwhile)
    assert visible(served.login()) == never


def test_the_password_of_nobody_opens_nothing(served: Served) -> None:
    assert served.login("nobody@example.com", "nobody has this password").status_code == 403
    assert anyio.run(served.app.state.signedin.passwords.verify, None, b"nobody has this password") is False


@pytest.mark.parametrize("password", ["", "x" * 1025])
def test_a_login_that_is_malformed_is_so_for_every_account(served: Served, password: str) -> None:
    served.register()
    answers = [served.login(email, password) for email in ("ada@example.com", "nobody@example.com")]
    assert visible(answers[0]) == visible(answers[1])
    assert answers[0].status_code == 400


def test_an_account_that_is_not_there_is_limited_too(serve: Serve) -> None:
    first = serve()
    first.register()
    served = serve(rate_limit=True, account_rate=(3, 3600), address_rate=(1000, 1))
    for _ in range(3):
        served.login(password="wrong password")
        served.login("nobody@example.com", "wrong password")
    existing, unknown = served.login(), served.login("nobody@example.com")
    assert (existing.status_code, existing.content) == (unknown.status_code, unknown.content)
    assert existing.headers.keys() == unknown.headers.keys()
    assert existing.status_code == 429


def test_an_overloaded_backend_refuses_all_addresses_alike(serve: Serve) -> None:
    first = serve()
    first.register()
    served = serve(hash_queue=0, hash_threads=0)
    existing, unknown = served.login(), served.login("nobody@example.com")
    assert visible(existing) == visible(unknown)
    assert existing.status_code == 503


def test_registration_tells_by_contract_that_an_address_is_taken_and_nothing_by_its_work(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.register()
    with worked(monkeypatch) as taken:
        answer = served.register(password="another password")
    with worked(monkeypatch) as free:
        served.register("new@example.com")
    assert (answer.status_code, answer.json()["message"]) == (400, "Email already in use.")
    assert taken == free
    # A password that would be refused anyway must not learn whether the address is taken.
    refused = [served.register(email, "password") for email in ("ada@example.com", "free@example.com")]
    assert visible(refused[0]) == visible(refused[1])


def dead_tokens(served: Served) -> dict[str, str]:
    signed_out = served.pair("a@example.com")
    served.logout(signed_out["refreshToken"])
    reused = served.pair("b@example.com")
    child = served.refresh(reused["refreshToken"]).json()
    served.refresh(child["refreshToken"])
    served.refresh(reused["refreshToken"])
    expired = served.pair("d@example.com")["refreshToken"]
    served.clock.advance(served.settings.refresh_ttl)
    return {
        "expired": expired,
        "signed out": signed_out["refreshToken"],
        "reused": reused["refreshToken"],
        "revoked with its family": child["refreshToken"],
        "an access token": signed_out["accessToken"],
        "never was": "A" * 43,
        "another shape": "🚫",
        "long": "A" * 4096,
    }


def test_refreshing_and_logging_out_answer_the_same_for_every_dead_token(served: Served) -> None:
    dead = dead_tokens(served).values()
    refused = [visible(served.refresh(token)) for token in dead]
    assert (refused[0][0], refused) == (401, [refused[0]] * len(refused))
    living = served.pair("c@example.com")["refreshToken"]
    ended = [visible(served.logout(token)) for token in (living, *dead)]
    assert (ended[0][0], ended) == (204, [ended[0]] * len(ended))


def test_an_access_token_of_a_dead_session_is_refused_as_a_forged_one(served: Served) -> None:
    pair = served.pair()
    served.logout(pair["refreshToken"])
    head, body, _ = pair["accessToken"].split(".")
    assert visible(served.profile(pair["accessToken"])) == visible(served.profile(f"{head}.{body}.{'A' * 43}"))
