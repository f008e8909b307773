"""A process that imports what every killer needs, and forks for each: to start anew takes longer than most killers.

Reads one JSON list a line on stdin: the folder with the mutated package, the killer, the file for what pytest prints.
Answers one exit code a line.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import traceback

import anyio.pytest_plugin
import pytest
import pytest_timeout  # type: ignore[import-untyped]

# Neither `signedin` nor what imports it: that comes from the folder, in the child.
_NEEDED = (
    *("_pytest.assertion.rewrite", "_pytest.unittest", "anyio._backends._asyncio", "anyio._backends._trio", "asyncio"),
    *("concurrent.futures", "cryptography.x509", "email.message", "http.server", "httpcore", "httpx", "hypothesis"),
    *("keyring", "redis", "rich", "signedin_sdk.contract", "signedin_sdk.resources", "tracemalloc", "trio"),
)
_OPTIONS = ("-q", "-x", "-p", "no:cacheprovider", "--no-header", "--timeout=10", "--timeout-method=thread")


def main() -> None:
    """Fork for each line until stdin ends."""
    for name in _NEEDED:
        importlib.import_module(name)
    assert "signedin" not in sys.modules
    gc.freeze()  # what is here is never collected: a child that looked at it all would copy it
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                _run(*json.loads(line))
            except BaseException:  # noqa: BLE001 -- what the parent shows, beside the exit code
                traceback.print_exc()
            finally:
                os._exit(1)  # as a program ends that raises: what is wrong at its very end, too
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def _run(folder: str, killer: str, output: str) -> None:
    signal.alarm(100)  # seconds; pytest's own timeout comes first, where it can
    printed = os.open(output, os.O_WRONLY | os.O_CREAT)
    for standard, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), printed, printed)):
        os.dup2(descriptor, standard)
    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = folder  # for the killer's own children; before the installed package on the path
    code = int(pytest.main([*_OPTIONS, killer], plugins=[anyio.pytest_plugin, pytest_timeout]))
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
