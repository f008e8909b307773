"""The canaries themselves: they sing when something leaks."""

import logging

import pytest
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
