"""Bugs that the chaos runs have shown, each as a small test without chaos."""

from __future__ import annotations

import pytest
from signedin import RefreshUnavailableError
from signedin.stores import MemoryStore
from signedin.testing import FakeAuthServer, VirtualClock

from tests.auth.driving import client_on


@pytest.mark.parametrize("dated", [True, False])
def test_a_repeated_answer_does_not_make_the_servers_clock_look_late(dated: bool) -> None:
    """Its token is as old as the first presentation; a false offset would let expired tokens be sent and adopted."""
    server = FakeAuthServer(dated=dated)
    with client_on(server) as client:
        client.session.sign_in(server.issue())
        server.clock.advance(301)
        server.fail("refreshToken", *["lost read timeout"] * 3)
        with pytest.raises(RefreshUnavailableError):
            client.http.get("/users/profile")
        server.clock.advance(40)
        assert client.http.get("/users/profile").status_code == 200
        assert server.ledger["grace"] == 3
        assert client.session.explain()["clock_offset"] == 0.0


@pytest.mark.parametrize("wrong", [600.0, -600.0])
def test_a_repeated_answer_dates_the_servers_clock_whatever_another_hosts_clock_shows(wrong: float) -> None:
    """Else this process takes every later pair for expired, until a refresh without a doubt tells it better."""
    server, store = FakeAuthServer(), MemoryStore()
    elsewhere = VirtualClock(server.clock.wall() + wrong)
    with client_on(server, clock=elsewhere, store=store) as there, client_on(server, store=store) as here:
        there.auth.register(email="ada@example.com", password="correct horse battery staple")
        server.clock.advance(301)
        server.fail("refreshToken", "lost read timeout")
        here.users.get_profile()
        assert server.ledger["grace"] == 1
        assert here.session.explain()["clock_offset"] == pytest.approx(0.0, abs=1)
