"""Rows on their way from the event loop to those who count them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seatrial.kernel.errors import Invalid, SeatrialError
from seatrial.kernel.store import DATA, StoreUnavailable
from seatrial.release.variant import Split
from seatrial.serving.counting import Counting
from seatrial.serving.live import LiveVersion
from seatrial.serving.record import Recorder
from seatrial.serving.router import Router
from seatrial.testing.clock import FakeClock

MakeLive = Callable[..., LiveVersion]


class Adder:
    """Counts by keeping; its summary is the text of what it kept."""

    def __init__(self) -> None:
        self.rows: list[float] = []
        self.calls: list[int] = []
        self.problem: SeatrialError | None = None

    def add(self, batch: Any, prediction: Any) -> None:
        if self.problem is not None:
            raise self.problem
        assert len(batch) == len(prediction["prediction"])
        self.calls.append(len(batch))
        self.rows += batch[:, 0].tolist()

    def take(self) -> bytes | None:
        if not self.rows:
            return None
        said = str(self.rows).encode()
        self.rows = []
        return said


@pytest.fixture
def adder() -> Adder:
    return Adder()


@pytest.fixture
def counting(clock: FakeClock, adder: Adder) -> Counting:
    return Counting(worker="worker/1", clock=clock, open_counter=lambda live: adder)


def summaries(store: Any) -> list[bytes]:
    return [piece.summary for _, piece in store.read_slices("churn", kind=DATA)]


def ask(live: LiveVersion, fakes: SimpleNamespace, *values: float) -> tuple[Any, Any]:
    batch = fakes.row(*values)
    return batch, live.predict(batch)


async def test_rows_are_counted_together_and_handed_over_as_slices_of_their_version(
    counting: Counting, adder: Adder, clock: FakeClock, store: Any, make_live: MakeLive, fakes: Any
) -> None:
    live = make_live(3)
    seen = counting.seen(live, 7)
    assert counting.seen(live, 7) == seen
    seen(*ask(live, fakes, 1))
    seen(*ask(live, fakes, 2, 3))
    counting.turn(store)
    assert adder.calls == [3]
    assert summaries(store) == []
    clock.advance(61)
    seen(*ask(live, fakes, 4))
    counting.turn(store)
    ((_, piece),) = store.read_slices("churn", kind=DATA)
    assert piece.summary == b"[1.0, 2.0, 3.0, 4.0]"
    assert (piece.version, piece.revision, piece.worker, piece.width_s) == (3, 7, "worker/1", 61.0)
    clock.advance(61)
    counting.turn(store)
    assert len(summaries(store)) == 1


async def test_the_end_does_not_wait_for_its_time(
    counting: Counting, store: Any, make_live: MakeLive, fakes: Any
) -> None:
    live = make_live()
    counting.seen(live, 1)(*ask(live, fakes, 1))
    counting.turn(store, at_end=True)
    assert summaries(store) == [b"[1.0]"]


async def test_a_store_that_is_down_loses_no_row(
    counting: Counting, clock: FakeClock, store: Any, make_live: MakeLive, fakes: Any
) -> None:
    live = make_live()
    seen = counting.seen(live, 1)
    store.fail()
    for value in (1, 2, 3):
        seen(*ask(live, fakes, value))
        clock.advance(61)
        with pytest.raises(StoreUnavailable):
            counting.turn(store)
    store.problem = None
    counting.turn(store)
    clock.advance(61)
    counting.turn(store)
    assert summaries(store) == [b"[1.0]", b"[2.0, 3.0]"]


async def test_rows_beyond_what_is_to_be_counted_are_a_random_part_and_told_by_number(
    clock: FakeClock, adder: Adder, store: Any, make_live: MakeLive, fakes: Any
) -> None:
    live = make_live()
    draws = iter([i / 100 for i in range(100)] * 10)
    counting = Counting(
        worker="w",
        clock=clock,
        open_counter=lambda live: adder,
        rows_per_s=40,
        chance=lambda: next(draws),
    )
    seen = counting.seen(live, 1)
    for _ in range(100):
        seen(*ask(live, fakes, 1))
    counting.turn(store)
    assert sum(adder.calls) == 40  # twice what a turn may hold, before the pace is known
    for _ in range(100):
        seen(*ask(live, fakes, 2))
    counting.turn(store)
    assert adder.rows.count(2.0) == 20  # 20 of 100 came: a fifth of the draws
    assert counting.n_skipped == 60 + 80
    for _ in range(10):
        seen(*ask(live, fakes, 3))
    counting.turn(store)
    counting.turn(store)
    for _ in range(10):
        seen(*ask(live, fakes, 4))
    counting.turn(store)
    assert adder.rows.count(4.0) == 10  # with little traffic every row counts


async def test_one_batch_larger_than_the_bound_is_counted_whole(
    clock: FakeClock, adder: Adder, store: Any, make_live: MakeLive, fakes: Any
) -> None:
    live = make_live()
    counting = Counting(worker="w", clock=clock, open_counter=lambda live: adder, rows_per_s=10)
    counting.seen(live, 1)(*ask(live, fakes, *range(20, 520)))
    counting.turn(store)
    assert adder.calls == [500]


async def test_a_version_nobody_can_count_costs_nothing_and_stops_nobody(
    clock: FakeClock, store: Any, make_live: MakeLive, fakes: Any
) -> None:
    asked: list[int] = []

    def open_counter(live: LiveVersion) -> None:
        asked.append(live.version)
        if live.version == 2:
            raise Invalid("The profile cannot be read.", remedy="Deploy it again.")

    counting = Counting(worker="w", clock=clock, open_counter=open_counter)
    for version in (1, 2):
        live = make_live(version)
        seen = counting.seen(live, 1)
        seen(*ask(live, fakes, 1))
    for _ in range(3):
        counting.turn(store, at_end=True)
    assert asked == [1, 2]
    assert summaries(store) == []


async def test_a_counter_that_refuses_rows_goes_on_with_the_next(
    counting: Counting, adder: Adder, store: Any, make_live: MakeLive, fakes: Any
) -> None:
    live = make_live()
    seen = counting.seen(live, 1)
    adder.problem = Invalid("Not these.", remedy="None.")
    seen(*ask(live, fakes, 1))
    counting.turn(store)
    adder.problem = None
    seen(*ask(live, fakes, 2))
    counting.turn(store, at_end=True)
    assert summaries(store) == [b"[2.0]"]


async def test_who_a_tester_names_is_not_counted_and_who_the_split_picks_is(
    counting: Counting, clock: FakeClock, make_live: MakeLive
) -> None:
    live = make_live()
    router = Router(Recorder(worker="w", clock=clock), seen=counting.seen, retired=counting.retire)
    router.apply("churn", 1, Split(stable=1), {1: live})
    assert router.pick("churn", version=1).seen is None
    assert router.pick("churn").seen is not None


async def test_places_of_versions_that_left_are_given_up(
    counting: Counting, clock: FakeClock, store: Any, make_live: MakeLive
) -> None:
    live = make_live()
    counting.seen(live, 1)
    counting.retire("churn")
    clock.advance(10_000)
    counting.turn(store)
    assert not counting._held
    assert np.size(summaries(store)) == 0


async def test_shorter_windows_make_shorter_slices(
    adder: Adder, clock: FakeClock, store: Any, make_live: MakeLive, fakes: Any
) -> None:
    counting = Counting(worker="w", clock=clock, open_counter=lambda live: adder, every_s=5.0)
    live = make_live(3)
    seen = counting.seen(live, 7)
    for value in (1, 2):
        seen(*ask(live, fakes, value))
        clock.advance(4)
        counting.turn(store)
    assert summaries(store) == [b"[1.0, 2.0]"]
    clock.advance(4)
    seen(*ask(live, fakes, 3))
    counting.turn(store)
    assert len(summaries(store)) == 1
    clock.advance(1)
    counting.turn(store)
    assert summaries(store)[1:] == [b"[3.0]"]


async def test_a_few_dozen_rows_are_counted_where_they_came_in_once_the_counter_is_open(
    counting: Counting, adder: Adder, store: Any, make_live: MakeLive, fakes: Any
) -> None:
    live = make_live()
    seen = counting.seen(live, 1)
    for _ in range(100):
        seen(*ask(live, fakes, 1))
    assert adder.calls == []  # opening a counter blocks: nobody has done it yet
    counting.turn(store)
    for _ in range(70):
        seen(*ask(live, fakes, 2))
    assert adder.calls == [100, 64]
    counting.turn(store, at_end=True)
    assert adder.calls == [100, 64, 6]
    (said,) = summaries(store)
    assert said == str([1.0] * 100 + [2.0] * 70).encode()


async def test_many_rows_at_once_are_left_to_the_other_thread(
    counting: Counting, adder: Adder, store: Any, make_live: MakeLive, fakes: Any
) -> None:
    live = make_live()
    seen = counting.seen(live, 1)
    seen(*ask(live, fakes, 1))
    counting.turn(store)
    seen(*ask(live, fakes, *[2] * 2_000))
    assert adder.calls == [1]
    counting.turn(store)
    assert adder.calls == [1, 2_000]


async def test_the_event_loop_does_not_wait_for_a_counter_in_use(
    counting: Counting, adder: Adder, store: Any, make_live: MakeLive, fakes: Any
) -> None:
    live = make_live()
    seen = counting.seen(live, 1)
    counting.turn(store)
    seen(*ask(live, fakes, 1))
    counting.turn(store)
    busy = adder.add

    def add(batch: Any, prediction: Any) -> None:
        adder.add = busy  # type: ignore[method-assign]
        for _ in range(64):
            seen(*ask(live, fakes, 2))  # while the other thread counts
        busy(batch, prediction)

    adder.add = add  # type: ignore[method-assign]
    seen(*ask(live, fakes, 1))
    counting.turn(store, at_end=True)
    assert adder.rows == []
    (said,) = summaries(store)
    assert said == str([1.0] * 2 + [2.0] * 64).encode()


async def test_a_counter_that_fails_where_rows_came_in_fails_no_request_and_is_told(
    counting: Counting,
    adder: Adder,
    store: Any,
    make_live: MakeLive,
    fakes: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    live = make_live()
    seen = counting.seen(live, 1)
    seen(*ask(live, fakes, 1))
    counting.turn(store)
    adder.problem = Invalid("No.", remedy="Try.")
    for _ in range(64):
        seen(*ask(live, fakes, 2))
    adder.problem = None
    counting.turn(store)
    assert "were not counted: No." in caplog.text
    seen(*ask(live, fakes, 3))
    counting.turn(store)
    assert adder.rows == [1.0, 3.0]
