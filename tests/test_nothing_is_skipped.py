"""The hook that makes CI fail where a test is skipped, in a suite of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

HOOKS: Final = Path(__file__).with_name("skipping.py")
SKIPS: Final = {
    "a mark": "import pytest\n@pytest.mark.skip(reason='no')\ndef test_it(): pass\n",
    "a condition": "import pytest\n@pytest.mark.skipif(True, reason='no')\ndef test_it(): pass\n",
    "a call": "import pytest\ndef test_it(): pytest.skip('no')\n",
    "a fixture": "import pytest\n@pytest.fixture\ndef f(): pytest.skip('no')\ndef test_it(f): pass\n",
    "a missing import": "import pytest\npytest.importorskip('there_is_no_such_module')\ndef test_it(): pass\n",
}


def _run(folder: Path, text: str, **environ: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_bytes(HOOKS.read_bytes())
    (folder / "test_it.py").write_text(text)
    (folder / "test_other.py").write_text("def test_other(): pass\n")
    clean = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env={**clean, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("how", SKIPS)
def test_skipped_test_fails_where_ci_is_set(how: str, tmp_path: Path) -> None:
    done = _run(tmp_path, SKIPS[how], CI="true")
    assert done.returncode != 0
    assert "in CI nothing is" in done.stdout


def test_skipped_test_is_skipped_elsewhere(tmp_path: Path) -> None:
    assert _run(tmp_path, SKIPS["a call"]).returncode == 0


def test_expected_failure_is_no_skip(tmp_path: Path) -> None:
    text = "import pytest\n@pytest.mark.xfail(strict=True, reason='a bug')\ndef test_it(): assert False\n"
    assert _run(tmp_path, text, CI="true").returncode == 0
