"""The verb `check`, for CI: is the committed package what the spec yields, and are the recordings as the spec says?"""

import argparse
import sys

from generator.cli import ROOT
from generator.pipeline import check as differences_of
from generator.recordings.cassettes import stale
from generator.verbs import requested, tell


def check(options: argparse.Namespace) -> int:
    """Show the differences, and what to run."""
    request = requested(options)
    differences = differences_of(request, tell)
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
