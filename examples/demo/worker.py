"""One of the two processes of the demo: another program of the same user, with the same token file.

Reads one order a line on stdin, answers one JSON object a line on stdout.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from signedin import Client, FileStore

from examples.demo.clock import DemoClock
from examples.demo.counts import Lifetimes
from examples.demo.wire import Recorded, Recorder, now


def main(base_url: str, store: str, group: str) -> None:
    """Obey until stdin ends."""
    clock, recorder = DemoClock(), Recorder()
    client = Client(base_url, store=FileStore(Path(store)), clock=clock, transport=Recorded(recorder))
    lifetimes = Lifetimes(client.session, clock)
    with client:
        for line in sys.stdin:
            order: dict[str, Any] = json.loads(line)
            recorder.stage = order["stage"]
            clock.forward(order["forward"])
            time.sleep(max(0.0, order["at"] - now()))
            call_at_once(client, recorder, group, order["calls"])
            lifetimes.settle()
            answer = {"spans": [asdict(span) for span in recorder.spans], "expiries": lifetimes.expiries}
            sys.stdout.write(json.dumps({**answer, "refreshes": lifetimes.refreshes}) + "\n")
            sys.stdout.flush()


def call_at_once(client: Client, recorder: Recorder, group: str, calls: int) -> None:
    """Read the profile from so many threads."""

    def call(number: int) -> None:
        with recorder.call(group, str(number)):
            client.users.get_profile()

    with ThreadPoolExecutor(calls) as pool:
        list(pool.map(call, range(calls)))


if __name__ == "__main__":
    main(*sys.argv[1:])
