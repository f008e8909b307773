"""The consumer's code under mypy --strict: what it claims of every type is so, and what it ignores is an error."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CONSUMER = Path(__file__).with_name("consumer.py")


def _mypy(file: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", "--no-error-summary", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_types_are_what_a_consumer_expects() -> None:
    assert _mypy(CONSUMER) == (0, "")


def test_wrong_expectation_is_refused(tmp_path: Path) -> None:
    text = CONSUMER.read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.py"
    wrong.write_text(text.replace("assert_type(profile.email, str)", "assert_type(profile.email, int)"))
    code, said = _mypy(wrong)
    assert code == 1
    assert 'Expression is of type "str", not "int"' in said
