"""Spans that are over, handed to OpenTelemetry's SDK as what its processors pass on.

The SDK makes a span to be changed while it goes on: locks, bounded lists, each attribute looked at.
One that is over needs none of that, which is two thirds of what it costs. So it is sampled and
numbered as ever, and given to the SDK's processors in the form that spans have at their end.

This is done only where nobody could tell the difference: with the SDK itself, no limit that an
attribute could meet, and processors that do nothing when spans begin, as those for exporters are.
The SDK does not promise all of what is looked at here; where a version lacks some of it, spans are
made the ordinary way.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from seatrial.gateway.policies.tracing import Attribute, Attributes

_MOST_ATTRIBUTES = 64
"""No span here has so many."""


class EndedSpans:
    """Hands on the spans of one tracer; `of` makes it.

    Args: tracer: of the SDK.
    """

    def __init__(self, tracer: Any) -> None:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import ReadableSpan

        self._tracer, self._trace, self._span = tracer, trace, ReadableSpan
        self._processors: object = ()
        self._unseen = True  # by these processors, until spans are over
        self._known_flags: dict[tuple[bool, bool], Any] = {}

    @classmethod
    def of(cls, tracer: Any) -> EndedSpans | None:
        """None for a tracer whose spans have to be made the ordinary way."""
        sdk = sys.modules.get("opentelemetry.sdk.trace")  # loaded, where a tracer is from there
        if sdk is None or type(tracer) is not sdk.Tracer:
            return None
        if not hasattr(tracer, "_instrumentation_scope"):
            return None
        limits = getattr(tracer, "_span_limits", None)
        most = getattr(limits, "max_span_attributes", 0)
        bounded = getattr(limits, "max_span_attribute_length", 0) is not None
        counts = type(getattr(tracer, "_tracer_metrics", None)).__name__  # of the SDK itself
        if bounded or (most is not None and most < _MOST_ATTRIBUTES):
            return None
        return cls(tracer) if counts in ("NoneType", "NoOpTracerMetrics") else None

    def usable(self) -> bool:
        """Whether nobody could tell the difference now: processors may come at any time."""
        processors = getattr(self._tracer.span_processor, "_span_processors", None)
        if processors is not self._processors:
            self._processors = processors
            self._unseen = processors is not None and not any(map(_sees, processors))
        enabled = getattr(self._tracer, "_is_enabled", None)
        return self._unseen and (enabled is None or enabled())

    def hand_on(
        self,
        name: str,
        *,
        context: Any,
        kind: Any,
        times_ns: tuple[int, int],
        asked: Attributes,
        told: Any,
        status: Any,
    ) -> None:
        """Sample a span and hand it on.

        Args:
            context: in which it began.
            times_ns: when it began and ended, since 1970.
            asked: by which it may be decided whether to record it.
            told: gives the other attributes; called where it is recorded.
        """
        tracer, trace = self._tracer, self._trace
        # Most calls come from no span of this process, and their context holds nothing.
        parent = trace.get_current_span(context).get_span_context() if context else None
        if parent is not None and parent.is_valid:
            trace_id = parent.trace_id
        else:
            parent, trace_id = None, tracer.id_generator.generate_trace_id()
        sampled = tracer.sampler.should_sample(context, trace_id, name, kind, asked, ())
        if not sampled.decision.is_recording():
            return
        attributes: Mapping[str, Attribute] = {**sampled.attributes, **told()}
        own = trace.SpanContext(
            trace_id,
            tracer.id_generator.generate_span_id(),
            is_remote=False,
            trace_flags=self._flags(sampled.decision, parent),
            trace_state=sampled.trace_state,
        )
        tracer.span_processor.on_end(
            self._span(
                name,
                context=own,
                parent=parent,
                resource=tracer.resource,
                attributes=attributes,
                kind=kind,
                instrumentation_info=tracer.instrumentation_info,
                status=status,
                start_time=times_ns[0],
                end_time=times_ns[1],
                instrumentation_scope=tracer._instrumentation_scope,
            )
        )

    def _flags(self, decision: Any, parent: Any) -> Any:
        """Of a trace: sampled, and whether its id is by chance, where the SDK says that."""
        if parent is None:
            says = getattr(self._tracer.id_generator, "is_trace_id_random", None)
            by_chance = says is not None and says()
        else:
            by_chance = getattr(parent.trace_flags, "random_trace_id", False)
        known = decision.is_sampled(), by_chance
        found = self._known_flags.get(known)
        if found is None:
            flags = self._trace.TraceFlags
            found = flags.SAMPLED if known[0] else flags.DEFAULT
            found = flags(found | flags.RANDOM_TRACE_ID if by_chance else found)
            self._known_flags[known] = found
        return found


def _sees(processor: Any) -> bool:
    """Whether a processor may do something before a span is over."""
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    blind = (SpanProcessor, SimpleSpanProcessor, BatchSpanProcessor)
    return any(
        getattr(type(processor), step, None) not in [getattr(kind, step, None) for kind in blind]
        for step in ("on_start", "_on_ending")
    )
