from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from seatrial.kernel.store import Slice
from seatrial.monitoring.service.history import ServiceHistory
from seatrial.release.measurement import Summary
from seatrial.testing.memory_store import MemoryStore

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NAME = "churn"


def piece(
    before_s: float, n: int = 1, *, version: int = 1, revision: int = 3, **told: int
) -> Slice:
    return Slice(
        endpoint=NAME,
        version=version,
        revision=revision,
        worker="w",
        start=NOW - timedelta(seconds=before_s),
        width_s=1.0,
        summary=Summary.of(np.full(n, 0.01), **told).encode(),  # type: ignore[arg-type]
    )


def history(*pieces: Slice) -> ServiceHistory:
    store = MemoryStore()
    store.add_slices(pieces)
    made = ServiceHistory(store, NAME)
    made.refresh(NOW)
    return made


@pytest.mark.parametrize("seconds", [60, 300, 1800, 3600, 6 * 3600, 3 * 86_400])
def test_a_window_holds_what_happened_in_it(seconds: float) -> None:
    past = np.arange(30, 4 * 86_400, 600)
    made = history(*(piece(float(s)) for s in past))
    width = 10 if seconds <= 900 else 60 if seconds <= 6 * 3600 else 900
    found = made.last(seconds, NOW).n
    least, most = ((past < seconds + step * width).sum() for step in (-1, 1))
    assert least <= found <= most


def test_versions_are_kept_apart_and_add_up() -> None:
    made = history(piece(10, 3), piece(20, 4, version=2), piece(8 * 3600, 5, version=3))
    assert made.versions() == [1, 2, 3]
    assert made.last(300, NOW).n == 7
    assert made.last(300, NOW, version=2).n == 4
    assert made.last(86_400, NOW, version=3).n == 5


def test_versions_are_held_against_each_other_over_the_spans_they_share() -> None:
    day = 86_400.0
    made = history(
        piece(50_000, 7),
        piece(3_000, 3),
        piece(3_000, 2, version=2),
        piece(2_000, 5, n_rejected=1),
        piece(2_000, 4, version=2),
        piece(900 + 10, 9, version=2),
    )
    sums, since = made.together([1, 2], day, NOW)
    assert {version: one.n for version, one in sums.items()} == {1: 8, 2: 6}
    assert since is not None
    assert timedelta(seconds=3_000) <= NOW - since < timedelta(seconds=3_000 + 900)
    assert made.together([1, 3], day, NOW) == ({1: Summary.empty(), 3: Summary.empty()}, None)
    assert made.together([], day, NOW) == ({}, None)


def test_what_is_no_evidence_does_not_count() -> None:
    assert history(piece(10, 3, revision=0)).last(300, NOW).n == 0


def test_slices_are_read_once() -> None:
    store = MemoryStore()
    made = ServiceHistory(store, NAME)
    for n in range(1, 4):
        store.add_slices([piece(10)])
        made.refresh(NOW)
        made.refresh(NOW)
        assert made.last(300, NOW).n == n


def test_the_past_is_forgotten() -> None:
    made = history(piece(10), piece(4 * 86_400))
    assert made.last(3 * 86_400, NOW).n == 1
    made.refresh(NOW + timedelta(days=40))
    assert made.versions() == []
    assert len(made.traffic(NOW + timedelta(days=40)).counts) == 0


def test_minutes_are_whole_and_in_order() -> None:
    made = history(*(piece(s, 2) for s in (10.0, 70.0, 130.0, 3500.0)), piece(80, 1, version=2))
    spans = made.minutes(3600, NOW)
    starts = [span.start_s for span in spans]
    assert starts == sorted(starts)
    assert [span.summary.n for span in spans] == [2, 2, 3]
    assert all(span.start_s + 60 < NOW.timestamp() for span in spans)
    assert [span.summary.n for span in made.minutes(3600, NOW, version=2)] == [1]


def test_traffic_counts_every_request_and_shows_gaps() -> None:
    made = history(
        piece(10, 9), piece(400, 2, n_rejected=1, n_shed=3), piece(310, 1), piece(1600, 5)
    )
    traffic = made.traffic(NOW)
    assert traffic.counts.tolist() == [5, 0, 0, 0, 7]
    assert traffic.start_s == NOW.timestamp() - 1800
