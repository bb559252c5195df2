from __future__ import annotations

import numpy as np

from seatrial.monitoring.rows.served import (
    categorical_names,
    column_of,
    features_table,
    predictions_table,
)
from seatrial.monitoring.rows.table import Coded
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

SIGNATURE = Signature(
    features=(
        Feature(name="age", dtype=Dtype.FLOAT64),
        Feature(name="grade", dtype=Dtype.FLOAT64, categories=(1, 2)),
    ),
    outputs=(
        Output(name="label", dtype=Dtype.INT64),
        Output(name="probabilities", dtype=Dtype.FLOAT64, width=2, classes=("no", "yes")),
    ),
    task=Task.CLASSIFICATION,
    matrix=True,
)


def test_a_matrix_and_columns_make_the_same_table() -> None:
    matrix = np.array([[20.0, 1.0], [30.0, 2.0]])
    columns = {"age": matrix[:, 0], "grade": matrix[:, 1]}
    for batch in (matrix, columns):
        table = features_table(SIGNATURE, batch)
        assert table.n == 2
        assert list(table.columns) == ["age", "grade"]
        np.testing.assert_array_equal(table.columns["age"], [20.0, 30.0])
    assert categorical_names(SIGNATURE) == {"grade", "label"}


def test_an_answer_of_several_values_is_a_column_for_each_class() -> None:
    table = predictions_table(
        SIGNATURE,
        {
            "label": np.array([0, 1]),
            "probabilities": np.array([[0.9, 0.1], [0.2, 0.8]]),
            "embedding": np.zeros((2, 2)),
        },
    )
    assert table.n == 2
    assert list(table.columns) == [
        "label",
        "probabilities.no",
        "probabilities.yes",
        "embedding.0",
        "embedding.1",
    ]


def test_anything_but_numbers_is_a_name_once() -> None:
    found = column_of(np.array(["a", None, 1, "1", 2.0, float("nan"), "a"], object))
    assert isinstance(found, Coded)
    assert found.values == ("a", "1", "2")
    assert found.codes.tolist() == [0, -1, 1, 1, 2, -1, 0]


def test_a_tensor_is_watched_by_a_few_numbers_of_each_row() -> None:
    signature = Signature(
        features=(Feature(name="image", dtype=Dtype.FLOAT32, shape=(2, 2)),),
        outputs=(Output(name="map", dtype=Dtype.FLOAT32, width=4, shape=(2, 2)),),
        task=Task.OTHER,
        matrix=False,
    )
    images = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    table = features_table(signature, {"image": images})
    assert list(table.columns) == ["image.mean", "image.std", "image.min", "image.max"]
    answers = predictions_table(signature, {"map": images})
    assert list(answers.columns) == ["map.mean", "map.std", "map.min", "map.max"]
    profile = profile_of(table, predictions=answers)
    assert set(profile.features) == set(table.columns)
