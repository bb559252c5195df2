"""A tracer that keeps its spans in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seatrial.gateway.policies.tracing import Attribute


@dataclass(slots=True)
class RecordedSpan:
    """`gateway.policies.tracing.Span` that remembers; it may be ended once, and not changed then.

    Args:
        begun_with: the attributes it began with.
    """

    name: str
    begun_with: dict[str, Attribute]
    attributes: dict[str, Attribute] = field(default_factory=dict)
    error_type: str | None = None
    ended: bool = False

    def set(self, attributes: Mapping[str, Attribute]) -> None:
        """See Span."""
        if self.ended:
            raise AssertionError(f"the span {self.name!r} was changed after its end")
        self.attributes.update(attributes)

    def end(self, error_type: str | None = None) -> None:
        """See Span."""
        if self.ended:
            raise AssertionError(f"the span {self.name!r} was ended twice")
        self.ended, self.error_type = True, error_type


@dataclass(slots=True)
class RecordingTracer:
    """`gateway.policies.tracing.Tracer` for tests.

    Args:
        records: whether spans are wanted.
    """

    records: bool = True
    spans: list[RecordedSpan] = field(default_factory=list)

    def begin(self, name: str, attributes: Mapping[str, Attribute]) -> RecordedSpan | None:
        """See Tracer."""
        if not self.records:
            return None
        span = RecordedSpan(name, dict(attributes), dict(attributes))
        self.spans.append(span)
        return span
