"""Rows that nothing good can be trained on are refused, each with an error of its own."""

import numpy as np
import pytest

from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.training.retraining.checks import (
    ClassMissing,
    Demands,
    LabelWrong,
    OutOfRange,
    SchemaChanged,
    TooFewRows,
    TooMuchMissing,
    check_rows,
    class_text,
)

N = 300
CLASSES = Signature(
    features=(
        Feature(name="age", dtype=Dtype.FLOAT64, nullable=True),
        Feature(name="city", dtype=Dtype.STRING),
    ),
    outputs=(
        Output(name="label", dtype=Dtype.INT64),
        Output(name="probabilities", dtype=Dtype.FLOAT32, width=2, classes=(0, 1)),
    ),
    task=Task.CLASSIFICATION,
    matrix=False,
)
NUMBERS = Signature(
    features=(Feature(name="age", dtype=Dtype.FLOAT64),),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT64),),
    task=Task.REGRESSION,
    matrix=False,
)


def columns(**more):
    return {
        "age": np.linspace(18.0, 90.0, N),
        "city": np.array(["Bonn", "Ulm", None] * (N // 3), object),
    } | more


def labels(*values):
    return np.resize(np.array(values), N)


def check(given=None, true=None, *, signature=CLASSES, n_holdout=100, **demands):
    return check_rows(
        columns() if given is None else given,
        labels(0, 1) if true is None else true,
        n_holdout=n_holdout,
        signature=signature,
        demands=Demands(**demands),
        label="churned",
    )


def test_good_rows_pass_and_say_what_was_found():
    found = check()
    assert found == [
        "300 rows to train on, 100 kept back",
        "at most 33.3% of a column is missing (city)",
        "all 2 classes are there",
    ]


def test_without_a_model_in_production_any_columns_pass():
    assert check(signature=None, true=np.array(["x", "y"] * 150, object))


@pytest.mark.parametrize(
    ("more", "what"), [({"min_rows": 301}, "to train on"), ({"min_holdout_rows": 101}, "kept back")]
)
def test_too_few_rows_are_refused(more, what):
    with pytest.raises(TooFewRows, match=what):
        check(**more)


def test_no_rows_at_all_are_refused():
    with pytest.raises(TooFewRows, match="There are 0 labelled rows"):
        check({"age": np.zeros(0), "city": np.zeros(0, object)}, np.zeros(0), n_holdout=0)


def test_a_column_that_is_gone_is_refused_by_name():
    with pytest.raises(SchemaChanged, match="no column 'city'"):
        check({"age": np.ones(N)})


def test_a_column_that_became_text_is_refused_with_an_example():
    with pytest.raises(SchemaChanged, match="'age' holds text such as 'old'"):
        check(columns(age=np.array(["old"] * N, object)))


def test_a_column_that_is_mostly_missing_is_refused():
    gone = np.full(N, np.nan)
    gone[:10] = 1.0
    with pytest.raises(TooMuchMissing, match=r"96\.7% of the column 'age'"):
        check(columns(age=gone))


@pytest.mark.parametrize("true", [labels(0, 2), np.array(["yes", "no"] * 150, object)])
def test_a_label_that_production_does_not_know_is_refused(true):
    with pytest.raises(LabelWrong, match="the model in production knows 0, 1"):
        check(true=true)


@pytest.mark.parametrize("true", [labels(0.0, 1.0), labels(False, True)])
def test_a_class_is_one_whatever_number_it_is_written_as(true):
    assert check(true=true)


def test_a_number_that_became_text_is_refused():
    with pytest.raises(LabelWrong, match="predicts a number"):
        check(signature=NUMBERS, true=np.array(["12", "x"] * 150, object))


def test_an_infinite_number_is_refused():
    with pytest.raises(LabelWrong, match="infinite"):
        check(signature=NUMBERS, true=labels(1.0, np.inf))


def test_a_class_without_rows_is_refused():
    with pytest.raises(ClassMissing, match="The class '1' has 0 rows"):
        check(true=labels(0))
    assert check(true=labels(0), min_class_rows=0)


def test_values_outside_their_range_are_refused_with_one_of_them():
    with pytest.raises(OutOfRange, match=r"lies outside \[0, 80\], such as"):
        check(ranges={"age": (0.0, 80.0)})
    assert check(ranges={"age": (0.0, 80.0)}, max_outside=0.2)


def test_a_range_of_no_column_is_refused():
    with pytest.raises(SchemaChanged, match=r"checks\.ranges names 'aeg'"):
        check(ranges={"aeg": (0.0, 80.0)})


@pytest.mark.parametrize("value", [1, 1.0, True, np.int64(1), np.float32(1), "1", "true", np.True_])
def test_one_is_one(value):
    assert class_text(value) == "1"
