"""One account per address, however it is spelled."""

import pytest
from signedin_backend.emails import EmailError, canonical

from tests.backend.running import Served, wide

SAME = [
    ("ada@example.com", "ADA@EXAMPLE.COM"),
    ("ada@example.com", "Ada@Example.com"),
    ("ada@example.com", f"{wide('ada')}@example.com"),
    ("ada@example.com", f"ada@{wide('example')}.com"),
    ("ada@example.com", "ada@example。com"),
    ("josé@example.com", "jose\u0301@example.com"),
    ("josé@example.com", "JOSÉ@EXAMPLE.COM"),
    ("ada@münchen.example", "ada@MÜNCHEN.example"),
    ("ada@münchen.example", "ada@mu\u0308nchen.example"),
    ("ada@münchen.example", "ada@xn--mnchen-3ya.example"),
    ("strasse@example.com", "STRAßE@example.com"),
    ("office@example.com", "oﬃce@example.com"),
]
DIFFERENT = [
    ("ada@example.com", "\u0430da@example.com"),
    ("ada@example.com", "ada+1@example.com"),
    ("a.da@example.com", "ada@example.com"),
    ("ada@example.com", "ada@ex\u0430mple.com"),
    ("ada@straße.example", "ada@strasse.example"),
]
NOT_ADDRESSES = [
    "ada", "@", "@example.com", "ada@", "ada@@example.com", "a@b@example.com", " ada@example.com", "ada@example.com ",
    "ada @example.com", "ada@exa mple.com", "ada@example.com\n", "ada\r\nBcc: x@example.com", "ada\u200b@example.com",
    "ada\u202e@example.com", ".ada@example.com", "ada.@example.com", "a..da@example.com", "ada@.example.com",
    "ada@example..com", "ada@example.com.", "ada@-example.com", "ada@exa_mple.com", "ada@[127.0.0.1]",
    '"ada lovelace"@example.com', "ada(x)@example.com", "ada,x@example.com", "<ada@example.com>",
    "x" * 65 + "@example.com", "é" * 33 + "@example.com", "ada@" + "x" * 64 + ".com", "ada@" + "x." * 130 + "com",
    "ada@exam" + "\u00ad" * 320 + "ple.com", "ada@xn--a.example", "ada@\U0001f4a9.example\u200d",
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_spellings_are_one_account(shared: Served, one: str, other: str) -> None:
    assert canonical(one) == canonical(other)
    shared.register(one)
    answer = shared.register(other)
    assert (answer.status_code, answer.json()["message"]) == (400, "Email already in use.")
    assert shared.login(other).status_code == 200


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_mailboxes_are_two_accounts(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize("text", NOT_ADDRESSES)
def test_what_is_no_address_is_refused(shared: Served, text: str) -> None:
    with pytest.raises(EmailError):
        canonical(text)
    for answer in (shared.register(text), shared.login(text)):
        assert answer.status_code == 400
        assert answer.json() == {"message": "You must provide an email and a password.", "stack": ""}


@pytest.mark.parametrize(
    "letter",
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180e\u180f\u200b\u200d\u202a\u2060\u2065\u206f\u2800\u3164\ufe00\ufe0f"
    "\ufeff\uffa0\ufff0\ufffc\U0001bca0\U0001d159\U0001d173\U0001d17a\U00016fe4\U000e0000\U000e0100\U000e0fff",
    ids=ascii,
)
def test_a_letter_that_nobody_sees_is_refused_wherever_it_stands(letter: str) -> None:
    for place in ("ada{}@example.com", "a{}da@example.com", "ada@exam{}ple.com", "{}@example.com"):
        with pytest.raises(EmailError):
            canonical(place.format(letter))


@pytest.mark.parametrize(
    "letter", ["\u0300", "\u05d0", "\u0e31", "\u1100", "\u1161", "\u3163", "\u2801", "\ufe20", "\u4e00"], ids=ascii
)
def test_a_letter_beside_those_is_seen_and_accepted(letter: str) -> None:
    assert canonical(f"ad{letter}@example.com")


@pytest.mark.parametrize(
    "text", ["a@b", "ada@localhost", "o'hara@example.com", "!#$%&'*+-/=?^_`{|}~@example.com", "用户@例え.jp"]
)
def test_unusual_addresses_are_addresses(shared: Served, text: str) -> None:
    assert shared.register(text).status_code == 200


def test_the_profile_shows_the_address_as_it_was_registered(served: Served) -> None:
    token = served.pair("Ada.Lovelace@Example.COM")["accessToken"]
    assert served.profile(token).json()["email"] == "Ada.Lovelace@Example.COM"


def test_the_canonical_form_is_its_own() -> None:
    forms = [canonical(one) for one, _ in SAME] + [canonical("ada@sub.example.com")]
    assert [canonical(form) for form in forms] == forms
