"""Runs reach trackers, at once or later; a tracker that is down costs no run."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from seatrial.testing.memory_store import MemoryStore
from seatrial.testing.memory_tracker import MemoryTracker
from seatrial.testing.tracker_suite import a_run, ended, losses
from seatrial.training.runs import facts
from seatrial.training.runs.book import RunBook
from seatrial.training.runs.run import Status
from seatrial.wiring.training import trackers as module
from seatrial.wiring.training.trackers import Mirror, configured, mirror, sync_all, unsent
from seatrial.wiring.workspace import open_workspace


@pytest.fixture
def store():
    return MemoryStore()


def recorded(store, run, points=()):
    book = RunBook(store)
    begun = replace(run, ending=None, latest={})
    book.append(run.id, [facts.started(begun), facts.reported(list(points))])
    if run.ending is not None:
        book.append(run.id, [facts.ended(run.ending)])
    return run


def closed(mirrored):
    return dict(mirrored.close(on_wait=lambda: None))


def test_a_run_is_shown_while_it_goes_on_and_noted_when_it_is_there(store, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_EVERY_S", 0.01)
    tracker, run = MemoryTracker(), a_run(tmp_path)
    recorded(store, run)
    mirrored = Mirror({"memory": lambda: tracker}, store)
    mirrored.tell(run, losses([1.0]))
    ends = time.monotonic() + 10
    while not tracker.runs and time.monotonic() < ends:
        time.sleep(0.005)
    kept = tracker.find(run.id)
    assert kept is not None
    assert kept.status is Status.RUNNING
    over = ended(run, loss=0.5)
    told = [facts.reported(losses([1.0, 0.5])), facts.ended(over.ending)]
    RunBook(store).append(run.id, told)
    mirrored.tell(over, [])
    assert closed(mirrored) == {}
    kept = tracker.find(run.id)
    assert kept is not None
    assert list(kept.history["loss"]) == [(0, 1.0), (1, 0.5)]
    assert RunBook(store).get(run.id).sent == {"memory": ""}


def test_a_tracker_that_is_down_is_told_all_later(store, tmp_path):
    tracker = MemoryTracker(down=True)
    run = recorded(store, ended(a_run(tmp_path), loss=0.5), losses([1.0, 0.5]))
    mirrored = Mirror({"memory": lambda: tracker}, store)
    mirrored.tell(run, losses([1.0, 0.5]))
    assert closed(mirrored) == {"memory": "The tracker in memory is down."}
    assert "down" in RunBook(store).get(run.id).sent["memory"]
    assert [r.id for r in unsent(store, ("memory",))] == [run.id]
    tracker.down = False
    again = Mirror({"memory": lambda: tracker}, store)
    again.tell(RunBook(store).get(run.id), [])
    assert closed(again) == {}
    kept = tracker.find(run.id)
    assert kept is not None
    assert list(kept.history["loss"]) == [(0, 1.0), (1, 0.5)]
    assert unsent(store, ("memory",)) == []


def test_of_two_trackers_one_that_is_down_does_not_hold_up_the_other(store, tmp_path):
    up, down = MemoryTracker(), MemoryTracker(down=True)
    run = recorded(store, ended(a_run(tmp_path), loss=0.5))
    mirrored = Mirror({"down": lambda: down, "up": lambda: up}, store)
    mirrored.tell(run, [])
    assert closed(mirrored).keys() == {"down"}
    assert up.find(run.id) is not None


def test_points_that_a_tracker_missed_are_sent_when_it_is_back(store, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_EVERY_S", 0.01)
    monkeypatch.setattr(module, "_AGAIN_S", 0.01)
    tracker = MemoryTracker(down=True)
    run = recorded(store, a_run(tmp_path), losses([1.0]))
    mirrored = Mirror({"memory": lambda: tracker}, store)
    mirrored.tell(run, losses([1.0]))
    time.sleep(0.1)
    tracker.down = False
    over = ended(run, loss=0.5)
    told = [facts.reported(losses([0.5], first=1)), facts.ended(over.ending)]
    RunBook(store).append(run.id, told)
    mirrored.tell(over, [])
    assert closed(mirrored) == {}
    kept = tracker.find(run.id)
    assert kept is not None
    assert list(kept.history["loss"]) == [(0, 1.0), (1, 0.5)]


def test_a_tracker_that_takes_what_has_ended_alone_gets_all_of_it(store, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_EVERY_S", 0.01)

    class AtTheEnd(MemoryTracker):
        def keep(self, run, points):
            if run.ending is not None:
                super().keep(run, points)

    tracker = AtTheEnd()
    run = recorded(store, a_run(tmp_path), losses([1.0]))
    mirrored = Mirror({"late": lambda: tracker}, store)
    mirrored.tell(run, losses([1.0]))
    time.sleep(0.1)
    over = ended(run, loss=0.5)
    told = [facts.reported(losses([0.5], first=1)), facts.ended(over.ending)]
    RunBook(store).append(run.id, told)
    mirrored.tell(over, [])
    assert closed(mirrored) == {}
    kept = tracker.find(run.id)
    assert kept is not None
    assert list(kept.history["loss"]) == [(0, 1.0), (1, 0.5)]


def test_what_a_vendor_raises_costs_no_run(store, tmp_path):
    class Odd(MemoryTracker):
        def keep(self, run, points):
            raise RuntimeError("no idea")

    run = recorded(store, ended(a_run(tmp_path)))
    mirrored = Mirror({"odd": Odd}, store)
    mirrored.tell(run, [])
    assert closed(mirrored) == {"odd": "RuntimeError: no idea"}


def test_a_tracker_that_takes_for_ever_is_not_waited_for(store, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE_S", 0.05)
    held = threading.Event()

    class Slow(MemoryTracker):
        def keep(self, run, points):
            held.wait(10)

    mirrored = Mirror({"slow": Slow}, store)
    mirrored.tell(recorded(store, ended(a_run(tmp_path))), [])
    mirrored.tell(recorded(store, ended(a_run(tmp_path, id="other"))), [])
    assert closed(mirrored) == {"slow": "it takes its time"}
    held.set()


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seatrial.yaml").write_text("training: {trackers: [mlflow]}\n")
    return open_workspace(home=tmp_path / "home", environment={})


def test_runs_of_late_are_sent_with_the_next_training(workspace, store, tmp_path, monkeypatch):
    tracker = MemoryTracker()
    monkeypatch.setattr(module, "configured", lambda _: {"memory": lambda: tracker})
    now = datetime.now(UTC)
    late = recorded(store, replace(ended(a_run(tmp_path, id="late")), started_at=now))
    old = replace(ended(a_run(tmp_path, id="old")), started_at=now - timedelta(days=30))
    recorded(store, old)
    nothing = lambda *_: None  # noqa: E731
    with mirror(workspace, store, on_step=nothing, on_progress=nothing):
        pass
    assert tracker.find(late.id) is not None
    assert tracker.find("old") is None


def test_a_person_can_send_them_all(workspace, tmp_path, monkeypatch):
    tracker = MemoryTracker(down=True)
    monkeypatch.setattr(module, "configured", lambda _: {"memory": lambda: tracker})
    store = workspace.open_store()
    for i in range(3):
        recorded(store, ended(a_run(tmp_path, id=f"r{i}"), loss=1.0))
    nothing = lambda *_: None  # noqa: E731
    assert "down" in sync_all(workspace, on_progress=nothing)["memory"].problem
    tracker.down = False
    told = sync_all(workspace, on_progress=nothing)["memory"]
    assert (told.n, told.problem) == (3, "")
    assert sync_all(workspace, on_progress=nothing)["memory"].n == 0


def test_mlflow_is_used_where_it_is_installed_unless_none_is_wanted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = open_workspace(home=tmp_path / "home", environment={})
    monkeypatch.setattr(module, "_installed", lambda _: True)
    assert list(configured(here)) == ["mlflow"]
    monkeypatch.setattr(module, "_installed", lambda name: name != "sqlalchemy")
    assert configured(here) == {}
    (tmp_path / "seatrial.yaml").write_text("training: {trackers: []}\n")
    monkeypatch.setattr(module, "_installed", lambda _: True)
    assert configured(open_workspace(home=tmp_path / "home", environment={})) == {}
