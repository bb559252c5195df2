"""What seatrial is to reach, as ratios to what others reached in the same run. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.serving.medians import Cell, Medians

SUBJECT = "seatrial"
FLOOR = "floor"
TRITON = "triton"
PYTHON_PEERS = ("litserve", "mlserver")
BATCH_OF_ONE = ("one-c16", "one-c64")


class Result(StrEnum):
    """How a goal stands. A goal without its figures is neither met nor missed."""

    MET = "met"
    MISSED = "missed"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One goal and how it stands.

    Args:
        title: what is asked, in words.
        measured: what was found, in words; a dash when nothing was.
        result: met, missed or not measured.
    """

    title: str
    measured: str
    result: Result


def evaluate(medians: Medians) -> list[Goal]:
    """Every goal against the medians of a run."""
    goals: list[Goal] = []
    for scenario in BATCH_OF_ONE:
        c = scenario.removeprefix("one-c")
        goals += [
            _rate(medians, scenario, (FLOOR,), 0.8, f"1 row, c{c}: 0.8 of the floor's rate"),
            _rate(medians, scenario, PYTHON_PEERS, 8, f"1 row, c{c}: 8 times the best Python peer"),
            _rate(medians, scenario, (TRITON,), 3, f"1 row, c{c}: 3 times Triton"),
            _quicker(medians, scenario, _p99, f"1 row, c{c}: p99 under every peer's"),
        ]
    goals += [
        _rate(medians, "many-json", (FLOOR,), 1, "1,024 rows, JSON: as fast as the floor"),
        _rate(medians, "many-binary", (TRITON,), 1.5, "1,024 rows, binary: 1.5 times Triton"),
        _rate(medians, "forest-c64", (TRITON,), 1, "native forest, c64: Triton's rate"),
        _quicker(medians, "forest-c64", _p95, "native forest, c64: p95 below Triton's", (TRITON,)),
        _faultless(medians),
        _absolute(medians.cold_start_s, 1, "s", "cold start to first 200 under 1 s"),
        _absolute(medians.memory_mb, 120, "MB", "memory under 120 MB with the model loaded"),
    ]
    return goals


def _p95(cell: Cell) -> float:
    return cell.p95_ms


def _p99(cell: Cell) -> float:
    return cell.p99_ms


def _rate(
    medians: Medians, scenario: str, others: tuple[str, ...], factor: float, title: str
) -> Goal:
    """At least ``factor`` times the best rate among ``others``, all of which must be there."""
    ours = medians.cells.get((SUBJECT, scenario))
    theirs = [medians.cells.get((name, scenario)) for name in others]
    if ours is None or None in theirs:
        return Goal(title=title, measured="-", result=Result.NOT_MEASURED)
    best = max(cell.rate for cell in theirs if cell is not None)
    ratio = ours.rate / best if best else math.inf
    return Goal(title=title, measured=_rounded_down(ratio), result=_judge(met=ratio >= factor))


def _rounded_down(ratio: float) -> str:
    """Two decimals that never show a ratio as reached when it was not."""
    return f"{math.floor(ratio * 100 + 1e-9) / 100:.2f}" if math.isfinite(ratio) else "all to none"


def _quicker(
    medians: Medians,
    scenario: str,
    quantile: Callable[[Cell], float],
    title: str,
    others: tuple[str, ...] = (*PYTHON_PEERS, TRITON),
) -> Goal:
    """A lower quantile than each of ``others``, all of which must be there."""
    ours = medians.cells.get((SUBJECT, scenario))
    theirs = [medians.cells.get((name, scenario)) for name in others]
    if ours is None or None in theirs:
        return Goal(title=title, measured="-", result=Result.NOT_MEASURED)
    best = min(quantile(cell) for cell in theirs if cell is not None)
    return Goal(
        title=title,
        measured=f"{quantile(ours):.2f} ms against {best:.2f} ms",
        result=_judge(met=quantile(ours) < best),
    )


def _faultless(medians: Medians) -> Goal:
    """Every request of every timed load answered with status 200."""
    title = "no request failed"
    ours = [cell for (name, _), cell in medians.cells.items() if name == SUBJECT]
    if not ours:
        return Goal(title=title, measured="-", result=Result.NOT_MEASURED)
    n_errors, n_requests = sum(c.n_errors for c in ours), sum(c.n_requests for c in ours)
    measured = f"{n_errors:,} of {n_requests:,}"
    return Goal(title=title, measured=measured, result=_judge(met=n_errors == 0))


def _absolute(values: dict[str, float], limit: float, unit: str, title: str) -> Goal:
    value = values.get(SUBJECT)
    if value is None:
        return Goal(title=title, measured="-", result=Result.NOT_MEASURED)
    return Goal(title=title, measured=f"{value:.3g} {unit}", result=_judge(met=value < limit))


def _judge(*, met: bool) -> Result:
    return Result.MET if met else Result.MISSED
