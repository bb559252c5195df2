"""A goal is met by its ratio, missed by it, and neither without figures."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.serving.goals import Result, evaluate
from benchmarks.serving.medians import Cell, Medians


def cell(rate: float, *, p95_ms: float = 1.0, p99_ms: float = 1.0) -> Cell:
    return Cell(
        rate=rate,
        rate_low=rate,
        rate_high=rate,
        p50_ms=0.5,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        n_rounds=1,
        n_requests=1000,
        n_errors=0,
        n_checked=128,
    )


def medians(
    cells: dict[tuple[str, str], Cell], *, cold_start_s: float = 0.4, memory_mb: float = 80
) -> Medians:
    return Medians(
        cells=cells,
        cold_start_s={"seatrial": cold_start_s},
        memory_mb={"seatrial": memory_mb},
        loaded_mb={},
        failures=(),
    )


def results(measured: Medians) -> dict[str, Result]:
    return {goal.title: goal.result for goal in evaluate(measured)}


PEERS = {
    ("litserve", "one-c64"): cell(1_000, p99_ms=70),
    ("mlserver", "one-c64"): cell(3_000, p99_ms=34),
    ("triton", "one-c64"): cell(7_000, p99_ms=8.6),
    ("floor", "one-c64"): cell(30_000),
}


def test_without_figures_no_goal_is_met_or_missed() -> None:
    empty = Medians(cells={}, cold_start_s={}, memory_mb={}, loaded_mb={}, failures=())
    assert {goal.result for goal in evaluate(empty)} == {Result.NOT_MEASURED}


def test_each_goal_names_what_it_found() -> None:
    goals = evaluate(medians(PEERS | {("seatrial", "one-c64"): cell(24_000, p99_ms=2.5)}))
    found = {goal.title: goal.measured for goal in goals}
    assert found["1 row, c64: 0.8 of the floor's rate"] == "0.80"
    assert found["1 row, c64: 8 times the best Python peer"] == "8.00"
    assert found["1 row, c64: p99 under every peer's"] == "2.50 ms against 8.60 ms"


def test_exactly_the_ratio_is_enough_and_less_is_not() -> None:
    title = "1 row, c64: 0.8 of the floor's rate"
    at = medians(PEERS | {("seatrial", "one-c64"): cell(24_000)})
    under = medians(PEERS | {("seatrial", "one-c64"): cell(23_999)})
    assert results(at)[title] is Result.MET
    assert results(under)[title] is Result.MISSED
    assert {g.title: g.measured for g in evaluate(under)}[title] == "0.79"


def test_one_python_peer_without_figures_leaves_the_best_of_them_unknown() -> None:
    cells = PEERS | {("seatrial", "one-c64"): cell(24_000)}
    del cells["litserve", "one-c64"]
    assert (
        results(medians(cells))["1 row, c64: 8 times the best Python peer"] is Result.NOT_MEASURED
    )


def test_the_same_quantile_as_a_peer_is_not_under_it() -> None:
    cells = PEERS | {("seatrial", "one-c64"): cell(24_000, p99_ms=8.6)}
    assert results(medians(cells))["1 row, c64: p99 under every peer's"] is Result.MISSED


def test_one_failed_request_anywhere_misses_a_goal() -> None:
    good, bad = cell(10), replace(cell(10), n_errors=1)
    clean = medians({("seatrial", "one-c1"): good, ("seatrial", "one-c16"): good})
    dirty = medians({("seatrial", "one-c1"): good, ("seatrial", "one-c16"): bad})
    assert results(clean)["no request failed"] is Result.MET
    assert results(dirty)["no request failed"] is Result.MISSED


def test_start_and_memory_are_held_against_absolute_limits() -> None:
    slow = results(medians({}, cold_start_s=1.0, memory_mb=119))
    assert slow["cold start to first 200 under 1 s"] is Result.MISSED
    assert slow["memory under 120 MB with the model loaded"] is Result.MET
