"""Which passwords are accepted, and how they are stored."""

import gzip
import unicodedata
from importlib.resources import files
from threading import Event
from types import SimpleNamespace

import anyio
import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from signedin_backend import Settings, passwords
from signedin_backend.passwords import OverloadedError, PasswordError, Passwords, acceptable

from tests.backend.running import PASSWORD, Serve, Served, at_once, wide

CAFE = "pâté für café"
TYPED = [unicodedata.normalize("NFC", CAFE), unicodedata.normalize("NFD", CAFE)]


LEGAL = ["8 bytes!", "x1y2z3w4", "é1y2z3w", "🔑a🔒", "x" * 70 + "abc", "ab c" * 256, "     two    spaces   ",
         "\ttab\tab\u00a0"]  # fmt: skip


def test_any_text_of_8_to_1024_bytes_is_a_password(served: Served) -> None:
    for number, password in enumerate(LEGAL):
        email = f"user{number}@example.com"
        assert (served.register(email, password).status_code, served.login(email, password).status_code) == (200, 200)


@pytest.mark.parametrize(
    ("password", "message"),
    [
        *((text, "must be 8 to 1024 bytes long.") for text in ("x", "seven  ", "é1y2z3", "x" * 1025, "é" * 513)),
        *((text, "is too common.") for text in (
            "password", "PASSWORD", "Password123!", "12345678", "123456789", "qwertyuiop", "iloveyou2", "liverpool1892",
            "1q2w3e4r", "aaaaaaaa", wide("Password"), "!!princess!!", "abababababab")),
        *((text, "is made from the e-mail or from a word of this service.") for text in (
            "ada.lovelace", "Ada.Lovelace1815", "ada.lovelace@example.com", "example.com!", "SignedIn",
            "signedin2026")),
        *((text, None) for text in ("love-7402-6128-5533", "lovelace and babbage", "signed in at last")),
    ],
)  # fmt: skip
def test_short_long_and_common_passwords_and_words_of_the_service_and_the_email_are_refused(
    served: Served, password: str, message: str | None
) -> None:
    answer = served.register("ada.lovelace@example.com", password)
    assert answer.status_code == (400 if message else 200)
    assert message is None or answer.json()["message"] == f"The password {message}"


def test_the_words_of_a_service_can_be_chosen(serve: Serve) -> None:
    served = serve(password_words=("acme-corp",))
    assert [served.register(password=text).status_code for text in ("acme-corp", "signedin")] == [400, 200]


def test_more_characters_than_the_contract_knows_are_not_even_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of combining marks would take half a second, on the event loop."""
    monkeypatch.setattr(passwords, "unicodedata", None)
    assert len(passwords.normal("\u0345" * 1025)) > passwords.LONGEST


@pytest.mark.parametrize("mark", ["\u0345", "\u0f81", "\u0334"], ids=ascii)
def test_a_run_of_combining_marks_is_broken_up_before_it_is_sorted(mark: str) -> None:
    """A run of 1,000 marks takes normalization 10 ms on the event loop; runs of 30 are bounded by UAX #15."""
    plain = "password" + mark * 15
    assert passwords.normal(plain) == unicodedata.normalize("NFC", plain).encode()
    runs = passwords.normal("password" + mark * 300).decode().split("\u034f")
    assert max(sum(map(bool, map(unicodedata.combining, unicodedata.normalize("NFKD", run)))) for run in runs) <= 30


@pytest.mark.parametrize(
    ("password", "same", "others"),
    [
        ("abcdefgh" * 128, ["abcdefgh" * 128], ["abcdefgh" * 127 + "abcdefgx", "abcdefgh" * 9]),
        ("Correct horse ", ["Correct horse "], ["correct horse ", "Correct horse"]),
        (TYPED[0], TYPED, ["pate fur cafe"]),
        (TYPED[1], TYPED, ["pate fur cafe"]),
    ],
    ids=["long", "case and spaces", "NFC", "NFD"],
)
def test_every_byte_counts_but_for_the_unicode_form_of_two_keyboards(
    served: Served, password: str, same: list[str], others: list[str]
) -> None:
    served.register(password=password)
    assert [served.login(password=text).status_code for text in same] == [200] * len(same)
    assert [served.login(password=text).status_code for text in others] == [403] * len(others)


def test_the_leaked_list_holds_more_than_the_3000_commonest_that_fit_the_policy() -> None:
    leaked = [password for password in passwords._leaked() if len(password.encode()) >= passwords.SHORTEST]
    assert len(leaked) >= 11_000
    assert leaked[:3] == ["password", "12345678", "123456789"]
    for password in (*leaked[:3000], *leaked[-100:]):
        with pytest.raises(PasswordError):
            acceptable(password.title())


def test_the_leaked_list_names_its_source_and_licence() -> None:
    packed = files("signedin_backend").joinpath("leaked_passwords.txt.gz").read_bytes()
    head = "".join(line for line in gzip.decompress(packed).decode().splitlines() if line.startswith("#"))
    assert all(part in head for part in ("zxcvbn 4.5.0", "MIT License", "Copyright", "AS IS"))


def test_the_record_is_argon2id_of_the_promised_cost(serve: Serve) -> None:
    defaults = Settings()
    served = serve(hash_memory=defaults.hash_memory, hash_passes=defaults.hash_passes)
    served.register()
    (record,) = served.rows("SELECT password FROM users")[0]
    assert record.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def costs(served: Served) -> list[str]:
    return [record.split("$")[3] for (record,) in served.rows("SELECT password FROM users ORDER BY email")]


@pytest.mark.both_databases
def test_a_sign_in_gives_an_older_record_the_cost_of_today(serve: Serve) -> None:
    before = serve()
    before.register()
    before.register("bob@example.com")
    raised = serve(hash_memory=16, hash_passes=3)
    assert raised.login(password="wrong password").status_code == 403
    assert costs(raised) == ["m=8,t=1,p=1", "m=8,t=1,p=1"]
    pair = raised.login().raise_for_status().json()
    assert costs(raised) == ["m=16,t=3,p=1", "m=8,t=1,p=1"]
    profile = raised.profile(pair["accessToken"]).json()
    assert profile["updatedAt"] == profile["createdAt"]
    (record,) = raised.rows("SELECT password FROM users ORDER BY email")[0]
    assert raised.login().status_code == 200
    assert raised.rows("SELECT password FROM users ORDER BY email")[0] == (record,)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "other",
    [
        PasswordHasher(1, 8, parallelism=1, salt_len=8),
        PasswordHasher(1, 8, parallelism=1, salt_len=32, hash_len=16),
        PasswordHasher(2, 32, parallelism=2),
        PasswordHasher(1, 8, parallelism=1, type=Type.I),
    ],
    ids=["short salt", "long salt and short hash", "two lanes", "argon2i"],
)
def test_a_record_of_another_program_is_verified_as_it_is_and_renewed(serve: Serve, other: PasswordHasher) -> None:
    before = serve()
    before.register()
    before.rows(f"UPDATE users SET password = '{other.hash(PASSWORD)}'")
    served = serve()
    assert served.login(password="wrong password").status_code == 403
    assert served.rows("SELECT password FROM users") == before.rows("SELECT password FROM users")
    assert served.login().status_code == 200
    (record,) = served.rows("SELECT password FROM users")[0]
    assert extract_parameters(record) == extract_parameters(PasswordHasher(1, 8, parallelism=1).hash("any"))
    assert served.login().status_code == 200


def test_a_record_that_asks_for_more_memory_than_there_is_stops_nobody(serve: Serve) -> None:
    before = serve()
    before.register()
    before.register("eve@example.com")
    greedy = f"$argon2id$v=19$m=4294967295,t=1,p=1${'s' * 22}${'h' * 43}"
    before.rows(f"UPDATE users SET password = '{greedy}' WHERE email = 'eve@example.com'")
    served = serve()
    assert served.login("eve@example.com").status_code == 403
    assert served.login(password="wrong password").status_code == 403
    assert served.login().status_code == 200


@pytest.mark.both_databases
def test_many_sign_ins_at_once_renew_an_older_record_to_one_that_works(serve: Serve) -> None:
    serve().register()
    raised = serve(hash_passes=2)
    assert {answer.status_code for answer in at_once([raised.login] * 10)} == {200}
    assert costs(raised) == ["m=8,t=2,p=1"]
    assert raised.login().status_code == 200
    assert raised.login(password="wrong password").status_code == 403


def test_a_record_that_changed_meanwhile_is_not_overwritten(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve().register()
    raised = serve(hash_passes=2)
    hashed = Passwords.hash

    async def changed_meanwhile(self: Passwords, password: bytes) -> str:
        raised.rows("UPDATE users SET password = 'another'")
        return await hashed(self, password)

    monkeypatch.setattr(Passwords, "hash", changed_meanwhile)
    assert raised.login().status_code == 200
    assert raised.rows("SELECT password FROM users") == [("another",)]


def test_a_sign_in_needs_no_place_to_renew_its_record(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve().register()
    raised = serve(hash_passes=2)

    async def full(_: Passwords, __: bytes) -> str:
        raise OverloadedError

    monkeypatch.setattr(Passwords, "hash", full)
    assert raised.login().status_code == 200
    assert costs(raised) == ["m=8,t=1,p=1"]


def test_hashes_beyond_the_queue_are_refused_at_once() -> None:
    settings = Settings(hash_memory=19_456, hash_threads=1, hash_queue=2)

    async def flood() -> tuple[int, int]:
        passwords, done, refused = Passwords(settings), 0, 0

        async def one() -> None:
            nonlocal done, refused
            try:
                await passwords.hash(b"correct horse")
                done += 1
            except OverloadedError:
                refused += 1

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(one)
        return done, refused

    assert anyio.run(flood) == (3, 7)


def test_no_more_hashes_run_at_the_same_time_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, release = Passwords(Settings(hash_threads=2)), Event()
    monkeypatch.setattr(passwords, "_argon2", SimpleNamespace(hash=lambda _: str(release.wait(30))))
    monkeypatch.setattr(passwords, "_fits", lambda *_: release.wait(30))

    async def crowd() -> tuple[int, int]:
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(passwords.hash, b"correct horse")
                tasks.start_soon(passwords.verify, "record", b"correct horse")
            await anyio.wait_all_tasks_blocked()
            seen = passwords._limiter.statistics()
            release.set()
        return seen.borrowed_tokens, seen.tasks_waiting

    assert anyio.run(crowd) == (2, 8)
