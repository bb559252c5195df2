"""A tracer that keeps its spans in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from seatrial.gateway.policies.tracing import Attribute, Attributes


@dataclass(slots=True)
class RecordedSpan:
    """`gateway.policies.tracing.Span` that remembers; it may be ended once.

    Args:
        begun_with: the attributes it began with.
    """

    name: str
    begun_with: dict[str, Attribute]
    attributes: dict[str, Attribute] = field(default_factory=dict)
    error_type: str | None = None
    ended: bool = False

    def end(self, told: Callable[[], Attributes], error_type: str | None = None) -> None:
        """See Span."""
        if self.ended:
            raise AssertionError(f"the span {self.name!r} was ended twice")
        self.attributes.update(told())
        self.ended, self.error_type = True, error_type


@dataclass(slots=True)
class RecordingTracer:
    """`gateway.policies.tracing.Tracer` for tests.

    Args:
        records: whether spans are wanted.
    """

    records: bool = True
    spans: list[RecordedSpan] = field(default_factory=list)

    def begin(self, name: str, asked: Callable[[], Attributes]) -> RecordedSpan | None:
        """See Tracer."""
        if not self.records:
            return None
        attributes = asked()
        span = RecordedSpan(name, dict(attributes), dict(attributes))
        self.spans.append(span)
        return span

    def flush(self) -> None:
        """See Tracer; nothing waits."""
