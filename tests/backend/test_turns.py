"""Waiting for the database: in the order of arrival, so many seconds, and then the answer is 503."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.backend.holding import held
from tests.backend.running import Serve

pytestmark = pytest.mark.both_databases


def test_a_writer_that_hangs_does_not_make_the_others_wait_for_it(serve: Serve) -> None:
    served = serve(database_threads=1, database_seconds=600, turn_seconds=1)
    tokens = [served.pair()["refreshToken"], *(served.login().json()["refreshToken"] for _ in range(4))]
    with ThreadPoolExecutor(5) as pool:
        with held(served) as somebody_waits:
            hanging = pool.submit(served.refresh, tokens[0])
            somebody_waits()
            others = list(pool.map(served.refresh, tokens[1:], timeout=60))
            assert not hanging.done()
        assert hanging.result(30).status_code == 200
    for answer in others:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert answer.json() == {"message": "Service unavailable.", "stack": ""}
    # Their tokens are unspent, and the turn that none of them took is not lost.
    assert {served.refresh(token).status_code for token in tokens[1:]} == {200}


def test_every_refresh_that_waits_has_its_turn(serve: Serve) -> None:
    served = serve(database_threads=1, database_seconds=600, turn_seconds=600)
    tokens = [served.pair()["refreshToken"], *(served.login().json()["refreshToken"] for _ in range(19))]
    with ThreadPoolExecutor(20) as pool:
        with held(served) as somebody_waits:
            refreshes = [pool.submit(served.refresh, token) for token in tokens]
            somebody_waits()
        assert {refresh.result(60).status_code for refresh in refreshes} == {200}
