"""Every code block of the documentation works: Python is run, commands exist, data can be read."""

import ast
import asyncio
import json
import os
import re
from collections.abc import Iterator
from inspect import CO_COROUTINE
from pathlib import Path
from typing import Any

import httpx
import pytest
from signedin import AsyncClient, Client
from signedin.cli import options

from tests.docs.blocks import ELSEWHERE, PAGES, PROSE, READ, ROOT, Block, blocks, commands

pytestmark = pytest.mark.proof
MOST_MARKED = 20
PASSWORD = "correct horse battery staple"
ALL = [block for page in PAGES for block in blocks(page)]
RUN = [block for block in ALL if not block.mark]


def written_in(*languages: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "block", [each for each in RUN if each.language in languages], ids=lambda block: block.place
    )


@pytest.fixture
def names(base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What a page may take for granted: `client` is signed in, and a pair was obtained before."""
    for name in ("SIGNEDIN_BASE_URL", "SIGNEDIN_STORE"):
        monkeypatch.setenv(name, "")  # whatever a block sets is taken back
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with Client(base_url) as client:
        pair = client.auth.register(email=_email(), password=PASSWORD)
        yield {"client": client, "old_access": pair.access_token, "old_refresh": pair.refresh_token}


@pytest.mark.parametrize("page", sorted({block.place.partition(":")[0] for block in RUN if block.language == "python"}))
def test_python_of_a_page_runs_from_top_to_bottom(page: str, base_url: str, names: dict[str, Any]) -> None:
    client = names["client"]
    with asyncio.Runner() as runner:
        for block in blocks(page):
            if block.language == "python" and not block.mark:
                _run(block, base_url, names, runner)
                if "as client:" in block.source:
                    names["client"] = client  # the block has closed its own
        for value in list(names.values()):
            if isinstance(value, Client | httpx.Client):
                value.close()
            elif isinstance(value, AsyncClient | httpx.AsyncClient):
                runner.run(value.aclose())


def _run(block: Block, base_url: str, names: dict[str, Any], runner: asyncio.Runner) -> None:
    source = block.source.replace("http://localhost:5000/api/v1", base_url).replace("ada@example.com", _email())
    source = re.sub(r"sleep\(\d+\)", "sleep(0)", source)
    code = compile(source, block.place, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    result = eval(code, names)  # what a notebook does with a cell
    if code.co_flags & CO_COROUTINE:
        runner.run(result)


def _email() -> str:
    return f"{os.urandom(6).hex()}@example.com"


@written_in("sh", "console")
def test_commands_of_a_block_exist(block: Block) -> None:
    verbs = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8")))
    for words in commands(block.source):
        match words:
            case ["make", verb, *_]:
                assert verb in verbs
            case ["signedin", *arguments]:
                options.parse(arguments)
            case [python, "-m", "generator", verb, *_] if python.endswith("python"):
                assert (ROOT / "generator" / verb).is_dir() or verb in {"generate", "check"}
            case _:
                pytest.fail(f"no test knows whether this works; mark the block: {words}")


@written_in(*READ)
def test_data_of_a_block_can_be_read(block: Block) -> None:
    READ[block.language](block.source)


def test_every_block_is_of_a_language_that_a_test_runs_or_reads() -> None:
    assert [each.place for each in RUN if each.language not in {"python", "sh", "console", *READ, *PROSE}] == []


def test_a_page_whose_blocks_run_elsewhere_is_read_there() -> None:
    tests = {page: ROOT / test for page, test in ELSEWHERE.items() if page in PAGES}
    assert [page for page, test in tests.items() if Path(page).name not in test.read_text("utf-8")] == []


def test_blocks_that_are_not_run_are_few_and_say_why() -> None:
    marked = [block for block in ALL if block.mark == "not run"]
    assert len(marked) <= MOST_MARKED
    assert [block.place for block in marked if len(block.reason.split()) < 2] == []


def test_the_notebook_has_the_cells_of_its_page() -> None:
    notebook = json.loads((ROOT / "examples" / "notebook.ipynb").read_text("utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert cells == [block.source.rstrip() for block in blocks("docs/how-to/notebook.md")]
