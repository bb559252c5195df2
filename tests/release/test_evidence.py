"""Sums of slices per version and revision."""

from __future__ import annotations

from datetime import timedelta

from seatrial.kernel.store import Slice
from seatrial.release.evidence import Evidence
from seatrial.release.measurement import Summary
from seatrial.testing import FakeClock, MemoryStore


def add(store: MemoryStore, version: int, revision: int, n: int, *, worker: str = "w") -> None:
    store.add_slices(
        [
            Slice(
                endpoint="churn",
                version=version,
                revision=revision,
                worker=worker,
                start=store_clock.now(),
                width_s=1,
                summary=Summary.of([0.01] * n, errors={}).encode(),
            )
        ]
    )


store_clock = FakeClock()


def test_evidence_is_cut_by_revision_and_summed_over_workers() -> None:
    store = MemoryStore(clock=store_clock)
    add(store, 2, 5, 10)
    add(store, 2, 5, 7, worker="x")
    add(store, 2, 6, 3)
    add(store, 1, 5, 100)
    evidence = Evidence(store, "churn")
    assert evidence.refresh()
    assert evidence.of(2, revision=5).n == 17
    assert evidence.of(2, revision=6).n == 3
    assert evidence.of(1, revision=5).n == 100
    assert evidence.of(3, revision=5).n == 0


def test_a_clock_that_is_set_back_changes_nothing() -> None:
    store = MemoryStore(clock=store_clock)
    add(store, 2, 5, 10)
    store_clock.set_wall(store_clock.now() - timedelta(hours=1))
    add(store, 2, 5, 10)
    evidence = Evidence(store, "churn")
    evidence.refresh()
    assert evidence.of(2, revision=5).n == 20


def test_refreshing_says_whether_anything_is_new_and_counts_nothing_twice() -> None:
    store = MemoryStore(clock=store_clock)
    evidence = Evidence(store, "churn")
    assert not evidence.refresh()
    add(store, 2, 5, 10)
    assert evidence.refresh()
    assert not evidence.refresh()
    assert evidence.of(2, revision=5).n == 10
