"""Spans as OpenTelemetry's SDK sees them."""

import builtins

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from seatrial.adapters.otel import OtelTracer
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
    wrapped = under(ScriptedProvider([answers("one"), fails(FULL)]), OtelTracer(provider))
    with provider.get_tracer("app").start_as_current_span("outer") as outer:
        await wrapped.chat(REQUEST, CALL)
        with pytest.raises(Overloaded):
            await wrapped.chat(REQUEST, CALL)
    good, bad, _ = exporter.get_finished_spans()
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
    assert tracer.begin("chat small", {}) is None
    assert (await under(ScriptedProvider(), tracer).chat(REQUEST, CALL)).text == "It works."


def test_without_an_sdk_nothing_is_recorded():
    assert OtelTracer().begin("chat small", {"gen_ai.operation.name": "chat"}) is None


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] == "opentelemetry":
            raise ImportError(name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"seatrial\[otel\]"):
        OtelTracer()
