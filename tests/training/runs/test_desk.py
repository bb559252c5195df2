"""What people and programs see of runs."""

from dataclasses import replace

import pytest

from seatrial.kernel.clock import SystemClock
from seatrial.testing.memory_store import MemoryStore
from seatrial.testing.tracker_suite import a_run, ended, losses
from seatrial.training.runs import facts
from seatrial.training.runs.book import RunBook
from seatrial.training.runs.desk import MOST_DRAWN, RunDesk, curves
from seatrial.training.runs.keeper import Keeper, name_of
from seatrial.training.runs.run import Outcome, Point


@pytest.fixture
def store():
    return MemoryStore()


def kept(store, *runs):
    for run in runs:
        begun = replace(run, ending=None, latest={})
        over = [] if run.ending is None else [facts.ended(run.ending)]
        RunBook(store).append(run.id, [facts.started(begun), *over])


def test_runs_are_listed_without_trials_and_trials_by_their_search(store, tmp_path):
    search = ended(a_run(tmp_path, id="s"), loss=0.1)
    trials = [ended(a_run(tmp_path, id=f"s.{i}", parent="s"), loss=0.1 + i) for i in range(2)]
    kept(store, search, *trials, replace(a_run(tmp_path, id="f"), name="fraud"))
    desk = RunDesk(store)
    assert {run["id"] for run in desk.runs()} == {"s", "f"}
    assert {run["id"] for run in desk.runs(parent="s")} == {"s.0", "s.1"}
    assert [run["id"] for run in desk.runs(name="fraud")] == ["f"]
    assert desk.names() == ["churn", "fraud"]
    assert len(desk.run("s")["trials"]) == 2


def test_a_run_whose_process_is_gone_is_shown_as_interrupted(store, tmp_path):
    kept(store, a_run(tmp_path))
    desk = RunDesk(store)
    assert desk.run("churn-1")["status"] == "interrupted"
    store.beat(name_of("churn-1"), {"seconds": 3.0, "step": 2, "of": 10})
    run = desk.run("churn-1")
    assert run["status"] == "running"
    assert run["progress"] == {"seconds": 3.0, "step": 2, "of": 10}


def test_a_run_that_is_held_beats(store, tmp_path, monkeypatch):
    monkeypatch.setattr("seatrial.training.runs.keeper._BEAT_S", 0.005)
    run = a_run(tmp_path)
    with Keeper(store, run, holder="me", clock=SystemClock()) as keeper:
        keeper.begin()
        while not store.present(name_of(run.id)):
            pass
        assert RunDesk(store).run(run.id)["status"] == "running"
    assert store.present(name_of(run.id)) == []


def test_what_is_not_finite_is_none_in_a_curve_and_no_metric(store, tmp_path):
    run = a_run(tmp_path)
    kept(store, run)
    RunBook(store).append(run.id, [facts.reported(losses([1.0, float("nan")]))])
    shown = RunDesk(store).run(run.id)
    assert shown["curves"] == {"loss": [[0, 1.0], [1, None]]}
    assert shown["metrics"] == {}


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    points = losses([float(i) for i in range(10_000)])
    (rows,) = curves([*points, Point(metric="whole", value=1, at_s=0)]).values()
    assert len(rows) == MOST_DRAWN
    assert (rows[0], rows[-1]) == ([0, 0.0], [9_999, 9_999.0])


def test_two_runs_show_what_differs_and_all_metrics(store, tmp_path):
    one = ended(a_run(tmp_path, id="a"), loss=0.1)
    other = ended(a_run(tmp_path, id="b"), Outcome.CRASHED, loss=0.1, auc=0.9)
    other = replace(other, parameters={**other.parameters, "lr": 0.2}, seed=8)
    kept(store, one, other)
    found = RunDesk(store).compared("a", "b")
    assert found["parameters"] == {"lr": [0.1, 0.2]}
    assert found["differ"] == {"seed": [7, 8], "outcome": ["trained", "crashed"]}
    assert found["metrics"] == {"loss": [0.1, 0.1], "auc": [None, 0.9]}
    assert found["packages"] == {}
