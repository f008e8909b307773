"""The verb `diff`: two sources of specs in, a report and an exit status out."""

import argparse
import shutil
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from generator.cli import ROOT
from generator.diff.change import Change, Level
from generator.diff.compare import compare, grouped, located
from generator.diff.report import FORMATS, Report, ignored
from generator.diff.sdk import Consumers, api_changes, consumer_changes, consumers, unformatted
from generator.diff.source import opened
from generator.mend.partial import mended
from generator.package.generation import config_for
from generator.package.unread import readable
from generator.spec.document import Document
from generator.verbs import tell

_FAILED: Final = 3
_PACKAGE: Final = "signedin_sdk"
_LEVELS: Final = {"breaking": Level.BREAKING, "minor": Level.MINOR, "patch": Level.PATCH}


def diff(options: argparse.Namespace) -> int:
    """Show what changes, and say whether it is as bad as --fail-on."""
    how = {"allow_refs": options.allow_refs, "overlays": options.overlay}
    with (
        opened(options.old, **how) as old,
        opened(options.new, **how) as new,
        consumers(options.old, options.consumer, root=Path()) as programs,
    ):
        specs = [_generatable(each) if options.leave_out else each for each in (old, new)]
        differences = changes(*specs, consumers=programs, specs_only=options.specs_only)
        differences = located(grouped(differences), specs[1])
    entries = ignored(options.ignore) if options.ignore else {}
    left = [each for each in differences if (each.rule, each.where) not in entries]
    for rule, where in entries.keys() - {(each.rule, each.where) for each in differences}:
        tell(f"{options.ignore}:{entries[rule, where]}: nothing to ignore: {rule} {where}")
    report = Report(left, options.current or current_version(ROOT), len(differences) - len(left))
    print(FORMATS[options.form](report))
    limit = _LEVELS.get(options.fail_on)
    return _FAILED if limit is not None and report.level >= limit else 0


def _generatable(document: Document) -> Document:
    """Return what `generate --leave-out` generates of it."""
    document, _ = mended(document)
    return readable(document, config_for(document, Path(_PACKAGE)))[0]


def changes(old: Document, new: Document, *, consumers: Consumers, specs_only: bool = False) -> list[Change]:
    """Return what differs, with what the generated packages say of it at the end.

    Programs are tried also when the specs are equal: the hand-written layer and the templates change without them.
    """
    differences = compare(old, new)
    if specs_only or not (differences or consumers.programs):
        return differences
    with TemporaryDirectory(prefix="signedin-diff-") as name:
        folder = Path(name)
        before = folder / "old" / _PACKAGE
        if consumers.released:
            shutil.copytree(consumers.released, before)
        else:
            unformatted(old, before.parent, _PACKAGE)
        after = unformatted(new, folder / "new", _PACKAGE)
        raised = [*api_changes(before, after), *consumer_changes(consumers, before, after)]
    return [*differences, *dict.fromkeys(raised)]


def current_version(root: Path) -> str:
    """Return the version of the distribution."""
    return str(tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"])
