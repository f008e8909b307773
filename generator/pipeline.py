"""What the verbs do, step by step. Prints nothing: progress goes to the caller's `tell`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import define

from generator.document import Document, load
from generator.errors import GeneratorError
from generator.formatting import format_package
from generator.lint import Finding, lint
from generator.pins import require_pins
from generator.printer import print_package
from generator.provenance import NAME, files, read_provenance, write_provenance
from generator.swap import recover, replace, require_replaceable
from generator.upstream import digest, require_locked
from generator.verify import verify

Tell = Callable[[str], None]


class LintError(GeneratorError):
    """The spec has errors; nothing was printed."""

    def __init__(self, document: Document, findings: list[Finding]) -> None:
        super().__init__(f"{document.path}: the spec has errors, nothing was printed.")
        self.findings = findings


@define(frozen=True)
class Request:
    """What to print, and where; the folder's name is the package's."""

    spec: Path
    output: Path


def generate(request: Request, tell: Tell, *, types: bool = True) -> None:
    """Replace the package by what the spec yields. On any error nothing in it is touched.

    `types=False` leaves out mypy, which takes longer than all the rest together.
    """
    require_replaceable(request.output)
    recover(request.output)
    with _printed(request, tell) as (document, package):
        tell("trying it: compile, import, operations, types")
        verify(document, package, types=types)
        replace(package, request.output)
        tell(f"{request.output}: {sum(1 for _ in files(package))} files")


def check(request: Request, tell: Tell) -> list[str]:
    """Return how the committed package differs from what the spec yields, a line for each difference."""
    with _printed(request, tell) as (_, package):
        return list(_differences(package, request.output))


@contextmanager
def _printed(request: Request, tell: Tell) -> Iterator[tuple[Document, Path]]:
    require_pins()
    require_locked()
    document = load(request.spec)
    tell(f"reading {request.spec}")
    findings = lint(document)
    if any(finding.is_error for finding in findings):
        raise LintError(document, findings)
    for finding in findings:  # what is left out, or less than it could be, and why
        tell(finding.told(request.spec))
    with TemporaryDirectory(prefix="signedin-generator-") as folder:
        package = Path(folder) / request.output.name
        tell("printing and formatting")
        print_package(document, package)
        format_package(package)
        write_provenance(document, package)
        yield document, package


def _differences(wanted: Path, committed: Path) -> Iterator[str]:
    ours, theirs = dict(files(wanted)), dict(files(committed))
    noted = read_provenance(committed).get("files") or {}
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs:
            yield f"missing: {name}"
        elif name not in ours:
            yield f"extra: {name}"
        elif (found := theirs[name].read_bytes()) != ours[name].read_bytes():
            if name == NAME:
                yield from _stale(read_provenance(wanted), read_provenance(committed))
            else:
                edited = digest(found) != noted.get(name)
                yield f"{'edited by hand' if edited else 'out of date'}: {name}"


def _stale(wanted: dict[str, Any], committed: dict[str, Any]) -> Iterator[str]:
    for part in sorted(wanted.keys() | committed.keys()):
        if wanted.get(part) != committed.get(part):
            yield f"stale provenance: {NAME}: {part}"
