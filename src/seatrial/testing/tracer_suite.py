"""What every tracer must do; see `gateway.policies.tracing`."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.gateway.policies.tracing import Attribute, Attributes, Span, Tracer

Ended = tuple[str, Mapping[str, Attribute], str | None]
"""Name, attributes and kind of error of a span that was handed on."""


class Asked:
    """Attributes that count how often they are asked for."""

    def __init__(self, **found: Attribute) -> None:
        self._found = found
        self.n = 0

    def __call__(self) -> Attributes:
        """They are asked for."""
        self.n += 1
        return self._found


class TracerSuite:
    """Subclass it as ``Test...`` with fixtures ``tracer``, which records, and ``silent``, for which
    nobody does, and one method."""

    def ended(self, tracer: Tracer) -> list[Ended]:
        """The spans that a tracer has handed on, in the order of their ends."""
        raise NotImplementedError

    def begun(self, tracer: Tracer, name: str, asked: Asked | None = None) -> Span:
        """A span that is recorded."""
        span = tracer.begin(name, asked or Asked())
        assert span is not None
        return span

    async def test_a_span_says_what_was_asked_and_what_was_told(self, tracer: Tracer) -> None:
        """Each asked for once; without an error it ended well."""
        asked, told = Asked(model="small", stop=("x", "y")), Asked(n=3, share=0.5, last=True)
        self.begun(tracer, "chat small", asked).end(told)
        tracer.flush()
        attributes = {"model": "small", "stop": ("x", "y"), "n": 3, "share": 0.5, "last": True}
        assert self.ended(tracer) == [("chat small", attributes, None)]
        assert (asked.n, told.n) == (1, 1)

    async def test_a_span_that_failed_says_how(self, tracer: Tracer) -> None:
        """And still what was told of it."""
        self.begun(tracer, "chat").end(Asked(n=1), "gateway.provider_overloaded")
        tracer.flush()
        ((_, attributes, error_type),) = self.ended(tracer)
        assert (attributes["n"], error_type) == (1, "gateway.provider_overloaded")

    async def test_spans_may_lie_within_and_beside_each_other(self, tracer: Tracer) -> None:
        """Each keeps its own; one that has not ended is not handed on."""
        first, second = self.begun(tracer, "first"), self.begun(tracer, "second")
        self.begun(tracer, "goes on")
        second.end(Asked(n=2))
        first.end(Asked(n=1))
        tracer.flush()
        found = [(name, attributes["n"]) for name, attributes, _ in self.ended(tracer)]
        assert sorted(found) == [("first", 1), ("second", 2)]

    async def test_to_hand_on_twice_hands_on_once(self, tracer: Tracer) -> None:
        """And there may be nothing."""
        tracer.flush()
        assert self.ended(tracer) == []
        self.begun(tracer, "chat").end(Asked())
        tracer.flush()
        tracer.flush()
        assert len(self.ended(tracer)) == 1

    async def test_nothing_is_asked_where_nobody_records(self, silent: Tracer) -> None:
        """There is no span then."""
        asked = Asked()
        assert silent.begin("chat", asked) is None
        silent.flush()
        assert asked.n == 0
