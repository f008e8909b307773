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
    if not source.startswith("git:"):
        yield load(Path(source))
        return
    revision, _, name = source.removeprefix("git:").partition(":")
    with TemporaryDirectory(prefix="signedin-diff-") as folder:
        path = Path(folder) / Path(name or default).name
        path.write_bytes(_committed(revision, name or default, root))
        yield load(path)


def _committed(revision: str, name: str, root: Path) -> bytes:
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
