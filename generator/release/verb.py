"""The verb `release`. Exit status: 0 released, or a dry run that would; 1 stopped, the text says where."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve

from generator.release.history import Push
from generator.release.index import found
from generator.release.steps import Plan
from generator.release.steps import release as carry_out
from generator.verbs import tell


def release(options: argparse.Namespace) -> int:
    """Carry it out; a dry run leaves nothing behind but what --artifacts asks for."""
    index = None if options.dry_run else found(options.index_url, options.upload_url)
    with TemporaryDirectory(prefix="signedin-dry-") as folder:
        artifacts = options.artifacts or (Path(folder) if options.dry_run else options.root / "dist")
        plan = Plan(options.root, options.since, options.version, options.tests, index, artifacts)
        push = Push(*options.push) if options.push else None
        carry_out(evolve(plan, tag=options.tag or push is not None, push=push), tell)
    return 0
