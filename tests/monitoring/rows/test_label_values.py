"""What people write as a label."""

import math

import numpy as np
import pytest

from seatrial.monitoring.rows.label_values import label_text, label_values, label_vectors
from seatrial.stats.performance import UNKNOWN_CLASS


def test_classes_are_found_however_their_number_is_written() -> None:
    found = label_values(["0", "1.0", "1", "2", "true", "False", "maybe"], ["0", "1"])
    assert found.tolist() == [0, 1, 1, UNKNOWN_CLASS, 1, 0, UNKNOWN_CLASS]


def test_a_class_that_nobody_named_may_be_written_by_its_number() -> None:
    found = label_values(["0", "1.0", "LABEL_1", "2", "true"], ["LABEL_0", "LABEL_1"])
    assert found.tolist() == [0, 1, 1, UNKNOWN_CLASS, 1]


def test_names_stay_names() -> None:
    assert label_values(["yes", "no", "Yes"], ["no", "yes"]).tolist() == [1, 0, UNKNOWN_CLASS]
    assert label_values(["True", "False"], ["False", "True"]).tolist() == [1, 0]


def test_no_label_says_nothing() -> None:
    assert np.isnan(label_values([""], ["0", "1"])).all()
    assert (label_text(None), label_text(math.nan), label_text(" a ")) == ("", "", "a")


def test_a_regressor_takes_finite_numbers_only() -> None:
    found = label_values(["1.5", "-2e3", "nan", "inf", "many", ""], None)
    assert found[:2].tolist() == [1.5, -2000.0]
    assert np.isnan(found[2:]).all()


@pytest.mark.parametrize("text", ["[1.5, 2]", "1.5 2", "(1.5,2.0)", " 1.5;2 ", "1.5   2"])
def test_several_numbers_are_read_however_they_are_written(text: str) -> None:
    assert label_vectors([text], 2).tolist() == [[1.5, 2.0]]


@pytest.mark.parametrize("text", ["", "1", "1 2 3", "1 x", "nan 2", "inf 1", "[]", "1,,2"])
def test_what_is_not_so_many_numbers_is_no_label(text: str) -> None:
    assert np.isnan(label_vectors([text, "1 2"], 2)).tolist() == [[True, True], [False, False]]
