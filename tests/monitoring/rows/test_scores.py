"""Predictions, probabilities and labels are found in columns of many kinds."""

import numpy as np
import pytest

from seatrial.monitoring.rows.scores import (
    BadScores,
    ScoreColumns,
    class_indices,
    classes_of,
    ids_of,
    labels_of,
    numbers_of,
    predictions_and_confidence,
)
from seatrial.monitoring.rows.table import Coded, Table

ANIMALS = ("cat", "dog", "hen")


def coded(*names: str | None) -> Coded:
    values = tuple(sorted({name for name in names if name is not None}, reverse=True))
    return Coded(np.array([-1 if n is None else values.index(n) for n in names], np.int32), values)


def test_classes_are_found_by_name_whatever_the_columns_own_order() -> None:
    found = class_indices(coded("hen", None, "cat", "cow"), ANIMALS, "label")
    np.testing.assert_array_equal(found, [2, np.nan, 0, -1])


@pytest.mark.parametrize("kind", [np.int64, np.float32, np.uint8])
def test_numbered_classes_are_found_by_how_they_are_written(kind: type) -> None:
    np.testing.assert_array_equal(
        class_indices(np.array([1, 0, 7], kind), ["0", "1"], "y"), [1, 0, -1]
    )


def test_booleans_and_missing_numbers_are_classes_too() -> None:
    np.testing.assert_array_equal(class_indices(np.array([True, False]), ["0", "1"], "y"), [1, 0])
    np.testing.assert_array_equal(class_indices(np.array([np.nan, 1.5]), ["1.5"], "y"), [np.nan, 0])


def test_the_classes_of_a_column_come_in_order() -> None:
    assert classes_of(coded("hen", "cat", None), "y") == ("cat", "hen")
    assert classes_of(np.array([10.0, 2.0, np.nan, 2.0]), "y") == ("2", "10")


def test_the_most_likely_class_is_predicted_and_its_probability_the_confidence() -> None:
    scores = np.array([[0.2, 0.5, 0.3], [0.9, 0.1, 0.0], [np.nan, 0.5, 0.5], [-4.0, 2.0, 3.0]])
    rows = Table(columns={"p": scores}, n=4)
    predicted, confidence = predictions_and_confidence(
        rows, ScoreColumns(probabilities="p"), ANIMALS
    )
    np.testing.assert_array_equal(predicted, [1, 0, np.nan, np.nan])
    np.testing.assert_array_equal(confidence, [0.5, 0.9, np.nan, np.nan])


def test_a_prediction_of_its_own_threshold_has_the_probability_of_its_class() -> None:
    rows = Table(columns={"p": np.array([0.2, 0.2, np.nan]), "said": np.array([1, 0, 1])}, n=3)
    columns = ScoreColumns(probabilities="p", prediction="said")
    predicted, confidence = predictions_and_confidence(rows, columns, ("0", "1"))
    np.testing.assert_array_equal(predicted, [1, 0, 1])
    np.testing.assert_allclose(confidence, [0.2, 0.8, np.nan])


def test_ids_are_texts_or_whole_numbers() -> None:
    rows = Table(columns={"a": coded("x", "y"), "b": np.array([7, 8]), "c": np.ones(2)}, n=2)
    assert ids_of(rows, "a") == ("x", "y")
    assert ids_of(rows, "b") == ("7", "8")
    with pytest.raises(BadScores, match="'c' does not hold ids"):
        ids_of(rows, "c")
    with pytest.raises(BadScores, match="without a prediction id"):
        ids_of(Table(columns={"a": coded("x", None)}, n=2), "a")


def test_labels_are_places_among_classes_or_numbers() -> None:
    rows = Table(columns={"y": np.array([3.0, 1.0])}, n=2)
    assert labels_of(rows, "y", ("1", "3")).tolist() == [1, 0]
    assert labels_of(rows, "y", None).tolist() == [3, 1]


@pytest.mark.parametrize(
    ("columns", "asked", "says"),
    [
        ({"p": np.ones((2, 2))}, ScoreColumns(probabilities="p"), "2 probabilities a row for 3"),
        ({"p": np.ones(2)}, ScoreColumns(probabilities="p"), "1 probabilities a row for 3"),
        ({"p": np.ones((2, 3))}, ScoreColumns(probabilities="q"), "'q' is not among p"),
        ({"p": np.ones((2, 3))}, ScoreColumns(), "is not named"),
        ({"p": coded("a", "b")}, ScoreColumns(probabilities="p"), "holds names"),
        (
            {"p": np.ones((2, 3)), "said": coded("cat", "cow")},
            ScoreColumns(probabilities="p", prediction="said"),
            "'said' holds a class that is not among cat, dog, hen",
        ),
    ],
)
def test_columns_that_hold_something_else_are_named(
    columns: dict[str, object], asked: ScoreColumns, says: str
) -> None:
    with pytest.raises(BadScores, match=says):
        predictions_and_confidence(Table(columns=columns, n=2), asked, ANIMALS)  # type: ignore[arg-type]


def test_a_number_a_row_is_asked_for() -> None:
    with pytest.raises(BadScores, match="one number a row"):
        numbers_of(np.ones((2, 2)), "prediction")
