"""RedisStore on a real Redis: the contract, names and lifetimes, leases, secrets, and a server that is in trouble."""

import contextlib
import functools
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import redis
from redis.crc import key_slot
from signedin import ConfigurationError, NotSignedInError, RedisStore, TokenStore, TokenStoreError
from signedin.stores import redis as redis_module
from signedin.testing import FakeAuthServer
from signedin.testing.contract import TokenStoreContract

from tests.auth.driving import client_on
from tests.servers_redis import RedisServer, redis_server
from tests.stores.data import KEY, assert_refused, data_of, stored_of

pytestmark = pytest.mark.usefixtures("first_revisions_are_one")


class TestRedisStore(TokenStoreContract):
    @pytest.fixture
    def store(self, redis_here: RedisServer) -> Iterator[TokenStore]:
        self.opening = functools.partial(RedisStore, redis_here.url)
        with closing(self.opening()) as store:
            yield store

    def elsewhere(self, store: TokenStore) -> Callable[[], TokenStore]:  # noqa: ARG002 -- one server for all
        return self.opening


class TestRedisStoreOverAClientOfOnesOwn(TestRedisStore):
    @pytest.fixture
    def store(self, redis_here: RedisServer) -> Iterator[TokenStore]:
        self.opening = functools.partial(RedisStore, redis_here.url)
        # Answers in bytes, and the library's own retries.
        with closing(redis.Redis.from_url(redis_here.url)) as client:
            yield RedisStore(client=client)

    # Other processes open the store by its URL, as above.
    test_of_many_processes_one_wins_each_race = test_a_lock_ends_with_its_process = None  # type: ignore[assignment]


@pytest.fixture
def store(redis_here: RedisServer) -> Iterator[RedisStore]:
    """A store with one record in it."""
    with closing(RedisStore(redis_here.url)) as store:
        assert store.compare_and_set(KEY, 0, data_of())
        yield store


@pytest.fixture
def inside(redis_here: RedisServer) -> "Iterator[redis.Redis]":
    """A client for looking into Redis past the store."""
    with closing(redis_here.client()) as client:
        yield client


def names(inside: Any) -> list[str]:
    return sorted(inside.keys("*"))


def test_every_key_has_the_prefix_and_shows_no_profile(redis_here: RedisServer, inside: Any) -> None:
    with closing(RedisStore(redis_here.url, prefix="billing:")) as store:
        store.compare_and_set("https://auth.test/api/v1#ada@example.com", 0, data_of())
        store.try_lock("https://auth.test/api/v1#ada@example.com", "me", 30)
    assert len(names(inside)) == 2
    assert all(name.startswith("billing:") and "ada" not in name for name in names(inside))


def test_record_and_lease_live_on_one_node_of_a_cluster(store: RedisStore, inside: Any) -> None:
    store.try_lock(KEY, "me", 30)
    lease, record = names(inside)
    assert lease.endswith(":lease")
    assert record.endswith(":record")
    assert key_slot(lease.encode()) == key_slot(record.encode())


def test_stores_with_two_prefixes_know_nothing_of_each_other(store: RedisStore, redis_here: RedisServer) -> None:
    with closing(RedisStore(redis_here.url, prefix="other:")) as other:
        assert other.load(KEY) is None
        assert store.try_lock(KEY, "me", 30)
        assert other.try_lock(KEY, "you", 30)


def test_a_record_outlives_the_refresh_token_and_each_write_gives_it_a_new_life(store: RedisStore, inside: Any) -> None:
    (record,) = names(inside)
    sixty_days = 60 * 86_400
    assert sixty_days - 20 < inside.ttl(record) <= sixty_days
    inside.expire(record, 100)
    store.load(KEY)
    assert inside.ttl(record) <= 100
    store.compare_and_set(KEY, 1, data_of(2))
    assert sixty_days - 20 < inside.ttl(record) <= sixty_days


def test_a_write_that_loses_gives_no_new_life(store: RedisStore, inside: Any) -> None:
    (record,) = names(inside)
    inside.expire(record, 100)
    assert not store.compare_and_set(KEY, 7, data_of(8))
    assert inside.ttl(record) <= 100


def test_the_lifetime_is_the_users_choice(redis_here: RedisServer, inside: Any) -> None:
    with closing(RedisStore(redis_here.url, ttl=timedelta(hours=1))) as store:
        store.compare_and_set(KEY, 0, data_of())
    assert 3500 < inside.ttl(names(inside)[0]) <= 3600


def test_scripts_that_the_server_has_forgotten_are_sent_again(store: RedisStore, inside: Any) -> None:
    inside.script_flush()
    assert store.compare_and_set(KEY, 1, data_of(2))
    inside.script_flush()
    assert store.try_lock(KEY, "me", 30)


def test_a_write_that_the_connection_repeats_is_won_once(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda _: "the same write")
    assert store.compare_and_set(KEY, 1, data_of(2))
    assert store.compare_and_set(KEY, 1, data_of(2))
    monkeypatch.undo()
    assert not store.compare_and_set(KEY, 1, data_of(2))


def test_a_lease_that_the_connection_asks_for_twice_is_still_ones_own(store: RedisStore) -> None:
    assert store.try_lock(KEY, "me", 30)
    assert store.try_lock(KEY, "me", 30)
    store.unlock(KEY, "me")
    assert store.try_lock(KEY, "you", 30)


def test_a_lease_that_has_run_out_is_taken_over_and_its_late_holder_takes_nothing_back(
    store: RedisStore, redis_here: RedisServer, inside: Any
) -> None:
    assert store.try_lock(KEY, "slow", 30)
    with closing(RedisStore(redis_here.url)) as another:
        assert not another.try_lock(KEY, "quick", 30)
        inside.pexpire(names(inside)[0], 1)
        assert eventually(lambda: another.try_lock(KEY, "quick", 30))
        store.unlock(KEY, "slow")
        assert not store.try_lock(KEY, "slow", 30)
        another.unlock(KEY, "quick")
        assert store.try_lock(KEY, "slow", 30)


def test_a_lease_ends_by_itself(store: RedisStore, inside: Any) -> None:
    store.try_lock(KEY, "me", 35)
    assert 30_000 < inside.pttl(names(inside)[0]) <= 35_000


def test_the_holder_of_a_lease_is_named(store: RedisStore, redis_here: RedisServer) -> None:
    assert store.lock_holder(KEY) is None
    store.try_lock(KEY, "me", 35)
    with closing(RedisStore(redis_here.url)) as another:
        holder = str(another.lock_holder(KEY))
    assert holder.startswith(f"process {os.getpid()} on {socket.gethostname()}, for 3")
    assert holder.endswith(" s more at most")


@pytest.mark.parametrize("damage", [{"revision": ""}, {"revision": "0"}, {"revision": "1.5"}, {"revision": "t-refresh"},
                                    {"data": None}, {"revision": None}, {"data": "\N{SNOWMAN}"}])  # fmt: skip
def test_a_damaged_record_is_set_aside(store: RedisStore, inside: Any, damage: dict[str, str | None]) -> None:
    (name,) = names(inside)
    spoil(inside, name, damage)
    before = inside.hgetall(name)
    with pytest.raises(TokenStoreError, match="nothing is lost") as damaged:
        store.load(KEY)
    assert "t-refresh" not in str(damaged.value)
    (aside,) = names(inside)
    assert ":damaged-" in aside
    assert inside.hgetall(aside) == before
    assert inside.ttl(aside) > 0
    assert store.load(KEY) is None
    assert store.compare_and_set(KEY, 0, data_of(5))
    assert store.load(KEY) == stored_of(5, 1)


def test_a_look_at_a_damaged_record_changes_nothing(store: RedisStore, inside: Any) -> None:
    assert store.peek(KEY) == stored_of()
    (name,) = names(inside)
    inside.hset(name, "revision", "{")
    before = inside.hgetall(name)
    for _ in range(2):
        with pytest.raises(TokenStoreError, match="Nothing was changed; the next use renames it"):
            store.peek(KEY)
    assert names(inside) == [name]
    assert inside.hgetall(name) == before


def test_a_sound_record_is_not_set_aside(store: RedisStore, inside: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (name,) = names(inside)
    inside.hset(name, "revision", "{")
    set_aside = store._set_aside

    def late(*args: Any) -> Any:
        inside.hset(name, "revision", "1")
        return set_aside(*args)

    monkeypatch.setattr(store, "_set_aside", late)
    with pytest.raises(TokenStoreError, match="Try again"):
        store.load(KEY)
    assert store.load(KEY) == stored_of()


def test_a_key_that_another_program_uses_is_left_alone(redis_here: RedisServer, inside: Any) -> None:
    with closing(RedisStore(redis_here.url)) as store:
        store.compare_and_set(KEY, 0, data_of())
        (name,) = names(inside)
        inside.delete(name)
        inside.set(name, "somebody's")
        assert_refused(store, "WRONGTYPE", revision=0)
    assert inside.get(name) == "somebody's"


@pytest.mark.parametrize("password", ["s3cret-of-redis", "with/slash#and?more"])
def test_a_password_is_used_and_never_shown(password: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    from urllib.parse import quote

    with redis_server(tmp_path_factory.mktemp("r"), password=password) as server:
        url = f"redis://:{quote(password, safe='')}@127.0.0.1:{server.port}/0"
        with closing(RedisStore(url)) as store:
            assert store.compare_and_set(KEY, 0, data_of())
            assert password not in f"{store!r} {store}"
            assert repr(store) == f"RedisStore('redis://127.0.0.1:{server.port}/0', prefix='signedin:')"
        for wrong in (
            url.replace(":%", "").replace(quote(password, safe=""), "wr0ng-one"),
            f"redis://127.0.0.1:{server.port}",
        ):
            with closing(RedisStore(wrong)) as store, pytest.raises(TokenStoreError, match="Authentic") as refused:
                store.load(KEY)
            assert "wr0ng-one" not in whole_text(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p4ss/word@host:6379/0",
        "redis://user:p4ssword@host:notaport",
        "redis://:p4ssword@[::1",
        "redis://host/0?socket_timeout=p4ss",
        "http://:p4ss@host",
        "",
    ],
)
def test_a_url_that_is_none_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="names no Redis") as refused:
        RedisStore(url)
    assert "p4ss" not in whole_text(refused.value)


def test_over_a_unix_socket_it_is_the_same_store(store: RedisStore, redis_here: RedisServer) -> None:
    with closing(RedisStore(f"unix://{redis_here.socket_path}?db=0")) as local:
        assert local.load(KEY) == store.load(KEY)
        assert repr(local) == f"RedisStore('unix://{redis_here.socket_path}', prefix='signedin:')"


def test_it_takes_a_url_or_a_client_and_a_positive_ttl(redis_here: RedisServer) -> None:
    with closing(redis_here.client()) as client:
        for options in ({}, {"url": redis_here.url, "client": client}, {"url": redis_here.url, "ttl": timedelta(0)}):
            with pytest.raises(ConfigurationError):
                RedisStore(**options)  # type: ignore[arg-type]


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with pytest.raises(ConfigurationError, match=r"pip install signedin\[redis\]"):
        RedisStore("redis://localhost")


CALLS: dict[str, Callable[[RedisStore], object]] = {
    "load": lambda store: store.load(KEY),
    "compare_and_set": lambda store: store.compare_and_set(KEY, 1, data_of(2)),
    "try_lock": lambda store: store.try_lock(KEY, "me", 30),
    "unlock": lambda store: store.unlock(KEY, "me"),
    "lock_holder": lambda store: store.lock_holder(KEY),
}


@pytest.mark.parametrize("method", CALLS)
def test_no_server_is_a_typed_error_that_says_what_still_holds(method: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with closing(RedisStore(f"redis://:p4ss@127.0.0.1:{port}")) as store:
        with pytest.raises(TokenStoreError, match=rf"127.0.0.1:{port}.*[Cc]onnect.* record ") as away:
            CALLS[method](store)
        assert "p4ss" not in whole_text(away.value)
        assert away.value.__context__ is None


def test_the_patience_is_two_seconds_each_and_nothing_is_sent_twice(redis_here: RedisServer) -> None:
    with closing(RedisStore(redis_here.url)) as store:
        options = store._client.connection_pool.connection_kwargs
        assert (options["socket_connect_timeout"], options["socket_timeout"]) == (2.0, 2.0)
        assert options["retry"]._retries == 0


def test_the_same_store_goes_on_after_a_restart(own_redis: RedisServer) -> None:
    with closing(RedisStore(own_redis.url)) as store:
        assert store.compare_and_set(KEY, 0, data_of())
        own_redis.kill()
        with pytest.raises(TokenStoreError, match=r"Connection refused\. The record was left as it is"):
            store.load(KEY)
        own_redis.start()
        assert store.load(KEY) == stored_of()
        assert store.compare_and_set(KEY, 1, data_of(2))
        own_redis.stop()
        own_redis.start()
        assert store.compare_and_set(KEY, 2, data_of(3))  # its connection died, and nothing was tried on it


def test_a_server_that_is_full_refuses_and_keeps(own_redis: RedisServer) -> None:
    with closing(RedisStore(own_redis.url)) as store, closing(own_redis.client()) as inside:
        assert store.compare_and_set(KEY, 0, data_of())
        inside.config_set("maxmemory", 1)
        with pytest.raises(TokenStoreError, match=r"OutOfMemory|OOM") as full:
            store.compare_and_set(KEY, 1, data_of(2))
        assert "t-refresh" not in whole_text(full.value)
        assert store.load(KEY) == stored_of()


def test_an_error_of_the_server_is_not_quoted() -> None:
    # A server without scripts answers with what it was sent.
    with (
        TemporaryDirectory(prefix="redis-") as folder,
        redis_server(Path(folder), "--rename-command", "EVALSHA", "") as server,
    ):
        with closing(server.client()) as inside, pytest.raises(redis.ResponseError, match="t-refresh"):
            inside.evalsha("0", 1, "t-refresh")
        with closing(RedisStore(server.url)) as store, pytest.raises(TokenStoreError, match="ResponseError") as refused:
            store.compare_and_set(KEY, 0, data_of())
    assert "args" not in whole_text(refused.value)


def test_the_code_of_an_unknown_error_is_shown_and_not_its_text() -> None:
    reason = redis_module._reason
    assert reason(redis.ResponseError("MISCONF with args beginning with: t-refresh-1")) == "ResponseError (MISCONF)"
    assert reason(redis.ResponseError("unknown command 'X', with args beginning with: 't'")) == "ResponseError"
    assert reason(ZeroDivisionError("t-refresh-1")) == "ZeroDivisionError"


def test_a_forked_child_has_connections_of_its_own(redis_here: RedisServer) -> None:
    with closing(RedisStore(redis_here.url)) as store:
        assert store.compare_and_set(KEY, 0, data_of())
        parents = store._client.connection_pool._available_connections[0]
        child = os.fork()
        if not child:
            status = 1
            with contextlib.suppress(BaseException):
                store.after_fork()
                won = store.compare_and_set(KEY, 1, data_of(2))
                status = 0 if won and store._client.connection_pool._available_connections[0] is not parents else 2
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert store.load(KEY) == stored_of(2, 2)
        assert store._client.connection_pool._available_connections[0] is parents  # it was not closed for us


def test_a_client_of_ones_own_forgets_its_connections_in_a_forked_child(redis_here: RedisServer) -> None:
    with closing(redis_here.client()) as client:
        store = RedisStore(client=client)
        store.load(KEY)
        store.after_fork()
        assert client.connection_pool._available_connections == []
        assert store.load(KEY) is None


def test_a_flushed_or_evicted_record_signs_out(redis_here: RedisServer, inside: Any, server: FakeAuthServer) -> None:
    with closing(RedisStore(redis_here.url)) as store, client_on(server, store=store) as client:
        client.session.sign_in(server.issue())
        inside.flushall()
        server.clock.advance(1000)
        with pytest.raises(NotSignedInError):
            client.users.get_profile()
        assert not client.session.is_signed_in
        assert server.ledger["refreshToken"] == 0
        client.session.sign_in(server.issue())
        assert client.users.get_profile().email == "ada@example.com"


def spoil(inside: Any, name: str, damage: dict[str, str | None]) -> None:
    for field, value in damage.items():
        if value is None:
            inside.hdel(name, field)
        else:
            inside.hset(name, field, value)


def eventually(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.005)
    return held


def whole_text(error: BaseException | None) -> str:
    """Return the texts of an error and of what led to it."""
    return "" if error is None else f"{error!r} {error} {whole_text(error.__cause__ or error.__context__)}"
