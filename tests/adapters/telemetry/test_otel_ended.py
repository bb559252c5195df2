"""Spans that are handed on when they are over are those that the SDK would have made itself."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)

from seatrial.adapters.telemetry.otel import OtelTracer
from seatrial.adapters.telemetry.otel_ended import EndedSpans
from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.failures import Overloaded
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.policies.spans import Server, traced
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.scripted_provider import ScriptedProvider, answers, fails

REQUEST = ChatRequest(model="small", messages=(said(Role.USER, "Why?"),), stop=("x", "y"), seed=7)
FULL = Overloaded("It is full.", remedy="Wait.", provider="scripted")


class Onlooker(SpanProcessor):
    """Sees spans begin, and marks them."""

    def on_start(self, span, parent_context=None):
        span.set_attribute("seen", True)


class Marking(Sampler):
    """Adds an attribute, and records without sampling."""

    def should_sample(self, parent_context, trace_id, name, *args, **kwargs):
        return SamplingResult(Decision.RECORD_ONLY, {"sampled.by": "me", **(args[1] or {})})

    def get_description(self):
        return "marking"


class Numbers:
    """Ids in order."""

    def __init__(self) -> None:
        self.n = 0

    def generate_span_id(self) -> int:
        self.n += 1
        return self.n

    def generate_trace_id(self) -> int:
        self.n += 1
        return self.n << 64

    def is_trace_id_random(self) -> bool:
        return True


def provider_of(sampler: Sampler = ALWAYS_ON, **settings) -> TracerProvider:
    return TracerProvider(
        sampler=sampler,
        resource=Resource({"service.name": "gateway"}),
        id_generator=Numbers(),  # type: ignore[arg-type]
        **settings,
    )


async def exported(provider: TracerProvider) -> Sequence[dict[str, Any]]:
    """What an exporter is given of three calls, without their times."""
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    script = ScriptedProvider([answers("one"), fails(FULL), answers("two")])
    server = Server(vendor="openai", address="api.example.org", port=8443)
    provider_under = traced(script, OtelTracer(provider), server=server, now=now)
    call = Call(id="one", deadline=1060.0, journal=Journal())
    await provider_under.chat(REQUEST, call)
    with provider.get_tracer("app").start_as_current_span("outer"):
        with pytest.raises(Overloaded):
            await provider_under.chat(REQUEST, call)
        async for _ in provider_under.stream(REQUEST, call):
            pass
    await provider_under.close()
    spans = [json.loads(span.to_json()) for span in exporter.get_finished_spans()]
    for span in spans:
        assert span.pop("start_time") <= span.pop("end_time")
        span["attributes"].pop("gen_ai.response.time_to_first_chunk", None)
    flags = [int(span.context.trace_flags) for span in exporter.get_finished_spans()]
    scopes = [span.instrumentation_scope for span in exporter.get_finished_spans()]
    return [*spans, {"flags": flags, "scopes": scopes}]


def of_calls(spans: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The attributes of the spans of calls."""
    return [span["attributes"] for span in spans if span.get("name") == "chat small"]


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Turns the short way off."""
    return lambda: monkeypatch.setattr(EndedSpans, "of", lambda _: None)


@pytest.mark.parametrize(
    "sampler",
    [ALWAYS_ON, ALWAYS_OFF, ParentBased(ALWAYS_ON), TraceIdRatioBased(0.5), Marking()],
    ids=["on", "off", "parent", "ratio", "marking"],
)
@in_fake_time
async def test_exporters_get_what_the_sdk_would_have_made(
    sampler: Sampler, ordinary: Callable[[], None]
) -> None:
    assert EndedSpans.of(provider_of().get_tracer("x")) is not None
    short = await exported(provider_of(sampler))
    ordinary()
    assert short == await exported(provider_of(sampler))


@in_fake_time
async def test_a_processor_that_sees_spans_begin_gets_them_from_the_sdk() -> None:
    provider = provider_of()
    provider.add_span_processor(Onlooker())
    assert [one["seen"] for one in of_calls(await exported(provider))] == [True] * 3


def test_a_processor_may_come_later() -> None:
    provider = provider_of()
    over = EndedSpans.of(provider.get_tracer("x"))
    assert over is not None
    assert over.usable()
    exporting = BatchSpanProcessor(InMemorySpanExporter())
    provider.add_span_processor(exporting)
    assert over.usable()
    provider.add_span_processor(Onlooker())
    assert not over.usable()
    exporting.shutdown()


@in_fake_time
async def test_limits_of_attributes_are_kept() -> None:
    limits = SpanLimits(max_span_attribute_length=4)
    found = of_calls(await exported(provider_of(span_limits=limits)))
    assert [one["gen_ai.provider.name"] for one in found] == ["open"] * 3


def test_tracers_of_others_have_the_ordinary_way() -> None:
    assert EndedSpans.of(object()) is None
    assert (
        EndedSpans.of(provider_of(span_limits=SpanLimits(max_span_attributes=9)).get_tracer("x"))
        is None
    )
