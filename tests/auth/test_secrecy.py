"""Tokens and passwords stand in no repr, text, pickle, log record, exception or explanation of ours."""

import copy
import errno
import pickle
import socket
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import pytest
import signedin
from signedin import APIConnectionError, Client, ConfigurationError, FileStore, SignedInError, TokenPair, _flight
from signedin._tokens import Held
from signedin.session import renewal_of
from signedin.testing import FAULTS

from tests.auth.driving import TAKEN_BY_A_LOGIN, Drive, Server, Wire, client_on
from tests.records import record_of

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery staple"
PACKAGE = str(Path(signedin.__file__).parent)


def _secrets(server: Server, wire: Wire | None = None) -> set[str]:
    """Return every secret that this server knows of, and the signatures of all access tokens that went out."""
    bearers = (
        {request.headers.get("authorization", "").rpartition(" ")[2] for request in wire.requests} if wire else set()
    )
    return {PASSWORD, *server._families, *(token.rpartition(".")[2] for token in bearers if "." in token)} - {""}


def _assert_silent(text: str, secrets: set[str], where: str) -> None:
    for secret in secrets:
        assert secret not in text, f"{where} shows a secret"


def test_a_pair_shows_and_pickles_nothing() -> None:
    pair = TokenPair("s3cret-access", "s3cret-refresh")
    for text in (repr(pair), str(pair), f"{pair}", f"{[pair]}"):
        assert "s3cret" not in text
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="FileStore"):
            pickle.dumps(pair, protocol)
    assert copy.copy(pair) == copy.deepcopy(pair) == pair


async def test_no_repr_shows_a_token(drive: Drive, server: Server, tmp_path: Path) -> None:
    async with drive.client(server, store=FileStore(tmp_path / "t.json")) as client:
        await drive(client.users.get_profile)
        session = client.session
        renewal = renewal_of(session)
        record = renewal.records.load()
        assert record is not None
        secrets = _secrets(server, client.wire)
        everything = [
            client, session, session.store, session.store.load(session.key), renewal, renewal.held, record,
            record.pair, session.tokens, renewal.refresher, client.auth, client.users, client.http.auth,
            session.explain(), server,
        ]  # fmt: skip
        for thing in everything:
            _assert_silent(repr(thing) + str(thing), secrets, type(thing).__name__)


def test_the_values_of_a_flight_show_no_token() -> None:
    record = record_of(tokens="s3cret")
    orders = _flight.Orders(owner="o", usable=lambda *_: True, held=record)
    assert "s3cret" not in repr(
        (Held(record, soft_at=0, hard_at=0), orders, _flight.Landing(record, "refreshed"), _flight._Adopted(record))
    )


def test_nothing_that_holds_tokens_is_pickled(server: Server) -> None:
    for thing in (Client(server.base_url, transport=server.transport).session, record_of()):
        with pytest.raises(Exception, match=r"pickle|belongs to its process"):
            pickle.dumps(thing)


HARMFUL = [name for name, fault in FAULTS.items() if fault.refresh != "renewed"]
FAILURES = [
    *(("refreshToken", fault) for fault in HARMFUL),
    *(("login", fault) for fault in HARMFUL if fault not in TAKEN_BY_A_LOGIN),
]


@pytest.mark.parametrize("colour", ["threads"])
async def test_no_error_shows_a_secret_in_text_causes_or_pickle(drive: Drive, server: Server, client: Any) -> None:
    for operation, fault in FAILURES:
        client.session.sign_in(server.issue())
        server._faults.clear()
        client.wire.requests.clear()
        server.fail(operation, *[fault] * 3)
        server.expire_access_tokens()
        call = partial(client.auth.login, email="ada@example.com", password=PASSWORD)
        with pytest.raises(SignedInError) as raised:
            await drive(call if operation == "login" else client.users.get_profile)
        secrets = _secrets(server, client.wire)
        whole = "".join(traceback.format_exception(raised.value))
        _assert_silent(whole, secrets, f"{operation}: {fault}")
        frozen = pickle.dumps(raised.value)
        thawed = pickle.loads(frozen)
        assert str(thawed) == str(raised.value)
        assert type(thawed) is type(raised.value)
        for secret in secrets:
            assert secret.encode() not in frozen, fault


@pytest.mark.parametrize("token", ["", " ", "a b", "a\n", "a\r\nX-Evil: 1", "tøken", "a" * 20_000, "\0"])
@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_a_token_that_no_header_can_carry_is_refused_unquoted(server: Server, token: str, which: str) -> None:
    client = client_on(server)
    with pytest.raises(ConfigurationError, match="nothing was stored") as error:
        client.session.sign_in(TokenPair(token, "good") if which == "access_token" else TokenPair("good", token))
    assert len(token.strip()) < 3 or token not in str(error.value)
    assert not client.session.is_signed_in


TROUBLES = ["refused", "unavailable", "disk full", "damaged file", "damaged record", "sign-in on a full disk",
            "sign-in into a full file"]  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_frames_of_an_error_show_no_token(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """Crash reporters show the locals of every frame, also those of causes."""
    store = FileStore(tmp_path / "t.json")
    client = Client(server.base_url, transport=Wire(server), clock=server.clock, store=store)
    pair = server.issue()
    client.session.sign_in(pair)
    server.expire_access_tokens()
    server.fail("refreshToken", *(["401"] if trouble == "refused" else ["connect error"] * 3))
    if "disk" in trouble:
        monkeypatch.setattr("os.fsync", _full)
    elif trouble == "damaged file":
        store.path.write_text(store.path.read_text()[:-3])
    elif trouble == "damaged record":
        store.path.write_text(store.path.read_text().replace('"active"', '"alive"'))
    elif "full file" in trouble:
        monkeypatch.setattr("signedin.stores.file._FULL", 10)
        client = client.for_profile("another")
    call = partial(client.session.sign_in, pair) if "sign-in" in trouble else client.users.get_profile
    # In a thread of the program's: the main thread's store I/O is done in another, whose frames are not the error's.
    with ThreadPoolExecutor(1) as pool, pytest.raises(SignedInError) as raised:
        pool.submit(call).result()
    assert _shown_by_frames(raised.value, {pair.access_token, pair.refresh_token or ""}) == set()


def _full(_: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def _shown_by_frames(error: BaseException, secrets: set[str]) -> set[str]:
    """Return the places in our modules whose locals show a secret."""
    return {
        f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}:{name}"
        for frame in _frames(error)
        if frame.f_code.co_filename.startswith(PACKAGE)
        for name, value in frame.f_locals.items()
        if any(secret in repr(value) for secret in secrets)
    }


def _frames(error: BaseException | None) -> Iterator[FrameType]:
    while error is not None:
        step: TracebackType | None = error.__traceback__
        while step is not None:
            yield step.tb_frame
            step = step.tb_next
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.mark.parametrize("operation", ["login", "getProfile"])
@pytest.mark.parametrize("fault", ["connect error", "read error", "read timeout", "half json", "403"])
async def test_no_frame_of_any_library_shows_what_a_failed_call_has_sent(
    drive: Drive, server: Server, operation: str, fault: str, client: Any
) -> None:
    server.fail(operation, fault)
    secrets = {PASSWORD, *_secrets(server), client.session.tokens.access_token}
    login = partial(client.auth.login, email="ada@example.com", password=PASSWORD)
    with pytest.raises(SignedInError) as raised:
        await drive(login if operation == "login" else client.users.get_profile)
    assert _libraries(raised.value) == []
    assert _shown_by_frames(raised.value, secrets) == set()


def test_no_frame_of_a_library_stays_on_the_error_of_a_real_connection() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        client = Client(f"http://127.0.0.1:{nobody.getsockname()[1]}", max_retries=0)
        with client, pytest.raises(APIConnectionError) as raised:
            client.auth.login(email="ada@example.com", password=PASSWORD)
    assert _libraries(raised.value) == []


def _libraries(error: BaseException) -> list[str]:
    files = [frame.f_code.co_filename for frame in _frames(error)]
    return [name for name in files if "site-packages" in name and ("httpx" in name or "httpcore" in name)]
