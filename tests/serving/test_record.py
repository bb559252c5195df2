from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from seatrial.kernel.store import Slice, StoreUnavailable
from seatrial.release.measurement import Summary, quality
from seatrial.serving.record import Recorder, Tally
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore


def recorder_of(clock: FakeClock) -> Recorder:
    return Recorder(worker="worker/s/0", clock=clock)


def slices(store: MemoryStore) -> list[Slice]:
    return [piece for _, piece in store.read_slices("churn")]


def total(store: MemoryStore) -> Summary:
    whole = Summary.empty()
    for piece in slices(store):
        whole = whole.merge(Summary.decode(piece.summary))
    return whole


def test_outcomes_are_counted_as_evidence_counts_them(clock: FakeClock) -> None:
    store, recorder = MemoryStore(), recorder_of(clock)
    observe = recorder.observer("churn", 1, 5)
    for outcome in ("ok", "ok", "error:timeout", "error:timeout", "error:crashed"):
        observe(0.1, outcome)
    for outcome in ("rejected", "rejected", "shed"):
        observe(0.1, outcome)
    recorder.flush(store)
    summary = total(store)
    assert summary.n == 5
    assert summary.errors == {"crashed": 1, "timeout": 2}
    assert (summary.n_rejected, summary.n_shed) == (2, 1)
    (held,) = recorder.totals().values()
    assert held.seconds == pytest.approx(0.5)


def test_a_slice_names_its_worker_version_revision_and_second(clock: FakeClock) -> None:
    store, recorder = MemoryStore(), recorder_of(clock)
    clock.set_wall(datetime(2030, 1, 1, 12, 0, 7, 600_000, tzinfo=UTC))
    recorder.observer("churn", 3, 9)(0.1, "ok")
    recorder.flush(store)
    (piece,) = slices(store)
    assert (piece.endpoint, piece.version, piece.revision) == ("churn", 3, 9)
    assert piece.worker == "worker/s/0"
    assert piece.start == datetime(2030, 1, 1, 12, 0, 7, tzinfo=UTC)
    assert piece.width_s == 1.0


def test_nothing_observed_writes_nothing(clock: FakeClock) -> None:
    store, recorder = MemoryStore(), recorder_of(clock)
    recorder.observer("churn", 1, 1)
    recorder.flush(store)
    assert slices(store) == []


class FlakyStore(MemoryStore):
    broken = True

    def add_slices(self, slices: list[Slice]) -> None:  # type: ignore[override]
        if self.broken:
            raise StoreUnavailable("The store is locked.", remedy="Wait.")
        super().add_slices(slices)


def test_a_store_that_fails_loses_nothing_and_what_waits_stays_bounded(clock: FakeClock) -> None:
    store, recorder = FlakyStore(), recorder_of(clock)
    observe = recorder.observer("churn", 1, 1)
    for _ in range(50):
        observe(0.1, "ok")
        with pytest.raises(StoreUnavailable):
            recorder.flush(store)
        clock.advance(1.0)
    assert recorder.n_unsent == 1
    store.broken = False
    observe(0.1, "ok")
    recorder.flush(store)
    (piece,) = slices(store)
    assert Summary.decode(piece.summary).n == 51
    assert piece.width_s == 51.0
    recorder.flush(store)
    assert len(slices(store)) == 1


def test_a_clock_set_back_makes_no_negative_span(clock: FakeClock) -> None:
    store, recorder = FlakyStore(), recorder_of(clock)
    observe = recorder.observer("churn", 1, 1)
    observe(0.1, "ok")
    with pytest.raises(StoreUnavailable):
        recorder.flush(store)
    clock.set_wall(datetime(2020, 1, 1, tzinfo=UTC))
    observe(0.1, "ok")
    store.broken = False
    recorder.flush(store)
    (piece,) = slices(store)
    assert piece.width_s >= 1.0


def test_a_full_tally_folds_itself_and_loses_nothing() -> None:
    tally = Tally()
    for _ in range(50_001):
        tally.observe(0.001, "ok")
    for _ in range(50_001):
        tally.observe(0.001, "rejected")
    assert len(tally._times) < 50_000
    assert len(tally._others) < 50_000
    taken = tally.take()
    assert taken is not None
    assert (taken.summary.n, taken.summary.n_rejected) == (50_001, 50_001)
    assert tally.take() is None


def test_observing_while_another_thread_takes_loses_nothing() -> None:
    tally, taken, done = Tally(), [], threading.Event()

    def take() -> None:
        while not done.is_set():
            if (news := tally.take()) is not None:
                taken.append(news.summary)

    thread = threading.Thread(target=take)
    thread.start()
    for i in range(60_000):
        tally.observe(0.001, "ok" if i % 10 else "error:timeout")
    done.set()
    thread.join()
    if (rest := tally.take()) is not None:
        taken.append(rest.summary)
    assert sum(summary.n for summary in taken) == 60_000
    assert sum(summary.n_errors for summary in taken) == 6_000


def test_a_retired_tally_still_takes_what_was_under_way_and_goes_later(clock: FakeClock) -> None:
    store, recorder = MemoryStore(), recorder_of(clock)
    observe = recorder.observer("churn", 1, 1)
    recorder.retire("churn")
    clock.advance(60.0)
    observe(0.1, "ok")
    recorder.flush(store)
    assert total(store).n == 1
    clock.advance(1_000.0)
    recorder.flush(store)
    assert recorder._tallies == {}


def test_a_tally_asked_for_again_is_the_same_and_stays(clock: FakeClock) -> None:
    store, recorder = MemoryStore(), recorder_of(clock)
    first = recorder.observer("churn", 1, 1)
    recorder.retire("churn")
    assert recorder.observer("churn", 1, 1) == first
    clock.advance(10_000.0)
    recorder.flush(store)
    first(0.1, "ok")
    recorder.flush(store)
    assert total(store).n == 1


def test_totals_go_on_over_flushes_and_are_bounded(clock: FakeClock) -> None:
    store, recorder = MemoryStore(), recorder_of(clock)
    for version in range(1, 301):
        recorder.observer("churn", version, 1)(0.1, "ok")
    recorder.flush(store)
    assert len(recorder.totals()) == 256
    recorder.observer("churn", 300, 1)(0.1, "ok")
    recorder.flush(store)
    assert recorder.totals()["churn", 300].summary.n == 2


def test_the_quality_of_answers_is_recorded_with_them_or_later(clock: FakeClock) -> None:
    store, recorder = MemoryStore(), recorder_of(clock)
    observe, appraise = recorder.observer("churn", 1, 5), recorder.appraiser("churn", 1, 5)
    for fits in (True, False):
        appraise(quality(fits=fits))
        observe(0.1, "ok")
    recorder.flush(store)
    appraise(quality(score=0.5))
    recorder.flush(store)
    summary = total(store)
    assert summary.n == 2
    assert (summary.quality.n_checked, summary.quality.n_unfit) == (2, 1)
    assert (summary.quality.n_scored, summary.quality.lost_millionths) == (1, 500_000)


def test_many_qualities_are_folded_before_they_fill_the_memory(clock: FakeClock) -> None:
    tally = Tally()
    for _ in range(2_500):
        tally.appraise(quality(fits=True))
    taken = tally.take()
    assert taken is not None
    assert taken.summary.quality.n_checked == 2_500
