"""Which passwords are accepted, and how they are kept."""

import gzip
import unicodedata
from importlib.resources import files
from threading import Event
from types import SimpleNamespace
from typing import Literal

import anyio
import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from signedin_backend import Settings, passwords
from signedin_backend.passwords import OverloadedError, PasswordError, Passwords, acceptable

from tests.backend.running import PASSWORD, Serve, Served, at_once, wide

Form = Literal["NFC", "NFD"]
FORMS: tuple[Form, Form] = ("NFC", "NFD")


@pytest.mark.parametrize(
    "password",
    [
        "8 bytes!",
        "x1y2z3w4",
        "é1y2z3w",
        "🔑a🔒",
        "x" * 70 + "abc",
        "ab c" * 256,
        "     two    spaces   ",
        "\ttab\tab\u00a0",
    ],
)
def test_any_text_of_8_to_1024_bytes_is_a_password(served: Served, password: str) -> None:
    assert served.register(password=password).status_code == 200
    assert served.login(password=password).status_code == 200


@pytest.mark.parametrize("password", ["x", "seven by", "é1y2z3", "x" * 1025, "é" * 513])
def test_shorter_and_longer_ones_are_refused_by_bytes(served: Served, password: str) -> None:
    password = password.removesuffix("by")
    answer = served.register(password=password)
    assert answer.status_code == 400
    assert answer.json()["message"] == "The password must be 8 to 1024 bytes long."


def test_more_characters_than_the_contract_knows_are_not_even_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of combining marks would take half a second, on the event loop."""
    monkeypatch.setattr(passwords, "unicodedata", None)
    assert len(passwords.normal("\u0345" * 1025)) > passwords.LONGEST


def test_no_byte_of_a_long_password_is_cut_off(served: Served) -> None:
    password = "abcdefgh" * 128
    served.register(password=password)
    assert served.login(password=password[:-1] + "x").status_code == 403
    assert served.login(password=password[:72]).status_code == 403
    assert served.login(password=password).status_code == 200


@pytest.mark.parametrize("form", FORMS)
def test_one_password_typed_on_two_keyboards_is_one(served: Served, form: Form) -> None:
    password = "pâté für café"
    served.register(password=unicodedata.normalize(form, password))
    for typed in FORMS:
        assert served.login(password=unicodedata.normalize(typed, password)).status_code == 200
    assert served.login(password="pate fur cafe").status_code == 403


@pytest.mark.parametrize(
    "password",
    ["password", "PASSWORD", "Password123!", "12345678", "123456789", "qwertyuiop", "iloveyou2", "liverpool1892",
     "1q2w3e4r", "aaaaaaaa", wide("Password"), "!!princess!!", "abababababab"],
)  # fmt: skip
def test_common_passwords_are_refused(served: Served, password: str) -> None:
    answer = served.register(password=password)
    assert (answer.status_code, answer.json()["message"]) == (400, "The password is too common.")


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


@pytest.mark.parametrize(
    "password",
    [
        "ada.lovelace",
        "Ada.Lovelace1815",
        "ada.lovelace@example.com",
        "example.com!",
        "SignedIn",
        "signedin2026",
        "acme-corp",
    ],
)
def test_words_of_the_service_and_the_email_make_no_password(serve: Serve, password: str) -> None:
    served = serve(password_words=("signedin", "acme-corp"))
    answer = served.register("ada.lovelace@example.com", password)
    assert answer.status_code == 400
    assert answer.json()["message"] == "The password is made from the e-mail or from a word of this service."


@pytest.mark.parametrize("password", ["love-7402-6128-5533", "lovelace and babbage", "signed in at last"])
def test_a_word_among_more_is_no_common_password(served: Served, password: str) -> None:
    assert served.register("lovelace@example.com", password).status_code == 200


def test_case_and_spaces_of_a_password_count(served: Served) -> None:
    served.register(password="Correct horse ")
    assert served.login(password="correct horse ").status_code == 403
    assert served.login(password="Correct horse").status_code == 403
    assert served.login(password="Correct horse ").status_code == 200


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


def test_a_sign_in_does_not_fail_for_want_of_a_place_to_renew_its_record(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_an_overloaded_backend_says_when_to_come_back(serve: Serve) -> None:
    served = serve(hash_queue=0, hash_threads=0)
    answer = served.register()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json() == {"message": "Service unavailable.", "stack": ""}
