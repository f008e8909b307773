"""One host of a fleet, for tests: a process with many threads on the store that SIGNEDIN_STORE names.

Reads one JSON order a line on stdin, answers one JSON object a line on stdout.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from signedin import Client


def main(base_url: str) -> None:
    """Obey until stdin ends."""
    with Client(base_url) as client:
        say(ready=True)
        for line in sys.stdin:
            order = json.loads(line)
            if order["grown_old"]:
                let_it_grow_old(client)
            say(**call_at_once(client, order["threads"]))


def let_it_grow_old(client: Client) -> None:
    """End the life of the pair in hand, as if this host's own clock had gone on; the server's has not."""
    held = client.session._renewal.held
    assert held is not None
    held.soft_at = held.hard_at = 0.0


def call_at_once(client: Client, threads: int) -> dict[str, int]:
    """Read the profile from so many threads that start together; count what came of it."""
    barrier = threading.Barrier(threads)

    def call(_: int) -> str:
        barrier.wait(30)
        try:
            return "served" if client.users.get_profile().email else "nobody"
        except Exception as error:  # noqa: BLE001 -- the test looks at it
            return f"{type(error).__name__}: {error}"

    with ThreadPoolExecutor(threads) as pool:
        return Counter(pool.map(call, range(threads)))


def say(**answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
