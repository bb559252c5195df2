"""What is watched of a tensor."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.registry.tensor_summary import summary_of, watched_columns


def test_of_an_image_four_numbers_a_row_are_watched() -> None:
    images = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)
    found = summary_of("image", images)
    assert list(found) == ["image.mean", "image.std", "image.min", "image.max"]
    assert found["image.mean"].tolist() == [5.5, 17.5]
    assert found["image.min"].tolist() == [0.0, 12.0]
    assert found["image.max"].tolist() == [11.0, 23.0]
    assert found["image.std"].tolist() == pytest.approx([np.std(images[0])] * 2)


def test_of_texts_their_length_and_of_truths_their_share() -> None:
    texts = np.array([["ab", "abcd"], ["", "x"]], object)
    assert summary_of("words", texts)["words.length"].tolist() == [3.0, 0.5]
    assert summary_of("mask", np.array([[True, False]]))["mask.mean"].tolist() == [0.5]


def test_no_rows_give_no_numbers() -> None:
    for column in summary_of("image", np.empty((0, 3, 4), np.float32)).values():
        assert column.shape == (0,)


def test_features_of_one_value_stay_as_they_are_beside_a_tensor() -> None:
    signature = Signature(
        features=(
            Feature(name="age", dtype=Dtype.FLOAT64),
            Feature(name="image", dtype=Dtype.FLOAT32, shape=(2, 2)),
        ),
        outputs=(Output(name="prediction", dtype=Dtype.FLOAT32),),
        task=Task.REGRESSION,
        matrix=False,
    )
    rows = {"age": np.array([1.0]), "image": np.ones((1, 2, 2), np.float32)}
    found = watched_columns(signature, rows)
    assert list(found) == ["age", "image.mean", "image.std", "image.min", "image.max"]
    assert found["age"] is rows["age"]
