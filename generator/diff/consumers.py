"""Programs of the last release: what its users may have written, held against the new package."""

import io
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from attrs import define

from generator.diff.source import committed, revision_of

HAND_WRITTEN: Final = "auth_plugin"
_PRINTED: Final = "sdk/signedin_sdk"
_SPEC: Final = "openapi.yaml"


@define(frozen=True)
class Consumers:
    """The programs, and the hand-written package beside the printed one, as it was then and as it is now.

    `released` is the package as it was printed then, None where it is not known: printing the old spec today would hide
    what the templates print otherwise by now.
    """

    programs: list[Path]
    before: Path
    after: Path
    released: Path | None = None


@contextmanager
def consumers(old: str, names: Sequence[str], *, root: Path) -> Iterator[Consumers]:
    """Hold the programs ready; of an old spec in a revision, those of that revision.

    An absolute name is a file as it stands, whatever the revision.

    Raises:
        SpecError: The revision has no such program.
    """
    now, revision = root / HAND_WRITTEN, revision_of(old)
    with TemporaryDirectory(prefix="signedin-consumers-") as name:
        folder = Path(name)
        programs = [_held(each, revision, folder / str(at), root) for at, each in enumerate(names)]
        if revision is None or not names:
            yield Consumers(programs, now, now)
            return
        then = _extracted(revision, HAND_WRITTEN, folder, root)
        is_ours = old.removeprefix("git:").partition(":")[2] in {"", _SPEC}
        yield Consumers(programs, then or now, now, _extracted(revision, _PRINTED, folder, root) if is_ours else None)


def _held(name: str, revision: str | None, folder: Path, root: Path) -> Path:
    if revision is None or Path(name).is_absolute():
        return (root / name).resolve()
    folder.mkdir()
    path = folder / Path(name).name
    path.write_bytes(committed(revision, name, root))
    return path


def _extracted(revision: str, name: str, folder: Path, root: Path) -> Path | None:
    command = ["git", "archive", "--format=tar", revision, name]
    done = subprocess.run(command, cwd=root, capture_output=True, check=False)
    if done.returncode:  # there was none yet
        return None
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder / name
