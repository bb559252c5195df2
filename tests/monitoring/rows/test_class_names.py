"""Classes that nobody listed: found in answers and labels, and told apart however written."""

import numpy as np

from seatrial.monitoring.rows.class_names import class_names, named_as
from seatrial.monitoring.rows.table import Coded


def test_numbers_are_in_their_order_and_names_in_theirs() -> None:
    assert class_names(np.array([10, 2, 2]), np.array([1, 2, 10])) == ("1", "2", "10")
    names = Coded(np.array([1, 0, -1], np.int32), ("hen", "cat"))
    assert class_names(names, None) == ("cat", "hen")


def test_a_label_that_means_an_answer_is_its_class() -> None:
    label = np.array([True, False, True])
    assert class_names(label, np.array([0.0, 1.0, 1.0])) == ("0", "1")
    named = named_as(label, ("0", "1"))
    assert [named.values[code] for code in named.codes] == ["1", "0", "1"]


def test_other_values_stay_and_missing_and_empty_ones_are_missing() -> None:
    column = Coded(np.array([0, 1, 2, -1], np.int32), ("yes", "maybe", ""))
    assert class_names(column, None) == ("maybe", "yes")
    named = named_as(column, ("no", "yes"))
    assert [named.values[code] if code >= 0 else None for code in named.codes] == [
        "yes",
        "maybe",
        None,
        None,
    ]
