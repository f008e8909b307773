"""Where a spec comes from: a file, or a committed one (`git:v1.2.0`, `git:HEAD~1:path/openapi.yaml`)."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from generator.document import Document, load
from generator.errors import SpecError


@contextmanager
def opened(source: str, *, default: str = "openapi.yaml", root: Path = Path()) -> Iterator[Document]:
    """Read a spec; a revision's one stands in a temporary folder meanwhile.

    Raises:
        SpecError: There is none, or it cannot be read.
    """
    revision = revision_of(source)
    if revision is None:
        yield load(Path(source))
        return
    name = source.removeprefix("git:").partition(":")[2]
    with TemporaryDirectory(prefix="signedin-diff-") as folder:
        path = Path(folder) / Path(name or default).name
        path.write_bytes(committed(revision, name or default, root))
        yield load(path)


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
        told = done.stderr.decode("utf-8", "replace").strip()
        raise SpecError(f"git:{revision}: there is no {name} in that revision: {told}")
    return done.stdout
