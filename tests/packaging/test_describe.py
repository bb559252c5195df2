"""The model says what it takes; the sample completes it; contradictions name the column."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from seatrial.packaging.describe import NeedsSample, describe
from seatrial.packaging.model_facts import (
    InputFact,
    Kind,
    ModelFacts,
    facts_from_dict,
    facts_to_dict,
)
from seatrial.packaging.random_rows import random_rows
from seatrial.packaging.sample import Sample, SampleMismatch
from seatrial.registry.signature import Column, Dtype, Feature, Output, Task

NUMBER = InputFact(name="age", kind=Kind.NUMBER)
CITY = InputFact(name="city", kind=Kind.STRING, categories=("Bonn", "Lima"), closed=True)


def facts(*inputs: InputFact, named: bool = True, number: Dtype = Dtype.FLOAT64) -> ModelFacts:
    return ModelFacts(
        framework="scikit-learn",
        version="1",
        estimator="sklearn.X",
        task=Task.OTHER,
        inputs=inputs or None,
        named=named,
        number=number,
    )


def text(*values: str | None) -> Column:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def sample(**columns: Column) -> Sample:
    n = len(next(iter(columns.values())))
    return Sample(columns=columns, n_rows=n, n_total=n)


AGES = np.array([20, 40, 60])
CITIES = text("Bonn", "Lima", "Bonn")


def test_facts_cross_a_process_border_unchanged() -> None:
    known = facts(NUMBER, CITY)
    assert facts_from_dict(facts_to_dict(known)) == known


def test_whole_numbers_are_offered_as_floats() -> None:
    found = describe(facts(NUMBER), sample(age=AGES))
    assert found.features[0].dtype is Dtype.FLOAT64
    assert found.matrix
    assert isinstance(found.rows, np.ndarray)
    assert found.rows.tolist() == [[20.0], [40.0], [60.0]]


def test_known_whole_categories_are_whole_numbers() -> None:
    known = InputFact(name="rooms", kind=Kind.NUMBER, categories=(1, 2), closed=True)
    found = describe(facts(known), sample(rooms=np.array([1, 2, 3])))
    assert found.features[0].dtype is Dtype.INT64
    assert found.features[0].categories == (1, 2)
    assert isinstance(found.rows, np.ndarray)
    assert len(found.rows) == 2
    assert "1 sample rows" in found.notes[0]


def test_the_models_width_of_number_is_kept() -> None:
    found = describe(facts(NUMBER, number=Dtype.FLOAT32), sample(age=AGES * 1.5))
    assert found.features[0].dtype is Dtype.FLOAT32


def test_mixed_columns_stay_columns_in_the_models_order() -> None:
    found = describe(facts(CITY, NUMBER), sample(age=AGES, city=CITIES))
    assert not found.matrix
    assert isinstance(found.rows, dict)
    assert list(found.rows) == ["city", "age"]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(SampleMismatch, match="lacks the column 'city'"):
        describe(facts(NUMBER, CITY), sample(age=AGES))


def test_extra_columns_are_ignored_with_a_note() -> None:
    found = describe(facts(NUMBER), sample(age=AGES, id=AGES, target=AGES))
    assert found.notes == ("Columns the model does not take: id.",)
    assert found.labels is not None


@pytest.mark.parametrize("name", ["y", "Target", "label", "class"])
def test_a_column_that_is_called_label_is_one(name: str) -> None:
    found = describe(facts(NUMBER), sample(**{"age": AGES, name: AGES + 1}))
    assert found.labels is not None
    assert found.labels.tolist() == [21, 41, 61]


def test_a_label_given_by_name_is_found_and_a_wrong_one_is_named() -> None:
    data = sample(age=AGES, churned=AGES + 1)
    assert describe(facts(NUMBER), data, label="churned").labels is not None
    with pytest.raises(SampleMismatch, match="no column 'churn'"):
        describe(facts(NUMBER), data, label="churn")
    with pytest.raises(SampleMismatch, match="'age' is an input"):
        describe(facts(NUMBER), data, label="age")


def test_a_model_without_names_takes_the_samples() -> None:
    inputs = (InputFact(name="x0", kind=Kind.NUMBER), InputFact(name="x1", kind=Kind.NUMBER))
    found = describe(facts(*inputs, named=False), sample(a=AGES, b=AGES, y=AGES))
    assert [f.name for f in found.features] == ["a", "b"]
    assert found.named


def test_a_feature_that_only_sounds_like_a_label_is_a_feature_when_the_count_says_so() -> None:
    inputs = (InputFact(name="x0", kind=Kind.NUMBER), InputFact(name="x1", kind=Kind.NUMBER))
    found = describe(facts(*inputs, named=False), sample(a=AGES, y=AGES))
    assert [f.name for f in found.features] == ["a", "y"]
    assert found.labels is None


def test_a_made_up_name_that_is_a_column_is_that_column_whatever_stands_beside_it() -> None:
    written = InputFact(name="text", kind=Kind.STRING)
    rows = sample(id=AGES, text=text("good", "bad", ""), stars=AGES)
    found = describe(facts(written, named=False), rows)
    assert [f.name for f in found.features] == ["text"]
    assert found.notes == ("Columns the model does not take: id, stars.",)


def test_a_wrong_number_of_columns_tells_both_numbers() -> None:
    inputs = (InputFact(name="x0"), InputFact(name="x1"))
    with pytest.raises(SampleMismatch, match="takes 2 inputs; the sample has 3") as caught:
        describe(facts(*inputs, named=False), sample(a=AGES, b=AGES, c=AGES))
    assert "--label" in caught.value.remedy


def test_strings_where_the_model_takes_numbers_are_shown() -> None:
    with pytest.raises(SampleMismatch, match="strings such as 'old'"):
        describe(facts(NUMBER), sample(age=text(None, "old", "young")))


def test_numbers_are_read_as_strings_only_when_the_model_knows_them_so() -> None:
    codes = InputFact(name="code", kind=Kind.STRING, categories=("1", "2"), closed=True)
    found = describe(facts(codes), sample(code=np.array([1, 2, 1])))
    assert isinstance(found.rows, dict)
    assert found.rows["code"].tolist() == ["1", "2", "1"]
    with pytest.raises(SampleMismatch, match="takes strings for 'city'"):
        describe(facts(CITY), sample(city=AGES))


def test_rows_the_model_refuses_are_left_out_with_their_labels() -> None:
    data = sample(
        age=np.array([20, np.nan, 60, 70]),
        city=text("Bonn", "Lima", "Oslo", "Lima"),
        y=np.arange(4),
    )
    found = describe(facts(NUMBER, CITY), data)
    assert isinstance(found.rows, dict)
    assert found.rows["age"].tolist() == [20, 70]
    assert found.labels is not None
    assert found.labels.tolist() == [0, 3]
    assert "2 sample rows" in found.notes[0]


def test_missing_values_stay_where_the_model_takes_them() -> None:
    inputs = (
        InputFact(name="age", kind=Kind.NUMBER, nullable=True),
        InputFact(name="city", kind=Kind.STRING, nullable=True),
    )
    found = describe(facts(*inputs), sample(age=np.array([np.nan, 1.0]), city=text(None, "x")))
    assert isinstance(found.rows, dict)
    assert found.rows["city"].tolist() == [None, "x"]
    assert len(found.rows["age"]) == 2


def test_a_sample_without_one_valid_row_is_refused_with_the_value() -> None:
    with pytest.raises(SampleMismatch, match="No row") as caught:
        describe(facts(CITY), sample(city=text("Oslo", "Rome")))
    assert "'Oslo'" in caught.value.remedy


def test_a_model_that_shows_nothing_needs_a_sample() -> None:
    with pytest.raises(NeedsSample, match=r"sklearn\.X") as caught:
        describe(facts())
    assert "--data" in caught.value.remedy
    found = describe(facts(), sample(age=AGES, city=CITIES, ok=np.array([True, False, True])))
    assert [f.dtype for f in found.features] == [Dtype.FLOAT64, Dtype.STRING, Dtype.BOOL]


def test_without_a_sample_an_unknown_type_is_assumed_and_said() -> None:
    found = describe(facts(InputFact(name="x")))
    assert found.features[0].dtype is Dtype.FLOAT64
    assert "'x'" in found.notes[0]


@pytest.mark.parametrize(
    ("framework", "name", "named", "noted"),
    [
        ("lightgbm", "mean_radius", True, True),
        ("lightgbm", "radius", True, False),
        ("lightgbm", "x_0", False, False),
        ("xgboost", "mean_radius", True, False),
    ],
)
def test_without_a_sample_names_that_lightgbm_may_have_respelled_are_noted(
    framework: str, name: str, named: bool, noted: bool
) -> None:
    known = replace(facts(InputFact(name=name, kind=Kind.NUMBER)), framework=framework, named=named)
    assert any("mean_radius" in note for note in describe(known, None).notes) is noted


def test_names_that_lightgbm_respelled_are_those_of_the_sample() -> None:
    known = facts(InputFact(name="mean_radius", kind=Kind.NUMBER))
    found = describe(replace(known, framework="lightgbm"), sample(**{"mean radius": AGES}))
    assert ([f.name for f in found.features], found.notes) == (["mean radius"], ())


def test_the_samples_range_is_a_hint() -> None:
    found = describe(facts(NUMBER), sample(age=AGES))
    assert found.hints[0].center == 40.0
    assert found.hints[0].low == 0.0


IMAGE = InputFact(name="image", kind=Kind.NUMBER, shape=(2, 2), dtype=Dtype.FLOAT32)
IMAGES = np.arange(12, dtype=np.float32).reshape(3, 2, 2)


def test_a_tensor_keeps_its_shape_and_its_dtype_and_is_no_matrix() -> None:
    found = describe(facts(IMAGE), sample(image=IMAGES, label=AGES))
    assert found.features == (Feature(name="image", dtype=Dtype.FLOAT32, shape=(2, 2)),)
    assert not found.matrix
    assert isinstance(found.rows, dict)
    np.testing.assert_array_equal(found.rows["image"], IMAGES)
    assert found.labels is not None


def test_the_one_array_of_a_file_is_the_one_tensor_of_the_model() -> None:
    found = describe(facts(IMAGE), sample(input=IMAGES))
    assert found.features[0].name == "image"


def test_the_columns_of_one_array_are_the_features_of_a_model_of_numbers() -> None:
    inputs = tuple(InputFact(name=f"x{k}", kind=Kind.NUMBER) for k in range(4))
    found = describe(facts(*inputs, named=False), sample(input=IMAGES.reshape(3, 4)))
    assert [f.name for f in found.features] == ["x0", "x1", "x2", "x3"]
    assert isinstance(found.rows, np.ndarray)
    assert found.rows.tolist() == IMAGES.reshape(3, 4).tolist()


@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_whole_numbers_side_by_side_are_the_features_of_a_model_that_has_as_many(
    dtype: type[np.generic],
) -> None:
    inputs = tuple(InputFact(name=f"x{k}", kind=Kind.NUMBER) for k in range(4))
    counts = np.arange(12).reshape(3, 4).astype(dtype)
    found = describe(facts(*inputs, named=False), sample(input=counts))
    assert [f.name for f in found.features] == ["x0", "x1", "x2", "x3"]
    assert isinstance(found.rows, np.ndarray)
    assert found.rows.tolist() == counts.tolist()


def test_rows_of_another_shape_are_refused_with_both() -> None:
    with pytest.raises(SampleMismatch, match=r"\[n, 2, 2\]; the sample has \[n, 4\]"):
        describe(facts(IMAGE), sample(image=IMAGES.reshape(3, 4)))


def test_rows_of_a_tensor_with_a_number_that_is_none_are_left_out() -> None:
    broken = IMAGES.copy()
    broken[1, 0, 1] = np.nan
    found = describe(facts(IMAGE), sample(image=broken))
    assert isinstance(found.rows, dict)
    assert len(found.rows["image"]) == 2
    assert "1 sample rows" in found.notes[0]


def test_bytes_of_a_sample_stay_bytes_where_the_model_does_not_say() -> None:
    unknown = InputFact(name="image")
    images = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    found = describe(facts(unknown), sample(image=images))
    assert found.features == (Feature(name="image", dtype=Dtype.UINT8, shape=(2, 2)),)
    signature = found.signature(Task.OTHER, [Output(name="y", dtype=Dtype.FLOAT32)])
    rows = random_rows(signature, 50, seed=0, hints=found.hints)
    assert isinstance(rows, dict)
    assert rows["image"].dtype == np.uint8
    assert rows["image"].max() <= 11
    whole = describe(facts(unknown), sample(image=images.astype(np.int64)))
    assert whole.features[0].dtype is Dtype.INT64


@pytest.mark.parametrize("strange", [-1.0, 255.5, 256.0])
def test_a_sample_that_a_model_of_bytes_cannot_take_is_refused(strange: float) -> None:
    pixels = replace(IMAGE, dtype=Dtype.UINT8, low=0.0)
    images = IMAGES.astype(np.float64)
    assert describe(facts(pixels), sample(image=images)).features[0].dtype is Dtype.UINT8
    images[2, 1, 1] = strange
    with pytest.raises(SampleMismatch, match=f"the sample has {strange:g}") as refused:
        describe(facts(pixels), sample(image=images))
    assert "before they are scaled" in refused.value.remedy


@pytest.mark.parametrize(
    ("dtype", "fits", "strange", "said"),
    [
        (Dtype.INT8, -128.0, 128.0, "whole numbers from -128 to 127"),
        (Dtype.UINT16, 65_535.0, -1.0, "whole numbers from 0 to 65535"),
        (Dtype.FLOAT16, -65_504.0, 1e6, "numbers from -65504 to 65504"),
    ],
)
def test_a_sample_beyond_a_narrow_type_is_refused(
    dtype: Dtype, fits: float, strange: float, said: str
) -> None:
    narrow = replace(IMAGE, dtype=dtype)
    images = np.zeros(IMAGES.shape)
    images[0, 0, 0] = fits
    found = describe(facts(narrow), sample(image=images))
    assert (found.features[0].dtype, found.rows is not None) == (dtype, True)
    images[2, 1, 1] = strange
    with pytest.raises(
        SampleMismatch, match=f"{said} for 'image'; the sample has {re.escape(f'{strange:g}')}"
    ):
        describe(facts(narrow), sample(image=images))


def test_whole_numbers_of_a_tensor_stay_within_those_of_the_sample() -> None:
    tokens = replace(IMAGE, name="tokens", dtype=Dtype.INT64, low=0.0)
    found = describe(facts(tokens), sample(tokens=np.arange(12).reshape(3, 2, 2)))
    assert found.features[0].dtype is Dtype.INT64
    (hint,) = found.hints
    assert (hint.low, hint.high) == (0.0, 11.0)
    signature = found.signature(Task.OTHER, [Output(name="y", dtype=Dtype.FLOAT32)])
    rows = random_rows(signature, 50, seed=0, hints=found.hints)
    assert isinstance(rows, dict)
    assert rows["tokens"].shape == (50, 2, 2)
    assert rows["tokens"].dtype == np.int64
    assert 0 <= rows["tokens"].min() < rows["tokens"].max() <= 11
