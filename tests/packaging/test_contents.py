"""What the distribution holds, file by file, and that it is the same whoever builds it."""

import base64
import re
import shutil
from email.parser import Parser
from pathlib import Path
from typing import Final

import pytest

from hatch_build import described
from tests.packaging.building import ROOT, Built, build, members, snapshot

PACKAGES: Final = {"signedin": "auth_plugin/signedin", "signedin_sdk": "sdk/signedin_sdk"}
_DIST_INFO: Final = "signedin-0.1.0.dist-info"
_METADATA: Final = {"METADATA", "RECORD", "WHEEL", "licenses/LICENSE"}


def _sources(tree: Path) -> dict[str, bytes]:
    """Return the source files of both packages by the name that they have when they are installed."""
    return {
        f"{package}/{file.relative_to(tree / place).as_posix()}": file.read_bytes()
        for package, place in PACKAGES.items()
        for file in (tree / place).rglob("*")
        if file.is_file()
    }


def test_wheel_holds_both_packages_file_by_file_and_nothing_else(built: Built) -> None:
    content = members(built.wheel)
    metadata = {name for name in content if name.startswith(f"{_DIST_INFO}/")}
    assert {name.removeprefix(f"{_DIST_INFO}/") for name in metadata} <= _METADATA | {"entry_points.txt"}
    assert {name: data for name, data in content.items() if name not in metadata} == _sources(built.tree)


def test_wheel_installs_nothing_under_a_name_of_the_repository(built: Built) -> None:
    assert {name.split("/")[0] for name in members(built.wheel)} == {*PACKAGES, _DIST_INFO}


def test_wheel_ships_types_and_the_licence(built: Built) -> None:
    content = members(built.wheel)
    assert {f"{package}/py.typed" for package in PACKAGES} <= content.keys()
    assert content[f"{_DIST_INFO}/licenses/LICENSE"] == (built.tree / "LICENSE").read_bytes()


def test_wheel_holds_no_secret(built: Built) -> None:
    for name, data in members(built.wheel).items():
        for head in re.findall(rb"(?<![\w.-])(eyJ[\w-]{8,})\.", data):
            # A token without a signature is an example, and nobody's.
            assert base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4)) == b'{"alg":"none"}', name
        assert not re.search(rb"PRIVATE KEY|STORE_KEY=\w|redis://[^\s\"]*:(?!password)[^\s\"/@]+@", data), name


def test_sdist_holds_what_a_wheel_is_built_from(built: Built) -> None:
    content = members(built.sdist)
    places = {name.split("/")[0] for name in content}
    assert places <= {
        *("sdk", "auth_plugin", "openapi.yaml", "README.md", "CHANGELOG.md", "LICENSE"),
        *("pyproject.toml", "hatch_build.py", "PKG-INFO", ".gitignore"),
    }
    assert not [name for name in content if name.endswith((".pyc", ".sqlite3", ".log"))]
    for name, data in _sources(built.tree).items():
        package, _, rest = name.partition("/")
        assert content[f"{PACKAGES[package]}/{rest}"] == data


def test_wheel_built_from_the_sdist_is_the_same(built: Built, tmp_path: Path) -> None:
    shutil.unpack_archive(built.sdist, tmp_path / "unpacked", filter="data")
    (tree,) = (tmp_path / "unpacked").iterdir()
    assert build(tree, tmp_path / "wheel", "wheel").read_bytes() == built.wheel.read_bytes()


def test_two_builds_give_the_same_bytes(built: Built, tmp_path: Path) -> None:
    # From another copy: other times and another place.
    again = snapshot(tmp_path)
    for file in again.rglob("*.py"):
        file.touch()
    assert build(again, tmp_path / "wheel", "wheel").read_bytes() == built.wheel.read_bytes()
    assert build(again, tmp_path / "sdist", "sdist").read_bytes() == built.sdist.read_bytes()


def test_metadata_says_what_is_needed_and_from_nowhere(built: Built) -> None:
    text = members(built.wheel)[f"{_DIST_INFO}/METADATA"].decode()
    content = Parser().parsestr(text, headersonly=True)
    assert (content["Name"], content["Version"]) == ("signedin", "0.1.0")
    assert content["Requires-Python"] == ">=3.11"
    assert content["License-Expression"] == "MIT"
    needs = [need for need in content.get_all("Requires-Dist", []) if "extra ==" not in need]
    assert needs == ["attrs>=23.2", "httpx<0.29,>=0.28.1", "python-dateutil>=2.9"]
    # An index or a place in a wheel's metadata would decide where a consumer's packages come from.
    headers = text.partition("\n\n")[0]
    assert not [word for word in ("index", " @ ", "://", "git+") if word in headers.lower()]


@pytest.mark.parametrize("docs_url", [None, "https://docs.example/signedin/"])
def test_description_has_no_link_that_leads_nowhere(docs_url: str | None) -> None:
    text = described((ROOT / "README.md").read_text("utf-8"), docs_url)
    targets = re.findall(r"\]\(([^)]*)\)|(?:src|href)=\"([^\"]*)", text)
    assert [target for target in targets if "://" not in "".join(target)] == []
    pages = re.findall(r"https://docs.example/signedin/(\S+)\.html", text)
    assert bool(pages) == bool(docs_url)
    assert [page for page in pages if not (ROOT / "docs" / f"{page}.md").is_file()] == []


def test_lock_files_name_hashes_and_no_index() -> None:
    for file in (ROOT / "requirements").glob("*.txt"):
        text = file.read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert not [word for word in ("://", "--index-url", "--extra-index-url", "--find-links") if word in text]
