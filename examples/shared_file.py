"""Two processes, one sign-in: a FileStore keeps the pair, and one refreshes for both.

SIGNEDIN_BASE_URL=http://localhost:5000/api/v1 python examples/shared_file.py
"""

import multiprocessing
import os
import secrets
import tempfile
from pathlib import Path

from signedin import Client, FileStore


def work(path: Path) -> None:
    """Run in another process, which never saw a password."""
    with Client(store=FileStore(path)) as client:
        print(f"process {os.getpid()}: {client.users.get_profile().email}")


if __name__ == "__main__":
    # FileStore() without a path keeps the tokens in the user's state folder.
    with tempfile.TemporaryDirectory() as folder, Client(store=FileStore(path := Path(folder, "t.json"))) as client:
        client.auth.register(email=f"ada+{secrets.token_hex(4)}@example.com", password=secrets.token_urlsafe(16))
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            pool.map(work, [path, path])
        client.logout()
