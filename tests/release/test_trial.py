"""The trial installs from the index and from nowhere else, whatever the machine is configured to do."""

from pathlib import Path

import pytest

from generator.errors import GeneratorError
from generator.release import trial
from generator.release.index import Index, upload
from generator.release.trial import installed
from tests.release.indexes import SECRET, USER, Served, wheel


@pytest.fixture
def misled(public: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose pip asks the attacker's index as well: for all users, for this one, and by its environment."""
    extra = f"[global]\nextra-index-url = {public.simple}\n"
    for name in ("pip/pip.conf", "user/pip/pip.conf", ".pip/pip.conf"):
        path = tmp_path / "machine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(extra)
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "machine"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "machine" / "user"))
    monkeypatch.setenv("HOME", str(tmp_path / "machine"))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", public.simple)


@pytest.mark.usefixtures("misled")
def test_trial_asks_the_index_alone_whatever_the_machine_says(private: Served, public: Served, tmp_path: Path) -> None:
    index = Index(private.simple, f"{private.root}/", USER, SECRET)
    ours = [wheel(tmp_path, "needed", "1.0"), wheel(tmp_path, "signedin", "1.0", needs=("needed",))]
    upload(index, "signedin", ours)
    wheel(public.folder, "needed", "99.0")
    installed(index, "signedin==1.0", tmp_path)
    [metadata] = tmp_path.glob("venv/lib/*/site-packages/needed-*.dist-info")
    assert metadata.name == "needed-1.0.dist-info"


def test_an_endless_installation_is_reported(private: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_SECONDS", 0.01)
    with pytest.raises(GeneratorError, match=r"does not work from the index: no end within") as raised:
        installed(Index(private.simple, f"{private.root}/", USER, SECRET), "signedin==1.0", tmp_path)
    assert SECRET not in str(raised.value)
