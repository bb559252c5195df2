"""A run is held by one process, and nothing of it is lost when the store is away."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seatrial.kernel.store import StoreUnavailable
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore
from seatrial.testing.tracker_suite import a_run, losses
from seatrial.training.runs import keeper as module
from seatrial.training.runs.book import RunBook
from seatrial.training.runs.desk import RunDesk
from seatrial.training.runs.failures import RunTaken
from seatrial.training.runs.keeper import Keeper
from seatrial.training.runs.run import Ending, Outcome, Point

DONE = Ending(outcome=Outcome.TRAINED, at=datetime(2030, 1, 1, tzinfo=UTC))


class Away(MemoryStore):
    """A store that does not take facts for some calls."""

    n_left = 0

    def append(self, stream, drafts, *, expected):
        if self.n_left:
            self.n_left -= 1
            raise StoreUnavailable("away", remedy="wait")
        return super().append(stream, drafts, expected=expected)


def keeper(store, run, holder="me", **more):
    return Keeper(store, run, holder=holder, clock=FakeClock(), **more)


def test_a_run_is_begun_told_of_and_ended(tmp_path):
    store, run = MemoryStore(), a_run(tmp_path)
    with keeper(store, run) as held:
        assert held.known() is None
        assert held.begin() == run
        assert [one["status"] for one in RunDesk(store).runs()] == ["running"]  # from the first on
        held.report(losses([1.0, 0.5]))
        over = held.end(DONE)
    assert over.ending is not None
    assert over.ending.metrics == {"loss": 0.5}
    assert [p.value for p in RunBook(store).points(run.id)] == [1.0, 0.5]
    assert store.acquire("training/churn-1", "another", ttl_s=1) is not None


def test_whoever_comes_second_waits_until_the_first_is_done(tmp_path):
    store, run = MemoryStore(), a_run(tmp_path)
    waited = []

    def on_wait():
        waited.append(1)
        if len(waited) == 3:
            first.__exit__(None, None, None)

    first = keeper(store, run, "first")
    first.__enter__()
    first.begin()
    first.end(DONE)
    with keeper(store, run, "second", on_wait=on_wait) as second:
        known = second.known()
    assert len(waited) == 3
    assert known is not None
    assert known.ending == DONE


def test_an_id_that_is_taken_by_another_training_is_refused(tmp_path):
    store, run = MemoryStore(), a_run(tmp_path)
    with keeper(store, run) as held:
        held.begin()
    other = replace(run, program="other.py:train")
    refused = pytest.raises(RunTaken, match=r"is one of 'train\.py:train'")
    with keeper(store, other) as held, refused:
        held.known()


def test_points_wait_while_the_store_is_away(tmp_path):
    store, run = Away(), a_run(tmp_path)
    clock = FakeClock()
    with Keeper(store, run, holder="me", clock=clock) as held:
        held.begin()
        store.n_left = 3
        for i in range(5):
            held.report([Point(metric="loss", value=float(i), at_s=i, step=i)])
            clock.sleep(2)
            held.progress(step=i)
        held.end(DONE)
    assert [p.value for p in RunBook(store).points(run.id)] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_an_ending_that_could_not_be_appended_is_found_by_the_next_process(tmp_path):
    store, run = Away(), a_run(tmp_path)
    with keeper(store, run) as held:
        held.begin()
        store.n_left = 10**6
        with pytest.raises(StoreUnavailable):
            held.end(DONE)
        store.n_left = 0
    assert RunBook(store).get(run.id).ending is None
    with keeper(store, run) as held:
        known = held.known()
    assert known is not None
    assert known.ending == DONE


def test_an_ending_of_an_attempt_before_is_not_taken_for_this_one(tmp_path):
    store, run = MemoryStore(), a_run(tmp_path)
    with keeper(store, run) as held:
        held.begin()
        held.end(replace(DONE, outcome=Outcome.INTERRUPTED))
        held.begin()
    with keeper(store, run) as held:
        known = held.known()
    assert known is not None
    assert (known.attempt, known.ending) == (2, None)


def test_whoever_lost_the_run_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BEAT_S", 0.01)
    monkeypatch.setattr(module, "LEASE_S", 0.04)
    store, run = MemoryStore(), a_run(tmp_path)
    with keeper(store, run) as held:
        held.begin()
        lease = held._lease
        assert lease is not None
        store.release(lease)
        assert store.acquire("training/churn-1", "thief", ttl_s=60) is not None
        ends = time.monotonic() + 5
        while not held.lost and time.monotonic() < ends:
            time.sleep(0.005)
        assert held.lost
        held.report(losses([1.0]))
        held.progress()
        assert held.end(DONE).ending is None
    assert RunBook(store).points(run.id) == []


def test_a_store_that_is_away_for_long_takes_no_run_away(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BEAT_S", 0.002)
    monkeypatch.setattr(module, "LEASE_S", 0.008)

    class Gone(MemoryStore):
        away = False

        def acquire(self, name, holder, *, ttl_s):
            if self.away:
                raise StoreUnavailable("away", remedy="wait")
            return super().acquire(name, holder, ttl_s=ttl_s)

    store, run = Gone(), a_run(tmp_path)
    with keeper(store, run) as held:
        held.begin()
        store.away = True
        time.sleep(0.1)
        store.away = False
        assert not held.lost
        assert held.end(DONE).ending == DONE


def test_of_too_many_points_the_last_of_each_append_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_POINTS", 10)
    store, run = MemoryStore(), a_run(tmp_path)
    with keeper(store, run) as held:
        held.begin()
        held.report(losses([float(i) for i in range(8)]))
        held._flush()
        held.report(losses([float(i) for i in range(8, 30)], first=8))
        held.end(DONE)
    book = RunBook(store)
    assert [p.value for p in book.points(run.id)] == [*map(float, range(8)), 29.0]
    assert book.n_left_out(run.id) == 21


def test_a_run_that_was_killed_before_it_had_a_folder_can_be_ended(tmp_path):
    store, run = MemoryStore(), replace(a_run(tmp_path), folder=str(tmp_path / "not" / "yet"))
    with keeper(store, run) as held:
        held.begin()
        assert held.end(DONE).ending == DONE
    assert (tmp_path / "not" / "yet" / "ending.json").is_file()


def test_a_folder_with_nonsense_in_it_is_no_ending(tmp_path):
    store, run = MemoryStore(), a_run(tmp_path)
    Path(run.folder, "ending.json").write_text('{"attempt": 1, "ending": {"outcome": "?"}}')
    with keeper(store, run) as held:
        held.begin()
    with keeper(store, run) as held:
        known = held.known()
    assert known is not None
    assert known.ending is None
