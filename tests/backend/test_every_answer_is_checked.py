"""No test of this folder asks the backend past the contract: every way to get an answer is one that checks it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from signedin_backend import answers
from starlette.responses import JSONResponse

from tests.backend.running import Served
from tests.contract import ContractError

HERE = Path(__file__).parent
WAYS = {"Client", "AsyncClient", "HTTPConnection", "HTTPResponse", "urlopen", "get", "post", "request", "stream"}
MODULES = {"httpx", "http.client", "urllib.request"}
ALLOWED = {
    ("running.py", "httpx.Client"),  # `checked` and `ask`
    ("running.py", "http.client.HTTPResponse"),  # `receive`
    ("test_ledger.py", "httpx.AsyncClient"),  # the ledger, which is outside of the contract
}


def ways(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=module, attr=name) as way) if (
                name in WAYS and ast.unparse(module) in MODULES
            ):
                yield ast.unparse(way)
            case ast.ImportFrom(module=module) if module in MODULES:
                yield f"from {module}"


def test_answers_come_from_clients_that_check_them() -> None:
    assert {(file.name, way) for file in HERE.glob("*.py") for way in ways(file)} == ALLOWED


def test_an_answer_that_breaks_the_contract_fails_its_test(shared: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "error", lambda status, message, _=None: JSONResponse({"message": message}, status))
    with pytest.raises(ContractError, match="violates required"):
        shared.login("", "")
