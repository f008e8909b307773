"""`python -m generator release`. Exit status: 0 released, or a dry run that would; 1 stopped, the text says where."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from generator.release.index import PASSWORD, USERNAME, found
from generator.release.steps import Plan, release

ROOT: Final = Path(__file__).parent.parent.parent


def add_release(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    told = "publish the next version: number, changelog, package, tests, two equal builds, SBOM, upload, trial"
    notes = f"The user and the password of the index: {USERNAME} and {PASSWORD}, or the password from the keyring."
    one = verbs.add_parser("release", help=told, description=told, epilog=notes)
    one.set_defaults(verb=_release)
    where = one.add_mutually_exclusive_group(required=True)
    where.add_argument("--index-url", help="what installers read, such as https://packages.example/signedin/")
    where.add_argument("--dry-run", action="store_true", help="all of it up to the upload, in a temporary folder")
    one.add_argument("--upload-url", help="what takes uploads (default: the index without /simple)")
    one.add_argument("--since", help="the last release's spec: a file or git:REVISION (default: newest tag v*)")
    one.add_argument("--version", help="at least what the changes ask for (default: just that)")
    one.add_argument("--tests", default="make test", help="what must succeed (default: %(default)s)")
    one.add_argument("--artifacts", type=Path, help="folder for wheel, sdist, SBOM and hashes (default: dist)")
    one.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)


def _release(options: argparse.Namespace) -> int:
    index = None if options.dry_run else found(options.index_url, options.upload_url)
    with TemporaryDirectory(prefix="signedin-dry-") as folder:
        artifacts = options.artifacts or (Path(folder) if options.dry_run else options.root / "dist")
        plan = Plan(options.root, options.since, options.version, options.tests, index, artifacts)
        release(plan, lambda line: print(line, file=sys.stderr))
    return 0
