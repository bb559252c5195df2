"""What counts as a right answer."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.serving.scenario import SCENARIOS, Model
from benchmarks.serving.truth import TOLERANCE, Truth
from benchmarks.serving.wire import Answer

PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
RIGHT = Answer(label=np.array([0, 1, 1]), probabilities=PROBABILITIES)
ROWS = np.zeros((3, 30), np.float32)
TRUTH = Truth(
    rows=dict.fromkeys((Model.GBDT, Model.FOREST), ROWS),
    n_left_out=0,
    answers={Model.GBDT: RIGHT},
)
INDEX = np.array([2, 0])


def answer(probabilities: np.ndarray | None, label: np.ndarray | None = None) -> Answer:
    return Answer(label=label, probabilities=probabilities)


def test_the_models_own_answer_within_tolerance_is_right() -> None:
    near = PROBABILITIES[INDEX] + TOLERANCE / 2
    assert TRUTH.differs(Model.GBDT, INDEX, answer(near, np.array([1, 0]))) is None


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (answer(None), "neither label nor probabilities"),
        (answer(PROBABILITIES[[0, 2]]), "off by"),
        (answer(PROBABILITIES[:1]), "shape"),
        (answer(PROBABILITIES[INDEX], np.array([0, 1])), "labels"),
        (answer(PROBABILITIES[INDEX] + np.nan), "off by"),
    ],
    ids=["silent", "mixed-up", "short", "labels", "nan"],
)
def test_anything_else_is_wrong(given: Answer, problem: str) -> None:
    assert problem in (TRUTH.differs(Model.GBDT, INDEX, given) or "")


def test_requests_are_distinct_and_the_same_in_every_run() -> None:
    for scenario in SCENARIOS:
        batches = TRUTH.batches(scenario)
        assert all(len(b) == scenario.rows for b in batches)
        assert all(
            np.array_equal(a, b) for a, b in zip(batches, TRUTH.batches(scenario), strict=True)
        )
