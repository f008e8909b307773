"""The verb `release`. Exit status: 0 released, or a dry run that would; 1 stopped, the text says where."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve

from generator.errors import GeneratorError
from generator.release.history import Push
from generator.release.index import Index, index_at
from generator.release.plan import Plan
from generator.release.steps import release as carry_out
from generator.verbs import tell


def release(options: argparse.Namespace) -> int:
    """Carry it out; a dry run leaves nothing behind but what --artifacts asks for."""
    index, lacking = _index(options)
    with TemporaryDirectory(prefix="signedin-dry-") as folder:
        artifacts = options.artifacts or (Path(folder) if options.dry_run else options.root / "dist")
        plan = Plan(options.root, options.since, options.version, options.tests, index, artifacts)
        push = Push(*options.push) if options.push else None
        plan = evolve(plan, tag=options.tag or push is not None, push=push, dry=options.dry_run, lacking=lacking)
        carry_out(plan, tell)
    return 0


def _index(options: argparse.Namespace) -> tuple[Index | None, str]:
    """Return the index; of a dry run also why there is none."""
    if not options.index_url:
        if options.dry_run:
            return None, ""
        raise GeneratorError("--index-url names the index to release to; without one there is --dry-run.")
    try:
        return index_at(options.index_url, options.upload_url), ""
    except GeneratorError as error:
        if options.dry_run:
            return None, str(error)
        raise
