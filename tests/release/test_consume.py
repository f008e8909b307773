"""docs/consume.md, followed word by word: each way that it names, with pip and uv, on a real index with a password."""

import re
import sys
import tomllib
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.release.indexes import CONSUME, SECRET, Consumer, Served, wheel

EXAMPLE = "https://packages.example/signedin/"
TOOLS = ("pip", "uv")
UV = str(Path(sys.executable).parent / "uv")


def documented(tool: str) -> str:
    """Return the arguments of the documented command."""
    command = {"pip": "pip install ", "uv": "uv pip install "}[tool]
    [line] = [line for line in CONSUME.read_text("utf-8").splitlines() if line.startswith(command)]
    return line.removeprefix(command)


@pytest.fixture
def attacked(public: Served) -> Served:
    """A public index where somebody has put a higher version."""
    wheel(public.folder, "signedin", "99.0", "print('attacker')")
    return public


def has(version: str, consumer: Consumer, done: CompletedProcess[str]) -> bool:
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    return consumer.version() == version


@pytest.mark.parametrize("tool", TOOLS)
def test_documented_command_installs_ours_by_the_netrc(tool: str, published: Served, consumer: Consumer) -> None:
    arguments = documented(tool).replace(EXAMPLE, published.simple).split()
    assert consumer.install(tool, *arguments).returncode != 0
    consumer.knows_the_password()
    assert has("1.0", consumer, consumer.install(tool, *arguments))


@pytest.mark.parametrize("tool", TOOLS)
def test_documented_variable_of_a_ci_job_installs_ours(tool: str, published: Served, consumer: Consumer) -> None:
    [variable] = re.findall(rf"`(\w+)` \({tool}\)", CONSUME.read_text("utf-8"))
    done = consumer.install(tool, "signedin", **{variable: published.with_password()})
    assert has("1.0", consumer, done)


def test_documented_block_makes_a_uv_project_ask_our_index_alone(published: Served, consumer: Consumer) -> None:
    [block] = re.findall(r"(?s)```toml\n(.*?)```", CONSUME.read_text("utf-8"))
    project = consumer.folder / "pyproject.toml"
    head = '[project]\nname = "app"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["signedin"]\n'
    project.write_text(head + block.replace(EXAMPLE, published.simple))
    consumer.knows_the_password()
    done = consumer.run(UV, "sync", "--python", consumer.python, UV_PROJECT_ENVIRONMENT=str(consumer.folder / "venv"))
    assert has("1.0", consumer, done)
    lock = (consumer.folder / "uv.lock").read_text("utf-8")
    sources = [each["source"].get("registry") for each in tomllib.loads(lock)["package"]]
    assert set(sources) - {None} == {published.simple}
    assert SECRET not in lock


@pytest.mark.parametrize(("tool", "flags", "taken"), [
    ("pip", [], "99.0"),
    ("uv", [], "1.0"),
    ("uv", ["--index-strategy", "unsafe-best-match"], "99.0"),
])  # fmt: skip
def test_index_beside_the_public_one_takes_what_the_page_says(
    tool: str, flags: list[str], taken: str, published: Served, attacked: Served, consumer: Consumer
) -> None:
    consumer.knows_the_password()
    both = ["--index-url", attacked.simple, "--extra-index-url", published.simple, *flags]
    assert has(taken, consumer, consumer.install(tool, *both, "signedin"))
