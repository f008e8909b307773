"""`python -m generator diff OLD NEW`.

Exit status: 0 nothing breaks; 1 it could not be compared; 2 wrong command line; 3 something breaks, and
`--fail-on` (default: breaking) says that this is to be told. So a script tells a finding from a failure.
"""

import argparse
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from generator.diff.change import Change, Level
from generator.diff.compare import compare
from generator.diff.report import FORMATS, Report
from generator.diff.sdk import api_changes, consumer_changes, printed
from generator.diff.source import opened
from generator.document import Document

ROOT: Final = Path(__file__).parent.parent.parent
FOUND: Final = 3
_LEVELS: Final = {"never": None, "breaking": Level.BREAKING, "minor": Level.MINOR, "patch": Level.PATCH}


def add_diff(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    told = "say what an edited spec changes for users of the SDK, and which version it must be"
    one = verbs.add_parser("diff", help=told, description=told, epilog=(__doc__ or "").partition("\n\n")[2])
    one.set_defaults(verb=_diff)
    one.add_argument("old", help="a file, git:REVISION or git:REVISION:PATH")
    one.add_argument("new", nargs="?", default=str(ROOT / "openapi.yaml"), help="the same; default: openapi.yaml")
    form = one.add_mutually_exclusive_group()
    for name in ("json", "markdown"):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, default="text")
    one.add_argument("--current", help="the version to count from (default: that of pyproject.toml)")
    one.add_argument("--consumer", type=Path, action="append", default=[], help="a program to type-check; repeatable")
    one.add_argument("--specs-only", action="store_true", help="do not print and compare the two packages")
    one.add_argument("--fail-on", choices=_LEVELS, default="breaking", help="exit 3 from this level on")


def _diff(options: argparse.Namespace) -> int:
    with opened(options.old) as old, opened(options.new) as new:
        found = changes(old, new, consumers=options.consumer, specs_only=options.specs_only)
    report = Report(found, options.current or current_version(ROOT))
    print(FORMATS[options.form](report))
    limit = _LEVELS[options.fail_on]
    return FOUND if limit is not None and report.level >= limit else 0


def changes(old: Document, new: Document, *, consumers: list[Path], specs_only: bool = False) -> list[Change]:
    """Return what differs, with what the printed packages say of it at the end."""
    found = compare(old, new)
    if specs_only or not found:
        return found
    with TemporaryDirectory(prefix="signedin-diff-") as folder:
        before, after = (
            printed(document, Path(folder) / at, "signedin_sdk") for document, at in ((old, "old"), (new, "new"))
        )
        raised = [*api_changes(before, after)]
        raised += consumer_changes([each.resolve() for each in consumers], before, after) if consumers else []
    return [*found, *dict.fromkeys(raised)]


def current_version(root: Path) -> str:
    """Return the version of the distribution."""
    return str(tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"])
