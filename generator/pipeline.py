"""What the verbs do, step by step. Writes nothing to the terminal: progress goes to the caller's `tell`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any, Final

from attrs import define

from generator.errors import GeneratorError, VerificationError
from generator.lint import Finding
from generator.mend.partial import count, mended, mended_without_loss
from generator.package.formatting import format_package
from generator.package.generation import config_for, generate_package
from generator.package.pins import require_pins
from generator.package.provenance import NAME, files, read_provenance, write_provenance
from generator.package.swap import recover, replace, require_replaceable
from generator.package.unread import readable, without
from generator.package.upstream import digest, require_locked
from generator.package.verify import verify
from generator.spec.bundle import bundled
from generator.spec.document import Document, load
from generator.spec.overlay import overlaid

Tell = Callable[[str], None]
Trial = Callable[[Document, Path], None]
# Each leaves out what the trial before it reported.
_ROUNDS: Final = 10


class LintError(GeneratorError):
    """The spec has errors; nothing was generated."""

    def __init__(self, document: Document, findings: list[Finding]) -> None:
        super().__init__(f"{document.path}: the spec has errors, nothing was generated.")
        self.findings = findings


@define(frozen=True)
class Request:
    """What to generate, and where; the folder's name is the package's.

    `leave_out` generates what it can of a spec that cannot be generated whole. The spec may refer to files of the
    folder `allow_refs`. Overlays change it first, in their order.
    """

    spec: Path
    output: Path
    leave_out: bool = False
    allow_refs: Path | None = None
    overlays: tuple[Path, ...] = ()

    def read(self) -> Document:
        """Return the spec as one document."""
        document = overlaid(load(self.spec), self.overlays)
        return bundled(document, self.allow_refs) if self.allow_refs else document


def generate(request: Request, tell: Tell, *, tried: bool = True, types: bool = True) -> list[Finding]:
    """Replace the package by what the spec yields, and return what was left out. On any error nothing is touched.

    `types=False` leaves out mypy, which takes longer than all the rest together; `tried=False` leaves out every trial.
    """
    require_replaceable(request.output)
    recover(request.output)

    def trial(document: Document, package: Path) -> None:
        if tried:
            tell(f"trying it: compile, import, operations{', types' if types else ''}")
            verify(document, package, types=types)

    with _generated(request, tell, trial) as (package, left):
        replace(package, request.output, move=True)
        tell(f"{request.output}: {sum(1 for _ in files(request.output))} files")
        return left


def check(request: Request, tell: Tell) -> list[str]:
    """Return how the committed package differs from what the spec yields, a line for each difference."""
    with _generated(request, tell, verify if request.leave_out else None) as (package, _):
        return list(_differences(package, request.output))


@contextmanager
def _generated(request: Request, tell: Tell, trial: Trial | None) -> Iterator[tuple[Path, list[Finding]]]:
    """Yield the package and what it lacks, without what does not pass its trial if that may be left out."""
    require_pins()
    require_locked()
    document = request.read()
    tell(f"reading {request.spec}")
    with TemporaryDirectory(prefix="signedin-generator-") as folder:
        package = Path(folder) / request.output.name
        total = count(document)
        document, left = (_parts if request.leave_out else _whole)(document, package, tell)
        for _ in range(_ROUNDS):
            tell("generating and formatting")
            try:
                _generate(document, package)
                if trial is not None:
                    trial(document, package)
                break
            except VerificationError as failure:
                if not (request.leave_out and failure.findings):
                    raise _explained(document, failure) from None
                document, more = without(document, failure.findings, config_for(document, package))
                _tell_all(more, document, tell)
                left += more
                rmtree(package, ignore_errors=True)
        else:
            raise GeneratorError(f"{document.path}: what is left out does not help; try --no-trial.")
        if request.leave_out:
            tell(f"{count(document)} of {total} operations, {len(left)} differences from the spec")
        yield package, left


def _generate(document: Document, package: Path) -> None:
    generate_package(document, package)
    format_package(package)
    write_provenance(document, package)


def _explained(document: Document, failure: VerificationError) -> VerificationError:
    """Return the failure with the places in the spec that it comes of, and what to do."""
    return VerificationError("\n".join([str(failure), *(each.text(document.path) for each in failure.findings)]))


def _tell_all(findings: Iterable[Finding], document: Document, tell: Tell) -> None:
    for each in findings:
        tell(each.text(document.path))


def _whole(document: Document, _: Path, tell: Tell) -> tuple[Document, list[Finding]]:
    """Return the document, with the mends that lose nothing; all of it can be generated."""
    document, findings = mended_without_loss(document)
    if any(finding.is_error for finding in findings):
        raise LintError(document, findings)
    _tell_all(findings, document, tell)  # what is less than it could be, and why
    return document, []


def _parts(document: Document, package: Path, tell: Tell) -> tuple[Document, list[Finding]]:
    """Return a document of what can be generated, and what that leaves out."""
    document, left = mended(document)
    if any(finding.is_error for finding in left):
        raise LintError(document, left)
    document, more = readable(document, config_for(document, package))
    left = sorted([*left, *more], key=lambda each: (each.line, each.rule))
    _tell_all(left, document, tell)
    return document, left


def _differences(wanted: Path, committed: Path) -> Iterator[str]:
    ours, theirs = dict(files(wanted)), dict(files(committed))
    recorded = read_provenance(committed).get("files") or {}
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs:
            yield f"missing: {name}"
        elif name not in ours:
            yield f"extra: {name}"
        elif (content := theirs[name].read_bytes()) != ours[name].read_bytes():
            if name == NAME:
                yield from _stale(read_provenance(wanted), read_provenance(committed))
            else:
                edited = digest(content) != recorded.get(name)
                yield f"{'edited by hand' if edited else 'out of date'}: {name}"


def _stale(wanted: dict[str, Any], committed: dict[str, Any]) -> Iterator[str]:
    for part in sorted(wanted.keys() | committed.keys()):
        if wanted.get(part) != committed.get(part):
            yield f"stale provenance: {NAME}: {part}"
