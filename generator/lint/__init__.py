"""What is wrong with a spec, before anything is generated from it.

One module for each kind of trouble: `validity` (is it OpenAPI at all), `losses` (what the generator would leave out
without a word), `composed` (what it would read in part), `sending` (what it would write as something else), `bodies`
(what cannot be sent or read as it is described), `names` (what two things would share), `extensions` (ours).
"""

from collections.abc import Iterator

from generator.lint import bodies, composed, extensions, losses, names, sending, validity
from generator.lint.finding import Finding, Rule, shown
from generator.spec.document import Document

_RULES: tuple[Rule, ...] = (
    *losses.RULES,
    *composed.RULES,
    *sending.RULES,
    *bodies.RULES,
    *names.RULES,
    *extensions.RULES,
)


def lint(document: Document) -> list[Finding]:
    """Return all findings in the order of their lines.

    The rules take a valid document for granted: one that fails costs its own findings, and is reported only if the
    document is valid.
    """
    findings = [finding for rule in validity.RULES for finding in _found(rule, document)]
    others = [finding for rule in _RULES for finding in _found(rule, document, is_valid=not findings)]
    return sorted({*findings, *others}, key=lambda each: (each.line, each.rule, each.message))


def _found(rule: Rule, document: Document, *, is_valid: bool = True) -> Iterator[Finding]:
    """Yield what a rule finds, up to where it fails."""
    try:
        yield from rule(document)
    except MemoryError:
        raise
    except Exception as failure:  # noqa: BLE001  (a rule meets what its author did not foresee)
        if is_valid:
            name = f"{rule.__module__.rpartition('.')[2]}-{rule.__name__}".replace("_", "-")
            message = f"The rule failed, so the document was not checked for it: {shown(repr(failure))}."
            yield Finding(name, 1, message, "Report it; the trial still decides.", is_error=False)


__all__ = ["Finding", "lint"]
