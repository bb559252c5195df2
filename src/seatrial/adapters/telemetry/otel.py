"""Spans by OpenTelemetry; whoever runs the process chooses where they go, through its SDK.

A span is taken down with a few words while its call goes on, and made into one of the SDK's some
moments later, several together: its begin, its end and its parent are those of the call. Made one
by one, between all else a call does, they take twice the time. Where the SDK allows it, it is made
as one that is over (`adapters/telemetry/otel_ended.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import time_ns
from typing import Any

from seatrial.adapters.telemetry.otel_ended import EndedSpans
from seatrial.gateway.policies.tracing import Attributes
from seatrial.kernel.errors import MissingExtra

_log = logging.getLogger(__name__)

_GATHER_S = 0.05
_AT_ONCE = 16
"""Each takes up to 20 us, for which nothing else is done."""


class OtelTracer:
    """`gateway.policies.tracing.Tracer` over ``opentelemetry-api``.

    What has ended is handed to the SDK within 50 ms, and with `flush` at once.

    Args:
        provider: an OpenTelemetry tracer provider; None for the one that is set globally.
    Raises: MissingExtra.
    """

    def __init__(self, provider: Any = None) -> None:
        try:
            from opentelemetry import context, trace
        except ImportError as error:
            raise MissingExtra("opentelemetry", "otel") from error
        self._kind = trace.SpanKind.CLIENT
        self._unset = trace.Status(trace.StatusCode.UNSET)
        self._failed = trace.Status(trace.StatusCode.ERROR)
        self._tracer: Any = None
        self._over: EndedSpans | None = None
        self._provider = provider
        if provider is not None:
            self._trace_by(provider)
        self._global = trace.get_tracer_provider
        self._none = (trace.NoOpTracerProvider, trace.ProxyTracerProvider)
        self._context = context.get_current
        self._ended: list[OtelSpan] = []
        self._due: asyncio.TimerHandle | None = None

    def begin(self, name: str, asked: Callable[[], Attributes]) -> OtelSpan | None:
        """See Tracer."""
        if self._provider is None:
            found = self._global()
            if isinstance(found, self._none):  # nobody has set one up, so far
                return None
            self._trace_by(found)
        return OtelSpan(self._take, name, asked, self._context())

    def _trace_by(self, provider: Any) -> None:
        self._provider, self._tracer = provider, provider.get_tracer("seatrial.gateway")
        self._over = EndedSpans.of(self._tracer)

    def flush(self) -> None:
        """See Tracer."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        ended, self._ended = self._ended, []
        over = self._over if self._over is not None and self._over.usable() else None
        for one in ended:
            try:
                if over is None:
                    self._hand_on(one)
                else:
                    self._hand_on_over(over, one)
            except Exception:  # noqa: BLE001 - an adapter's border: no call fails for what is told of it
                _log.exception("The span %r is lost.", one.name)

    def _take(self, ended: OtelSpan) -> None:
        self._ended.append(ended)
        if len(self._ended) >= _AT_ONCE:
            self.flush()
        elif self._due is None:
            self._due = asyncio.get_running_loop().call_later(_GATHER_S, self.flush)

    def _hand_on_over(self, over: EndedSpans, one: OtelSpan) -> None:
        over.hand_on(
            one.name,
            context=one.context,
            kind=self._kind,
            times_ns=(one.began_ns, one.ended_ns),
            asked=one.asked(),
            told=one.all_told,
            status=self._unset if one.error_type is None else self._failed,
        )

    def _hand_on(self, one: OtelSpan) -> None:
        span = self._tracer.start_span(
            one.name,
            context=one.context,
            kind=self._kind,
            attributes=one.asked(),
            start_time=one.began_ns,
        )
        if not span.is_recording():
            return
        span.set_attributes(one.all_told())
        if one.error_type is not None:
            span.set_status(self._failed)
        span.end(end_time=one.ended_ns)


class OtelSpan:
    """`gateway.policies.tracing.Span`; `OtelTracer` makes them.

    Args:
        take: told of its end.
        context: of OpenTelemetry, in which it began.
    """

    __slots__ = ("_take", "asked", "began_ns", "context", "ended_ns", "error_type", "name", "told")

    def __init__(
        self,
        take: Callable[[OtelSpan], None],
        name: str,
        asked: Callable[[], Attributes],
        context: Any,
    ) -> None:
        self._take, self.name, self.asked, self.context = take, name, asked, context
        self.told: Callable[[], Attributes] = dict
        self.error_type: str | None = None
        self.began_ns, self.ended_ns = time_ns(), 0

    def end(self, told: Callable[[], Attributes], error_type: str | None = None) -> None:
        """See Span."""
        self.told, self.error_type, self.ended_ns = told, error_type, time_ns()
        self._take(self)

    def all_told(self) -> Attributes:
        """What is known of it at its end, the kind of error included."""
        if self.error_type is None:
            return self.told()
        return {**self.told(), "error.type": self.error_type}
