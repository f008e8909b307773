"""Counts, durations and queues of one worker, as Prometheus reads them.

No label has more values than the routes, statuses and outcomes that there are: whoever asks for strange paths or
methods makes no series of his own.
"""

from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST
_METHODS = {"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"}
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Written on the event loop, once per request, by the journal."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
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
        """Have a number read each time that somebody asks."""
        Gauge(f"signedin_{name}", text, registry=self._registry).set_function(value)

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
        return generate_latest(self._registry)
