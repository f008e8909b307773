"""The workers, and the hits: `kill -9` and SIGSTOP, at random moments and in the very middle of a refresh.

A worker's host is the third part of its address; now and then a hit strikes a whole host, as a power cut does.

Only processes that were started here are hit, by their handle, and only while they have not been waited for.
"""

from __future__ import annotations

import heapq
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.children import with_bytecode
from tests.chaos.worker import TIMING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.chaos.proxy import Moment
    from tests.chaos.worker import WorkerOrders

_WHOLE_HOST: Final = 0.2  # how often, from 0 to 1, where there are several
_MOST_STOPS: Final = 4.0  # seconds at most; longer than one sending may take, shorter than a lease
_BEYOND_A_LEASE: Final = TIMING.lease + 2.0
_OVERTAKEN: Final = 1 / 12  # how often a stop is beyond a lease: meanwhile nobody may be able to refresh


@dataclass(frozen=True, slots=True)
class Hit:
    """One worker, hit at a time; a stopped one goes on at `until`."""

    sender: str
    kind: str
    at: float
    until: float

    @property
    def beyond_a_lease(self) -> bool:
        """Whether others may have taken over meanwhile what it was about to do."""
        return self.until - self.at > TIMING.lease


@dataclass(slots=True)
class Fleet:
    """N workers, each replaced when it was killed."""

    orders: list[WorkerOrders]
    chance: random.Random
    hits: list[Hit] = field(default_factory=list)  # guarded by _mutex, like all below
    starts: int = 0
    # Says when the server's grace has been used so far that one more lost answer could end the session.
    hold_fire: Callable[[], bool] = lambda: False
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)  # bytes of each report when its worker started
    _stopped: list[tuple[float, str]] = field(default_factory=list)  # when to continue whom
    _aim: Moment | None = None
    _over: bool = False
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Start every worker that does not run."""
        with self._mutex:
            for orders in self.orders:
                process = self._running.get(orders.sender)
                if process is None or process.poll() is not None:
                    self._sizes[orders.sender] = _size(orders.report)
                    self._running[orders.sender] = subprocess.Popen(orders.command(), env=with_bytecode())
                    self.starts += 1

    def aim(self) -> None:
        """Hit the sender of the next refresh, at one of its moments."""
        self._aim = self.chance.choice(("arrived", "rotated", "answered"))

    def on_refresh(self, sender: str, moment: Moment) -> None:
        """Hit the sender if somebody aimed at this moment. Called in the proxy's thread."""
        if self._aim == moment:
            self._aim = None
            self.hit(sender)

    def hit(self, sender: str | None = None) -> None:
        """Kill or stop one worker; if none is named, a random one that is at work, no longer starting."""
        if self.hold_fire():
            return
        with self._mutex:
            if self._over:
                return
            if sender is None:
                busy = [o.sender for o in self.orders if _size(o.report) > self._sizes[o.sender]]
                if not busy:
                    return
                sender = self.chance.choice(busy)
            struck = self._whole_host(sender) if self.chance.random() < _WHOLE_HOST else [sender]
            now, kill = time.monotonic(), self.chance.random() < 0.5
            until = now if kill else now + self._stop()
            for one in struck:
                self._strike(one, now, until)

    def _stop(self) -> float:
        return _BEYOND_A_LEASE if self.chance.random() < _OVERTAKEN else self.chance.uniform(0.05, _MOST_STOPS)

    def _whole_host(self, sender: str) -> list[str]:
        hosts = {_host(orders.sender) for orders in self.orders}
        return [o.sender for o in self.orders if len(hosts) > 1 and _host(o.sender) == _host(sender)] or [sender]

    def _strike(self, sender: str, now: float, until: float) -> None:
        process = self._running.get(sender)
        if process is None or process.poll() is not None or any(who == sender for _, who in self._stopped):
            return
        if until == now:
            process.send_signal(signal.SIGKILL)
            self.hits.append(Hit(sender, "kill", now, now))
            return
        process.send_signal(signal.SIGSTOP)
        self.hits.append(Hit(sender, "stop", now, until))
        heapq.heappush(self._stopped, (until, sender))

    def go_on(self, *, everyone: bool = False) -> None:
        """Continue the workers that were stopped for long enough."""
        with self._mutex:
            while self._stopped and (everyone or self._stopped[0][0] <= time.monotonic()):
                _, sender = heapq.heappop(self._stopped)
                if self._running[sender].poll() is None:
                    self._running[sender].send_signal(signal.SIGCONT)

    def rampage(self, hits: int, seconds: float, *, enough: Callable[[], bool], still_well: Callable[[], bool]) -> None:
        """Deal so many hits, spread over about so many seconds, and replace whom they killed; go on until it is enough.

        A lease of 8 seconds is left behind by each kill at the wrong moment, and nothing can happen meanwhile.
        """
        mean, end = seconds / max(hits, 1), time.monotonic() + 10 * seconds
        begun, due = time.monotonic(), time.monotonic()
        while time.monotonic() < end and still_well():
            if len(self.hits) >= hits and time.monotonic() >= begun + seconds and enough():
                return
            if len(self.hits) < hits and time.monotonic() >= due:
                due = time.monotonic() + self.chance.uniform(0.2, 1.8) * mean
                if self._aim is None and self.chance.random() < 0.5:
                    self.aim()
                else:  # also while an aim waits for a refresh, which may have to wait for the end of a lease
                    self.hit()
            time.sleep(0.02)
            self.go_on()
            self.start()

    def finish(self, patience: float) -> int:
        """Wait for the workers, which are to stop; return how many did not end, and end those."""
        with self._mutex:
            self._over = True  # the proxy's thread may be about to hit
        self.go_on(everyone=True)
        end, left = time.monotonic() + patience, 0
        for process in self._running.values():
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                left += 1
                process.kill()
                process.wait(10)
        return left


def _host(sender: str) -> str:
    return sender.rpartition(".")[0]


def _size(report: str) -> int:
    path = Path(report)
    return path.stat().st_size if path.exists() else 0
