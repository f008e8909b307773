"""What stops the generator, told in one paragraph."""


class GeneratorError(Exception):
    """The verb cannot be carried out; the text says why and what to do."""


class SpecError(GeneratorError):
    """The spec cannot be read."""


class PrintError(GeneratorError):
    """openapi-python-client or the formatter refused."""


class VerificationError(GeneratorError):
    """What was printed is not what the spec asks for."""


class LimitError(GeneratorError):
    """The spec asks for more time or memory than was allowed."""
