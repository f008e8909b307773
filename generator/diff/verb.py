"""The verb `diff`: two sources of specs in, a report and an exit status out."""

import argparse
import shutil
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from generator.cli import ROOT
from generator.diff.change import Change, Level
from generator.diff.compare import compare
from generator.diff.report import FORMATS, Report
from generator.diff.sdk import Consumers, api_changes, consumer_changes, consumers, unformatted
from generator.diff.source import opened
from generator.spec.document import Document

FOUND: Final = 3
_PACKAGE: Final = "signedin_sdk"
_LEVELS: Final = {"breaking": Level.BREAKING, "minor": Level.MINOR, "patch": Level.PATCH}


def diff(options: argparse.Namespace) -> int:
    """Show what changes, and say whether it is as bad as --fail-on."""
    with (
        opened(options.old, allow_refs=options.allow_refs, overlays=options.overlay) as old,
        opened(options.new, allow_refs=options.allow_refs, overlays=options.overlay) as new,
        consumers(options.old, options.consumer, root=Path()) as programs,
    ):
        differences = changes(old, new, consumers=programs, specs_only=options.specs_only)
    report = Report(differences, options.current or current_version(ROOT))
    print(FORMATS[options.form](report))
    limit = _LEVELS.get(options.fail_on)
    return FOUND if limit is not None and report.level >= limit else 0


def changes(old: Document, new: Document, *, consumers: Consumers, specs_only: bool = False) -> list[Change]:
    """Return what differs, with what the generated packages say of it at the end.

    Programs are tried also when the specs are equal: the hand-written layer and the templates change without them.
    """
    differences = compare(old, new)
    if specs_only or not (differences or consumers.programs):
        return differences
    with TemporaryDirectory(prefix="signedin-diff-") as folder:
        before = _released(consumers, Path(folder)) or unformatted(old, Path(folder) / "old", _PACKAGE)
        after = unformatted(new, Path(folder) / "new", _PACKAGE)
        raised = [*api_changes(before, after)]
        raised += consumer_changes(consumers, before, after)
    return [*differences, *dict.fromkeys(raised)]


def _released(consumers: Consumers, folder: Path) -> Path | None:
    return consumers.released and Path(shutil.copytree(consumers.released, folder / "old" / _PACKAGE))


def current_version(root: Path) -> str:
    """Return the version of the distribution."""
    return str(tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"])
