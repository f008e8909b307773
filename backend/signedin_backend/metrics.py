"""Counts, durations and queues, as Prometheus reads them: of one worker, or of all that share a folder.

Workers share what they count through files, as prometheus_client does where PROMETHEUS_MULTIPROC_DIR names a folder.

No label has more values than the routes, statuses and outcomes that there are: whoever asks for strange paths or
methods makes no series of his own.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from signedin_backend.settings import SettingsError

CONTENT_TYPE = CONTENT_TYPE_LATEST
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_REFRESH_SECONDS = 1.0
_METHODS = {"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"}
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Written on the event loop, once per request, by the journal."""

    def __init__(self) -> None:
        name = os.environ.get(_FOLDER)
        self._folder = Path(name) if name else None
        if self._folder is not None and not os.access(self._folder, os.W_OK | os.X_OK):
            raise SettingsError(f"{_FOLDER} must be a folder that can be written to")
        self._registry = CollectorRegistry()
        self._watched: list[tuple[Gauge, Callable[[], float]]] = []
        self._requests = self._counter("requests", "Answered requests", "method", "route", "status")
        self._outcomes = self._counter("outcomes", "What became of requests", "kind", "reason")
        self._revoked = self._counter("sessions_revoked", "Sessions ended by logging out or by the reuse of a token")
        self._limited = self._counter("rate_limited", "Requests beyond a rate limit", "route")
        self._seconds = Histogram(
            "signedin_request_seconds",
            "Seconds from the head of a request to the end of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"signedin_{name}", text, labels, registry=self._registry)

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show a number as it is at each scrape; of other workers as it was at most a second before."""
        gauge = Gauge(f"signedin_{name}", text, registry=self._registry, multiprocess_mode="livesum")
        self._watched.append((gauge, value))

    async def share(self) -> None:
        """Keep the numbers fresh that other workers show, for as long as this one runs."""
        while self._folder is not None:
            self._refresh()
            await anyio.sleep(_REFRESH_SECONDS)

    def _refresh(self) -> None:
        for gauge, value in self._watched:
            gauge.set(value())

    def record(self, marked: Mapping[str, Any], *, status: int, about: Mapping[str, Any]) -> None:
        """Count one answered request."""
        method, route = about.get("method", ""), about.get("route", "")
        self._requests.labels(method if method in _METHODS else "other", route, status).inc()
        if "ms" in about:
            self._seconds.labels(route).observe(about["ms"] / 1000)
        if "kind" in marked:
            self._outcomes.labels(marked["kind"], marked.get("reason", "")).inc()
        if marked.get("revoked"):
            self._revoked.inc()
        if status == 429:
            self._limited.labels(route).inc()

    def text(self) -> bytes:
        """Return everything, in the format that Prometheus reads."""
        self._refresh()
        if self._folder is None:
            return generate_latest(self._registry)
        for file in self._folder.glob("gauge_live*_*.db"):
            if not _is_alive(pid := int(file.stem.rpartition("_")[2])):
                mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody, str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(everybody)


def _is_alive(pid: int) -> bool:
    # What dead workers counted stays; what they showed of themselves is over.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
