"""The command as a user's shell runs it: in this process, or, where the process is what counts, in one of its own."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from signedin.cli import main

COMMAND = Path(sys.executable).with_name("signedin")
PATIENCE = 60  # seconds
EMAIL, PASSWORD = "ada@example.com", "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Result:
    """A command's output, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def problem(self) -> Any:
        return json.loads(self.err)


@dataclass(frozen=True, slots=True)
class Shell:
    """A user's environment: a home of its own, and what is exported there."""

    home: Path
    exported: dict[str, str]

    @property
    def tokens(self) -> Path:
        return self.home / ".local/state/signedin/tokens.json"

    @property
    def environ(self) -> dict[str, str]:
        # Without buffers, failures to write would show in another place than they do for users.
        others = ("SIGNEDIN_", "XDG_", "PYTHONUNBUFFERED")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        return {**clean, "HOME": str(self.home), "NO_COLOR": "1", "COLUMNS": "200", **self.exported}

    def export(self, **names: str) -> Shell:
        return Shell(self.home, {**self.exported, **names})

    def run(self, *arguments: str, typed: str = "") -> Result:
        """Run the command in this process, which starts in no time."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name in os.environ.keys() - self.environ.keys():
                patch.delenv(name)
            for name, value in self.environ.items():
                patch.setenv(name, value)
            patch.setattr("sys.stdin", io.StringIO(typed))
            code = main(list(arguments))
        return Result(code, out.getvalue(), err.getvalue())

    def run_apart(self, *command: str | Path, typed: str = "") -> Result:
        """Run a program to its end in a process of its own, with pipes for its standard streams."""
        done = subprocess.run(
            command, input=typed, capture_output=True, text=True, env=self.environ, timeout=PATIENCE, check=False
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start the command and leave it running."""
        return subprocess.Popen([COMMAND, *arguments], env=self.environ, **options)

    def at_a_terminal(self, *arguments: str, answers: dict[str, str]) -> tuple[int, str]:
        """Run the command at a terminal, answering its prompts; return its exit code and all that was to be seen.

        A control key is pressed again when nothing happens: a signal that arrives between CPython's last look
        for signals and the read of the terminal ends no read, there as for a person.
        """
        child, terminal = pty.fork()
        if not child:
            os.execve(COMMAND, [str(COMMAND), *arguments], self.environ)
        seen, answer, pending, end = "", "", list(answers.items()), time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 1)[0]:
                if answer == "\x03":
                    os.write(terminal, answer.encode())
                continue
            try:
                part = os.read(terminal, 4096)
            except OSError:  # Linux' end of file
                break
            if not part:
                break
            seen += part.decode()
            if pending and pending[0][0] in seen.rpartition("\n")[2]:
                answer = pending.pop(0)[1]
                os.write(terminal, answer.encode())
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), seen
