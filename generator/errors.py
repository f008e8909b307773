"""What stops the generator, in one paragraph."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.lint.finding import Finding


class GeneratorError(Exception):
    """The verb cannot be carried out; the text says why and what to do."""


class SpecError(GeneratorError):
    """The spec cannot be read."""


class GenerateError(GeneratorError):
    """openapi-python-client or the formatter refused."""


class VerificationError(GeneratorError):
    """What was generated is not what the spec asks for; `findings` name the operations and schemas that it comes of."""

    def __init__(self, text: str, findings: "Sequence[Finding]" = ()) -> None:
        super().__init__(text)
        self.findings = findings


class LimitError(GeneratorError):
    """The spec asks for more time or memory than was allowed."""
