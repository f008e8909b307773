"""`signedin.testing.cassettes` for any contract, against a server on loopback: what is written, and what replays."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import httpx
import pytest
import signedin_sdk.contract
from signedin import Client
from signedin.testing import FakeAuthServer
from signedin.testing._disguise import FAR, Disguise, Names, is_fake, jwt, payload_of
from signedin.testing.cassettes import CassetteError, problems_in, read, signedin_cassette, vcr_config
from signedin_sdk.types import Carry, Expires, Place, Setting

SECRET: Final = "s3cr3t-of-grace"
TOKEN: Final = "opaque.0123456789abcdefghijklmnop"
# Form in, tokens anywhere but in the usual places: a cookie, a header, a nested property.
REFRESH: Final[Any] = signedin_sdk.contract.REFRESH
CONTRACT: Final[Any] = SimpleNamespace(
    REFRESH=REFRESH._replace(
        request=REFRESH.request._replace(
            refresh_token=Place("cookie", "rt"),
            settings=(Setting("apikey", Place("header", "X-Api-Key")), Setting("client", Place("body", "/client_id"))),
            carry=(Carry(Place("cookie", "csrf"), Place("header", "X-Csrf")),),
        ),
        response=REFRESH.response._replace(
            access_token=Place("body", "/data/access"), expires=Expires(Place("body", "/data/until"), "epoch")
        ),
        attach=Place("header", "X-Auth", "Token "),
        subject=("uid",),
    ),
    REVOKE=None,
    ISSUES=(),
)
ANSWER: Final[dict[str, Any]] = {
    "data": {"access": TOKEN, "until": 1_800_000_000, "id_token": jwt({"uid": 42, "exp": 1, "name": "Grace Hopper"})},
    "contact": "mail grace@corp.example, please",
    "user": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
}


@pytest.fixture
def base_url() -> Iterator[str]:
    """A server that answers everybody with tokens, in the body and in a cookie."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            content = json.dumps(ANSWER).encode()
            self.send_response(200)
            for name, value in (
                ("content-type", "application/json"),
                ("content-length", str(len(content))),
                ("set-cookie", f"rt={TOKEN}-2; Domain=127.0.0.1; HttpOnly"),
                ("set-cookie", "tracking=of-grace"),
                ("retry-after", "59"),
                ("x-total", "3"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join(10)


def _call(url: str, secret: str, email: str = "grace@corp.example") -> httpx.Response:
    headers = {"X-Api-Key": f"key {secret}", "X-Auth": f"Token {secret}", "X-Csrf": f"csrf {secret}"}
    form = {"username": email, "client_id": f"client {secret}", "password": secret, "note": f"it is {secret}"}
    return httpx.post(
        f"{url}/token?access_token={secret}", data=form, headers=headers, cookies={"rt": secret, "a": "b"}
    )


def recorded(base_url: str, tmp_path: Path) -> Path:
    """Record one call, and return the cassette."""
    path = tmp_path / "token.yaml"
    with signedin_cassette(path, record=True, contract=CONTRACT, headers={"x-total"}, replace={base_url: "http://a"}):
        assert _call(base_url, SECRET).json() == ANSWER  # the program itself has the real answer
    return path


def test_nothing_secret_is_written_wherever_the_contract_puts_it(base_url: str, tmp_path: Path) -> None:
    path = recorded(base_url, tmp_path)
    text = path.read_text()
    for secret in (SECRET, TOKEN, "grace", "Grace", ANSWER["user"], base_url, "of-grace", "7c9e6679"):
        assert secret not in text
    (one,) = read(path)
    assert one.request_headers["cookie"] == "rt=fake-sent-token-001"
    assert one.response_headers["set-cookie"].startswith("rt=fake-token-")
    assert one.response_headers["x-total"] == "3"
    body = json.loads(one.response_body)
    assert body["data"]["until"] == FAR
    claims = payload_of(body["data"]["id_token"]) or {}
    assert claims == {"exp": FAR, "uid": "fake-subject-1", "jti": claims["jti"]}
    assert list(problems_in(tmp_path, CONTRACT, headers={"x-total"})) == []


def test_a_replay_needs_no_secret_and_no_network(base_url: str, tmp_path: Path) -> None:
    with signedin_cassette(recorded(base_url, tmp_path), contract=CONTRACT, headers={"x-total"}) as cassette:
        answer = _call("http://a", "another-secret-of-nobody", "nobody@corp.example").json()
        with pytest.raises(Exception, match="cassette"):
            httpx.get("http://a/another")
    assert cassette.all_played
    assert is_fake(answer["data"]["access"])
    assert answer["contact"] == "mail user-1@example.com, please"


def test_a_cassette_is_never_written_over(base_url: str, tmp_path: Path) -> None:
    path = recorded(base_url, tmp_path)
    with pytest.raises(CassetteError, match="recorded already"), signedin_cassette(path, record=True):
        pass


def test_what_slips_through_stops_the_recording(base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Disguise, "body", lambda _, body, **__: body)
    path = tmp_path / "token.yaml"
    with (
        pytest.raises(CassetteError, match=r"the password 'password' is no fake.* It was not written") as error,
        signedin_cassette(path, record=True, contract=CONTRACT),
    ):
        _call(base_url, SECRET)
    assert SECRET not in str(error.value)
    assert not path.exists()


def test_a_login_replays_with_a_client(auth_server: FakeAuthServer, auth_server_url: str, tmp_path: Path) -> None:
    path = tmp_path / "login.yaml"

    def play(base_url: str, password: str) -> str:
        with Client(base_url) as client:
            client.auth.login(email="ada@example.com", password=password)
            client.session.refresh()
            return client.users.get_profile().email

    replace = {auth_server_url: "http://localhost/api/v1"}
    with signedin_cassette(path, record=True, replace=replace):
        assert play(auth_server_url, "correct horse battery staple") == "ada@example.com"
    auth_server.assert_refreshes(1)
    with signedin_cassette(path) as cassette:
        assert play("http://localhost/api/v1", "whatever it is here") == "user-1@example.com"
    assert cassette.all_played


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("accessToken", "x", "token"),
        ("newPassword", "x", "password"),
        ("client_secret", "x", "password"),
        ("anything", jwt({"sub": "x"}), "token"),
        ("anything", "grace@corp.example", "email"),
        ("token_type", "bearer", None),
        ("password", "", None),
        ("title", "Pinned", None),
    ],
)
def test_secrets_are_recognised_by_contract_name_and_shape(name: str, value: str, kind: str | None) -> None:
    assert Names(signedin_sdk.contract).kind(name, value) == kind


def test_fakes_are_fakes_byte_for_byte() -> None:
    disguise = Disguise(Names(signedin_sdk.contract), {})
    token = disguise.fake("token", jwt({"iat": 1, "exp": 2, "sub": "grace"}), sent=False)
    assert is_fake(token)
    assert disguise.fake("token", token, sent=True) == token
    assert not is_fake(token[:-1] + "A")
    assert not is_fake(jwt({"jti": "fake-token-001", "name": "Grace"}))
    assert not is_fake(jwt({"jti": "fake-token-001", "exp": 7}))


def test_bodies_that_are_not_what_they_are_called_lose_their_secrets_too() -> None:
    disguise: Callable[..., bytes] = Disguise(Names(signedin_sdk.contract), {}).body
    token = jwt({"sub": "grace"}).encode()
    assert token not in disguise(b'{"half": "' + token, form=False, sent=True)
    assert disguise(b"\xff\x00", form=False, sent=True) == b"\xff\x00"
    assert disguise(b"signedin.testing.cassettes", form=False, sent=True) == b"signedin.testing.cassettes"


def test_pytest_recording_takes_the_same_rules() -> None:
    with vcr_config(CONTRACT) as config:
        assert {"before_record_request", "before_record_response", "before_save_interaction"} <= config.keys()
