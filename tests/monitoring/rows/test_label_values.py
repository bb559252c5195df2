"""What people write as a label."""

import math

import numpy as np

from seatrial.monitoring.rows.label_values import label_text, label_values
from seatrial.stats.performance import UNKNOWN_CLASS


def test_classes_are_found_however_their_number_is_written() -> None:
    found = label_values(["0", "1.0", "1", "2", "true", "False", "maybe"], ["0", "1"])
    assert found.tolist() == [0, 1, 1, UNKNOWN_CLASS, 1, 0, UNKNOWN_CLASS]


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
