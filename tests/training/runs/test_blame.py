"""Why a training came to nothing, in words a person can act on."""

import pickle
from pathlib import Path

import pytest

from seatrial.training.runs import failures
from seatrial.training.runs.blame import Blame
from seatrial.training.runs.failures import OF_OUTCOME, outcome_of, revived
from seatrial.training.runs.process import Ended, Job, Why
from seatrial.training.runs.run import Outcome, Point, Status

JOB = Job(
    folder=Path("/home/runs/churn-1"),
    cwd=Path("/"),
    python="",
    function="train.py:train",
    command=(),
    values={},
    given={},
    environment={},
    time_s=90,
    memory_bytes=300_000_000,
    threads=None,
)
LOG = "/home/runs/churn-1/log.txt"


def blamed(*, code=0, why=None, peak=0, odd=None, failed=None):
    blame = Blame(job=JOB, run="churn-1", odd=odd, failed=failed)
    ended = Ended(code=code, why=why, seconds=1, peak_bytes=peak)
    return blame.of(ended, last=lambda: "it said this")


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"why": Why.TIME, "code": -9}, failures.TrainingTimedOut, "longer than 1 min 30 s"),
        (
            {"why": Why.MEMORY, "code": -9, "peak": 400_000_000},
            failures.TrainingOutOfMemory,
            r"\(400\.0 MB\) than the 300\.0 MB",
        ),
        ({"why": Why.LOST, "code": -9}, failures.TrainingInterrupted, "Another process"),
        (
            {"why": Why.NOT_FINITE, "odd": Point(metric="loss", value=float("inf"), at_s=1)},
            failures.NotFinite,
            "'loss' is inf: the training was ended",
        ),
        (
            {"odd": Point(metric="loss", value=float("nan"), at_s=1, step=1234)},
            failures.NotFinite,
            "'loss' is nan at step 1,234",
        ),
        ({"code": 3}, failures.TrainingCrashed, "exit code 3, and said last: it said this"),
        ({"code": -11}, failures.TrainingCrashed, "signal 11"),
        ({"code": -9}, failures.TrainingInterrupted, "from outside, by signal 9"),
        (
            {"code": 1, "failed": {"kind": "crashed", "last": "ValueError: no", "at": "t.py, 3"}},
            failures.TrainingCrashed,
            r"raised ValueError: no \(t\.py, 3\)",
        ),
        ({"code": 1, "failed": {"kind": "out_of_memory"}}, failures.TrainingOutOfMemory, "300"),
    ],
)
def test_each_way_to_fail_has_its_error(given, kind, said):
    with pytest.raises(kind, match=said) as told:
        raise blamed(**given)
    assert told.value.facts["run"] == "churn-1"
    assert told.value.facts["log"] == LOG


def test_nothing_is_to_blame_for_what_went_well_or_was_pruned():
    assert blamed() is None
    assert blamed(why=Why.PRUNED, code=-15) is None


def test_what_the_program_refused_is_told_in_its_words():
    failed = {"kind": "bad_parameter", "problem": "no 'x'", "remedy": "give 'y'"}
    told = blamed(code=1, failed=failed)
    assert isinstance(told, failures.BadParameter)
    assert (told.problem, told.remedy) == ("no 'x'", "give 'y'")


def test_a_model_that_is_missing_or_one_of_several_is_told():
    blame = Blame(job=JOB, run="churn-1", odd=None, failed=None)
    assert "left no model" in blame.without_model([]).problem
    several = blame.without_model(["model.json", "model.pkl"])
    assert "left 2 models: model.json, model.pkl" in several.problem


@pytest.mark.parametrize("outcome", OF_OUTCOME)
def test_an_error_that_was_kept_is_raised_again_as_it_was(outcome):
    error = OF_OUTCOME[outcome]("It is so.", remedy="Do so.", run="churn-1")
    again = revived(outcome, error.as_dict())
    assert type(again) is type(error)
    assert again.as_dict() == error.as_dict()
    assert outcome_of(again) is outcome
    assert outcome.status is Status.FAILED
    assert pickle.loads(pickle.dumps(error)).as_dict() == error.as_dict()


def test_an_ending_without_a_record_is_an_interruption():
    assert isinstance(revived(Outcome.INTERRUPTED, None), failures.TrainingInterrupted)
