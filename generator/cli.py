"""`python -m generator`: the command line. What a verb needs is imported when it is called: most need little.

Exit status: 0 fine; 1 stopped, or findings; 2 a wrong command line; 3 `diff` met what --fail-on names; 4 `generate`
generated the package and left something out; 130 interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from generator.bounds import bounded
from generator.errors import GeneratorError

ROOT: Final = Path(__file__).parent.parent
_INTERRUPTED: Final = 130  # as shells say it
_LEVELS: Final = ("never", "breaking", "minor", "patch")
_VERBS: Final = {
    "lint": ("generator.verbs", "judge the spec: is it valid, and what would get lost?"),
    "generate": ("generator.verbs", "generate the package anew"),
    "check": ("generator.verbs", "say how the committed package differs from what the spec yields"),
    "diff": (
        "generator.diff.verb",
        "say what an edited spec changes for users of the SDK, and which version it must be",
    ),
    "release": (
        "generator.release.steps",
        "publish the next version: number, changelog, package, tests, two equal builds, SBOM, upload, trial",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one verb and return the exit status."""
    options = _parser().parse_args(arguments)
    verb = getattr(import_module(_VERBS[options.verb][0]), options.verb)
    try:
        with bounded(seconds=options.seconds, mebibytes=options.memory):
            status: int = verb(options)
    except (GeneratorError, OSError) as error:
        print(f"generator: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("generator: interrupted.", file=sys.stderr)
        return _INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m generator",
        description="Generate a typed SDK from an OpenAPI spec.",
        epilog=(__doc__ or "").partition("\n\n")[2],
    )
    verbs = parser.add_subparsers(required=True, dest="verb", metavar="|".join(_VERBS))
    added = {name: verbs.add_parser(name, help=text, description=text) for name, (_, text) in _VERBS.items()}
    for name in ("lint", "generate", "check"):
        _add_spec(added[name])
    for name in ("generate", "check"):
        _add_package(added[name])
    for name in ("lint", "generate", "check", "diff"):
        _add_bounds(added[name], seconds=600, mebibytes=4096)
    _add_bounds(added["release"], seconds=3 * 3600, mebibytes=16384)  # its tests and builds stand below them, too
    added["generate"].add_argument("--no-trial", action="store_true", help="do not import and type-check the package")
    added["check"].add_argument("--cassettes", type=Path, help="recorded answers to hold against the spec")
    _add_diff(added["diff"])
    _add_release(added["release"])
    return parser


def _add_spec(one: argparse.ArgumentParser) -> None:
    default = ROOT / "openapi.yaml"
    one.add_argument("--spec", type=Path, default=default, help="default: openapi.yaml of this repository")
    _add_refs(one)


def _add_refs(one: argparse.ArgumentParser) -> None:
    folder = "the spec may refer to files inside this folder (default: to none; to addresses never)"
    one.add_argument("--allow-refs", type=Path, metavar="FOLDER", help=folder)
    text = (
        "what to change in the spec (OpenAPI Overlay Specification 1.0), for a spec that somebody else owns; repeatable"
    )
    one.add_argument("--overlay", type=Path, metavar="FILE", action="append", default=[], help=text)


def _add_package(one: argparse.ArgumentParser) -> None:
    one.add_argument("--output", type=Path, help="folder of the package (default: sdk/<package>)")
    text = "generate what can be generated, say what is left out and why, exit 4: for specs that somebody else owns"
    one.add_argument("--leave-out", action="store_true", help=text)
    one.add_argument("--package", help="name of the package (default: signedin_sdk)")


def _add_bounds(one: argparse.ArgumentParser, *, seconds: int, mebibytes: int) -> None:
    text = "stop after so long (default: %(default)s)"
    one.add_argument("--seconds", type=_at_least_one, default=seconds, help=text)
    text = "MiB of address space (default: %(default)s)"
    one.add_argument("--memory", type=_at_least_one, default=mebibytes, help=text)


def _at_least_one(text: str) -> int:
    if (number := int(text)) < 1:  # which would be no limit at all
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _add_diff(one: argparse.ArgumentParser) -> None:
    one.add_argument("old", help="a file, git:REVISION or git:REVISION:PATH")
    one.add_argument("new", nargs="?", default=str(ROOT / "openapi.yaml"), help="the same; default: openapi.yaml")
    form = one.add_mutually_exclusive_group()
    for name in ("json", "markdown"):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, default="text")
    one.add_argument("--current", help="the version to count from (default: that of pyproject.toml)")
    text = "a program to type-check: a file or git:REVISION:PATH; repeatable"
    one.add_argument("--consumer", action="append", default=[], help=text)
    _add_refs(one)
    text = "compare what `generate --leave-out` generates of each: for specs that somebody else owns"
    one.add_argument("--leave-out", action="store_true", help=text)
    text = "changes to pass over, a line each: RULE WHERE # REASON"
    one.add_argument("--ignore", type=Path, metavar="FILE", help=text)
    one.add_argument("--specs-only", action="store_true", help="do not generate and compare the two packages")
    one.add_argument("--fail-on", choices=_LEVELS, default="breaking", help="exit 3 from this level on")


def _add_release(one: argparse.ArgumentParser) -> None:
    one.epilog = (
        "The user and the password of the index: SIGNEDIN_INDEX_USERNAME and SIGNEDIN_INDEX_PASSWORD, or the password "
        "from the keyring."
    )
    one.add_argument("--index-url", help="what installers read, such as https://packages.example/signedin/")
    text = "change nothing: all of it up to the upload, in a temporary folder, then what would be done"
    one.add_argument("--dry-run", action="store_true", help=text)
    one.add_argument("--upload-url", help="what takes uploads (default: the index without /simple)")
    one.add_argument("--since", help="the last release's spec: a file or git:REVISION (default: newest tag v*)")
    one.add_argument("--version", help="at least what the changes ask for (default: just that)")
    one.add_argument("--tests", default="make test", help="what must succeed (default: %(default)s)")
    one.add_argument("--tag", action="store_true", help="commit the release and tag it (default: say the commands)")
    one.add_argument("--push", nargs=2, metavar=("REMOTE", "BRANCH"), help="--tag, and push both")
    one.add_argument("--artifacts", type=Path, help="folder for wheel, sdist, SBOM and hashes (default: dist)")
    one.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
