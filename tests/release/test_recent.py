"""What versions did lately."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from seatrial.kernel.store import Slice
from seatrial.release.measurement import Summary
from seatrial.release.recent import Recent, numbers
from seatrial.testing import FakeClock, MemoryStore

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def store_with(*ages_s: float, version: int = 1) -> MemoryStore:
    store = MemoryStore(clock=FakeClock())
    add(store, *ages_s, version=version)
    return store


def add(store: MemoryStore, *ages_s: float, version: int = 1) -> None:
    store.add_slices(
        [
            Slice(
                endpoint="churn",
                version=version,
                revision=1,
                worker=f"w{i}",
                start=NOW - timedelta(seconds=age),
                width_s=1,
                summary=Summary.of([0.02] * 5, errors={}).encode(),
            )
            for i, age in enumerate(ages_s)
        ]
    )


def test_slices_of_one_span_are_added_up() -> None:
    recent = Recent(store_with(61, 62, 63, 100), "churn", width_s=5)
    recent.refresh(NOW)
    assert [point.summary.n for point in recent.points()] == [5, 15]
    assert recent.total(1).n == 20
    assert recent.total(2).n == 0


def test_what_came_since_the_last_look_is_added_once() -> None:
    store = store_with(30)
    recent = Recent(store, "churn")
    recent.refresh(NOW)
    recent.refresh(NOW)
    add(store, 20)
    recent.refresh(NOW)
    assert recent.total(1).n == 10


def test_old_spans_are_forgotten() -> None:
    recent = Recent(store_with(100, 800), "churn", keep_s=900)
    recent.refresh(NOW)
    assert recent.total(1).n == 10
    recent.refresh(NOW + timedelta(seconds=200))
    assert recent.total(1).n == 5
    recent.refresh(NOW + timedelta(days=1))
    assert recent.points() == []


def test_slices_from_the_future_of_a_wrong_clock_are_shown_not_lost() -> None:
    recent = Recent(store_with(-3600), "churn")
    recent.refresh(NOW)
    assert recent.total(1).n == 5


def test_the_rate_counts_all_versions() -> None:
    store = store_with(10)
    add(store, 20, version=2)
    add(store, 300, version=2)
    recent = Recent(store, "churn")
    recent.refresh(NOW)
    assert recent.rate_per_s(NOW, over_s=60) == pytest.approx(10 / 60)


def test_another_endpoints_slices_are_not_seen() -> None:
    recent = Recent(store_with(10), "price")
    recent.refresh(NOW)
    assert recent.points() == []


def test_numbers_of_nothing_are_unknown_not_zero() -> None:
    found = numbers(Summary.empty())
    assert found["error_rate"] is None
    assert found["p95_ms"] is None
    assert found["n"] == 0


def test_numbers_are_in_milliseconds() -> None:
    found = numbers(Summary.of([0.02] * 99 + [1.0], errors={"timeout": 1}))
    assert found["p50_ms"] == pytest.approx(20, rel=0.02)
    assert found["error_rate"] == pytest.approx(0.01)
