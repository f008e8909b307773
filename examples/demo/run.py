"""One run of the demo: a client of the SDK, ways to let its token expire, and ways to call many times at once."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from signedin import AsyncClient, Client, FileStore

from examples.demo.backend import DemoError
from examples.demo.clock import DemoClock
from examples.demo.counts import Counts, Lifetimes
from examples.demo.wire import AsyncRecorded, Recorded, Recorder, now

if TYPE_CHECKING:
    from pathlib import Path

    from examples.demo.view import Token, View

# A token of at most so many seconds is waited for; beyond that the client's clock is moved (or `--wait-for-expiry`).
_PATIENCE: Final = 30.0
_MARGIN: Final = 0.05  # seconds after the expiry, so that no clock disagrees


class Run:
    """A client, its clock, and what was seen of both."""

    def __init__(self, base_url: str, store: Path, *, calls: int, wait_for_expiry: bool) -> None:
        self.base_url, self.store, self.calls = base_url, store, calls
        self.started = now()
        self.clock, self.recorder = DemoClock(), Recorder(on_call=self._call_ended)
        self._transport = Recorded(self.recorder)
        self.client = Client(base_url, store=FileStore(store), clock=self.clock, transport=self._transport)
        self.lifetimes = Lifetimes(self.client.session, self.clock)
        self.elsewhere = 0  # expiries that the two other processes counted
        self.view: View | None = None
        self._wait_for_expiry = wait_for_expiry
        self._ended = self._expected = 0

    # ---------------------------------------------------------------------------------------------------- the token

    def expires_at(self) -> float:
        """Return when the access token expires, in seconds since the epoch."""
        pair = self.client.session.load()  # another process may have replaced what is in hand
        if pair is None or pair.expires_at is None:
            raise DemoError("The access tokens of this backend do not say when they expire.")
        return pair.expires_at.timestamp()

    def token(self) -> Token | None:
        """Return what a view shows of the access token."""
        if not self.lifetimes.lives or not self.client.session.explain()["generation"]:
            return None
        life = self.lifetimes.lives[-1]
        return life.generation, life.end - self._believed(life.forwarded), life.end - life.start

    @property
    def waits(self) -> bool:
        """Whether expiries are lived through, not simulated by the client's clock."""
        return self._wait_for_expiry or self.expires_at() - now() < _PATIENCE

    def outlive(self) -> float:
        """Let the token expire in the client's eyes; return by how many seconds the clock was moved for it."""
        self.lifetimes.settle()  # they are counted by the clock that is moved here
        if self.waits:
            self.wait_for_expiry()
            return 0.0
        ahead = max(0.0, self.expires_at() - now()) + _MARGIN
        self.clock.forward(ahead)
        return ahead

    def wait_for_expiry(self) -> None:
        """Sleep until the token has expired."""
        begin, end = now(), self.expires_at() + _MARGIN
        while (left := end - now()) > 0:
            self.tell("waiting for the expiry, s", round(end - begin - left, 1), round(end - begin, 1))
            time.sleep(min(0.1, left))

    def fresh_token(self) -> None:
        """Have a token with some life before it."""
        while not self._planned_in() > 2 * _MARGIN:
            self.wait_for_expiry()
            self.call_aside()

    def _planned_in(self) -> float:
        planned = self.client.session.explain()["next_planned_refresh_in"]
        return planned if isinstance(planned, float) else 0.0

    def _believed(self, forwarded: float) -> float:
        return now() + self.clock.forwarded - forwarded

    # ---------------------------------------------------------------------------------------------------- the calls

    def call(self, group: str, lane: str) -> None:
        """Read the profile, in this thread."""
        with self.recorder.call(group, lane):
            self.client.users.get_profile()

    def call_aside(self) -> None:
        """Read the profile on nobody's lane."""
        stage, self.recorder.stage = self.recorder.stage, ""
        self.call("1 call", "aside")
        self.recorder.stage = stage

    def at_once(self, *, threads: int = 0, tasks: int = 0) -> None:
        """Read the profile from so many threads and asyncio tasks, all started before the first may call."""
        self.expect(threads + tasks)
        asyncio.run(self._at_once(threads, tasks))

    async def _at_once(self, threads: int, tasks: int) -> None:
        gate, loop = threading.Event(), asyncio.get_running_loop()

        def call(number: int) -> None:
            gate.wait()
            self.call(f"{threads} threads", str(number))

        with ThreadPoolExecutor(threads or 1) as pool:
            waiting = [loop.run_in_executor(pool, call, number) for number in range(threads)]
            await asyncio.gather(self._tasks(tasks, gate), *waiting)

    async def _tasks(self, tasks: int, gate: threading.Event) -> None:
        transport = AsyncRecorded(self.recorder)
        # The session, and with it the refresh, is the blocking client's.
        async with AsyncClient(
            session=self.client.session, transport=transport, refresh_transport=self._transport
        ) as client:

            async def call(number: int) -> None:
                with self.recorder.call(f"{tasks} tasks", str(number)):
                    await client.users.get_profile()

            gate.set()
            await asyncio.gather(*(call(number) for number in range(tasks)))

    # --------------------------------------------------------------------------------------------------- the telling

    def expect(self, calls: int) -> None:
        """Say how many calls the bar is for."""
        self._ended, self._expected = 0, calls

    def tell(self, what: str, done: float, total: float) -> None:
        """Move the bar."""
        if self.view is not None:
            self.view.progress(what, done, total)

    def counts(self) -> Counts:
        """Return the client's side of the story."""
        return Counts.of_client(self.recorder.spans, self.lifetimes.expiries + self.elsewhere)

    def _call_ended(self) -> None:
        self._ended += 1  # threads may lose one here: it only moves a bar
        self.tell("calls", self._ended, max(self._expected, self._ended))
