"""Keys, issuers and audiences that change while workers run: nobody is refused for it."""

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any

import jwt
import pytest
from signedin_backend import Settings, create_app
from signedin_backend.keys import name, signing_keys

from tests.backend.running import KEY, Serve, checked

pytestmark = pytest.mark.both_databases

OLD, NEW = KEY, secrets.token_hex(32).encode()
BOTH = {"OLD": OLD, "OLD,NEW": OLD + b"," + NEW, "NEW,OLD": NEW + b"," + OLD, "NEW": NEW}


class Caller:
    """A client that reads its profile and refreshes every ninth time, at one worker and the next in turns."""

    def __init__(self, urls: list[str], pair: dict[str, str]) -> None:
        self._urls, self._pair = urls, pair
        self.calls, self.failed = 0, list[str]()

    @property
    def key(self) -> str:
        """The name of the key that its access token was signed with."""
        return str(jwt.get_unverified_header(self._pair["accessToken"])["kid"])

    def call(self, stop: Event) -> None:
        with ExitStack() as stack:
            clients: dict[str, Any] = {}
            while not stop.is_set():
                url = self._urls[self.calls % 2]
                if url not in clients:
                    clients[url] = stack.enter_context(checked(url))
                answer = self._one(clients[url])
                if not answer.is_success:
                    self.failed.append(f"{answer.status_code} {answer.text}")
                self.calls += 1

    def _one(self, client: Any) -> Any:
        if self.calls % 9:
            bearer = {"Authorization": f"Bearer {self._pair['accessToken']}"}
            return client.get("/users/profile", headers=bearer)
        answer = client.post("/auth/refreshToken", json={"refreshToken": self._pair["refreshToken"]})
        self._pair = answer.json() if answer.is_success else self._pair
        return answer


def test_a_rolling_rotation_of_the_key_under_load_fails_no_call(serve: Serve) -> None:
    first = serve(jwt_key=OLD)
    urls = [first.base_url, serve(jwt_key=OLD).base_url]
    callers = [Caller(urls, first.pair(f"user{number}@example.com")) for number in range(2)]
    stop = Event()
    with ThreadPoolExecutor(len(callers)) as pool:
        running = [pool.submit(caller.call, stop) for caller in callers]
        try:
            for keys in ("OLD,NEW", "NEW,OLD", "NEW"):
                if keys == "NEW":  # One access lifetime later every token is of the new key.
                    until(lambda: all(caller.key == name(NEW) for caller in callers))
                for worker in range(2):
                    urls[worker] = serve(jwt_key=BOTH[keys]).base_url
                    before = [caller.calls for caller in callers]
                    until(lambda before=before: all(c.calls > was + 5 for c, was in zip(callers, before, strict=True)))  # type: ignore[misc]
        finally:
            stop.set()
        for done in running:
            done.result(30)
    assert [caller.failed for caller in callers] == [[]] * len(callers)


def until(true: Callable[[], bool]) -> None:
    """Wait for what the callers do meanwhile."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_key_that_is_not_listed_any_more_costs_a_refresh_and_the_answer_says_so(serve: Serve) -> None:
    pair, new = serve(jwt_key=OLD).pair(), serve(jwt_key=NEW)
    refused = new.profile(pair["accessToken"])
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (
        401, 'Bearer realm="signedin", error="invalid_token"'
    )  # fmt: skip
    renewed = new.refresh(pair["refreshToken"]).raise_for_status().json()
    assert new.profile(renewed["accessToken"]).status_code == 200


def test_a_repeat_gets_the_same_pair_from_a_worker_that_signs_with_another_key(serve: Serve) -> None:
    old, new = serve(jwt_key=BOTH["OLD,NEW"]), serve(jwt_key=BOTH["NEW,OLD"])
    new.clock.now = old.clock.now
    token = old.pair()["refreshToken"]
    first = old.refresh(token, idempotency_key="a").json()
    again = new.refresh(token, idempotency_key="a").raise_for_status().json()
    assert again["refreshToken"] == first["refreshToken"]
    assert new.profile(again["accessToken"]).status_code == 200
    assert old.profile(again["accessToken"]).status_code == 200


@pytest.mark.parametrize("claim", ["issuer", "audience"])
def test_issuer_and_audience_change_as_keys_do(serve: Serve, claim: str) -> None:
    steps = [serve(**{claim: names}) for names in (("old",), ("old", "new"), ("new", "old"), ("new",))]
    tokens = [served.pair(f"user{number}@example.com")["accessToken"] for number, served in enumerate(steps)]
    written = {"issuer": "iss", "audience": "aud"}[claim]
    claims = [jwt.decode(token, options={"verify_signature": False})[written] for token in tokens]
    assert claims == ["old", "old", "new", "new"]
    statuses = [[served.profile(token).status_code for token in tokens] for served in steps]
    assert statuses == [[200, 200, 401, 401], [200] * 4, [200] * 4, [401, 401, 200, 200]]


LISTS: list[dict[str, dict[str, Any]]] = [
    {"old": {"jwt_key": OLD}, "both": {"jwt_key": BOTH["NEW,OLD"]}},
    {"old": {"issuer": ("old",)}, "both": {"issuer": ("new", "old")}},
    {"old": {"audience": ("old",)}, "both": {"audience": ("new", "old")}},
]


@pytest.mark.parametrize("lists", LISTS, ids=["key", "issuer", "audience"])
def test_what_is_replaced_ends_by_itself_a_lifetime_after_the_last_worker_that_wrote_it(
    serve: Serve, lists: dict[str, dict[str, Any]]
) -> None:
    old, new = serve(**lists["old"]), serve(**lists["both"])

    def accepted() -> int:
        """Read the profile with a token as a thief of the old key makes one: just now."""
        moment = {"iat": int(new.clock.now), "exp": int(new.clock.now) + 300}
        return new.profile(jwt.encode({**claims, **moment}, OLD, headers=header)).status_code

    token = old.pair()["accessToken"]
    header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    new.clock.now = old.clock.now
    assert accepted() == 200
    for server in (old, new):
        server.clock.advance(299)
    late = old.pair("bob@example.com")["accessToken"]
    new.clock.advance(299)
    assert [new.profile(late).status_code, accepted()] == [200, 200]
    new.clock.advance(31)  # a tenth of the lifetime, in which no worker records it again
    assert accepted() == 401
    # And a worker that starts with the same list does not begin it anew.
    again = serve(**lists["both"])
    again.clock.now = new.clock.now
    again.pair("carl@example.com")
    assert accepted() == 401


def test_a_worker_with_shorter_lifetimes_does_not_shorten_anothers(serve: Serve) -> None:
    long, short, new = serve(jwt_key=OLD, access_ttl=3_000), serve(jwt_key=OLD), serve(jwt_key=BOTH["NEW,OLD"])
    token = long.pair()["accessToken"]
    short.pair("bob@example.com")
    new.clock.now = long.clock.now + 2_000
    assert new.profile(token).status_code == 200


def test_a_key_that_no_worker_has_signed_with_yet_verifies_nothing(serve: Serve) -> None:
    served, ahead = serve(jwt_key=BOTH["OLD,NEW"]), serve(jwt_key=NEW)
    claims = jwt.decode(served.pair()["accessToken"], options={"verify_signature": False})
    forged = jwt.encode(claims, NEW, headers={"kid": name(NEW), "typ": "at+jwt"})
    assert served.profile(forged).status_code == 401
    ahead.pair("bob@example.com")
    assert served.profile(forged).status_code == 200


@pytest.mark.sqlite
def test_the_file_beside_the_database_may_hold_several_keys_too(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'x.db'}")
    (made,), file = signing_keys(settings)
    assert file is not None
    new = secrets.token_hex(32).encode()
    file.write_bytes(new + b"\n" + made + b"\n")
    assert signing_keys(settings)[0] == (new, made)
    create_app(settings)
