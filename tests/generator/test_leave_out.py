"""What `--leave-out` makes of a spec, without printing it: every fault, and every two of them in one operation."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from generator.document import Document
from generator.lint import Finding, lint
from generator.partial import mended
from tests.generator.faults import FAULTS, sound
from tests.generator.specs import minimal


def _with(*operations: tuple[str, ...]) -> Document:
    """Return a document with a sound operation, and with one of each of these combinations of faults."""
    spec = minimal()
    for number, faults in enumerate(operations):
        spec["paths"][f"/faulty/{number}"] = {"post": {**sound(), "operationId": f"send{number}"}}
        for fault in faults:
            FAULTS[fault](spec["paths"][f"/faulty/{number}"]["post"])
    return Document(Path("spec.json"), b"", spec)


def _errors(findings: list[Finding]) -> list[Finding]:
    return [each for each in findings if each.is_error]


def _pairs(first: str) -> Iterator[tuple[str, ...]]:
    yield from ((first, second) for second in FAULTS if first != second)


def test_each_fault_is_one_and_the_operation_has_no_other() -> None:
    assert _errors(lint(_with(()))) == []
    assert [fault for fault in FAULTS if not _errors(lint(_with((fault,))))] == []


@pytest.mark.parametrize("first", FAULTS)
def test_two_faults_in_one_operation_are_mended_as_each_of_them(first: str) -> None:
    after, told = mended(_with(*_pairs(first)))
    assert _errors([*told, *lint(after)]) == []
    assert "get" in after.data["paths"]["/things"]


def test_an_operation_with_every_fault_is_left_out_alone() -> None:
    after, told = mended(_with(tuple(FAULTS)))
    assert list(after.data["paths"]) == ["/things", "/faulty/0"]
    assert after.data["paths"]["/faulty/0"] == {}
    assert "Left out: POST /faulty/0." in {each.advice for each in told}
