"""The bill of materials says which file has which hash, and for which Python it was resolved."""

import json
from importlib import metadata
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from generator.errors import GeneratorError
from generator.package.upstream import digest
from generator.release import sbom as bill
from generator.release.sbom import closure, sbom

HASH = "ab" * 32
REQUIRES = {
    "first": ["second>=1", 'third; python_version < "3"', 'fourth; extra == "x"', 'fifth; python_version >= "3"'],
    "second": None,
    "fifth": [],
}


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages that are not there, each with what it asks for."""

    def requires(name: str) -> list[str] | None:
        if name not in REQUIRES:
            raise metadata.PackageNotFoundError(name)
        return REQUIRES[name]

    monkeypatch.setattr(bill, "requires", requires)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """All of them, locked."""
    path = tmp_path / "dev.txt"
    path.write_text("".join(f"{name}==1.0 \\\n    --hash=sha256:{HASH}\n" for name in REQUIRES))
    return path


def test_each_file_has_its_own_hash_and_a_name(tmp_path: Path, lock: Path) -> None:
    files = [tmp_path / "signedin-1.0.tar.gz", tmp_path / "signedin-1.0-py3-none-any.whl"]
    for each in files:
        each.write_text(each.name)
    text = sbom("1.0", lock, ["first"], files)
    root = json.loads(text)["metadata"]["component"]
    assert {each["name"]: each["hashes"][0]["content"] for each in root["components"]} == {
        each.name: digest(each.name.encode()) for each in files
    }
    assert "hashes" not in root
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(text) is None


def test_what_other_pythons_need_besides_is_listed_where_it_is_needed(lock: Path) -> None:
    document = json.loads(sbom("1.0", lock, ["first"], []))
    [resolved] = document["metadata"]["properties"]
    assert resolved["name"] == "signedin:resolved-for"
    assert resolved["value"].startswith("cpython 3.")
    elsewhere = {
        each["name"]: [one["value"] for one in each["properties"] if one["name"] == "signedin:needed-elsewhere"]
        for each in document["components"]
    }
    assert elsewhere == {"fifth": [], "first": ['third; python_version < "3"'], "second": []}


def test_what_is_not_installed_or_not_locked_is_reported(lock: Path) -> None:
    with pytest.raises(GeneratorError, match="absent is not installed"):
        closure(["absent"])
    lock.write_text("")
    with pytest.raises(GeneratorError, match=r"does not lock fifth, first, second; run: make lock"):
        sbom("1.0", lock, ["first"], [])
