"""The medians of a run over its rounds. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from statistics import median

from benchmarks.gateway.library import Costs
from benchmarks.gateway.run import (
    DIRECT,
    Failure,
    Held,
    Import,
    Outcome,
    Start,
    Streamed,
    Timing,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One gateway under one load: medians over rounds, sums of requests and errors.

    Args:
        rate: answers with status 200 a second; rate_low, rate_high: of the slowest and the fastest
            round.
        cpu_ms: for each answer.
    """

    rate: float
    rate_low: float
    rate_high: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float
    n_requests: int
    n_errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One gateway.

    Args:
        cells: by load.
        added_p50_ms: to the upstream's own, at concurrency 1.
        added_first_ms: to the upstream's own, until the first word of a stream.
        stream_cpu_ms: for each stream.
        open_stream_kb: memory for each of many streams that are open at once.
        unread_mb: memory for a long stream that nobody reads.
    """

    cells: dict[str, Cell] = field(default_factory=dict)
    added_p50_ms: float | None = None
    added_first_ms: float | None = None
    stream_cpu_ms: float | None = None
    cold_start_s: float | None = None
    memory_mb: float | None = None
    loaded_mb: float | None = None
    n_processes: int | None = None
    open_stream_kb: float | None = None
    unread_mb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Medians:
    """A whole run: a row by gateway, what libraries cost, and what has no figures.

    Args: import_s: of `seatrial.gateway`.
    """

    rows: dict[str, Row]
    libraries: tuple[Costs, ...]
    import_s: float | None
    failures: tuple[Failure, ...]


def summarise(outcomes: Iterable[Outcome]) -> Medians:
    """Fold results, in any order. Delays are told against the upstream in the same round."""
    timings: dict[str, dict[str, list[Timing]]] = defaultdict(lambda: defaultdict(list))
    streams: dict[str, list[Streamed]] = defaultdict(list)
    starts: dict[str, list[Start]] = defaultdict(list)
    held: dict[str, Held] = {}
    libraries: list[Costs] = []
    import_s: float | None = None
    failures: list[Failure] = []
    for outcome in outcomes:
        match outcome:
            case Timing():
                timings[outcome.peer][outcome.scenario].append(outcome)
            case Streamed():
                streams[outcome.peer].append(outcome)
            case Start():
                starts[outcome.peer].append(outcome)
            case Held():
                held[outcome.peer] = outcome
            case Costs():
                libraries.append(outcome)
            case Import():
                import_s = outcome.took_s
            case Failure():
                failures.append(outcome)
    direct_ms = {one.round: one.figures.p50_ms for one in timings.pop(DIRECT, {}).get("c1", [])}
    first_ms = {one.round: one.first_word_ms for one in streams.pop(DIRECT, [])}
    names = {*timings, *streams, *starts, *held}
    return Medians(
        rows={
            name: replace(
                _row(timings[name], streams[name], starts[name], direct_ms, first_ms),
                **_weights(held.get(name)),
            )
            for name in names
        },
        libraries=tuple(libraries),
        import_s=import_s,
        failures=tuple(failures),
    )


def _row(
    timings: dict[str, list[Timing]],
    streams: list[Streamed],
    starts: list[Start],
    direct_ms: dict[int, float],
    first_ms: dict[int, float],
) -> Row:
    return Row(
        cells={scenario: _cell(rounds) for scenario, rounds in timings.items()},
        added_p50_ms=_median(
            one.figures.p50_ms - direct_ms[one.round]
            for one in timings.get("c1", [])
            if one.round in direct_ms
        ),
        added_first_ms=_median(
            one.first_word_ms - first_ms[one.round] for one in streams if one.round in first_ms
        ),
        stream_cpu_ms=_median(one.cpu_ms for one in streams),
        cold_start_s=_median(one.cold_start_s for one in starts),
        memory_mb=_median(one.memory_mb for one in starts),
        loaded_mb=_median(one.loaded_mb for one in starts),
        n_processes=max((one.n_processes for one in starts), default=None),
    )


def _weights(held: Held | None) -> dict[str, float]:
    if held is None:
        return {}
    weights = held.weights
    open_mb = weights.streaming - weights.rest
    return {"open_stream_kb": open_mb * 1e3 / held.n_open, "unread_mb": weights.flooded}


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return median(found) if found else None


def _cell(rounds: list[Timing]) -> Cell:
    rates = [one.figures.rate for one in rounds]
    return Cell(
        rate=median(rates),
        rate_low=min(rates),
        rate_high=max(rates),
        cpu_ms=median(one.cpu_ms for one in rounds),
        p50_ms=median(one.figures.p50_ms for one in rounds),
        p99_ms=median(one.figures.p99_ms for one in rounds),
        n_requests=sum(one.figures.n_requests for one in rounds),
        n_errors=sum(one.figures.n_errors for one in rounds),
    )
