"""The upload, file by file. Whatever ends it, the index says what it has; the same command goes on from there."""

import os
import subprocess
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path
from typing import Final

from generator.errors import GeneratorError
from generator.package.upstream import digest
from generator.release.children import run
from generator.release.index import Index

_SECONDS: Final = 300


def upload(index: Index, project: str, files: list[Path]) -> None:
    """Upload file by file; a file that is there by now, with the same bytes, is uploaded.

    Raises:
        GeneratorError: Says which files are up and which are not, and that the same command goes on from there.
    """
    for at, each in enumerate(files):
        if not (problem := _uploaded(index, each)) or (there := _there(index, project, each)) == digest(
            each.read_bytes()
        ):
            continue
        if there:
            problem = "the index has it by now, with other bytes: the version is taken. Release the next version."
        up = ", ".join(one.name for one in files[:at]) or "nothing"
        again = "The build gives the same bytes again, so the same command goes on where this one stopped."
        raise GeneratorError(f"{each.name} was refused: {problem}\nUploaded: {up}. {'' if there else again}".rstrip())


def _there(index: Index, project: str, file: Path) -> str | None:
    """Return the hash of what the index has: an answer may have been lost, or somebody been faster."""
    with suppress(GeneratorError):  # then the refusal is what there is to tell
        return index.hashes(project, {file.name}).get(file.name)
    return None


def _uploaded(index: Index, file: Path) -> str:
    """Return what went wrong, in words without the password; nothing when nothing did."""
    uv = Path(sysconfig.get_path("scripts")) / ("uv.exe" if sys.platform == "win32" else "uv")
    command = [
        str(uv),
        "publish",
        "--no-config",
        "--trusted-publishing=never",
        "--publish-url",
        index.upload,
        str(file),
    ]
    try:
        done = run(command, env=_environ(index), seconds=_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer within {_SECONDS} seconds"
    except OSError as error:
        return f"uv does not run: {error.strerror}. Install requirements/dev.txt."
    return (done.stderr or done.stdout).strip().replace(index.password, "***") if done.returncode else ""


def _environ(index: Index) -> dict[str, str]:
    # A token or another address that stands in the environment would go before ours.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("UV_PUBLISH_")}
    return {**clean, "UV_PUBLISH_USERNAME": index.username, "UV_PUBLISH_PASSWORD": index.password}
