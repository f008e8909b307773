"""The verbs `lint` and `generate`: options in, lines and an exit status out."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from generator.cli import ROOT
from generator.errors import GeneratorError
from generator.lint import Finding
from generator.mend.partial import mended_without_loss
from generator.package.generation import config_for
from generator.package.refusals import trial
from generator.pipeline import LintError, Request
from generator.pipeline import generate as generate_anew

PARTIAL: Final = 4


def lint(options: argparse.Namespace) -> int:
    """Show the findings."""
    document = Request(options.spec, Path(), allow_refs=options.allow_refs, overlays=tuple(options.overlay)).read()
    document, findings = mended_without_loss(document)
    if not any(finding.is_error for finding in findings):
        findings += trial(document, config_for(document, Path("trial")))
    _show(options.spec, findings)
    errors = sum(finding.is_error for finding in findings)
    print(f"{options.spec}: {errors} errors, {len(findings) - errors} warnings")
    return 1 if errors else 0


def generate(options: argparse.Namespace) -> int:
    """Replace the package."""
    try:
        left = generate_anew(requested(options), tell, tried=not options.no_trial)
    except LintError as error:
        _show(options.spec, error.findings)
        raise
    return PARTIAL if left else 0


def requested(options: argparse.Namespace) -> Request:
    """Return what to generate, and where.

    Raises:
        GeneratorError: The package could not be imported by its name.
    """
    output = options.output or ROOT / "sdk" / (options.package or "signedin_sdk")
    if options.package and output.name != options.package:
        raise GeneratorError(f"--output must end in the package's name, {options.package!r}: Python finds it by that.")
    if not output.name.isidentifier():
        raise GeneratorError(f"{output.name!r} cannot be a package's name. Name one with --package or --output.")
    return Request(options.spec, output, options.leave_out, options.allow_refs, tuple(options.overlay))


def tell(line: str) -> None:
    """Say how far it is, beside what a script reads."""
    print(line, file=sys.stderr)


def _show(spec: Path, findings: Iterable[Finding]) -> None:
    for finding in findings:
        print(finding.text(spec))
