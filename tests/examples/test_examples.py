"""Every program in examples/ is really run, and so is the example of the README."""

import os
import re

import pytest

from tests.examples.conftest import ROOT, Program

ANSWERS = {
    "quickstart.py": r"signed in as ada\+\w+@example.com since \d\d:\d\d\nNot signed in: ",
    "async_client.py": r"50 profiles of ada\+",
    "parallel.py": r"refreshed: generation 2\n1 user, 50 calls\n",
    "shared_file.py": r"(process \d+: ada\+\w+@example.com\n){2}",
    "other_client.py": r"200 \['createdAt', 'email', 'id', 'updatedAt'\]",
}
PROGRAMS = sorted(path.name for path in (ROOT / "examples").glob("*.py") if path.name != "__init__.py")


def test_no_example_is_left_out() -> None:
    recipes = (ROOT / "tests" / "examples" / "test_recipes.py").read_text()
    rest = {name for name in PROGRAMS if name.removesuffix(".py") in recipes}
    assert sorted({*ANSWERS, "test_with_a_fake.py", *rest}) == PROGRAMS


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_example_fits_on_a_screen(name: str) -> None:
    assert len((ROOT / "examples" / name).read_text().splitlines()) <= 65


@pytest.mark.parametrize("name", ANSWERS)
def test_an_example_answers_as_its_page_shows(name: str, program: Program, base_url: str) -> None:
    done = program(str(ROOT / "examples" / name), SIGNEDIN_BASE_URL=base_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(ANSWERS[name], done.stdout)


def test_the_example_of_a_test_passes(program: Program) -> None:
    path = str(ROOT / "examples" / "test_with_a_fake.py")
    done = program("-m", "pytest", "-q", "-p", "no:cacheprovider", path)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_the_readme_example_runs_and_stays_signed_in_between_runs(program: Program, base_url: str) -> None:
    source = _readme_example()
    assert len(source.splitlines()) <= 10
    email = f"{os.urandom(6).hex()}@example.com"
    here = source.replace("http://localhost:5000/api/v1", base_url).replace("ada@example.com", email)
    without_signing_in = re.sub(r"client\.auth\.register\(.*\)", "raise SystemExit('signed in again')", here)
    for text in (here, without_signing_in):
        done = program("-c", text)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(email)


def _readme_example() -> str:
    match = re.search(r"```python\n(.+?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert match is not None
    return match[1]
