"""What OpenTelemetry sees: a span for each attempt and each refresh, counters beside them; nothing while it is off."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from signedin import APIError, HttpRefresher, MemoryStore, RefreshUnavailableError, TokenPair, _events
from signedin.opentelemetry import instrument
from signedin.protocols import NotSent
from signedin.testing import FakeAuthServer
from signedin_sdk.api.auth import login
from signedin_sdk.types import Place, Setting

from tests.auth.contracts import contract
from tests.auth.driving import signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from opentelemetry.sdk.trace import ReadableSpan

    from tests.auth.driving import Drive, Server

pytestmark = pytest.mark.anyio


class Telemetry:
    """Exporters in memory, and what stands in them."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracer = TracerProvider(shutdown_on_exit=False)
        tracer.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = tracer.get_tracer("of the test")
        self.meter = MeterProvider([self.reader], shutdown_on_exit=False)
        self.end = instrument(tracer_provider=tracer, meter_provider=self.meter)

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def points(self, name: str) -> list[Any]:
        data: Any = self.reader.get_metrics_data()
        if data is None:
            return []
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
        return [point for scope in scopes for m in scope.metrics if m.name == name for point in m.data.data_points]


def _parent(span: ReadableSpan) -> list[str]:
    assert span.parent is not None
    return [f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}"]


def _ids(span: ReadableSpan) -> list[str]:
    assert span.context is not None
    return [f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"]


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Observe one test."""
    telemetry = Telemetry()
    yield telemetry
    telemetry.end()
    telemetry.meter.shutdown()


@pytest.mark.usefixtures("exchange")
async def test_each_attempt_is_a_client_span_whose_context_travels_along(
    drive: Drive, server: Server, telemetry: Telemetry
) -> None:
    async with drive.client(server, max_retries=1) as client:
        server.fail("getProfile", "503")
        await drive(client.users.get_profile)
        first, second = telemetry.spans("GET /users/profile")
        sent = [request.headers["traceparent"] for request in client.wire.sent_to("/users/profile")]
    common = {
        "http.request.method": "GET",
        "url.template": "/users/profile",
        "url.full": f"{server.base_url}/users/profile",
        "server.address": httpx.URL(server.base_url).host,
        "server.port": httpx.URL(server.base_url).port or 443,
        "network.protocol.version": "1.1",
    }
    assert dict(first.attributes or {}) == {**common, "http.response.status_code": 503, "error.type": "503"}
    assert dict(second.attributes or {}) == {**common, "http.response.status_code": 200, "http.request.resend_count": 1}
    assert (first.kind, first.status.status_code) == (SpanKind.CLIENT, StatusCode.ERROR)
    assert second.status.status_code == StatusCode.UNSET
    assert [header.split("-")[1:3] for header in sent] == [_ids(first), _ids(second)]
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert [point.value for point in telemetry.points("signedin.call.retries")] == [1]
    durations = telemetry.points("http.client.request.duration")
    assert {point.attributes["http.response.status_code"]: point.count for point in durations} == {200: 1, 503: 1}


@pytest.mark.usefixtures("exchange")
async def test_an_error_is_a_type_and_nothing_that_was_sent(drive: Drive, server: Server, telemetry: Telemetry) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("s3cret", request=request)

    async with drive.client(server, transport=httpx.MockTransport(refuse)) as client:
        with pytest.raises(APIError):
            await drive(client.with_options(headers={"x-key": "s3cret"}).auth.login, email="s3cret", password="s3cret")
    [span] = telemetry.spans("POST /auth/login")
    assert (span.attributes or {})["error.type"] == f"{httpx.__name__}.ReadError"
    assert "s3cret" not in span.to_json()


async def test_whatever_ends_an_attempt_ends_its_span(drive: Drive, server: Server, telemetry: Telemetry) -> None:
    def break_off(_: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError

    async with drive.client(server, transport=httpx.MockTransport(break_off)) as client:
        with pytest.raises(ZeroDivisionError):
            await drive(client.users.get_profile)
    [span] = telemetry.spans("GET /users/profile")
    assert (span.attributes or {})["error.type"] == "ZeroDivisionError"
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_a_refresh_is_a_child_of_its_call(drive: Drive, server: Server, telemetry: Telemetry) -> None:
    async with drive.client(server) as client:
        server.expire_access_tokens()
        await drive.outcomes(client.users.get_profile, 3)
        await drive.close(client.session)
    span = telemetry.spans("signedin.refresh")[-1]
    attributes = dict(span.attributes or {})
    waiters = attributes.pop("signedin.refresh.waiters")
    assert isinstance(waiters, int)
    assert waiters >= 1
    assert attributes == {"signedin.refresh.reason": "rejected", "signedin.refresh.outcome": "refreshed"}
    calls = {call.context.span_id for call in telemetry.spans("GET /users/profile") if call.context}
    assert span.parent is not None
    assert span.parent.span_id in calls
    counted = {p.attributes["signedin.refresh.reason"]: p.value for p in telemetry.points("signedin.refresh.waits")}
    assert counted["rejected"] == waiters


async def test_a_request_for_tokens_is_a_client_span_below_its_refresh_or_its_caller_and_shows_no_token(
    drive: Drive, server: Server, telemetry: Telemetry
) -> None:
    async with drive.client(server) as client:
        server.expire_access_tokens()
        server.fail("refreshToken", "500")
        await drive(client.users.get_profile)
        await drive.close(client.session)
        with telemetry.tracer.start_as_current_span("caller"):
            await drive(client.logout)
        sent = client.wire.refreshes + client.wire.sent_to("/auth/logout")
    first, second = telemetry.spans("POST /auth/refreshToken")
    [revocation], [caller] = telemetry.spans("POST /auth/logout"), telemetry.spans("caller")
    [refresh] = telemetry.spans("signedin.refresh")
    assert [_parent(span) for span in (first, second, revocation)] == [*[_ids(refresh)] * 2, _ids(caller)]
    assert [request.headers["traceparent"].split("-")[1:3] for request in sent] == [
        _ids(span) for span in (first, second, revocation)
    ]
    assert dict(second.attributes or {}) == {
        "http.request.method": "POST",
        "url.template": "/auth/refreshToken",
        "url.full": f"{server.base_url}/auth/refreshToken",
        "server.address": httpx.URL(server.base_url).host,
        "server.port": httpx.URL(server.base_url).port or 443,
        "network.protocol.version": "1.1",
        "http.response.status_code": 200,
    }
    assert {span.kind for span in (first, second, revocation)} == {SpanKind.CLIENT}
    assert ((first.attributes or {})["error.type"], first.status.status_code) == ("500", StatusCode.ERROR)
    shown = "".join(span.to_json() for span in telemetry.exporter.get_finished_spans())
    tokens = [token for request in sent for token in json.loads(request.content).values()]
    assert len(tokens) == 3
    assert not [token for token in tokens if token in shown]


@pytest.mark.parametrize("url", ["https://login.test/{tenant}/token?from=s3cret", "/{tenant}/token"])
def test_a_request_for_tokens_is_named_by_the_contract_and_without_an_answer_by_the_class_of_its_error(
    url: str, telemetry: Telemetry
) -> None:
    tenant = (Setting("tenant", Place("path", "tenant")),)
    refresher = HttpRefresher(
        contract(request={"url": url, "settings": tenant}),
        "https://auth.test/v1",
        settings={"tenant": "s3cret"},
        client=lambda: httpx.Client(transport=httpx.MockTransport(_out_of_reach)),
    )
    assert isinstance(refresher.refresh(TokenPair("s3cret", "s3cret"), attempt="s3cret", timeout=5.0), NotSent)
    [span] = telemetry.spans("POST /{tenant}/token")
    base = "https://login.test" if "login" in url else "https://auth.test/v1"
    assert (span.attributes or {})["url.full"] == f"{base}/{{tenant}}/token"
    assert (span.attributes or {})["error.type"] == f"{httpx.__name__}.ConnectError"
    assert "s3cret" not in span.to_json()


def test_a_sign_in_anew_is_named_by_the_path_of_its_operation(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "OPERATION", login.OPERATION._replace(path="/{email}/login"))
    refresher = HttpRefresher(
        contract(request="none", renew="signIn", sign_in="login"),
        "https://auth.test/v1",
        credentials=lambda: {"email": "s3cret", "password": "s3cret"},
        client=lambda: httpx.Client(transport=httpx.MockTransport(_out_of_reach)),
    )
    assert isinstance(refresher.refresh(TokenPair("s3cret"), attempt="s3cret", timeout=5.0), NotSent)
    [span] = telemetry.spans("POST /{email}/login")
    assert (span.attributes or {})["url.full"] == "https://auth.test/v1/{email}/login"
    assert "s3cret" not in span.to_json()


def _out_of_reach(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("s3cret", request=request)


async def test_a_refresh_that_fails_is_an_error_by_its_class(
    drive: Drive, server: Server, telemetry: Telemetry
) -> None:
    async with drive.client(server) as client:
        server.expire_access_tokens()
        server.fail("refreshToken", *["500"] * 9)
        with pytest.raises(RefreshUnavailableError):
            await drive(client.users.get_profile)
        await drive.close(client.session)
    span = telemetry.spans("signedin.refresh")[-1]
    assert (span.attributes or {})["error.type"] == "RefreshUnavailableError"
    assert span.status.status_code == StatusCode.ERROR
    outcomes = [p.attributes["signedin.refresh.outcome"] for p in telemetry.points("signedin.refresh.duration")]
    assert "RefreshUnavailableError" in outcomes


async def test_a_pair_of_another_process_is_counted(drive: Drive, server: Server, telemetry: Telemetry) -> None:
    store = MemoryStore()
    async with drive.client(server, store=store) as one, drive.client(server, store=store, signed_in=False) as other:
        await drive(other.session.refresh if not drive.is_async else other.session.arefresh)
        await drive(one.users.get_profile)
        await drive(one.session.load if not drive.is_async else one.session.aload)
    assert telemetry.points("signedin.session.adopted")[0].value >= 1


def test_ended_or_off_nothing_is_observed_and_nothing_is_imported(telemetry: Telemetry) -> None:
    telemetry.end()
    assert _events.observer is None
    program = "import sys, signedin; signedin.Client('http://localhost'); assert 'opentelemetry' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_what_is_off_costs_a_call_one_look_at_the_log_and_unused_retries_at_most_one_function(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "signedin")
    retrying, plain = _functions_of_a_call(max_retries=2), _functions_of_a_call(max_retries=0)
    assert retrying.total() - plain.total() <= 1
    assert [name for name in retrying if "logging" in name or "opentelemetry" in name or "_events" in name] == [
        f"{logging.__file__} Logger.isEnabledFor"
    ]


def _functions_of_a_call(**options: Any) -> Counter[str]:
    """Return which Python functions a call enters, and how often, once everything is warm."""
    entered: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            entered[f"{frame.f_code.co_filename} {frame.f_code.co_qualname}"] += 1

    profile = sys.getprofile()
    with signed_in(FakeAuthServer(), **options) as client:
        client.users.get_profile()
        client.users.get_profile()
        sys.setprofile(count)
        try:
            client.users.get_profile()
        finally:
            sys.setprofile(profile)
    return entered


def test_without_the_package_the_import_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "signedin.opentelemetry")
    with pytest.raises(ImportError, match=r"pip install signedin\[opentelemetry\]"):
        __import__("signedin.opentelemetry")
