"""What `make backend-load` counts, at a smaller size; its durations are asserted nowhere."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.backend import bad_input, stages, watch
from benchmarks.backend.__main__ import PAGE, serving, sessions, written

pytestmark = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="reads /proc, as Linux has it")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stages.Server]:
    """A backend in a process of its own."""
    with serving(tmp_path_factory.mktemp("load"), None) as server:
        yield server


def test_every_session_goes_on_after_a_storm(server: stages.Server) -> None:
    figures = asyncio.run(stages.storm(server, sessions(server, 50, lifetime=0)))
    assert (figures.sessions, figures.succeeded) == (50, 50)


def test_refreshes_leave_a_fingerprint_each_and_nothing_else(server: stages.Server) -> None:
    asyncio.run(stages.refreshes(server, sessions(server, 4, lifetime=600), each=10))
    pairs = sessions(server, 4, lifetime=600)
    before = watch.held(server.pid, server.database)
    asyncio.run(stages.refreshes(server, pairs, each=25))
    grown = watch.held(server.pid, server.database) - before
    assert (grown.sessions, grown.tokens) == (0, 100)
    assert grown.threads <= 0


def test_a_flood_of_logins_is_answered_and_the_profile_with_it(server: stages.Server) -> None:
    figures = asyncio.run(stages.flood(server, seconds=1, clients=4))
    assert figures.logins > 0


def test_the_oracle_is_measured_in_turns(server: stages.Server) -> None:
    figures = asyncio.run(stages.oracle(server, tries=4))
    assert figures.wall > 0
    assert figures.processor > 0


def test_every_class_of_bad_input_is_timed_by_the_backend_itself(server: stages.Server) -> None:
    figures = asyncio.run(stages.refusals(server, times=3))
    assert figures.keys() == bad_input.CLASSES.keys()
    for each in figures.values():
        assert (len(each.processor), len(each.wall)) == (3, 3)
        assert sum(each.processor) > 0
        assert min(each.processor) >= 0
        assert min(each.wall) > 0


def test_a_table_takes_the_place_of_the_last_one_of_its_database() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for database in ("sqlite", "postgresql", "bad input sqlite", "bad input postgresql"):
        new = written(page, "| new |\n", database)
        assert f"<!-- load {database} -->\n| new |\n<!-- /load {database} -->\n" in new
        assert written(new, "| new |\n", database) == new
    with pytest.raises(ValueError, match="no place for mysql"):
        written(page, "", "mysql")
