"""Spans as OpenTelemetry's SDK sees them."""

import asyncio
import builtins
from time import time_ns

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from seatrial.adapters.telemetry.otel import OtelTracer
from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.failures import Overloaded
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.policies.spans import Server, traced
from seatrial.kernel.errors import MissingExtra
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.scripted_provider import ScriptedProvider, answers, fails

REQUEST = ChatRequest(model="small", messages=(said(Role.USER, "Why?"),), stop=("x",))
CALL = Call(id="one", deadline=1060.0, journal=Journal())
FULL = Overloaded("It is full.", remedy="Wait.", provider="scripted")


def recording() -> tuple[TracerProvider, InMemorySpanExporter]:
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def under(inner: ScriptedProvider, tracer: OtelTracer):
    server = Server(vendor="openai", address="api.example.org")
    return traced(inner, tracer, server=server, now=now)


@in_fake_time
async def test_calls_become_client_spans_within_the_current_one():
    provider, exporter = recording()
    tracer = OtelTracer(provider)
    wrapped = under(ScriptedProvider([answers("one"), fails(FULL)]), tracer)
    with provider.get_tracer("app").start_as_current_span("outer") as outer:
        await wrapped.chat(REQUEST, CALL)
        with pytest.raises(Overloaded):
            await wrapped.chat(REQUEST, CALL)
    await wrapped.close()
    _, good, bad = exporter.get_finished_spans()
    assert good.name == "chat small"
    assert good.kind is SpanKind.CLIENT
    assert good.parent is not None
    assert good.parent.span_id == outer.get_span_context().span_id
    assert good.status.status_code is StatusCode.UNSET
    assert good.attributes is not None
    assert good.attributes["gen_ai.provider.name"] == "openai"
    assert good.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert good.attributes["gen_ai.request.stop_sequences"] == ("x",)
    assert good.instrumentation_scope is not None
    assert good.instrumentation_scope.name == "seatrial.gateway"
    assert bad.status.status_code is StatusCode.ERROR
    assert bad.attributes is not None
    assert bad.attributes["error.type"] == "gateway.provider_overloaded"


@in_fake_time
async def test_what_is_not_sampled_is_not_put_together():
    provider = TracerProvider(sampler=ALWAYS_OFF)
    tracer = OtelTracer(provider)
    span = tracer.begin("chat small", dict)
    assert span is not None
    span.end(lambda: pytest.fail("it is put together"))
    tracer.flush()
    assert (await under(ScriptedProvider(), tracer).chat(REQUEST, CALL)).text == "It works."


@in_fake_time
async def test_spans_are_handed_on_together_with_the_times_of_their_calls():
    provider, exporter = recording()
    tracer = OtelTracer(provider)
    before = time_ns()
    for _ in range(3):
        span = tracer.begin("chat small", dict)
        assert span is not None
        span.end(dict)
    after = time_ns()
    assert exporter.get_finished_spans() == ()
    await asyncio.sleep(0.06)
    spans = exporter.get_finished_spans()
    assert len(spans) == 3
    times = [(span.start_time or 0, span.end_time or 0) for span in spans]
    assert times == sorted(times)
    assert all(before <= began <= ended <= after for began, ended in times)


@in_fake_time
async def test_of_many_none_waits_for_the_moment():
    provider, exporter = recording()
    tracer = OtelTracer(provider)
    wrapped = under(ScriptedProvider(), tracer)
    for _ in range(16):
        await wrapped.chat(REQUEST, CALL)
    assert len(exporter.get_finished_spans()) == 16


@in_fake_time
async def test_a_span_that_cannot_be_made_is_lost_alone(caplog: pytest.LogCaptureFixture):
    provider, exporter = recording()
    tracer = OtelTracer(provider)
    for told in (lambda: 1 / 0, dict):
        span = tracer.begin("chat small", dict)
        assert span is not None
        span.end(told)
    tracer.flush()
    assert len(exporter.get_finished_spans()) == 1
    assert "'chat small' is lost" in caplog.text


def test_without_an_sdk_nothing_is_recorded():
    assert OtelTracer().begin("chat small", dict) is None


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] == "opentelemetry":
            raise ImportError(name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"seatrial\[otel\]"):
        OtelTracer()
