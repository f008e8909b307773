"""The code of docs/testing.md, run as a downstream team runs it: its own pytest, a recording, a replay."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from signedin.testing.cassettes import problems_in

from tests.servers import backend

PAGE = Path(__file__).parents[2] / "docs/testing.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
PASSWORD = "correct horse battery staple"


def run(folder: Path, *options: str) -> None:
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), *options]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.timeout(300)
def test_the_code_of_the_page_runs_records_and_replays(tmp_path: Path) -> None:
    (tmp_path / "test_orders.py").write_text(BLOCKS[0])
    marked = BLOCKS[1].replace("def test_profile(signedin_cassette)", "@pytest.mark.vcr\ndef test_marked()")
    with backend(tmp_path) as server:
        for name, block in {"profile": BLOCKS[1], "marked": f"import pytest\n{BLOCKS[2]}\n{marked}"}.items():
            block = block.replace("http://localhost:5000/api/v1", server.base_url)  # noqa: PLW2901
            (tmp_path / f"test_{name}.py").write_text(block.replace("auth.login", "auth.register"))
        sign_up = (tmp_path / "test_marked.py").read_text().replace("ada@example.com", "bob@example.com")
        (tmp_path / "test_marked.py").write_text(sign_up)
        run(tmp_path, "--record-mode=once")
    cassettes = sorted((tmp_path / "cassettes").rglob("*.yaml"))
    assert [path.name for path in cassettes] == ["test_marked.yaml", "test_profile.yaml"]
    assert list(problems_in(tmp_path / "cassettes")) == []
    assert PASSWORD not in "".join(path.read_text() for path in cassettes)
    run(tmp_path)  # the server is gone
