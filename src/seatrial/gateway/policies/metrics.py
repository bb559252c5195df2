"""What the gateway tells Prometheus: counts of requests by route, and of attempts by model.

Each worker counts for itself; a snapshot of its counts goes into its beat, so that any worker can
tell those of all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from seatrial.gateway.chat.call import Attempt, Journal
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.policies.course import FAILED
from seatrial.kernel.metric_text import Family, Labels, Sample, metric_text

BUCKETS_S: Final = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip
"""Edges of all histograms.   Source: OpenTelemetry, metrics of generative AI clients."""

OK: Final = "ok"
_MAX_MODELS: Final = 500
_OTHERS: Final = ("other", "other")
"""Where attempts at further models are counted, so that no caller can make names without end."""


class Times(msgspec.Struct, kw_only=True):
    """How long things took.

    Args:
        buckets: how many were at most as slow as each of `BUCKETS_S` and slower than the one
            before; the last for those slower than all.
        seconds: all of them added up.
    """

    buckets: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self.seconds += seconds


class RouteCounts(msgspec.Struct, kw_only=True):
    """Requests of one route.

    Args:
        outcomes: by ``ok`` or the code of the error they ended with.
        cache: by what the cache did.
        latency: of those that ended well.
        first_token: of streams, until the first piece of the answer.
        n_fallbacks: requests that were answered after a candidate had failed.
    """

    route: str
    outcomes: dict[str, int] = msgspec.field(default_factory=dict)
    cache: dict[str, int] = msgspec.field(default_factory=dict)
    latency: Times = msgspec.field(default_factory=Times)
    first_token: Times = msgspec.field(default_factory=Times)
    n_fallbacks: int = 0


class ModelCounts(msgspec.Struct, kw_only=True):
    """Attempts at one model of one provider.

    Args:
        outcomes: by ``ok`` or the code of the error they ended with.
        tokens: by kind.
        cost_usd: of those whose cost is known.
        n_unpriced: those whose cost is not.
        latency: of all attempts.
    """

    provider: str
    model: str
    outcomes: dict[str, int] = msgspec.field(default_factory=dict)
    tokens: dict[str, int] = msgspec.field(default_factory=dict)
    cost_usd: Decimal = Decimal(0)
    n_unpriced: int = 0
    latency: Times = msgspec.field(default_factory=Times)


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker counted since it started."""

    routes: list[RouteCounts] = []
    models: list[ModelCounts] = []


class GatewayCounts:
    """Counts of one process; for one thread."""

    def __init__(self) -> None:
        self._routes: dict[str, RouteCounts] = {}
        self._models: dict[tuple[str, str], ModelCounts] = {}

    def ended(
        self,
        route: str,
        journal: Journal,
        *,
        outcome: str,
        seconds: float,
        first_token_s: float | None = None,
    ) -> None:
        """A request is over.

        Args:
            route: its name in the configuration.
            journal: of the request.
            outcome: ``ok``, or the code of the error it ended with.
            seconds: how long it took.
            first_token_s: until the first piece of a stream that speaks.
        """
        counts = self._routes.get(route)
        if counts is None:
            counts = self._routes[route] = RouteCounts(route=route)
        counts.outcomes[outcome] = counts.outcomes.get(outcome, 0) + 1
        counts.cache[journal.cache] = counts.cache.get(journal.cache, 0) + 1
        if outcome == OK:
            counts.latency.add(seconds)
            counts.n_fallbacks += FAILED in journal.notes
        if first_token_s is not None:
            counts.first_token.add(first_token_s)
        for attempt in journal.attempts:
            self._attempted(attempt)
        for attempt in journal.beside:
            self._attempted(attempt)

    def snapshot(self) -> Snapshot:
        """The counts as they are; the same objects go on counting."""
        return Snapshot(routes=list(self._routes.values()), models=list(self._models.values()))

    def _attempted(self, attempt: Attempt) -> None:
        counts = self._of_model(attempt.provider, attempt.model)
        outcome = attempt.failure or OK
        counts.outcomes[outcome] = counts.outcomes.get(outcome, 0) + 1
        counts.latency.add(attempt.ended - attempt.began)
        if attempt.cost_usd is not None:
            counts.cost_usd += attempt.cost_usd
        elif attempt.usage is not None or attempt.failure is None:
            counts.n_unpriced += 1
        if attempt.usage is not None:
            _add_tokens(counts.tokens, attempt.usage)

    def _of_model(self, provider: str, model: str) -> ModelCounts:
        key = provider, model
        counts = self._models.get(key)
        if counts is None:
            key = key if len(self._models) < _MAX_MODELS else _OTHERS
            counts = self._models.setdefault(key, ModelCounts(provider=key[0], model=key[1]))
        return counts


def _add_tokens(tokens: dict[str, int], usage: Usage) -> None:
    """Add those of a usage by kind; a kind that was never used has no count."""
    if n := usage.input_tokens:
        tokens["input"] = tokens.get("input", 0) + n
    if n := usage.output_tokens:
        tokens["output"] = tokens.get("output", 0) + n
    if n := usage.cached_tokens:
        tokens["cached"] = tokens.get("cached", 0) + n
    if n := usage.cache_write_tokens:
        tokens["cache_write"] = tokens.get("cache_write", 0) + n
    if n := usage.reasoning_tokens:
        tokens["reasoning"] = tokens.get("reasoning", 0) + n


def exposition(workers: Mapping[str, Snapshot]) -> str:
    """The counts of all workers, by name, in Prometheus' text format."""
    return metric_text(
        _FAMILIES,
        (
            (name, (*labels, ("worker", worker)), value)
            for worker, snapshot in sorted(workers.items())
            for name, labels, value in (*_of_routes(snapshot), *_of_models(snapshot))
        ),
    )


def _of_routes(snapshot: Snapshot) -> Iterator[Sample]:
    for counts in snapshot.routes:
        labels = (("route", counts.route),)
        for outcome, n in counts.outcomes.items():
            yield "seatrial_llm_requests_total", (*labels, ("outcome", outcome)), n
        for use, n in counts.cache.items():
            yield "seatrial_llm_cache_total", (*labels, ("use", use)), n
        yield "seatrial_llm_fallbacks_total", labels, counts.n_fallbacks
        yield from _histogram("seatrial_llm_latency_seconds", labels, counts.latency)
        yield from _histogram("seatrial_llm_first_token_seconds", labels, counts.first_token)


def _of_models(snapshot: Snapshot) -> Iterator[Sample]:
    for counts in snapshot.models:
        labels = (("provider", counts.provider), ("model", counts.model))
        for outcome, n in counts.outcomes.items():
            yield "seatrial_llm_attempts_total", (*labels, ("outcome", outcome)), n
        for kind, n in counts.tokens.items():
            yield "seatrial_llm_tokens_total", (*labels, ("kind", kind)), n
        yield "seatrial_llm_cost_usd_total", labels, float(counts.cost_usd)
        yield "seatrial_llm_unpriced_attempts_total", labels, counts.n_unpriced
        yield from _histogram("seatrial_llm_attempt_seconds", labels, counts.latency)


def _histogram(name: str, labels: Labels, times: Times) -> Iterator[Sample]:
    n = 0
    for edge, more in zip((*map(str, BUCKETS_S), "+Inf"), times.buckets, strict=True):
        n += more
        yield f"{name}_bucket", (*labels, ("le", edge)), n
    yield f"{name}_sum", labels, times.seconds
    yield f"{name}_count", labels, n


_FAMILIES: Final[Mapping[str, Family]] = {
    "seatrial_llm_requests_total": ("counter", "Requests to the gateway by outcome."),
    "seatrial_llm_latency_seconds": ("histogram", "Requests that ended well, first to last byte."),
    "seatrial_llm_first_token_seconds": ("histogram", "Streams until they said something."),
    "seatrial_llm_cache_total": ("counter", "Requests by what the cache did for them."),
    "seatrial_llm_fallbacks_total": ("counter", "Requests answered after a candidate had failed."),
    "seatrial_llm_attempts_total": ("counter", "Requests sent to providers by outcome."),
    "seatrial_llm_attempt_seconds": ("histogram", "Requests sent to providers."),
    "seatrial_llm_tokens_total": ("counter", "Tokens by kind; cached ones are input, too."),
    "seatrial_llm_cost_usd_total": ("counter", "Cost of attempts whose price is known."),
    "seatrial_llm_unpriced_attempts_total": ("counter", "Attempts whose cost nobody knows."),
}
