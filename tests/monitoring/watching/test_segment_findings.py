"""What the segments of a window mean for people: the worst are named, and only what is sure."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from seatrial.monitoring.alerts.finding import Finding, Kind, Level
from seatrial.monitoring.drift.segments import SegmentDrift, compare_segments
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.watching.segment_findings import segment_finding

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
TOWNS = tuple(f"town {i}" for i in range(6))


def rows(n: int, seed: int, *, shift: float = 0.0, lost: float = 0.0) -> Table:
    """Rows of six towns; in the second ``x`` moves, in the third ``plan`` is missing."""
    rng = np.random.default_rng(seed)
    towns = rng.integers(0, 6, n).astype(np.int32)
    x = rng.normal(size=n) + shift * (towns == 1)
    plan = rng.integers(0, 3, n).astype(np.int32)
    plan[(towns == 2) & (rng.random(n) < lost)] = -1
    columns = {"x": x, "plan": Coded(plan, ("a", "b", "c")), "town": Coded(towns, TOWNS)}
    return Table(columns=columns, n=n)


REFERENCE = rows(12_000, 0)
SUMMARISER = Summariser(profile_of(REFERENCE), segments=["town"], repeats=False)
THEN = SUMMARISER.summarise(REFERENCE)


def compared(table: Table) -> tuple[SegmentDrift, ...]:
    return compare_segments(SUMMARISER.profile, SUMMARISER.summarise(table), THEN)


def told(found: tuple[SegmentDrift, ...], *, budget: float = 10_000.0) -> Finding:
    return segment_finding(found, endpoint="churn", version=3, budget_windows=budget, since=SINCE)


def test_the_worst_segments_are_named_with_what_is_wrong_in_them() -> None:
    found = told(compared(rows(3_000, 1, shift=1.0, lost=0.3)))
    assert (found.level, found.labels.kind) == (Level.CRITICAL, Kind.SEGMENT_DRIFT.value)
    assert set(found.segments) == {"town=town 1", "town=town 2"}
    assert set(found.features) == {"x", "plan"}
    assert found.what.en.startswith("2 of 6 segments: ")
    assert "town=town 1: x PSI 1.0" in found.what.en
    assert "town=town 2: plan 28" in found.what.en
    assert "10,000 windows" in found.sure.en
    assert found.since == SINCE
    assert "6 个分组中有 2 个异常" in found.what.zh
    assert "missing" not in found.what.zh


def test_an_alert_asks_for_more_than_the_report_shows() -> None:
    for seed in range(2, 60):
        found = compared(rows(900, seed, shift=0.55))
        evidence = [c.evidence for one in found for c in one.drift.moved]
        if evidence and min(evidence) > 1e-4:
            break
    assert found[0].severity is not Severity.NONE
    assert told(found).level is Level.CLEAR
    assert told(found, budget=100.0).level.trouble


def test_segments_like_the_reference_are_clear() -> None:
    assert told(compared(rows(3_000, 1))).level is Level.CLEAR


@pytest.mark.parametrize("n", [0, 60])
def test_too_few_rows_are_unknown_and_end_nothing(n: int) -> None:
    assert told(compared(rows(n, 1, shift=3.0))).level is Level.UNKNOWN
