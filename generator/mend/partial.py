"""`generate --leave-out`: makes of a spec that cannot be generated whole one that can, and says what that costs.

Who does not own a spec cannot mend it. What the linter refuses gets a name of its own, loses its type or is left out,
the least that helps (`mends`); `unread` then asks openapi-python-client what it could not read either.
"""

import copy
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from attrs import evolve

from generator.lint import Finding, lint
from generator.mend.mends import HARMLESS, MENDS, leave_out
from generator.mend.places import place
from generator.spec.document import Document, Pointer
from generator.spec.operations import operations

# What one round removes, another may have needed: each finds what refers to what the one before took away.
_ROUNDS: Final = 20
_INVALID: Final = frozenset({"invalid", "number", "reference"})
# A contract of tokens that does not hold is worth less than none, and nobody's but its owner's to mend.
_OURS: Final = frozenset({"refresh-contract", "tokens-effect"})


def mended(document: Document) -> tuple[Document, list[Finding]]:
    """Return a document that the linter accepts, and what it cost.

    What is left among the findings as an error is beyond mending.
    """
    changed, report, _ = _mended(document, everything=True)
    return changed, report


def mended_without_loss(document: Document) -> tuple[Document, list[Finding]]:
    """Return a document in which all is done that costs nothing, and all findings; errors among them are left."""
    changed, report, left = _mended(document, everything=False)
    return changed, sorted({*report, *left}, key=lambda each: (each.line, each.rule, each.message))


def _mended(document: Document, *, everything: bool) -> tuple[Document, list[Finding], list[Finding]]:
    """Return what is left of a document, what that cost, and what the linter has to say of it."""
    data, report = copy.deepcopy(document.data), list[Finding]()
    tried = Counter[tuple[str, Pointer]]()
    for _ in range(_ROUNDS):
        changed = document.changed(data)
        findings = list(lint(changed))
        errors = [each for each in findings if each.is_error and (everything or each.rule in HARMLESS)]
        # First what makes the document invalid: the other mends take it for valid.
        first = [each for each in errors if each.rule in _INVALID]
        rounds = (list(_round(data, each, tried, everything=everything)) for each in (first, errors))
        round_ = next((done for done in rounds if done), [])
        report += round_
        if not round_:
            return changed, report, findings
        if any(finding.is_error for finding in report):
            return document.changed(data), report, findings
    return changed, [*report, *errors] if everything else report, list(lint(changed))


def _round(
    data: dict[str, Any], errors: list[Finding], tried: Counter[tuple[str, Pointer]], *, everything: bool
) -> Iterator[Finding]:
    """Mend what still stands at its place; the next round judges anew what another mend took away or moved."""
    due = {finding.pointer: (finding, place(data, finding.pointer)) for finding in errors}
    around = set[Pointer]()
    # From the end, so that what stands in a list keeps its number until its turn comes; what is inside comes first.
    for pointer in sorted(due, key=lambda each: [step.zfill(9) for step in each], reverse=True):
        finding, before = due[pointer]
        if pointer in around or [*map(id, place(data, pointer))] != [*map(id, before)]:
            continue
        around.update(pointer[:length] for length in range(1, len(pointer)))
        times = tried[finding.rule, pointer]
        tried[finding.rule, pointer] += 1
        done = None
        if finding.rule not in _OURS and times <= everything:
            done = _mend(data, finding, is_first=not times, everything=everything)
        if done or everything:
            yield evolve(finding, is_error=False, advice=done) if done else finding


def _mend(data: dict[str, Any], finding: Finding, *, is_first: bool, everything: bool) -> str | None:
    """Do the least that may help, and what does help where that did not."""
    mend = (MENDS if everything else HARMLESS).get(finding.rule) if is_first else None
    try:
        done = mend(data, finding.pointer) if mend else None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):  # of a document that is invalid beside it
        done = None
    return done or (leave_out(data, finding.pointer) if everything else None)


def count(document: Document) -> int:
    """Return how many operations a document has."""
    return sum(1 for _ in operations(document))
