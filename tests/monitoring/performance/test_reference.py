"""What a variant's performance is held against."""

import json

import numpy as np
import pytest
from known_models import REGRESSION, binary, regression

from seatrial.monitoring.performance.expected_loss import BadExpectedLoss
from seatrial.monitoring.performance.reference import (
    LEAST_ROWS,
    BadReference,
    PerformanceReference,
    classifier_reference,
    reference_from_dict,
    reference_to_dict,
    regressor_reference,
)
from seatrial.monitoring.rows.scores import BadScores, ScoreColumns
from seatrial.monitoring.rows.table import Coded, Table

COLUMNS = ScoreColumns(probabilities="p", label="y")


def test_a_classifier_has_accuracy_f1_and_auc_with_their_errors(
    classifier: PerformanceReference,
) -> None:
    assert [m.name for m in classifier.metrics] == ["accuracy", "precision", "recall", "f1", "auc"]
    assert classifier.classes == ("0", "1")
    score, label = binary(1, 4_000)
    assert classifier.main.value == pytest.approx(((score >= 0.5) == label).mean())
    assert classifier.main.standard_error == pytest.approx(0.006, abs=0.001)


def test_a_regressor_has_mae_and_rmse(regressor: PerformanceReference) -> None:
    assert [m.name for m in regressor.metrics] == ["mae", "rmse"]
    table = regression(1, 6_000)
    error = np.abs(table.columns["said"] - table.columns["y"])  # type: ignore[operator]
    assert regressor.main.value == pytest.approx(error.mean())
    assert regressor.drop(1.1 * regressor.main.value) == pytest.approx(0.1)


def test_several_named_classes_are_judged_by_their_highest_probability() -> None:
    rng = np.random.default_rng(2)
    p = rng.dirichlet([1, 1, 1], 900)
    drawn = np.array([rng.choice(3, p=row) for row in p], np.int32)
    label = Coded(drawn, ("hen", "cat", "dog"))  # the labels' own order is not the model's
    columns = {"p": p[:, [1, 2, 0]], "y": label}
    found = classifier_reference(
        Table(columns=columns, n=900), COLUMNS, classes=("cat", "dog", "hen")
    )
    assert found.main.value == pytest.approx((p.argmax(axis=1) == drawn).mean())
    assert [m.name for m in found.metrics] == ["accuracy", "precision", "recall", "f1"]


def test_rows_without_a_label_are_left_out() -> None:
    score, label = binary(3, 600)
    label[::2] = np.nan
    found = classifier_reference(Table(columns={"p": score, "y": label}, n=600), COLUMNS)
    assert found.main.n == 300


def test_labels_of_which_none_is_a_class_are_refused_and_not_counted_as_mistakes() -> None:
    score, label = binary(3, 600)
    table = Table(columns={"p": score, "y": label}, n=600)
    told = "No label is a class of the model: there are '0', '1', and it has 'bad', 'good'"
    with pytest.raises(BadScores, match=told):
        classifier_reference(table, COLUMNS, classes=("bad", "good"))
    found = classifier_reference(table, COLUMNS, classes=("LABEL_0", "LABEL_1"))
    assert found.main.value > 0.5


def test_margins_in_place_of_probabilities_are_refused() -> None:
    score, label = binary(4, 500)
    table = Table(columns={"p": 8 * score - 4, "y": label}, n=500)
    with pytest.raises(BadScores, match=r"'p' has \d+ of 500 reference rows without a probability"):
        classifier_reference(table, COLUMNS)


def test_too_few_labelled_rows_are_refused_with_their_number() -> None:
    score, label = binary(5, LEAST_ROWS - 1)
    with pytest.raises(BadReference, match=f"has {LEAST_ROWS - 1} rows"):
        classifier_reference(Table(columns={"p": score, "y": label}, n=len(score)), COLUMNS)
    with pytest.raises(BadReference, match="has 50 rows"):
        regressor_reference(regression(1, 50), REGRESSION, features=[])
    with pytest.raises(BadReference, match="has 0 rows"):
        classifier_reference(Table(columns={"p": score}, n=len(score)), ScoreColumns())


def test_labels_that_are_the_predictions_are_refused() -> None:
    said = np.arange(200.0)
    with pytest.raises(BadReference, match="equal the labels"):
        regressor_reference(
            Table(columns={"said": said, "y": said}, n=200), REGRESSION, features=[]
        )


def test_columns_that_are_not_there_are_named() -> None:
    table = regression(1, 200)
    with pytest.raises(BadScores, match="'gone' is not among"):
        regressor_reference(table, ScoreColumns(prediction="gone", label="y"), features=[])
    with pytest.raises(BadExpectedLoss, match="'gone' is not among"):
        regressor_reference(table, REGRESSION, features=["gone"])


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_a_reference_is_read_back_from_json(kind: str, request: pytest.FixtureRequest) -> None:
    reference: PerformanceReference = request.getfixturevalue(kind)
    again = reference_from_dict(json.loads(json.dumps(reference_to_dict(reference))))
    assert (again.classes, again.metrics) == (reference.classes, reference.metrics)
    predicted = np.array([0.0, 1.0, 1.0])
    score = np.array([0.9, 0.7, np.nan])
    for then, now in zip(
        reference.expected(predicted, score), again.expected(predicted, score), strict=True
    ):
        np.testing.assert_array_equal(then, now)


def test_a_record_of_another_version_is_refused(classifier: PerformanceReference) -> None:
    with pytest.raises(BadReference, match="version 9"):
        reference_from_dict(reference_to_dict(classifier) | {"version": 9})
    with pytest.raises(BadReference, match="KeyError"):
        reference_from_dict({"version": 1})
