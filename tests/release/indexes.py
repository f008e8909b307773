"""Real package indexes on loopback: pypiserver with a password, and one of an attacker without."""

import base64
import hashlib
import os
import socket
import subprocess
import sys
import time
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

import httpx

CONSUME: Final = Path(__file__).parents[2] / "docs" / "consume.md"
USER: Final = "team"
SECRET: Final = "correct/horse%41"  # other characters than an address may hold as they are
_WAIT: Final = 30


@dataclass(frozen=True, slots=True)
class Served:
    """An index that runs."""

    root: str
    folder: Path

    @property
    def simple(self) -> str:
        """What installers read."""
        return f"{self.root}/simple"

    def with_password(self) -> str:
        """Return the address as a consumer's configuration holds it."""
        return self.simple.replace("://", f"://{USER}:{quote(SECRET, safe='')}@")


@contextmanager
def index(folder: Path, *, private: bool) -> Iterator[Served]:
    """Serve a folder; a private one wants the password for everything."""
    folder.mkdir(exist_ok=True)
    access = ["-a", ".", "-P", "."]
    if private:
        passwords = folder.with_suffix(".htpasswd")
        hashed = base64.b64encode(hashlib.sha1(SECRET.encode()).digest()).decode()
        passwords.write_text(f"{USER}:{{SHA}}{hashed}\n")
        access = ["-a", "update,download,list", "-P", str(passwords)]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "pypiserver",
        "run",
        "-i",
        "127.0.0.1",
        "-p",
        str(port),
        "--disable-fallback",
    ]
    with folder.with_suffix(".log").open("w") as log:
        process = subprocess.Popen([*command, *access, str(folder)], stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process, folder.with_suffix(".log"))
        yield Served(f"http://127.0.0.1:{port}", folder)
    finally:
        process.terminate()
        process.wait(_WAIT)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(_WAIT * 10):
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            if process.poll() is not None:
                break
            time.sleep(0.1)  # until a port is open there is nothing to wait on
    raise RuntimeError(f"pypiserver did not start: {log.read_text()[-2000:]}")


def wheel(folder: Path, name: str, version: str, text: str = "", needs: tuple[str, ...] = ()) -> Path:
    """Write a small wheel: one module that holds `text`."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    required = "".join(f"Requires-Dist: {need}\n" for need in needs)
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in {
            f"{name}.py": text,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }.items():
            archive.writestr(zipfile.ZipInfo(member, (2026, 1, 1, 0, 0, 0)), content)
    return path


@dataclass(frozen=True, slots=True)
class Consumer:
    """A clean environment and the documented ways to install into it."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "Consumer":
        """Make the environment."""
        folder.mkdir()
        venv.create(folder / "venv", symlinks=True)
        return cls(folder)

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "venv" / "bin" / "python")

    def knows_the_password(self) -> None:
        """Write what docs/consume.md says into its `~/.netrc`."""
        [line] = [line for line in CONSUME.read_text("utf-8").splitlines() if line.startswith("machine ")]
        path = self.folder / ".netrc"
        path.touch(mode=0o600)
        path.write_text(line.replace("packages.example", "127.0.0.1").replace("...", SECRET))

    def run(self, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a program with nothing of ours in its environment, and no password on its command line."""
        assert SECRET not in unquote(" ".join(command))
        dropped = ("PYTHON", "PIP_", "UV_", "SIGNEDIN_", "VIRTUAL_ENV")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        nothing = {"PIP_CONFIG_FILE": os.devnull, "UV_CACHE_DIR": str(self.folder / "uv")}
        nothing |= {"HOME": str(self.folder), "UV_PYTHON_DOWNLOADS": "never"}
        return subprocess.run(
            command, cwd=self.folder, env={**clean, **nothing, **environ}, capture_output=True, text=True, check=False
        )

    def install(self, tool: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Install by pip or by uv, as docs/consume.md has it."""
        if tool == "pip":
            pip = [
                sys.executable,
                "-m",
                "pip",
                "--disable-pip-version-check",
                "--no-cache-dir",
                "--python",
                self.python,
            ]
            return self.run(*pip, "install", "--force-reinstall", *arguments, **environ)
        uv = str(Path(sys.executable).parent / "uv")
        return self.run(uv, "pip", "install", "--reinstall", "--python", self.python, *arguments, **environ)

    def version(self) -> str:
        """Return which signedin is installed."""
        program = "import importlib.metadata as m; print(m.version('signedin'))"
        return self.run(self.python, "-c", program).stdout.strip()
