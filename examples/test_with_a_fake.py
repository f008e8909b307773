"""Test a program that uses signedin: a fake auth server, a clock that you move, no network, no waiting.

pytest examples/test_with_a_fake.py
"""

import pytest
from signedin import Client, SessionExpiredError
from signedin.testing import FakeAuthServer


def test_a_session_outlives_its_access_token(auth_server: FakeAuthServer, signed_in_client: Client) -> None:
    auth_server.clock.advance(auth_server.access_ttl + 1)
    assert signed_in_client.users.get_profile().email == "ada@example.com"
    assert auth_server.ledger["rotations"] == 1


def test_a_revoked_session_asks_for_a_new_sign_in(auth_server: FakeAuthServer, signed_in_client: Client) -> None:
    auth_server.revoke_all()
    auth_server.clock.advance(auth_server.access_ttl + 1)
    with pytest.raises(SessionExpiredError):
        signed_in_client.users.get_profile()
