"""Real processes and a real server: one file between them, forks, exits and kills in the middle of a refresh."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from signedin import Client, FileStore, MemoryStore, TokenSession
from signedin._tokens import Records
from signedin.protocols import NotSent
from signedin.session import renewal_of

from tests.auth.driving import Scripted
from tests.auth.loopback import Loopback, child, loopback

TEN_CALLS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from signedin import Client, FileStore

with Client(sys.argv[1], store=FileStore(sys.argv[2])) as client, ThreadPoolExecutor(10) as pool:
    calls = [pool.submit(client.users.get_profile) for _ in range(10)]
    print({call.result(20).email for call in calls})
"""

REFRESH_AND_END = """
import sys
from signedin import Client, FileStore
from signedin.session import renewal_of

client = Client(sys.argv[1], store=FileStore(sys.argv[2]))
renewal = renewal_of(client.session)
renewal.renew(renewal.wait(renewal.current()), "demanded")
print("under way", flush=True)
if len(sys.argv) > 3:
    raise SystemExit(int(sys.argv[3]))
"""

REFRESH = """
import sys
from signedin import Client, FileStore

Client(sys.argv[1], store=FileStore(sys.argv[2])).session.refresh()
"""

FORK = """
import os, sys
from signedin import Client, ConfigurationError, TokenPair

client = Client(sys.argv[1], store=sys.argv[2])
client.session.sign_in(TokenPair(sys.argv[3], sys.argv[4]))
client.users.get_profile()
if (pid := os.fork()) == 0:
    seen = []
    try:
        seen.append(client.users.get_profile().email)
    except ConfigurationError as error:
        seen.append("forked" if "forked" in str(error) else str(error))
        client.session.sign_in(TokenPair(sys.argv[5], sys.argv[6]))
    seen.append(client.session.refresh().refresh_token not in sys.argv)
    print(seen, flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
client.session.refresh()
print(client.users.get_profile().email)
"""

FORK_DURING_A_REFRESH = """
import os, sys
from signedin import Client, TokenPair
from signedin.session import renewal_of

client = Client(sys.argv[1], store=sys.argv[2])
session, renewal = client.session, renewal_of(client.session)
session.sign_in(TokenPair(sys.argv[3], sys.argv[4]))
promise = renewal.renew(renewal.current(), "demanded")
sys.stdin.readline()
if (pid := os.fork()) == 0:
    assert not session.explain()["refresh_under_way"]
    print("child", client.users.get_profile().email, flush=True)
    renewed = renewal.renew(renewal.current(), "demanded")
    print("child waits", flush=True)
    print("child", renewal.wait(renewed).record.generation, flush=True)
    os._exit(0)
print("parent", renewal.wait(promise).record.generation, flush=True)
assert os.waitpid(pid, 0)[1] == 0
"""


@pytest.fixture
def served() -> Iterator[Loopback]:
    with loopback() as served:
        yield served


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


@pytest.fixture
def client(served: Loopback, path: Path) -> Iterator[Client]:
    """A client of this process, signed in, on the file that the children use."""
    with Client(served.base_url, store=FileStore(path)) as client:
        client.session.sign_in(served.fake.issue())
        yield client


def test_two_processes_refresh_once_across_an_expiry(served: Loopback, client: Client, path: Path) -> None:
    served.fake.expire_access_tokens()
    gate = served.fake.hold("getProfile")
    with ExitStack() as stack:
        children = [stack.enter_context(child(TEN_CALLS, served.base_url, path)) for _ in range(2)]
        gate.wait_for(20)  # all of them carry the old token
        gate.release()
        assert [each.output() for each in children] == ["{'ada@example.com'}"] * 2
    ledger = served.fake.ledger
    assert ledger["accepted"] == 20
    assert ledger["refreshToken"] == ledger["rotations"] == 1
    assert client.users.get_profile().email == "ada@example.com"
    assert ledger["rotations"] == 1


@pytest.mark.parametrize("code", [None, 3])
def test_a_process_that_ends_during_a_refresh_keeps_the_new_pair(
    served: Loopback, client: Client, path: Path, code: int | None
) -> None:
    refresh = served.fake.hold("refreshToken")
    with child(REFRESH_AND_END, served.base_url, path, *([] if code is None else [code])) as program:
        assert program.line() == "under way"
        refresh.wait_for()
        refresh.release()
        program.process.communicate(timeout=20)
        assert program.process.returncode == (code or 0)
    tokens = Client(served.base_url, store=FileStore(path)).session.load()
    assert tokens is not None
    assert served.fake.is_live(tokens.refresh_token)
    assert served.fake.ledger["rotations"] == 1
    assert client.session.refresh() == tokens
    client.users.get_profile()
    assert served.fake.ledger["refreshToken"] == 1


def test_a_session_recovers_from_a_process_killed_during_a_refresh(
    served: Loopback, client: Client, path: Path
) -> None:
    refresh = served.fake.hold("refreshToken")
    with child(REFRESH, served.base_url, path) as program:
        refresh.wait_for()
        program.kill()
    refresh.release()  # the server rotates, and nobody hears its answer
    served.fake.expire_access_tokens()
    assert client.users.get_profile().email == "ada@example.com"
    ledger = served.fake.ledger
    assert (ledger["rotations"], ledger["reused"], ledger["grace"], ledger["families revoked"]) == (1, 1, 1, 0)


def test_a_process_waits_for_anothers_refresh_and_takes_its_pair(served: Loopback, client: Client, path: Path) -> None:
    refresh = served.fake.hold("refreshToken")
    with child(REFRESH, served.base_url, path) as program:
        refresh.wait_for()
        renewal = renewal_of(client.session)
        waiting = renewal.renew(renewal.wait(renewal.current()), "demanded")
        refresh.release()
        assert renewal.wait(waiting).record.generation == 2
        program.output()
    assert served.fake.ledger["refreshToken"] == 1


def test_a_logout_reaches_the_other_process(served: Loopback, client: Client, path: Path) -> None:
    refresh = served.fake.hold("refreshToken")
    with child(REFRESH, served.base_url, path) as program:
        refresh.wait_for()
        client.logout()
        refresh.release()
        _, errors = program.process.communicate(timeout=20)
        assert "NotSignedInError" in errors
    assert not any(served.fake.is_live(token) for token in served.fake._families)
    assert not client.session.is_signed_in


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_forked_child_refreshes_only_what_it_shares(served: Loopback, path: Path, kind: str) -> None:
    pair = served.fake.issue()
    store = "memory:" if kind == "memory" else f"file://{path}"
    own = served.fake.issue()
    tokens = [pair.access_token, pair.refresh_token, own.access_token, own.refresh_token]
    with child(FORK, served.base_url, store, *tokens) as program:
        # In memory the child may refresh only a pair of its own, and learns that with its first call.
        first = "forked" if kind == "memory" else "ada@example.com"
        assert program.output().splitlines() == [f"['{first}', True]", "ada@example.com"]
    assert served.fake.ledger["rotations"] == (
        2 if kind == "memory" else 1
    )  # the parent's own, or the child's, which the parent adopts
    assert served.fake.ledger["reused"] == 0


FORK_WITH_AN_OPAQUE_TOKEN = """
import os, sys
from signedin import Client, ConfigurationError, TokenPair
from signedin.session import renewal_of

session = Client(sys.argv[1]).session
session.sign_in(TokenPair("opaque", "once"))
if (pid := os.fork()) == 0:
    held = renewal_of(session).current()
    print(held.header, flush=True)
    try:
        renewal_of(session).renew(held)
    except ConfigurationError as error:
        print("forked" if "forked" in str(error) else error, flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""


def test_an_opaque_token_in_memory_serves_a_forked_child_until_it_is_refused(served: Loopback) -> None:
    with child(FORK_WITH_AN_OPAQUE_TOKEN, served.base_url) as program:
        assert program.output().splitlines() == ["Bearer opaque", "forked"]
    assert served.fake.ledger["refreshToken"] == 0


def test_a_fork_during_a_refresh_hangs_nobody(served: Loopback, path: Path) -> None:
    pair, refresh = served.fake.issue(), served.fake.hold("refreshToken")
    arguments = [served.base_url, f"file://{path}", pair.access_token, pair.refresh_token or ""]
    program = subprocess.Popen(
        [sys.executable, "-c", FORK_DURING_A_REFRESH, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert program.stdin is not None
    assert program.stdout is not None
    try:
        refresh.wait_for()
        program.stdin.write("fork\n")
        program.stdin.flush()
        assert program.stdout.readline() == "child ada@example.com\n"
        assert program.stdout.readline() == "child waits\n"
        refresh.release()
        out, _ = program.communicate(timeout=20)
    finally:
        program.kill()
        program.communicate(timeout=20)
    assert sorted(out.splitlines()) == ["child 2", "parent 2"]
    assert served.fake.ledger["rotations"] == served.fake.ledger["refreshToken"] == 1


FORK_DURING_CLOSE = """
import os, sys, threading, warnings
from signedin import Client, FileStore
from signedin.session import renewal_of

locked = threading.Event()

class Telling(FileStore):
    def try_lock(self, *about):
        taken = super().try_lock(*about)
        print("taken" if taken else "held", flush=True)
        locked.set()
        return taken

warnings.simplefilter("ignore", DeprecationWarning)  # that it forks beside threads is what this is about
client = Client(sys.argv[1], store=Telling(sys.argv[2]))
session, renewal = client.session, renewal_of(client.session)
renewal.renew(renewal.wait(renewal.current()), "demanded")
assert locked.wait(20)
closer = threading.Thread(target=client.close)
closer.start()
assert renewal.threads.closing.wait(20)
if (pid := os.fork()) == 0:
    print("child", session.refresh() == session.tokens, flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
closer.join(20)
"""


@pytest.mark.usefixtures("client")
def test_a_child_forked_while_the_session_is_closed_waits_for_its_refreshes_all_the_same(
    served: Loopback, path: Path
) -> None:
    refresh = served.fake.hold("refreshToken")
    with child(FORK_DURING_CLOSE, served.base_url, path) as program:
        assert program.line() == "taken"
        assert program.line() == "held"  # the child's, which has to sleep now
        refresh.release()
        assert program.output().splitlines()[-1] == "child True"
    assert served.fake.ledger["refreshToken"] == 1


FORK_DURING_AN_EVENT = """
import os, sys, threading, warnings
from signedin import Client, FileStore

warnings.simplefilter("ignore", DeprecationWarning)
session = Client(sys.argv[1], store=FileStore(sys.argv[2])).session
begun, go_on, heard = threading.Event(), threading.Event(), threading.Event()
parent = os.getpid()

def blocks(event):
    if os.getpid() != parent:
        return heard.set()
    begun.set()
    go_on.wait(20)

session.on("refreshed", blocks)
session.on("signed_out", blocks)
session.refresh()
assert begun.wait(20)
if (pid := os.fork()) == 0:
    signalled = threading.Event()
    session.on("signed_out", lambda event: signalled.set())
    session.sign_out()
    print("signalled", signalled.wait(20), heard.wait(20), flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
go_on.set()
"""


@pytest.mark.usefixtures("client")
def test_a_child_forked_while_an_event_is_told_tells_its_own(served: Loopback, path: Path) -> None:
    with child(FORK_DURING_AN_EVENT, served.base_url, path) as program:
        assert program.output() == "signalled True True"


WORK_ON = """
import sys, threading
from signedin import Client, FileStore

client = Client(sys.argv[1], store=FileStore(sys.argv[2]))

def work():
    threading.main_thread().join()
    client.session.refresh()
    print(client.users.get_profile().email)

threading.Thread(target=work).start()
"""


def test_a_program_without_its_main_thread_waits_for_its_refreshes(
    served: Loopback, client: Client, path: Path
) -> None:
    served.fake.fail("refreshToken", "502 html")  # so that the refresh has to wait before its second attempt
    with child(WORK_ON, client.session.base_url or "", path) as program:
        assert program.output() == "ada@example.com"
    assert served.fake.ledger["refreshToken"] == 2


REFRESH_AT_EXIT = """
import atexit, sys
from signedin import Client, FileStore

client = Client(sys.argv[1], store=FileStore(sys.argv[2]))
atexit.register(lambda: (client.session.refresh(), print(client.users.get_profile().email)))
"""


def test_a_program_can_still_refresh_at_its_exit(served: Loopback, client: Client, path: Path) -> None:
    with child(REFRESH_AT_EXIT, client.session.base_url or "", path) as program:
        assert program.output() == "ada@example.com"
    assert served.fake.ledger["refreshToken"] == 1


END_WHILE_ANOTHER_REFRESHES = """
import sys
from signedin import Client, FileStore
from signedin.session import renewal_of

renewal = renewal_of(Client(sys.argv[1], store=FileStore(sys.argv[2])).session)
promise = renewal.renew(renewal.wait(renewal.current()), "demanded")
promise.add_done_callback(lambda: print(type(promise.error()).__name__))
"""


def test_a_program_that_ends_does_not_wait_for_anothers_refresh(served: Loopback, client: Client, path: Path) -> None:
    store = FileStore(path)
    assert store.try_lock(client.session.key, "another", 30)
    with child(END_WHILE_ANOTHER_REFRESHES, served.base_url, path) as program:
        assert program.output() == "RefreshUnavailableError"
    assert Records(store, client.session.key).load().intent is None  # type: ignore[union-attr]
    store.unlock(client.session.key, "another")
    assert served.fake.ledger["refreshToken"] == 0


def test_a_hook_that_raises_in_a_forked_child_hinders_no_other() -> None:
    called: list[int] = []

    class Raising(MemoryStore):
        def after_fork(self) -> None:
            called.append(1)
            raise ValueError("a hook of a user's own store")

    class Hooked(Scripted):
        def after_fork(self) -> None:
            called.append(1)

    sessions = [TokenSession(Hooked(NotSent("never")), origins=[], store=Raising()) for _ in range(2)]
    if not (forked := os.fork()):
        os._exit(len(called))
    assert os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]) == 2 * len(sessions)
