"""The site: it builds without a warning, loads nothing from elsewhere, and has every public name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import signedin
from signedin import errors, testing

from tests.docs.blocks import PAGES, ROOT
from tests.once import first, shared

pytestmark = pytest.mark.proof


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it once, also for several workers."""
    folder = shared(tmp_path_factory) / "site"
    with first(folder) as is_first:
        if is_first:
            options = ("--quiet", "--fail-on-warning", "--keep-going", "--builder", "html")
            command = [sys.executable, "-m", "sphinx", *options, str(ROOT / "docs"), str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
            assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_pages_load_no_font_script_or_picture_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r'(?:<(?:script|img|iframe)[^>]*src|<link[^>]*href)="(?:https?:)?//')
    assert [page.name for page in site.rglob("*.html") if loaded.search(page.read_text("utf-8"))] == []
    outside = re.compile(r"""(?:@import|url\()\s*["']?(?:https?:)?//""")
    styles = [style for style in site.rglob("*.css") if outside.search(style.read_text("utf-8"))]
    assert [style.name for style in styles] == []


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    reference = "".join(page.read_text("utf-8") for page in (site / "reference").glob("*.html"))
    anchors = set(re.findall(r'id="(?:[\w.]+\.)?(\w+)"', reference))
    assert [name for name in (*signedin.__all__, *testing.__all__) if name not in anchors] == []


@pytest.mark.parametrize("name", [name for name in vars(errors) if name.endswith("Error")])
def test_every_error_says_what_happened_what_remains_and_what_to_do(name: str) -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
    if f"| `{name}` |" in page or name in {"SignedInError", "AuthError", "APIError"}:
        return  # a status is a line of a table
    [section] = re.findall(rf"(?ms)^\({name.lower()}\)=\n### `{name}`\n(.*?)(?=^\(|^## )", page)
    assert re.findall(r"\*\*(.+?)\*\*", section) == ["What happened", "What remains", "What to do"]


def test_every_page_asks_the_question_that_it_answers() -> None:
    titles = {page: (ROOT / page).read_text("utf-8").partition("\n")[0] for page in PAGES if page.startswith("docs/")}
    others = {page for page, title in titles.items() if not (title.startswith("# ") and title.endswith("?"))}
    assert others == {"docs/index.md", "docs/changes.md", "docs/changes-maintainers.md", "docs/security.md"}


def test_every_how_to_is_one_click_from_the_first_page() -> None:
    first_page = (ROOT / "docs" / "index.md").read_text("utf-8")
    pages = [page.removeprefix("docs/") for page in PAGES if "/how-to/" in page]
    assert [page for page in pages if f"({page})" not in first_page] == []


@pytest.mark.parametrize("page", [page for page in PAGES if "/how-to/" in page])
def test_a_how_to_begins_with_code(page: str) -> None:
    title, _, second, *_ = (ROOT / page).read_text("utf-8").splitlines()
    assert title.startswith("# ")
    assert second.startswith("```")


def test_every_variable_that_the_package_reads_is_in_the_reference() -> None:
    code = "".join(path.read_text("utf-8") for path in (ROOT / "auth_plugin" / "signedin").rglob("*.py"))
    page = (ROOT / "docs" / "reference" / "environment.md").read_text("utf-8")
    assert {name for name in re.findall(r"\bSIGNEDIN_[A-Z_]+", code) if f"`{name}" not in page} == set()


def test_every_recipe_has_a_page() -> None:
    pages = "".join((ROOT / page).read_text("utf-8") for page in PAGES)
    programs = {path.name for path in (ROOT / "examples").glob("*.*") if not path.name.startswith(("__", "test_"))}
    assert {name for name in programs if f"examples/{name}" not in pages} == set()
