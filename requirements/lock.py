"""Compile `requirements/*.txt` from pyproject.toml: every version pinned with its hashes, no index address written.

`python -m requirements.lock` keeps what is pinned; `--upgrade` takes the newest that pyproject.toml allows.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
UV = str(Path(sys.executable).with_name("uv"))
COMPILE = [UV, "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--python-version", "3.11"]
# A lock file that named an index would send every reader's installer there.
NO_ADDRESSES = ["--no-emit-index-url", "--no-emit-find-links", "--no-header"]


def compile_group(group: str, *more: str) -> None:
    output = str(HERE / f"{group}.txt")
    subprocess.run(  # noqa: S603 -- our own arguments
        [*COMPILE, *NO_ADDRESSES, "pyproject.toml", "--group", group, "--output-file", output, *more],
        cwd=HERE.parent,
        check=True,
    )


if __name__ == "__main__":
    compile_group("dev", *sys.argv[1:])
    # The demo's environment grows into the developers': the same versions in both.
    compile_group("demo", "--constraint", str(HERE / "dev.txt"))
    for group in ("conformance", "backends", "bench"):
        compile_group(group, "--constraint", str(HERE / "dev.txt"))
