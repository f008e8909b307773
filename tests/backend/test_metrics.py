"""`/metrics`: what is counted, who may read it, and that nobody can make it grow."""

from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from prometheus_client.parser import text_string_to_metric_families
from signedin_backend.metrics import Metrics
from signedin_backend.settings import SettingsError

from tests.backend.running import Serve, Served, ask, warm
from tests.backend.work import hashing_held
from tests.servers import backend

LOOPBACK = ("127.0.0.0/8",)


@pytest.fixture
def watched(serve: Serve) -> Served:
    return serve(metrics_from=LOOPBACK)


def samples(served: Served) -> dict[tuple[str, ...], float]:
    """Return every value by its name and the values of its labels."""
    answer = served.beside("/metrics").raise_for_status()
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return values(answer.text)


def values(text: str) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(text)
    exposed = [sample for family in families for sample in family.samples]
    return {(sample.name, *map(str, sample.labels.values())): sample.value for sample in exposed}


def test_requests_outcomes_and_durations_are_counted(watched: Served) -> None:
    first = watched.pair()
    second = watched.refresh(first["refreshToken"]).json()
    watched.refresh(first["refreshToken"])
    watched.refresh(second["refreshToken"])
    assert watched.refresh(first["refreshToken"]).status_code == 401
    watched.login(password="wrong password")
    watched.profile(second["accessToken"])
    seen = samples(watched)
    refresh, profile = "/api/v1/auth/refreshToken", "/api/v1/users/profile"
    assert seen["signedin_requests_total", "POST", refresh, "200"] == 3
    assert seen["signedin_requests_total", "POST", refresh, "401"] == 1
    assert seen["signedin_requests_total", "GET", profile, "401"] == 1
    assert seen["signedin_outcomes_total", "rotated", ""] == 2
    assert seen["signedin_outcomes_total", "repeated", ""] == 1
    assert seen["signedin_outcomes_total", "refused_refresh", "reused"] == 1
    assert seen["signedin_outcomes_total", "refused_login", ""] == 1
    assert seen["signedin_sessions_revoked_total",] == 1
    assert seen["signedin_request_seconds_count", refresh] == 4
    assert 0 < seen["signedin_request_seconds_sum", refresh] < 240
    assert seen["signedin_database_writes_waiting",] == 0
    # Asking changes nothing.
    assert samples(watched) == seen


def test_limits_and_queues_are_shown(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    served = serve(metrics_from=LOOPBACK, rate_limit=True, account_network_rate=(1, 3600))
    served.pair()
    login = Thread(target=served.login)
    with hashing_held(monkeypatch) as wait:
        login.start()
        wait(1)
        assert samples(served)["signedin_hashes",] == 1
    login.join(30)
    assert served.login().status_code == 429
    seen = samples(served)
    assert seen["signedin_hashes",] == 0
    assert seen["signedin_rate_limited_total", "/api/v1/auth/login"] == 1


def test_open_connections_are_shown(watched: Served) -> None:
    watched.pair()
    with closing(warm(watched.base_url)):
        assert samples(watched)["signedin_connections",] == 3  # two idle ones, and the scrape's


def test_a_scrape_of_any_worker_shows_all_of_them_and_of_a_dead_one_what_it_counted(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(folder), "SIGNEDIN_BACKEND_METRICS_FROM": "127.0.0.0/8"}
    with (
        backend(tmp_path, environ=environ, checked=False) as one,
        backend(tmp_path, environ=environ, checked=False) as two,
    ):
        for server, times in ((one, 2), (two, 3)):
            with closing(warm(server.base_url)) as client:
                for _ in range(times - 1):
                    client.get("/users/profile")
        refused = ("signedin_requests_total", "GET", "/api/v1/users/profile", "401")
        for server in (one, two):
            assert values(ask(f"{server.root_url}/metrics").text)[refused] == 5
        two.kill()
        # What the dead one counted stays, its connections do not.
        after = values(ask(f"{one.root_url}/metrics").text)
        assert (after[refused], after["signedin_connections",]) == (5, 1)
        assert [file.stem for file in folder.glob("gauge_*.db")] == [f"gauge_livesum_{one.process.pid}"]


def test_a_folder_for_metrics_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match=r"^PROMETHEUS_MULTIPROC_DIR must be a folder that can be written to$"):
        Metrics()


def test_strange_paths_and_methods_make_no_series_of_their_own(watched: Served) -> None:
    for number in range(20):
        watched.client.request(f"STRANGE{number}", f"/nowhere/{number}")
    seen = samples(watched)
    assert {key[1:] for key in seen if key[0] == "signedin_requests_total"} == {("other", "", "404")}


@pytest.mark.parametrize(
    ("networks", "headers", "status"),
    [
        ((), {}, 404),
        (("10.0.0.0/8", "::1/128"), {}, 404),
        (("10.0.0.0/8", "127.0.0.1/32"), {}, 200),
        (LOOPBACK, {"X-Forwarded-For": "127.0.0.1"}, 404),
        (LOOPBACK, {"Forwarded": "for=127.0.0.1"}, 404),
        (LOOPBACK, {"Host": "evil.example"}, 400),
    ],
)
def test_only_the_networks_that_are_named_may_read_them(
    serve: Serve, networks: tuple[str, ...], headers: dict[str, str], status: int
) -> None:
    assert serve(metrics_from=networks).beside("/metrics", headers=headers).status_code == status
