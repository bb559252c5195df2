"""Tracers against the suite that defines one: OpenTelemetry's SDK, and the one in memory."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from seatrial.adapters.telemetry.otel import OtelTracer
from seatrial.testing import TracerSuite
from seatrial.testing.recording_tracer import RecordingTracer
from seatrial.testing.tracer_suite import Ended


class TestOtelTracer(TracerSuite):
    @pytest.fixture
    def tracer(self) -> OtelTracer:
        provider, self.exporter = TracerProvider(), InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        return OtelTracer(provider)

    @pytest.fixture
    def silent(self) -> OtelTracer:
        return OtelTracer()

    def ended(self, tracer: OtelTracer) -> list[Ended]:
        found = []
        for span in self.exporter.get_finished_spans():
            attributes = dict(span.attributes or {})
            error_type = attributes.pop("error.type", None)
            assert span.status.is_ok == (error_type is None)
            found.append((span.name, attributes, error_type))
        return found


class TestRecordingTracer(TracerSuite):
    @pytest.fixture
    def tracer(self) -> RecordingTracer:
        return RecordingTracer()

    @pytest.fixture
    def silent(self) -> RecordingTracer:
        return RecordingTracer(records=False)

    def ended(self, tracer: RecordingTracer) -> list[Ended]:
        return [(one.name, one.attributes, one.error_type) for one in tracer.spans if one.ended]
