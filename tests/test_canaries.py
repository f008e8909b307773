"""The canaries themselves: they sing when something leaks."""

import logging
from functools import partial
from types import FunctionType

import pytest
from signedin import APIError, Client, RefreshUnavailableError, TokenSession, client
from signedin.testing import FakeAuthServer

from tests.canaries import Canaries


@pytest.mark.parametrize("logger", ["signedin", "httpcore.http11"])
@pytest.mark.parametrize("secret", ["access", "refresh", "password", "email"])
def test_a_secret_in_a_log_is_noticed(logger: str, secret: str, canaries: Canaries) -> None:
    pair = FakeAuthServer().issue()
    secrets = {
        "access": pair.access_token,
        "refresh": pair.refresh_token,
        "password": "correct horse battery staple",
        "email": "ada@example.com",
    }
    logging.getLogger(logger).debug("sent %s to the server", secrets[secret])
    assert len(canaries.taken()) == 1


def test_what_is_no_secret_is_not_noticed(canaries: Canaries) -> None:
    logging.getLogger("signedin").info("generation 7 of https://api.example.com:443#default was refreshed")
    assert canaries.taken() == []


def test_a_secret_in_the_text_of_an_expected_error_is_noticed(server: FakeAuthServer, canaries: Canaries) -> None:
    error = RefreshUnavailableError(f"could not send {server.issue().refresh_token}")
    with pytest.raises(RefreshUnavailableError):
        raise error
    assert canaries.taken() == [
        "the text of RefreshUnavailableError shows a refresh token",
        "the pickle of RefreshUnavailableError holds a refresh token",
    ]


def test_a_secret_in_what_led_to_an_error_is_noticed(server: FakeAuthServer, canaries: Canaries) -> None:
    token = server.issue().refresh_token
    with pytest.raises(RefreshUnavailableError):
        raise RefreshUnavailableError("sorry") from ValueError(token)
    assert canaries.taken() == ["the text of ValueError shows a refresh token"]


def test_a_secret_in_a_local_of_our_frames_is_noticed(server: FakeAuthServer, canaries: Canaries) -> None:
    def failing(token: str) -> None:
        raise RefreshUnavailableError(f"sorry, {len(token)} characters")

    ours = FunctionType(failing.__code__.replace(co_filename=str(client.__file__)), failing.__globals__)
    with pytest.raises(RefreshUnavailableError):
        ours(server.issue().refresh_token)
    assert canaries.taken() == ["client.py:failing: token, below RefreshUnavailableError, shows a refresh token"]


def test_a_secret_in_an_event_is_noticed(server: FakeAuthServer, canaries: Canaries) -> None:
    with Client(server.base_url, transport=server.transport, clock=server.clock) as signed_in:
        signed_in.session._renewal._events.add("refreshed", 1, token=server.issue().refresh_token)
    assert canaries.taken() == ["the event refreshed tells a refresh token"]


def test_a_secret_in_a_sessions_repr_is_noticed(
    server: FakeAuthServer, canaries: Canaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Client(server.base_url, transport=server.transport, clock=server.clock) as signed_in:
        signed_in.session.sign_in(server.issue())
        with monkeypatch.context() as context:
            token = signed_in.session._renewal.held.record.pair.refresh_token  # type: ignore[union-attr]
            context.setattr(TokenSession, "__repr__", lambda _: token)
            canaries.look_at_sessions()
    assert set(canaries.taken()) == {"a session shows a refresh token"}


def test_the_errors_of_a_real_failure_are_silent(server: FakeAuthServer, canaries: Canaries) -> None:
    with Client(server.base_url, transport=server.transport, clock=server.clock) as signed_in:
        server.fail("login", "number for a token")
        login = partial(signed_in.auth.login, email="ada@example.com", password="correct horse battery staple")
        with pytest.raises(APIError):
            login()
    assert canaries.taken() == []
