"""The medians of a run over its rounds. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from benchmarks.serving.run import Failure, Loaded, Outcome, Start, Timing
from benchmarks.serving.scenario import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One server in one scenario: medians over rounds, sums of requests and errors.

    Args:
        rate: answers with status 200 a second.
        rate_low, rate_high: of the slowest and the fastest round.
        p50_ms, p95_ms, p99_ms: medians of the rounds' quantiles.
        cpu_ms: median of what all processes of the server took for each answer.
    """

    rate: float
    rate_low: float
    rate_high: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    n_rounds: int
    n_requests: int
    n_errors: int
    n_checked: int
    cpu_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Medians:
    """A whole run.

    Args:
        cells: by server and scenario.
        cold_start_s, memory_mb, loaded_mb: by server, with one of the models.
        failures: what has no figures, and why.
    """

    cells: dict[tuple[str, str], Cell]
    cold_start_s: dict[str, float]
    memory_mb: dict[str, float]
    loaded_mb: dict[str, float]
    failures: tuple[Failure, ...]


def summarise(outcomes: Iterable[Outcome], model: Model = Model.GBDT) -> Medians:
    """Fold results, in any order.   Args: model: with which servers are weighed."""
    timings: dict[tuple[str, str], list[Timing]] = defaultdict(list)
    starts: dict[str, list[Start]] = defaultdict(list)
    loaded: dict[str, list[Loaded]] = defaultdict(list)
    failures: list[Failure] = []
    for outcome in outcomes:
        match outcome:
            case Timing():
                timings[outcome.peer, outcome.scenario].append(outcome)
            case Start() if outcome.model == model:
                starts[outcome.peer].append(outcome)
            case Loaded() if outcome.model == model:
                loaded[outcome.peer].append(outcome)
            case Start() | Loaded():
                pass
            case Failure():
                failures.append(outcome)
    return Medians(
        cells={key: _cell(rounds) for key, rounds in timings.items()},
        cold_start_s={name: median(s.cold_start_s for s in x) for name, x in starts.items()},
        memory_mb={name: median(s.memory_mb for s in x) for name, x in starts.items()},
        loaded_mb={name: median(s.memory_mb for s in x) for name, x in loaded.items()},
        failures=tuple(failures),
    )


def _cell(rounds: list[Timing]) -> Cell:
    figures = [timing.figures for timing in rounds]
    rates = [f.rate for f in figures]
    cpu = [timing.cpu_ms for timing in rounds if timing.cpu_ms is not None]
    return Cell(
        rate=median(rates),
        rate_low=min(rates),
        rate_high=max(rates),
        p50_ms=median(f.p50_ms for f in figures),
        p95_ms=median(f.p95_ms for f in figures),
        p99_ms=median(f.p99_ms for f in figures),
        n_rounds=len(figures),
        n_requests=sum(f.n_requests for f in figures),
        n_errors=sum(f.n_errors for f in figures),
        n_checked=sum(timing.n_checked for timing in rounds),
        cpu_ms=median(cpu) if cpu else None,
    )
