"""From an edited spec to a release that is installed from a package index: the whole loop, by the clock."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from benchmarks.children import with_bytecode
from generator.release.distribution import snapshot
from generator.release.index import PASSWORD, USERNAME
from tests.release.indexes import SECRET, USER, index

ROOT: Final = Path(__file__).parents[2]
_NEEDS: Final = ("httpx>=0.28.1,<0.29", "attrs>=23.2", "python-dateutil>=2.9")


def released(folder: Path) -> float:
    """Return the seconds of one release on an index that runs here; setting up both is not counted."""
    tree = snapshot(ROOT, folder / "clone")
    who = {f"GIT_{each}_{part}": "bench@example.com" for each in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    environment = with_bytecode(**who, **{USERNAME: USER, PASSWORD: SECRET}, PYTHONPATH=str(ROOT))

    def run(*command: str) -> None:
        subprocess.run(command, cwd=tree, env=environment, check=True, capture_output=True)

    run("git", "init", "-q")
    run("git", "add", "-A")
    run("git", "commit", "-q", "-m", "Release")
    run("git", "tag", "v0.1.0")
    with index(folder / "private", private=True) as served:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        run(*pip, "download", "-q", "--only-binary=:all:", "-d", str(served.folder), *_NEEDS)
        spec = tree / "openapi.yaml"
        spec.write_text(spec.read_text("utf-8").replace("maxLength: 320", "maxLength: 300"), encoding="utf-8")
        run("git", "commit", "-q", "-a", "-m", "Take shorter addresses")
        where = ["--root", str(tree), "--index-url", served.simple, "--upload-url", f"{served.root}/"]
        started = time.monotonic()
        run(sys.executable, "-m", "generator", "release", *where, "--tests", "python -m generator lint", "--tag")
        return time.monotonic() - started
