"""What the chaos runs have found, each as a small test without chaos."""

from __future__ import annotations

import pytest
from signedin import Client, RefreshUnavailableError
from signedin.testing import FakeAuthServer


def test_an_answer_given_again_does_not_make_the_servers_clock_look_late() -> None:
    """Its token is as old as the first presentation; a false offset would let expired tokens be sent and adopted."""
    server = FakeAuthServer()
    with Client(server.base_url, transport=server.transport, clock=server.clock) as client:
        client.session.sign_in(server.issue())
        server.clock.advance(301)
        server.fail("refreshToken", *["lost read timeout"] * 3)
        with pytest.raises(RefreshUnavailableError):
            client.http.get("/users/profile")
        server.clock.advance(40)

        assert client.http.get("/users/profile").status_code == 200

        assert server.ledger["grace"] == 3
        assert client.session.explain()["clock_offset"] == 0.0
