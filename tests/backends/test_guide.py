"""docs/your-own-backend.md as a reader types it: every file written, command run and output compared; backends.md."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest

from tests.backends.setups import serve

ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = (ROOT / "docs" / "your-own-backend.md").read_text("utf-8")
TABLE: Final = (ROOT / "docs" / "backends.md").read_text("utf-8")
URL: Final = "http://127.0.0.1:8000"


def blocks(heading: str) -> list[tuple[str, str]]:
    """Return language and text of a section's blocks."""
    section = GUIDE.partition(f"\n## {heading}")[2].partition("\n## ")[0]
    return re.findall(r"^```(\w+)\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("heading", "server"),
    [
        pytest.param("A login with JSON", ("simplejwt", "blacklist"), marks=pytest.mark.xdist_group("simplejwt-guide")),
        pytest.param("An OAuth 2.0 server", ("toolkit",), marks=pytest.mark.xdist_group("toolkit-guide")),
    ],
)
def test_section_works_as_it_is_written(heading: str, server: tuple[str, ...], tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    output, ran = "", 0
    with serve(*server) as running:
        for language, text in blocks(heading):
            block = text.replace(URL, running.url)
            if language == "sh":
                done = subprocess.run(
                    ["sh", "-e"], input=block, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, done.stdout + done.stderr
                output, ran = done.stdout, ran + 1
            elif language == "text":
                assert output == block
            else:
                (tmp_path / block.partition("\n")[0].removeprefix("# ")).write_text(block, encoding="utf-8")
    assert ran >= 3


@pytest.mark.parametrize(
    "name", ["djangorestframework-simplejwt", "django-oauth-toolkit", "flask-jwt-extended", "fastapi", "fastapi-users"]
)
def test_table_has_the_version_that_was_measured(name: str) -> None:
    rows = [row for row in TABLE.partition("\n## ")[0].splitlines() if row.startswith((f"| {name}, ", f"| {name} "))]
    assert rows
    assert all(f" | {version(name)} |" in row or "authlib" in row for row in rows)


def test_table_has_every_overlay() -> None:
    overlays = {path.name for path in (ROOT / "tests/backends/overlays").iterdir()}
    assert set(re.findall(r"overlays/(\S+)", TABLE)) == overlays
