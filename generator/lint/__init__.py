"""What is wrong with a spec, before anything is printed from it.

One module for each kind of trouble: `validity` (is it OpenAPI at all), `losses` (what the generator would leave out
without a word), `composed` (what it would read in part), `sending` (what it would write as something else), `bodies`
(what cannot be sent or read as it is described), `names` (what two things would share), `extensions` (ours).
"""

from generator.document import Document
from generator.lint import bodies, composed, extensions, losses, names, sending, validity
from generator.lint.finding import Finding, Rule

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
    findings = [finding for rule in validity.RULES for finding in rule(document)]
    if not findings:
        findings = [finding for rule in _RULES for finding in rule(document)]
    return sorted(set(findings), key=lambda each: (each.line, each.rule, each.message))


__all__ = ["Finding", "lint"]
