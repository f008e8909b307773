"""The verbs `lint`, `generate` and `check`: options in, lines and an exit status out."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from generator import pipeline
from generator.cli import ROOT
from generator.errors import GeneratorError
from generator.lint import Finding
from generator.mend.partial import mended_without_loss
from generator.package.generation import config_for
from generator.package.refusals import trial
from generator.pipeline import LintError, Request
from generator.recordings.exchange import stale

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
        left = pipeline.generate(requested(options), tell, tried=not options.no_trial)
    except LintError as error:
        _show(options.spec, error.findings)
        raise
    return PARTIAL if left else 0


def check(options: argparse.Namespace) -> int:
    """Say for CI whether the committed package is what the spec yields, and the recordings are as the spec says."""
    request = requested(options)
    differences = pipeline.check(request, tell)
    for difference in differences:
        print(difference)
    if differences:
        print(f"{request.output} is not what {request.spec} yields; run: make generate", file=sys.stderr)
    cassettes = options.cassettes or (ROOT / "cassettes" if options.spec == ROOT / "openapi.yaml" else None)
    outdated = stale(request.read(), cassettes) if cassettes else []
    for line in outdated:
        print(line)
    if outdated:
        print(f"{cassettes} holds answers that {options.spec} does not know; run: make record", file=sys.stderr)
    if differences or outdated:
        return 1
    tell(f"{request.output} is what {request.spec} yields")
    return 0


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
