"""Where a spec comes from: a file, or a committed one (`git:v1.2.0`, `git:HEAD~1:path/openapi.yaml`).

With --allow-refs it may refer to files of a folder, with --overlay files change it; those of a revision are the files
of that revision.
"""

import io
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from generator.errors import SpecError
from generator.spec.bundle import bundled
from generator.spec.document import Document, load
from generator.spec.overlay import overlaid


@contextmanager
def opened(
    source: str,
    *,
    default: str = "openapi.yaml",
    root: Path = Path(),
    allow_refs: Path | None = None,
    overlays: Sequence[Path] = (),
) -> Iterator[Document]:
    """Read a spec; a revision's one stands in a temporary folder meanwhile.

    Raises:
        SpecError: There is none, or it cannot be read.
    """
    revision = revision_of(source)
    if revision is None:
        yield _whole(Path(source), allow_refs, overlays)
        return
    name = source.removeprefix("git:").partition(":")[2] or default
    content = committed(revision, name, root)
    with TemporaryDirectory(prefix="signedin-diff-") as folder:
        path = Path(folder) / Path(name).name
        if allow_refs is not None:
            allow_refs = _extracted(revision, allow_refs, Path(folder), root)
            path = _inside(Path(folder), Path(name), root)
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        try:
            yield _whole(path, allow_refs, list(_overlays(revision, overlays, Path(folder), root)))
        except SpecError as error:  # the folder's name would tell nobody which spec it is
            raise SpecError(str(error).replace(f"{folder}/", f"git:{revision}:")) from error


def _overlays(revision: str, overlays: Sequence[Path], folder: Path, root: Path) -> Iterator[Path]:
    """Write the overlays as they are in a revision; one that it does not have changes nothing there."""
    for index, overlay in enumerate(overlays):
        if not overlay.resolve().is_relative_to(root.resolve()):
            yield overlay  # of no revision
            continue
        name = overlay.resolve().relative_to(root.resolve()).as_posix()
        with suppress(SpecError):
            content = committed(revision, name, root)
            path = folder / f".overlay-{index}" / overlay.name
            path.parent.mkdir()
            path.write_bytes(content)
            yield path


def _whole(path: Path, allow_refs: Path | None, overlays: Sequence[Path]) -> Document:
    document = overlaid(load(path), overlays)
    return bundled(document, allow_refs) if allow_refs is not None else document


def _extracted(revision: str, allowed: Path, folder: Path, root: Path) -> Path:
    """Write the files that a revision has in a folder to where they stand below another one."""
    copy = _inside(folder, allowed, root)
    command = ["git", "archive", "--format=tar", f"--prefix={copy.relative_to(folder).as_posix()}/"]
    command += ["--end-of-options", f"{revision}:./{copy.relative_to(folder).as_posix()}"]
    done = subprocess.run(command, cwd=root, capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip()
        raise SpecError(f"git:{revision}: there is no folder {allowed} in that revision: {reason}")
    try:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")
    except tarfile.TarError as error:  # a link that leads out of the folder
        raise SpecError(f"git:{revision}: {allowed} holds what is not to be written: {error}") from error
    return copy


def _inside(folder: Path, name: Path, root: Path) -> Path:
    """Return where a path below the root stands below a folder.

    Raises:
        SpecError: It leads out of the root, so no revision has it.
    """
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise SpecError(f"{name}: a spec of a revision may refer only to files below the current folder.")
    return folder / path.relative_to(root.resolve())


def revision_of(source: str) -> str | None:
    """Return the revision that a source names, None for a file."""
    return source.removeprefix("git:").partition(":")[0] if source.startswith("git:") else None


def committed(revision: str, name: str, root: Path) -> bytes:
    """Return a file as it is in a revision.

    Raises:
        SpecError: There is none.
    """
    # --end-of-options: a revision that begins with a dash is no option.
    command = ["git", "show", "--end-of-options", f"{revision}:./{name}"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, check=False)
    except OSError as error:
        raise SpecError(f"git:{revision}: git does not run here: {error.strerror}.") from error
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip()
        raise SpecError(f"git:{revision}: there is no {name} in that revision: {reason}")
    return done.stdout
