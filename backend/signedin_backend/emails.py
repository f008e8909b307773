"""One canonical form of an e-mail address: what the unique index compares, not what is shown or written to."""

import re
import unicodedata

import idna

_LONGEST = 320
_LOCAL = re.compile(r'[^\s"(),:;<>@\[\\\]]+')
# What nobody sees: Default_Ignorable_Code_Point (Unicode 17, DerivedCoreProperties.txt), then what is drawn as a blank.
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    r"\u2800\ufffc\U00013441\U00013442\U00016fe4\U0001d159]"
)


class EmailError(ValueError):
    """The text is no address that this backend gives an account to."""


def canonical(address: str) -> str:
    """Return the form that two spellings of one address share.

    Case is folded in the local part too: RFC 5321 (section 2.4) lets a mail server tell cases apart, none does, and
    two accounts that differ by case are a way to impersonate. Compatibility variants (full width, ligatures) fold as
    well, the domain takes its ASCII form (UTS 46). Letters of other scripts that merely look alike stay different
    mailboxes; letters that nobody sees are refused (a domain that needs a joiner can be given as xn--). Mail must only
    ever go to the address as registered, never to one typed later.
    """
    if len(address) > _LONGEST or _INVISIBLE.search(address):
        raise EmailError
    local, _, domain = address.rpartition("@")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", local).casefold())
    if not (folded.isprintable() and _LOCAL.fullmatch(folded) and len(folded.encode()) <= 64):
        raise EmailError
    if folded.startswith(".") or folded.endswith(".") or ".." in folded:
        raise EmailError
    return f"{folded}@{_ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    try:
        encoded = idna.encode(domain, uts46=True, std3_rules=True).decode().lower()
    except UnicodeError:
        raise EmailError from None
    if not encoded or len(encoded) > 253 or encoded.endswith("."):
        raise EmailError
    return encoded
