"""What the verbs do, step by step. Prints nothing: progress goes to the caller's `tell`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import define

from generator.bundle import bundled
from generator.document import Document, load
from generator.errors import GeneratorError
from generator.formatting import format_package
from generator.lint import Finding, lint
from generator.partial import count, mended
from generator.pins import require_pins
from generator.printer import config_for, print_package
from generator.provenance import NAME, files, read_provenance, write_provenance
from generator.swap import recover, replace, require_replaceable
from generator.unread import readable
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
    """What to print, and where; the folder's name is the package's.

    `leave_out` prints what can be printed of a spec that cannot be printed whole. The spec may refer to files of the
    folder `allow_refs`.
    """

    spec: Path
    output: Path
    leave_out: bool = False
    allow_refs: Path | None = None

    def read(self) -> Document:
        """Return the spec as one document."""
        document = load(self.spec)
        return bundled(document, self.allow_refs) if self.allow_refs else document


def generate(request: Request, tell: Tell, *, tried: bool = True, types: bool = True) -> list[Finding]:
    """Replace the package by what the spec yields, and return what was left out. On any error nothing is touched.

    `types=False` leaves out mypy, which takes longer than all the rest together; `tried=False` leaves out every trial.
    """
    require_replaceable(request.output)
    recover(request.output)
    with _printed(request, tell) as (document, package, left):
        if tried:
            tell(f"trying it: compile, import, operations{', types' if types else ''}")
            verify(document, package, types=types)
        replace(package, request.output, move=True)
        tell(f"{request.output}: {sum(1 for _ in files(request.output))} files")
        return left


def check(request: Request, tell: Tell) -> list[str]:
    """Return how the committed package differs from what the spec yields, a line for each difference."""
    with _printed(request, tell) as (_, package, _left):
        return list(_differences(package, request.output))


@contextmanager
def _printed(request: Request, tell: Tell) -> Iterator[tuple[Document, Path, list[Finding]]]:
    require_pins()
    require_locked()
    document = request.read()
    tell(f"reading {request.spec}")
    with TemporaryDirectory(prefix="signedin-generator-") as folder:
        package = Path(folder) / request.output.name
        document, left = _parts(document, package, tell) if request.leave_out else (_whole(document, tell), [])
        tell("printing and formatting")
        print_package(document, package)
        format_package(package)
        write_provenance(document, package)
        yield document, package, left


def _whole(document: Document, tell: Tell) -> Document:
    """Return the document as it is, all of which can be printed."""
    findings = lint(document)
    if any(finding.is_error for finding in findings):
        raise LintError(document, findings)
    for finding in findings:  # what is less than it could be, and why
        tell(finding.told(document.path))
    return document


def _parts(document: Document, package: Path, tell: Tell) -> tuple[Document, list[Finding]]:
    """Return a document of what can be printed, and what that leaves out."""
    total = count(document)
    document, left = mended(document)
    if any(finding.is_error for finding in left):
        raise LintError(document, left)
    document, more = readable(document, config_for(document, package))
    left = sorted([*left, *more], key=lambda each: (each.line, each.rule))
    for finding in left:
        tell(finding.told(document.path))
    tell(f"{count(document)} of {total} operations, {len(left)} differences from the spec")
    return document, left


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
