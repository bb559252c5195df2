"""One version beside a constant."""

import numpy as np
import pytest

from seatrial.monitoring.rows.served import column_of
from seatrial.registry.signature import Task
from seatrial.training.evaluation.alone import alone
from seatrial.training.evaluation.answers import Answers, Holdout
from seatrial.training.evaluation.rules import Rules
from seatrial.training.runs.run import Against

RULES = Rules(n_resamples=200)


def holdout(values):
    return Holdout(label="y", labels=column_of(values), values=values, columns={}, source="rows")


def regression(predicted):
    return Answers(
        task=Task.REGRESSION,
        answered=np.ones(len(predicted), bool),
        predicted=predicted,
        values=predicted,
    )


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_a_model_that_knows_something_is_better(rng):
    true = rng.normal(size=500)
    found = alone(holdout(true), regression(true + 0.1 * rng.normal(size=500)), RULES)
    assert (found.against, found.primary, found.n) == (Against.BETTER, "mae", 500)
    assert found.metrics["r2"] > 0.9
    assert "over 500 rows" in found.reason


def test_a_model_that_is_upside_down_is_worse(rng):
    true = rng.normal(size=500)
    assert alone(holdout(true), regression(-true), RULES).against is Against.WORSE


def test_a_model_that_guesses_cannot_be_told_from_one(rng):
    true = rng.normal(size=300)
    near = float(np.median(true)) + 0.01 * rng.normal(size=300)
    found = alone(holdout(true), regression(near), RULES)
    assert found.against is Against.CANNOT_TELL
    assert "may be chance" in found.reason


def test_few_rows_tell_nothing_and_are_measured(rng):
    true = rng.normal(size=40)
    found = alone(holdout(true), regression(true), RULES)
    assert found.against is Against.CANNOT_TELL
    assert "40 rows are too few" in found.reason
    assert found.metrics["mae"] == 0


def test_one_class_tells_nothing():
    same = np.array(["a"] * 200, dtype=object)
    answers = Answers(
        task=Task.CLASSIFICATION,
        answered=np.ones(200, bool),
        predicted=column_of(same),
        values=same,
    )
    found = alone(holdout(same), answers, RULES)
    assert found.against is Against.CANNOT_TELL
    assert "alike" in found.reason
