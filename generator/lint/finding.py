"""One problem that a rule reports, and the shape of a rule."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from attrs import define

from generator.spec.document import Document, Pointer


@define(frozen=True)
class Finding:
    """A problem, its place, and what to do about it; an error keeps the package from being generated."""

    rule: str
    line: int
    message: str
    advice: str
    is_error: bool
    pointer: Pointer = ()
    file: Path | None = None  # of an overlay, if the finding stands there

    def text(self, document: Path) -> str:
        """Return the line for a person, in the form that editors and CI systems link."""
        severity = "error" if self.is_error else "warning"
        return f"{self.file or document}:{self.line}: {severity} [{self.rule}] {self.message} {self.advice}"


Rule = Callable[[Document], Iterator[Finding]]


def shown(text: object) -> str:
    """Quote a string of the spec for a terminal: no control characters, not endless."""
    quoted = ascii(text)
    return quoted if len(quoted) <= 80 else f"{quoted[:76]}...'"


def error(
    document: Document, pointer: Pointer, rule: str, message: str, advice: str, *, is_error: bool = True
) -> Finding:
    """Return a finding that must be mended."""
    file, line = document.where(pointer)
    return Finding(rule, line, message, advice, is_error=is_error, pointer=pointer, file=file)


# A finding that one may live with.
warning: Final = partial(error, is_error=False)
