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
from generator.pipeline import Request
from generator.spec.document import Document


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
        yield _read(Path(source), allow_refs, overlays)
        return
    name = source.removeprefix("git:").partition(":")[2] or default
    content = committed(revision, name, root)
    with TemporaryDirectory(prefix="signedin-diff-") as folder:
        path = Path(folder) / Path(name).name
        if allow_refs is not None:
            allow_refs = extracted(revision, _below(allow_refs, root), Path(folder), root)
            path = Path(folder) / _below(Path(name), root)
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        try:
            yield _read(path, allow_refs, list(_overlays(revision, overlays, Path(folder), root)))
        except SpecError as error:  # the folder's name would tell nobody which spec it is
            raise SpecError(str(error).replace(f"{folder}/", f"git:{revision}:")) from error


def _read(path: Path, allow_refs: Path | None, overlays: Sequence[Path]) -> Document:
    return Request(path, Path(), allow_refs=allow_refs, overlays=tuple(overlays)).read()


def _overlays(revision: str, overlays: Sequence[Path], folder: Path, root: Path) -> Iterator[Path]:
    """Write the overlays as they are in a revision; one that it does not have changes nothing there."""
    for index, overlay in enumerate(overlays):
        if not overlay.resolve().is_relative_to(root.resolve()):
            yield overlay  # of no revision
            continue
        with suppress(SpecError):
            content = committed(revision, _below(overlay.resolve(), root).as_posix(), root)
            path = folder / f".overlay-{index}" / overlay.name
            path.parent.mkdir()
            path.write_bytes(content)
            yield path


def _below(name: Path, root: Path) -> Path:
    """Return a path below the root as the revision has it.

    Raises:
        SpecError: It leads out of the root, so no revision has it.
    """
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise SpecError(f"{name}: a spec of a revision may refer only to files below the current folder.")
    return path.relative_to(root.resolve())


def revision_of(source: str) -> str | None:
    """Return the revision that a source names, None for a file."""
    return source.removeprefix("git:").partition(":")[0] if source.startswith("git:") else None


def committed(revision: str, name: str, root: Path) -> bytes:
    """Return a file as it is in a revision.

    Raises:
        SpecError: There is none.
    """
    # --end-of-options: a revision that begins with a dash is no option.
    return _git(["show", "--end-of-options", f"{revision}:./{name}"], revision, name, root)


def extracted(revision: str, name: Path, folder: Path, root: Path) -> Path:
    """Write the files that a revision has in a folder to where they stand below another one.

    Raises:
        SpecError: There is no such folder, or a link in it leads out of it.
    """
    where = name.as_posix()
    command = ["archive", "--format=tar", f"--prefix={where}/", "--end-of-options", f"{revision}:./{where}"]
    try:
        with tarfile.open(fileobj=io.BytesIO(_git(command, revision, f"folder {where}", root))) as archive:
            archive.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise SpecError(f"git:{revision}: {where} holds what is not to be written: {error}") from error
    return folder / name


def _git(arguments: list[str], revision: str, name: str, root: Path) -> bytes:
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, check=False)
    except OSError as error:
        raise SpecError(f"git:{revision}: git does not run here: {error.strerror}.") from error
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip()
        raise SpecError(f"git:{revision}: there is no {name} in that revision: {reason}")
    return done.stdout
