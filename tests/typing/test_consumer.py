"""The consumer's code under mypy --strict: what it claims of every type is so, and what it ignores is an error."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CONSUMER = Path(__file__).with_name("consumer.py")


def _mypy(*files: Path) -> tuple[int, str]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--warn-unused-ignores",
            "--no-error-summary",
            "--cache-dir=.mypy_cache",
            *map(str, files),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_types_are_what_a_consumer_expects_and_a_wrong_expectation_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    right = CONSUMER.read_text(encoding="utf-8")
    wrong.write_text(right.replace("assert_type(profile.email, str)", "assert_type(profile.email, int)", 1))
    code, output = _mypy(CONSUMER, wrong)
    assert code == 1
    assert re.fullmatch(
        r".*wrong\.py:\d+: error: Expression is of type \"str\", not \"int\"  \[assert-type\]\n", output
    )
