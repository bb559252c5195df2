"""From tables to the watch, and back by id."""

import numpy as np
import pytest
from known_models import REGRESSION, regression

from seatrial.monitoring.performance.judge import estimated
from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.rows import scored_rows
from seatrial.monitoring.performance.scored import BadLabels
from seatrial.monitoring.performance.state import observe, start
from seatrial.monitoring.performance.verdict import Level, PerformanceRules
from seatrial.monitoring.rows.scores import BadScores, ScoreColumns
from seatrial.monitoring.rows.table import Table

COLUMNS = ScoreColumns(probabilities="p", id="key", label="y")
PREDICTED = ScoreColumns(probabilities="p", id="key")


def test_rows_without_a_prediction_are_left_out(classifier: PerformanceReference) -> None:
    table = Table(
        columns={"p": np.array([0.3, np.nan, 7.0]), "said": np.array([0.0, 1.0, np.nan])}, n=3
    )
    columns = ScoreColumns(probabilities="p", prediction="said")
    rows = scored_rows(table, classifier, columns, step=np.zeros(3, np.int64))
    assert (rows.ids, rows.predicted.tolist()) == (("0", "1"), [0.0, 1.0])
    np.testing.assert_allclose(rows.score, [0.7, np.nan])


def test_a_regressors_rows_have_the_error_to_expect_of_them(
    regressor: PerformanceReference,
) -> None:
    table = regression(5, 300)
    rows = scored_rows(table, regressor, REGRESSION, step=np.zeros(300, np.int64))
    hard = np.asarray(table.columns["x"]) > 1.5
    assert rows.score[hard].mean() > 1.5 * rows.score[~hard].mean()
    assert np.isfinite(rows.label).all()


def test_what_is_not_named_is_asked_for(regressor: PerformanceReference) -> None:
    table = regression(5, 10)
    with pytest.raises(BadScores, match="in no named column"):
        scored_rows(table, regressor, ScoreColumns(), step=np.zeros(10, np.int64))
    with pytest.raises(BadLabels, match="9 values of step for 10"):
        scored_rows(table, regressor, REGRESSION, step=np.zeros(9, np.int64))


@pytest.mark.parametrize(
    "score", [np.full(50, 0.7), np.full(50, np.nan), np.full(50, 3.0), np.zeros(0), np.ones(1)]
)
def test_awkward_windows_have_a_stated_result(
    classifier: PerformanceReference, score: np.ndarray
) -> None:
    n = len(score)
    table = Table(columns={"p": score, "said": np.ones(n)}, n=n)
    columns = ScoreColumns(probabilities="p", prediction="said")
    rows = scored_rows(table, classifier, columns, step=np.zeros(n, np.int64))
    state = observe(start(classifier, steps_per_window=1), classifier, rows)
    found = estimated(state, classifier, PerformanceRules())
    usable = n > 0 and 0 <= score[0] <= 1
    assert (found.level is Level.UNKNOWN) == (not usable)
    assert state.n_unusable == (0 if usable else n)
    assert found.n == (n if usable else 0)
