"""Faults put into the shipped code on purpose, and the test that must notice each. One place of the code a mutant.

They stand in the .diff files beside this one, hunk by hunk; a deleted line may leave an empty one behind:

    @@ _flight.py I1: no lock
    by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, no faults]
    saying I1: without faults each refresh token is sent exactly once
    -            if world.try_lock():
    +            if world.try_lock() or True:
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import signedin

PACKAGE = Path(str(signedin.__file__)).parent


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
    says: str

    def __str__(self) -> str:
        return f"{self.breaks}: {self.name}" if self.breaks else self.name

    def source(self) -> str:
        """Return the file's source with the fault in it."""
        before = (PACKAGE / self.file).read_text()
        assert before.count(self.old) == 1, "the mutant's line has changed: adapt the catalogue"
        return before.replace(self.old, self.new)


def _mutant(hunk: str) -> Mutant:
    head, killer, *lines = hunk.rstrip("\n").split("\n")
    matched = re.fullmatch(r"(\S+) (?:(I\d+): )?(.+)", head)
    assert matched, head
    old, new = ("\n".join(line[1:] for line in lines if line[0] == sign) for sign in "-+")
    says = "".join(line.removeprefix("saying ") for line in lines if line.startswith("saying "))
    return Mutant(matched[2] or "", matched[3], matched[1], old, new, killer.removeprefix("by "), says)


ALL = tuple(
    _mutant(hunk)
    for file in sorted(Path(__file__).parent.glob("*.diff"))
    for hunk in file.read_text("utf-8").split("\n@@ ")[1:]
)
