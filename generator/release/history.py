"""The release in git: a commit and a tag, so that the next release is compared with this one."""

import subprocess
from pathlib import Path
from typing import Final

from attrs import define

from generator.errors import GeneratorError
from generator.release.changelog import CHANGELOGS

# What a release writes. The spec and the code are committed before.
# The files that hold the version, and before what in them.
VERSIONED: Final = {"pyproject.toml": "version = ", "auth_plugin/signedin/_options.py": "VERSION: Final = "}
WRITTEN: Final = (*VERSIONED, *CHANGELOGS, "changelog.d", "sdk")


@define(frozen=True)
class Push:
    """Where commit and tag go."""

    remote: str
    branch: str


def require_committed(root: Path) -> None:
    """Refuse to tag what is in no commit.

    Raises:
        GeneratorError: Names what is not committed.
    """
    if changed := _git(root, "status", "--porcelain").strip():
        raise GeneratorError(f"A tag names a commit, and this is in none:\n{changed}\nCommit it, then release.")


def require_untagged(root: Path, version: str) -> None:
    """Refuse a version whose tag another commit has.

    Raises:
        GeneratorError: There is such a tag.
    """
    if _git(root, "tag", "--list", f"v{version}").strip():
        raise GeneratorError(f"There is a tag v{version} already. Release another version, or remove the tag.")


def record(root: Path, version: str, push: Push | None) -> str:
    """Commit and tag the release, push both or neither; return what was done.

    Raises:
        GeneratorError: It is on the index, and git refused; the text says what to do by hand.
    """
    tag = f"v{version}"
    try:
        _git(root, "add", "--all", "--", *WRITTEN)
        _git(root, "commit", "--quiet", "--message", f"Release {version}")
        _git(root, "tag", "--annotate", "--message", f"Release {version}", tag)
        if push:
            branch = f"HEAD:refs/heads/{push.branch}"
            _git(root, "push", "--quiet", "--atomic", "--end-of-options", push.remote, branch, f"refs/tags/{tag}")
    except GeneratorError as error:
        text = f"{version} is on the index, and git does not have it yet. Commit, tag {tag} and push by hand: {error}"
        raise GeneratorError(text) from error
    return f"committed and tagged {tag}" + (f", pushed to {push.remote} {push.branch}" if push else "")


def _git(root: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GeneratorError(f"git {arguments[0]}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
