"""Spans by OpenTelemetry; whoever runs the process chooses where they go, through its SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.gateway.policies.tracing import Attribute
from seatrial.kernel.errors import MissingExtra


class OtelTracer:
    """`gateway.policies.tracing.Tracer` over ``opentelemetry-api``.

    Args:
        provider: an OpenTelemetry tracer provider; None for the one that is set globally.
    Raises: MissingExtra.
    """

    def __init__(self, provider: Any = None) -> None:
        try:
            from opentelemetry import trace
        except ImportError as error:
            raise MissingExtra("opentelemetry", "otel") from error
        self._kind = trace.SpanKind.CLIENT
        self._failed = trace.Status(trace.StatusCode.ERROR)
        self._tracer = trace.get_tracer("seatrial.gateway", tracer_provider=provider)

    def begin(self, name: str, attributes: Mapping[str, Attribute]) -> OtelSpan | None:
        """See Tracer."""
        span = self._tracer.start_span(name, kind=self._kind, attributes=attributes)
        return OtelSpan(span, self._failed) if span.is_recording() else None


class OtelSpan:
    """`gateway.policies.tracing.Span`; `OtelTracer` makes them.

    Args:
        span: OpenTelemetry's.
        failed: the status of one that ends with an error.
    """

    __slots__ = ("_failed", "_span")

    def __init__(self, span: Any, failed: Any) -> None:
        self._span = span
        self._failed = failed

    def set(self, attributes: Mapping[str, Attribute]) -> None:
        """See Span."""
        self._span.set_attributes(attributes)

    def end(self, error_type: str | None = None) -> None:
        """See Span."""
        if error_type is not None:
            self._span.set_attribute("error.type", error_type)
            self._span.set_status(self._failed)
        self._span.end()
