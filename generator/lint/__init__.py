"""What is wrong with a spec, before anything is printed from it.

One module for each kind of trouble: `validity` (is it OpenAPI at all), `losses` (what the generator would leave out
without a word), `composed` (what it would read in part), `sending` (what it would write as something else), `bodies`
(what cannot be sent or read as it is described), `names` (what two things would share), `extensions` (ours).
"""

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
    """Return the findings in the order of their lines.

    The other rules take a valid document for granted; an invalid one gets to hear only that.
    """
    findings = [finding for rule in validity.RULES for finding in _found(rule, document)]
    if not findings:
        findings = [finding for rule in _RULES for finding in _found(rule, document)]
    return sorted(set(findings), key=lambda each: (each.line, each.rule, each.message))


def _found(rule: Rule, document: Document) -> list[Finding]:
    """Return what a rule finds; one that fails costs its own findings alone."""
    try:
        return list(rule(document))
    except MemoryError:
        raise
    except Exception as failure:  # noqa: BLE001  (a rule meets what its author did not foresee)
        name = f"{rule.__module__.rpartition('.')[2]}-{rule.__name__}".replace("_", "-")
        message = f"The rule failed, so the document was not checked for it: {shown(repr(failure))}."
        return [Finding(name, 1, message, "Report it; the trial still decides.", is_error=False)]


__all__ = ["Finding", "lint"]
