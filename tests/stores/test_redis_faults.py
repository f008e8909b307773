"""A RedisStore on a Redis in trouble: what it answers, and what the network makes of it. A typed error each time."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import redis
from signedin import Client, RedisStore, TokenStoreError
from signedin.session import renewal_of
from signedin.stores import redis as redis_module

from tests.stores.talking_redis import Relay, saying
from tests.stores.test_redis import CALLS

if TYPE_CHECKING:
    from signedin.testing import FakeAuthServer

    from tests.servers_redis import RedisServer

KEY = "https://auth.test/api/v1#default"
pytestmark = pytest.mark.usefixtures("first_revisions_are_one")
# As the server words them, and what is shown of it: the text may quote what was sent.
ERRORS = {
    "still loading": (b"LOADING Redis is loading the dataset in memory", "BusyLoadingError"),
    "a replica cut off from its master": (b"MASTERDOWN Link with MASTER is down", "MasterDownError"),
    "a cluster that has lost a part": (b"CLUSTERDOWN The cluster is down", "ClusterDownError"),
    "a slot that has moved": (b"MOVED 3999 127.0.0.1:1", "MovedError"),
    "a slot that is just moving": (b"ASK 3999 127.0.0.1:1", "AskError"),
    "keys on two nodes for a moment": (b"TRYAGAIN Multiple keys request during rehashing", "TryAgainError"),
    "a disk that cannot be written": (b"MISCONF Redis is configured to save RDB snapshots", r"\(MISCONF\)"),
    "too few replicas": (b"NOREPLICAS Not enough good replicas to write.", r"\(NOREPLICAS\)"),
    "busy with somebody's script": (b"BUSY Redis is busy running a script.", r"\(BUSY\)"),
    "a transaction that was dropped": (b"EXECABORT Transaction discarded", "ExecAbortError"),
    "scripts that stay unknown": (b"NOSCRIPT No matching script.", "NoScriptError"),
    "too many clients": (b"ERR max number of clients reached", "max number of clients reached"),
    "a replica that is read only": (b"READONLY You can't write against a read only replica.", "ReadOnly"),
    "a user without permission": (b"NOPERM User reader has no permissions to run the command", "NoPermission"),
    "a database that is not there": (b"ERR DB index is out of range", "ResponseError"),
    "an error without a code": (b"", "ResponseError"),
}
NONSENSE = {
    "another protocol": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "InvalidResponse"),
    "a length that is none": (b"$banana\r\n", "ValueError"),
    "a status in place of an answer": (b"+PONG\r\n", "TypeError"),
    "true in place of an answer": (b"#t\r\n", "TypeError"),
    "a fraction in place of an answer": (b",1.5\r\n", "TypeError"),
    "an array of arrays": (b"*3\r\n*0\r\n*0\r\n*0\r\n", "TypeError"),
    "an array too short": (b"*1\r\n$1\r\n1\r\n", "TypeError"),
    "bytes that are no text": (b"*3\r\n$1\r\n\xff\r\n$1\r\n\xff\r\n$1\r\n\xff\r\n", "UnicodeDecodeError"),
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait the whole time for what never comes."""
    monkeypatch.setattr(redis_module, "_TIMEOUT", 0.3)


@pytest.mark.parametrize(("error", "shown"), ERRORS.values(), ids=ERRORS)
def test_an_error_of_the_server_is_a_typed_error(error: bytes, shown: str) -> None:
    with saying(lambda _: b"-" + error + b"\r\n") as url, closing(RedisStore(url)) as store:
        for call in CALLS.values():
            with pytest.raises(TokenStoreError, match=rf"Cannot \w+ the tokens in redis://127.0.0.1:\d+/0: .*{shown}"):
                call(store)


@pytest.mark.parametrize(("answer", "shown"), NONSENSE.values(), ids=NONSENSE)
def test_an_answer_that_no_redis_gives_is_a_typed_error(answer: bytes, shown: str) -> None:
    with saying(lambda _: answer) as url, closing(RedisStore(url)) as store:
        for call in CALLS.values():
            with pytest.raises(TokenStoreError, match=rf"Cannot \w+ the tokens in redis://127.0.0.1:\d+/0: {shown}"):
                call(store)


@pytest.mark.parametrize("answer", [None, b"*3\r\n$1\r\n1", b""], ids=["closes", "half an answer", "silence"])
@pytest.mark.parametrize("method", CALLS)
def test_an_answer_that_does_not_come_is_a_typed_error(answer: bytes | None, method: str) -> None:
    with (
        saying(lambda _: answer) as url,
        closing(RedisStore(url)) as store,
        pytest.raises(TokenStoreError, match=r"Connection|Timeout"),
    ):
        CALLS[method](store)


def test_a_write_whose_answer_was_lost_is_there_and_its_pair_survives(
    own_redis: RedisServer, server: FakeAuthServer
) -> None:
    relay = Relay(own_redis.port)
    with (
        relay.url() as url,
        closing(RedisStore(url)) as store,
        Client(server.base_url, transport=server.transport, clock=server.clock, store=store) as client,
    ):
        client.session.sign_in(server.issue())
        server.clock.advance(1000)
        refresh = server.hold("refreshToken")
        renewal = renewal_of(client.session)
        waiting = renewal.current()
        refresh.wait_for()
        relay.losing.set()  # the save will be done, and nobody will hear of it
        refresh.release()
        pair: Any = renewal.wait(waiting).record.pair
        relay.losing.clear()
        assert server.is_live(pair.refresh_token)
        with closing(own_redis.client()) as inside:
            inside.delete(*inside.keys("*:lease"))  # giving it back may have been lost, too
        server.clock.advance(1000)
        client.session.refresh()
        assert server.ledger["reused"] == 0


def test_a_pool_without_a_place_is_a_typed_error(own_redis: RedisServer) -> None:
    pool = redis.ConnectionPool.from_url(own_redis.url, max_connections=1)
    with closing(redis.Redis(connection_pool=pool)) as client:
        store = RedisStore(client=client)
        taken = pool.get_connection()
        with pytest.raises(TokenStoreError, match="Cannot read"):
            store.load(KEY)
        pool.release(taken)
        assert store.load(KEY) is None
