"""OpenTelemetry (extra `opentelemetry`): spans and metrics of calls and refreshes, the trace context on each request.

Names and attributes are those of the semantic conventions for HTTP clients. Nothing that a caller passes is among them:
`url.full` ends with the path template. Importing this module is what imports OpenTelemetry; nothing else here does.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any, Final

import httpx

from signedin import _events
from signedin._options import VERSION

try:
    from opentelemetry import context, metrics, propagate, trace
    from opentelemetry.trace import SpanKind, Status, StatusCode
except ModuleNotFoundError:
    raise ImportError("signedin.opentelemetry needs its extra: pip install signedin[opentelemetry]") from None

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

    from signedin.protocols import Event

__all__ = ["instrument"]
_SCHEMA: Final = "https://opentelemetry.io/schemas/1.37.0"
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)  # as they advise


def instrument(
    *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> Callable[[], None]:
    """Observe all clients of this process from now on, by the global providers or these; return what ends it.

    Call it after the providers are set up, in a server that forks after the fork. The last call wins.
    """
    observer = _events.observer = _Observer(
        trace.get_tracer("signedin", VERSION, tracer_provider, _SCHEMA),
        metrics.get_meter("signedin", VERSION, meter_provider, _SCHEMA),
    )

    def end() -> None:
        if _events.observer is observer:
            _events.observer = None

    return end


class _Observer:
    """As `_events.Observer`."""

    def __init__(self, tracer: trace.Tracer, meter: metrics.Meter) -> None:
        self._tracer = tracer
        histogram = functools.partial(meter.create_histogram, unit="s", explicit_bucket_boundaries_advisory=_SECONDS)
        self._calls = histogram("http.client.request.duration", description="Duration of HTTP requests")
        self._refreshes = histogram("signedin.refresh.duration", description="Duration of refreshes, by outcome")
        self._retries = meter.create_counter("signedin.call.retries", "{retry}", "Attempts after the first one")
        self._waits = meter.create_counter("signedin.refresh.waits", "{call}", "Callers that waited for a refresh")
        self._adopted = meter.create_counter(
            "signedin.session.adopted", "{pair}", "Token pairs that another process had refreshed"
        )

    def attempt(
        self, base_url: str, method: str, path: str, number: int
    ) -> tuple[dict[str, str], Callable[[object], None]]:
        attributes: dict[str, str | int] = {"http.request.method": method, "url.template": path, **_server(base_url)}
        resent = {"http.request.resend_count": number - 1} if number > 1 else {}
        if resent:
            self._retries.add(1, attributes)
        span = self._tracer.start_span(
            f"{method} {path}",
            kind=SpanKind.CLIENT,
            attributes={**attributes, **resent, "url.full": base_url + path},
        )
        current, began = context.attach(trace.set_span_in_context(span)), time.perf_counter()
        headers: dict[str, str] = {}
        propagate.inject(headers)

        def end(outcome: object) -> None:
            labels = _outcome(outcome)
            _end(span, labels)
            self._calls.record(time.perf_counter() - began, {**attributes, **labels})
            if not isinstance(outcome, GeneratorExit):  # a coroutine that nobody finished is closed in any context
                context.detach(current)

        return headers, end

    def refresh(self, reason: str) -> Callable[[str, int, float], None]:
        began = time.time_ns()
        span = self._tracer.start_span(
            "signedin.refresh", attributes={"signedin.refresh.reason": reason}, start_time=began
        )
        current = context.attach(trace.set_span_in_context(span))  # the parent of the requests

        def end(outcome: str, waiters: int, seconds: float) -> None:
            failed = {} if outcome in {"refreshed", "adopted"} else {"error.type": outcome}
            span.set_attributes({"signedin.refresh.outcome": outcome, "signedin.refresh.waiters": waiters})
            _end(span, failed, began + int(seconds * 1e9))
            context.detach(current)
            labels = {"signedin.refresh.reason": reason, "signedin.refresh.outcome": outcome}
            self._refreshes.record(seconds, labels)
            self._waits.add(waiters, {"signedin.refresh.reason": reason})

        return end

    def event(self, event: Event) -> None:
        if event.name == "adopted":
            self._adopted.add(1)


@functools.lru_cache(maxsize=64)
def _server(base_url: str) -> dict[str, str | int]:
    url = httpx.URL(base_url)
    return {"server.address": url.host, "server.port": url.port or (443 if url.scheme == "https" else 80)}


def _outcome(outcome: object) -> dict[str, str | int]:
    """Return the attributes of a response or an error; never the error's text, which may quote what was sent."""
    if not isinstance(outcome, httpx.Response):
        kind = outcome if isinstance(outcome, type) else type(outcome)
        return {"error.type": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")}
    labels: dict[str, Any] = {"http.response.status_code": outcome.status_code}
    labels["network.protocol.version"] = outcome.http_version.removeprefix("HTTP/").removesuffix(".0")
    if outcome.status_code >= 400:
        labels["error.type"] = str(outcome.status_code)
    return labels


def _end(span: Span, attributes: dict[str, Any], when: int | None = None) -> None:
    span.set_attributes(attributes)
    if "error.type" in attributes:
        span.set_status(Status(StatusCode.ERROR))
    span.end(when)
