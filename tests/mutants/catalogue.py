"""Faults put into the shipped code on purpose, and the test that must notice each. One place of the code a mutant."""

from __future__ import annotations

from dataclasses import dataclass

MODEL = "tests/model/test_model.py::test_every_interleaving_keeps_the_invariants"


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old`, which stands in `file` exactly once, becomes `new`; `killer` must fail, and say `says`.

    `breaks` names the invariant (docs/how-refresh-works.md) that no longer holds; "" where it is another guard.
    """

    breaks: str
    name: str
    file: str
    old: str
    new: str
    killer: str
    says: str = ""

    def __str__(self) -> str:
        return f"{self.breaks}: {self.name}" if self.breaks else self.name
