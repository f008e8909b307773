"""Passwords: which are acceptable, and argon2id off the event loop with a bound on parallel hashes.

`common_passwords.txt` was gathered by hand: words with which people begin. `leaked_passwords.txt.gz` is generated: the
commonest leaked passwords that fit the policy; its head names source and licence.
"""

import gzip
import string
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.resources import files
from itertools import takewhile
from typing import Literal

import anyio
import anyio.to_thread
from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import HashingError, InvalidHashError, VerificationError, VerifyMismatchError

from signedin_backend.settings import Settings

SHORTEST, LONGEST = 8, 1024
# What stands behind the cost in a record of ours: 16 bytes of salt, 32 of hash, in base64 without padding.
_ANY_TAIL = f"${'s' * 22}${'h' * 43}"
_LONGEST_RUN, _JOINER = 30, "\u034f"  # combining marks in a row; what Stream-Safe Text Format puts between two runs
# What people put around a common word to make it another one.
_AROUND = string.digits + string.punctuation + " "


class PasswordError(ValueError):
    """The password is not acceptable; the text says why."""


class OverloadedError(Exception):
    """So many hashes wait already that one more would only time out."""


def normal(password: str) -> bytes:
    """Return the bytes that are hashed; NFC, so that one password typed on two keyboards is one (RFC 8265)."""
    # More characters than the contract allows are too long in every form.
    return password.encode() if len(password) > LONGEST else _normalized("NFC", password).encode()


def acceptable(password: str, *, about: tuple[str, ...] = ()) -> bytes:
    """Return the bytes of a password that may be chosen (NIST SP 800-63B, section 3.1.1.2: length and blocklists).

    `about` are words that an attacker would try for this account first: those of the service, and the e-mail.

    Raises:
        PasswordError: It is too short, too long, common, or made from one of these words.
    """
    data = normal(password)
    if not SHORTEST <= len(data) <= LONGEST:
        raise PasswordError(f"The password must be {SHORTEST} to {LONGEST} bytes long.")
    guesses = _guesses(password)
    if not guesses.isdisjoint(_common()) or len(set(_folded(password))) < 3:
        raise PasswordError("The password is too common.")
    if not guesses.isdisjoint(_parts(about)):
        raise PasswordError("The password is made from the e-mail or from a word of this service.")
    return data


def _normalized(form: Literal["NFC", "NFKC"], text: str) -> str:
    """Return the normal form, after Stream-Safe Text Format (UAX #15, section 13) has bounded runs of combining marks.

    Normalization sorts a run by insertion, with the interpreter's lock held: a run of 1,000 marks takes 10 ms.
    """
    return unicodedata.normalize(form, text if text.isascii() else _stream_safe(text))


def _stream_safe(text: str) -> str:
    pieces, run = [], 0
    for character in text:
        marks = [unicodedata.combining(part) > 0 for part in unicodedata.normalize("NFKD", character)]
        leading = sum(takewhile(bool, marks))
        if run + leading > _LONGEST_RUN:
            pieces.append(_JOINER)
            run = 0
        pieces.append(character)
        run = run + leading if all(marks) else sum(takewhile(bool, reversed(marks)))
    return "".join(pieces)


def _folded(text: str) -> str:
    return _normalized("NFKC", text).casefold()


def _guesses(password: str) -> set[str]:
    folded = _folded(password)
    core = folded.strip(_AROUND)
    # A word is half of the password or more, or what stands around it is what counts.
    return {folded, core} if 2 * len(core) >= len(folded) else {folded}


def _parts(words: tuple[str, ...]) -> set[str]:
    """Return the words, and of an address also what stands before and after the @."""
    parts = {part for word in map(_folded, words) for part in (word, *word.split("@"))}
    return (parts | {part.strip(_AROUND) for part in parts}) - {""}


@cache
def _common() -> frozenset[str]:
    return frozenset(_lines(files("signedin_backend").joinpath("common_passwords.txt").read_bytes())) | {*_leaked()}


def _leaked() -> list[str]:
    """Return the generated list, the commonest first."""
    return _lines(gzip.decompress(files("signedin_backend").joinpath("leaked_passwords.txt.gz").read_bytes()))


def _lines(data: bytes) -> list[str]:
    return [line for line in data.decode().splitlines() if line and not line.startswith("#")]


class Passwords:
    """Hashes and verifies, so many at a time."""

    def __init__(self, settings: Settings) -> None:
        self._argon2 = PasswordHasher(settings.hash_passes, settings.hash_memory, parallelism=1, type=Type.ID)
        self._limiter = anyio.CapacityLimiter(settings.hash_threads)
        self._most = settings.hash_threads + settings.hash_queue
        self._under_way = 0  # changed on the event loop only
        # What an unknown user's password is compared with: the same work, whoever asks.
        self._nobody = self._argon2.hash(b"nobody has this password")
        self._costs = {_cost(self._nobody): self._argon2}  # replaced whole: threads walk through it

    @property
    def under_way(self) -> int:
        """How many hashes are computed or wait for it."""
        return self._under_way

    def know(self, costs: Iterable[str]) -> None:
        """Learn which costs the records have that exist, as what stands before their salt."""
        for cost in set(costs) - self._costs.keys():
            with suppress(InvalidHashError):
                parameters = extract_parameters(cost + _ANY_TAIL)
                self._costs = {**self._costs, cost: PasswordHasher.from_parameters(parameters)}

    async def hash(self, password: bytes) -> str:
        """Return the argon2id record to store."""
        with self._place():
            return await anyio.to_thread.run_sync(self._argon2.hash, password, limiter=self._limiter)

    async def verify(self, record: str | None, password: bytes) -> bool:
        """Tell whether the password belongs to the record; without a record do the same work and say no."""
        with self._place():
            fits = await anyio.to_thread.run_sync(self._fits, record or self._nobody, password, limiter=self._limiter)
        return fits and record is not None

    async def renewed(self, record: str, password: bytes) -> str | None:
        """Return a record of today's cost for a password that was verified; None if this one has it already.

        None also where every place is taken: the next sign-in will do.
        """
        if not self._argon2.check_needs_rehash(record):
            return None
        try:
            return await self.hash(password)
        except OverloadedError:
            return None

    @contextmanager
    def _place(self) -> Iterator[None]:
        # Counted here: the limiter sees a task only after its first turn of the loop, too late for a burst.
        if self._under_way >= self._most:
            raise OverloadedError
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def _fits(self, record: str, password: bytes) -> bool:
        cost = _cost(record)
        try:
            fits: bool = self._argon2.verify(record, password)
        except VerifyMismatchError:
            fits = False
        except (VerificationError, InvalidHashError):
            fits, cost = False, ""  # It is no record of argon2, and nothing was computed.
        # Another worker may write records of a cost that nobody had when this one started.
        self.know([cost])
        if not fits:
            self._level(password, done=cost)
        return fits

    def _level(self, password: bytes, *, done: str) -> None:
        """Do the same work whatever this record once cost, or the time would tell an old account from none."""
        for cost, hasher in self._costs.items():
            if cost != done:
                # A record of nonsense may ask for more memory than there is.
                with suppress(HashingError):
                    hasher.hash(password)


def _cost(record: str) -> str:
    """Return what stands before the salt: other programs' records have salts and hashes of other lengths."""
    return record.rsplit("$", 2)[0]
