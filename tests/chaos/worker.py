"""One of many processes that share a session: M threads that call until they are to stop.

`python -m tests.chaos.worker ORDERS`, a JSON object; each call becomes one line of the report: outcome and seconds.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from signedin import Client, SignedInError, Timing
from signedin._threads import SystemClock
from signedin.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

# Short: who is killed over Redis leaves a lease behind, and nobody refreshes until it ends.
TIMING = Timing(post=3.0, resends=1, flight=6.5, lease=8.0, waiter=7.0, save=1.0)
AT_WORK = "AT WORK"  # the first line of a report
CALL = 2.0  # seconds that a call may wait for the server, each time
# A call waits at most twice for a pair and twice for the server's headers, and twice for its body.
LONGEST = 2 * TIMING.waiter + 4 * CALL


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOrders:
    """What a worker is to do."""

    base_url: str
    store: str
    sender: str  # the loopback address that its refreshes come from
    threads: int
    pause: float  # mean seconds between two calls of a thread
    report: str
    stop: str  # the file whose existence ends it
    until: float  # wall clock; the end in any case
    skew: float = 0.0  # seconds that its wall clock is ahead of the others'

    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.chaos.worker", json.dumps(asdict(self))]


class SkewedClock(SystemClock):
    """The time of a host whose clock is wrong."""

    def __init__(self, seconds: float) -> None:
        self.wall = lambda: time.time() + seconds


def main() -> None:
    """Call until it is time to stop."""
    orders = WorkerOrders(**json.loads(sys.argv[1]))
    report = os.open(orders.report, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(line: str) -> None:
        os.write(report, f"{line}\n".encode())  # one write each, so that a kill tears no line

    with Client(
        orders.base_url,
        store=open_store(orders.store),
        timeout=CALL,
        timing=TIMING,
        clock=SkewedClock(orders.skew),
        refresh_transport=httpx.HTTPTransport(local_address=orders.sender),
    ) as client:
        threads = [
            threading.Thread(target=_calls, args=(client, orders, note), daemon=True) for _ in range(orders.threads)
        ]
        for thread in threads:
            thread.start()
        note(f"{AT_WORK} 0")
        while time.time() < orders.until and not Path(orders.stop).exists():
            time.sleep(0.1)
        end = time.monotonic() + LONGEST
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
            if thread.is_alive():
                note(f"HUNG {LONGEST}")


def _calls(client: Client, orders: WorkerOrders, note: Callable[[str], None]) -> None:
    while time.time() < orders.until and not Path(orders.stop).exists():
        begun = time.monotonic()
        try:
            client.users.get_profile()
            outcome = "ok"
        except SignedInError as error:
            outcome = type(error).__name__
        except Exception as error:  # noqa: BLE001 -- whatever leaks is what this is looking for
            outcome = f"LEAK:{type(error).__name__}"
        note(f"{outcome} {time.monotonic() - begun:.3f}")
        time.sleep(orders.pause * random.uniform(0.5, 1.5))


if __name__ == "__main__":
    main()
