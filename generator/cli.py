"""`python -m generator`: words in, words out. Exit 0 is fine, 1 is a finding, 2 is a wrong command line."""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from generator.bounds import bounded
from generator.cassettes import stale
from generator.diff.cli import add_diff
from generator.document import load
from generator.errors import GeneratorError
from generator.lint import Finding, lint
from generator.pipeline import LintError, Request, check, generate
from generator.release.cli import add_release

ROOT: Final = Path(__file__).parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one verb and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.verb(options)
    except LintError as error:
        _show(options.spec, error.findings)
        print(error, file=sys.stderr)
        return 1
    except (GeneratorError, OSError) as error:
        print(f"generator: {error}", file=sys.stderr)
        return 1
    return status


def _bounded(verb: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Let the verb run inside --seconds and --memory: what it reads may be untrusted."""

    def within(options: argparse.Namespace) -> int:
        with bounded(seconds=options.seconds, mebibytes=options.memory):
            return verb(options)

    return within


def _lint(options: argparse.Namespace) -> int:
    findings = lint(load(options.spec))
    _show(options.spec, findings)
    errors = sum(finding.is_error for finding in findings)
    print(f"{options.spec}: {errors} errors, {len(findings) - errors} warnings")
    return 1 if errors else 0


def _generate(options: argparse.Namespace) -> int:
    generate(_request(options), _tell)
    return 0


def _check(options: argparse.Namespace) -> int:
    request = _request(options)
    differences = check(request, _tell)
    for difference in differences:
        print(difference)
    if differences:
        print(f"{request.output} is not what {request.spec} yields; run: make generate", file=sys.stderr)
    cassettes = options.cassettes or (ROOT / "cassettes" if options.spec == ROOT / "openapi.yaml" else None)
    outdated = stale(load(options.spec), cassettes) if cassettes else []
    for line in outdated:
        print(line)
    if outdated:
        print(f"{cassettes} holds answers that {options.spec} does not know; run: make record", file=sys.stderr)
    if differences or outdated:
        return 1
    _tell(f"{request.output} is what {request.spec} yields")
    return 0


def _show(spec: Path, findings: Iterable[Finding]) -> None:
    for finding in findings:
        print(finding.told(spec))


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


def _request(options: argparse.Namespace) -> Request:
    output = options.output or ROOT / "sdk" / (options.package or "signedin_sdk")
    if options.package and output.name != options.package:
        raise GeneratorError(f"--output must end in the package's name, {options.package!r}: Python finds it by that.")
    if not output.name.isidentifier():
        raise GeneratorError(f"{output.name!r} cannot be a package's name. Name one with --package or --output.")
    return Request(options.spec, output)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m generator", description="Print a typed SDK from an OpenAPI spec.")
    verbs = parser.add_subparsers(required=True, metavar="lint|generate|check|diff|release")
    for name, verb, told in (
        ("lint", _lint, "judge the spec: is it valid, and what would get lost?"),
        ("generate", _generate, "print the package anew"),
        ("check", _check, "say how the committed package differs from what the spec yields"),
    ):
        one = verbs.add_parser(name, help=told, description=told)
        one.set_defaults(verb=_bounded(verb))
        one.add_argument(
            "--spec", type=Path, default=ROOT / "openapi.yaml", help="default: openapi.yaml of this repository"
        )
        one.add_argument("--seconds", type=int, default=600, help="stop after so long (default: %(default)s)")
        one.add_argument("--memory", type=int, default=4096, help="MiB of address space (default: %(default)s)")
        if name != "lint":
            one.add_argument("--output", type=Path, help="folder of the package (default: sdk/<package>)")
            one.add_argument("--package", help="name of the package (default: signedin_sdk)")
        if name == "check":
            one.add_argument("--cassettes", type=Path, help="recorded answers to hold against the spec")
    add_diff(verbs)
    add_release(verbs)
    return parser
