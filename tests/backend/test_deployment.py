"""The container file and the systemd unit beside the backend, against its options and this repository; the verbs."""

import configparser
import json
import re
import shlex
from pathlib import Path

import pytest
from signedin_backend import Settings
from signedin_backend.__main__ import _parser, main
from signedin_backend.connections import room
from signedin_backend.settings import read

from tests.backend.conftest import Ended
from tests.backend.running import rows
from tests.backend.test_settings import STRONG

ROOT = Path(__file__).parents[2]


def options_of(command: list[str]) -> str:
    """Return the verb of a command that runs the backend, having read its options as the program does."""
    assert command[1:3] == ["-m", "signedin_backend"]
    return str(_parser().parse_args(command[3:]).verb)


def test_the_container_file_copies_what_exists_and_sets_options_that_the_backend_takes() -> None:
    text = (ROOT / "backend" / "Containerfile").read_text().replace("\\\n", " ")
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    of = {word: [rest for name, rest in steps if name == word] for word in {name for name, _ in steps}}
    settings = read(dict(pair.split("=", 1) for line in of["ENV"] for pair in shlex.split(line)))
    sources = [source for line in of["COPY"] for source in line.split()[:-1]]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    (needed,) = re.findall(r"-r (\S+)", " ".join(of["RUN"]))
    assert needed in sources
    assert settings.host == "0.0.0.0"  # of a container
    assert of["EXPOSE"] == [str(settings.port)]
    assert settings.sqlite_file is not None
    assert of["VOLUME"] == [str(settings.sqlite_file.parent)]
    assert f"http://127.0.0.1:{settings.port}/readyz" in of["HEALTHCHECK"][0]
    assert options_of([*json.loads(of["ENTRYPOINT"][0]), *json.loads(of["CMD"][0])]) == "serve"
    assert of["USER"] == ["signedin"]


def test_the_unit_runs_verbs_of_the_backend_and_gives_it_time_and_descriptors() -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep capitals
    unit.read(ROOT / "backend" / "signedin-backend.service")
    service = unit["Service"]
    settings = read(dict([service["Environment"].replace("%S", "/var/lib").split("=", 1)]))
    assert str(settings.sqlite_file) == f"/var/lib/{service['StateDirectory']}/signedin.sqlite3"
    assert [options_of(shlex.split(service[name])) for name in ("ExecStartPre", "ExecStart")] == ["migrate", "serve"]
    assert int(service["TimeoutStopSec"]) > settings.stop_seconds
    assert int(service["LimitNOFILE"]) >= 2 * settings.connections
    assert service["RestartPreventExitStatus"] == "2"


def test_connections_fit_the_descriptors_that_the_unit_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (8192, 8192))
    assert room(Settings()) == Settings().connections


@pytest.mark.both_databases
def test_check_changes_nothing_and_migrate_makes_what_check_then_accepts(
    ended: Ended, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = {"SIGNEDIN_BACKEND_JWT_KEY": STRONG}
    status, line = ended("check", "--database", database, **key)
    assert (status, line) == (3, "signedin_backend: the database has schema none, and this backend needs 0002\n")
    assert main(["migrate", "--database", database]) == main(["check", "--database", database]) == 0
    assert capsys.readouterr().out == "the options are right, and the database has schema 0002\n" * 2
    rows(database, "UPDATE alembic_version SET version_num = '0001'")
    status, line = ended("check", "--database", database, **key)
    assert (status, line) == (3, "signedin_backend: the database has schema 0001, and this backend needs 0002\n")
    assert rows(database, "SELECT version_num FROM alembic_version") == [("0001",)]


def test_check_tells_a_refused_option_from_a_database_that_cannot_be_used(ended: Ended, tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(b"This is no database. " * 200)
    assert ended("check", "--access-ttl", "0")[0] == 2
    status, line = ended("check", "--database", str(file))
    assert (status, line) == (3, "signedin_backend: the database cannot be used: file is not a database\n")
