"""`python -m examples.web`: start a backend, unless one is named, and the app before it; print the app's address."""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from examples.demo.backend import reference_backend
from examples.web.app import create_app

if TYPE_CHECKING:
    import socket


class Server(uvicorn.Server):
    """Says where it is, once it can be reached there."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then print the address."""
        await super().startup(sockets)
        print(f"Open http://localhost:{self.config.port} -- Ctrl-C ends it.", flush=True)


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m examples.web", description=__doc__)
    parser.add_argument("--backend", metavar="URL", help="base URL of a backend that runs already")
    parser.add_argument("--port", type=int, default=8000, help="of the app (8000)")
    parser.add_argument("--store", default=os.environ.get("SIGNEDIN_STORE", "memory:"), help="memory: or redis://HOST")
    options = parser.parse_args()
    # uvicorn ends by raising the signal once more; as an exception it lets the backend be stopped, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        base_url = options.backend
        if base_url is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="signedin-web-")))
            base_url = stack.enter_context(reference_backend(folder))
        app = create_app(base_url, store=options.store)
        Server(uvicorn.Config(app, port=options.port, log_level="warning")).run()


if __name__ == "__main__":
    main()
