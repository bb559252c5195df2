"""Runs as facts: what is appended is what is read, and stays readable."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.kernel.events import Draft
from seatrial.testing.memory_store import MemoryStore
from seatrial.testing.tracker_suite import a_run, ended, losses
from seatrial.training.runs import facts
from seatrial.training.runs.book import RunBook
from seatrial.training.runs.facts import Description
from seatrial.training.runs.failures import UnknownRun
from seatrial.training.runs.run import Ending, Environment, Outcome, Point

SAVED = Path(__file__).parent / "run_v1.json"


@pytest.fixture
def store():
    return MemoryStore()


def test_a_run_is_read_back_as_it_was_written(store, tmp_path):
    book, run = RunBook(store), a_run(tmp_path)
    book.append(run.id, [facts.started(run)])
    assert book.get(run.id) == run
    environment = Environment(python="3.12", packages={"numpy": "2.1"})
    said = Description(parameters={"lr": 0.5, "kinds": ["a", None]}, environment=environment)
    described = book.append(run.id, [facts.described(said)])
    assert described.parameters == {"lr": 0.5, "kinds": ["a", None]}
    over = ended(run, loss=0.1).ending
    assert over is not None
    found = book.append(run.id, [facts.reported(losses([1.0, 0.5])), facts.ended(over)])
    assert found.ending == over
    assert found.latest == {"loss": 0.1}
    assert RunBook(store).get(run.id) == found


@settings(max_examples=30)
@given(
    st.lists(
        st.builds(
            Point,
            metric=st.sampled_from(["loss", "auc"]),
            value=st.floats(),
            at_s=st.integers(0, 10**6).map(lambda ms: ms / 1000),
            step=st.none() | st.integers(0, 2**40),
        )
    )
)
def test_points_of_any_value_come_back(points):
    store = MemoryStore()
    run = replace(a_run_without_files(), id="p")
    book = RunBook(store)
    book.append("p", [facts.started(run), facts.reported(points)])
    found = book.points("p")
    assert [(p.metric, p.step, p.at_s) for p in found] == [
        (p.metric, p.step, p.at_s) for p in points
    ]
    for one, other in zip(found, points, strict=True):
        assert one.value == other.value or (math.isnan(one.value) and math.isnan(other.value))


def a_run_without_files():
    return facts.fold(None, [saved_fact()])


def saved_fact():
    store = MemoryStore()
    saved = json.loads(SAVED.read_text("utf-8"))
    (fact,) = store.append("training/x", [Draft(kind=facts.STARTED, data=saved[0])], expected=0)
    return fact


def test_a_saved_history_of_the_first_schema_is_still_read(store):
    kinds = (facts.STARTED, facts.DESCRIBED, facts.REPORTED, facts.ENDED, facts.SENT)
    saved = json.loads(SAVED.read_text("utf-8"))
    drafts = [Draft(kind=kind, data=data) for kind, data in zip(kinds, saved, strict=True)]
    store.append("training/churn-1", drafts, expected=0)
    run = RunBook(store).get("churn-1")
    assert run.ending is not None
    assert (run.name, run.ending.outcome, run.sent) == ("churn", Outcome.TRAINED, {"mlflow": ""})
    assert run.started_at == datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert run.parameters["lr"] == 0.1
    assert run.latest == {"loss": 0.25}


def test_what_cannot_be_read_changes_nothing(store, tmp_path):
    run = a_run(tmp_path)
    RunBook(store).append(run.id, [facts.started(run)])
    odd = [
        Draft(kind=kind, data={"points": 3, "outcome": "?", "parameters": 3})
        for kind in facts.KINDS
    ]
    store.append("training/churn-1", odd, expected=1)
    store.append("training/other", odd, expected=0)
    book = RunBook(store)
    assert book.get(run.id) == run
    assert book.all() == [run]
    assert book.points(run.id) == []


def test_a_run_that_begins_anew_forgets_what_was_reported(store, tmp_path):
    book, run = RunBook(store), a_run(tmp_path)
    drafts = [facts.started(run), facts.reported(losses([9.0]), n_left_out=3)]
    book.append(run.id, drafts)
    assert book.n_left_out(run.id) == 3
    anew = book.append(run.id, [facts.restarted(run), facts.reported(losses([1.0]))])
    assert (anew.attempt, anew.latest) == (2, {"loss": 1.0})
    assert [p.value for p in book.points(run.id)] == [1.0]
    assert book.n_left_out(run.id) == 0


def test_a_run_that_goes_on_keeps_it(store, tmp_path):
    book, run = RunBook(store), a_run(tmp_path)
    interrupted = Ending(outcome=Outcome.INTERRUPTED, at=run.started_at)
    book.append(run.id, [facts.started(run), facts.reported(losses([9.0]))])
    book.append(run.id, [facts.ended(interrupted)])
    again = book.append(run.id, [facts.restarted(run, resumes=True)])
    assert (again.attempt, again.ending, again.latest) == (1, None, {"loss": 9.0})
    assert len(book.points(run.id)) == 1


def test_a_run_is_found_by_how_its_id_begins(store, tmp_path):
    book = RunBook(store)
    for name in ("churn-1", "churn-2", "fraud-1"):
        book.append(name, [facts.started(a_run(tmp_path, id=name))])
    assert book.get("fraud").id == "fraud-1"
    with pytest.raises(UnknownRun, match="2 runs whose id begins") as several:
        book.get("churn")
    assert "churn-1, churn-2" in several.value.remedy
    with pytest.raises(UnknownRun, match="no run 'chrun-1'") as none:
        book.get("chrun-1")
    assert "churn-1" in none.value.remedy
    with pytest.raises(UnknownRun):
        book.get("")
    with pytest.raises(UnknownRun, match="no run"):
        RunBook(MemoryStore()).get("x")
