"""From tables to the watch, and back by id."""

import numpy as np
import pytest
from known_models import REGRESSION, binary, regression

from seatrial.monitoring.performance.judge import estimated, measured
from seatrial.monitoring.performance.labels import BadLabels, MemoryPending, join
from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.rows import label_rows, scored_rows
from seatrial.monitoring.performance.state import learn, observe, start
from seatrial.monitoring.performance.verdict import Level, PerformanceRules
from seatrial.monitoring.rows.scores import BadScores, ScoreColumns
from seatrial.monitoring.rows.table import Coded, Table

COLUMNS = ScoreColumns(probabilities="p", id="key", label="y")
PREDICTED = ScoreColumns(probabilities="p", id="key")


def test_tables_of_predictions_and_of_labels_meet_by_id(classifier: PerformanceReference) -> None:
    score, label = binary(3, 500)
    at = np.datetime64("2026-01-01T00:00", "us") + np.arange(500)
    predictions = Table(columns={"p": score, "key": np.arange(500)}, n=500, at=at)
    rows = scored_rows(predictions, classifier, PREDICTED, step=np.arange(500) // 100)
    assert rows.at_us[0] == 1_767_225_600_000_000
    pending = MemoryPending()
    pending.add(rows)
    state = observe(start(classifier, steps_per_window=5), classifier, rows)
    order = np.random.default_rng(1).permutation(500)
    labels = Table(
        columns={
            "key": Coded(order.astype(np.int32), tuple(map(str, range(500)))),
            "y": label[order],
        },
        n=500,
    )
    found = join(pending, *label_rows(labels, classifier, COLUMNS))
    state = learn(state, classifier, found)
    real = measured(state, classifier, PerformanceRules())
    assert real is not None
    assert real.metrics[0].value == pytest.approx(((score >= 0.5) == label).mean())


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


def test_what_is_not_named_is_asked_for(
    classifier: PerformanceReference, regressor: PerformanceReference
) -> None:
    table = regression(5, 10)
    with pytest.raises(BadScores, match="in no named column"):
        scored_rows(table, regressor, ScoreColumns(), step=np.zeros(10, np.int64))
    with pytest.raises(BadScores, match="needs a prediction id"):
        label_rows(table, classifier, ScoreColumns(label="y"))
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
