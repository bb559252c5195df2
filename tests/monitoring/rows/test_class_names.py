"""Classes that nobody listed: found in answers and labels, and told apart however written."""

import numpy as np

from seatrial.monitoring.rows.class_names import by_place, class_names, named_as
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


def test_numbers_of_classes_are_read_as_their_names() -> None:
    for column in (np.array([1, 0, 1]), Coded(np.array([0, 1, 0], np.int32), ("1.0", "0"))):
        named = by_place(column, ("bad", "good"))
        assert isinstance(named, Coded)
        assert [named.values[code] for code in named.codes] == ["good", "bad", "good"]
    missing = by_place(np.array([1.0, np.nan]), ("bad", "good"))
    assert isinstance(missing, Coded)
    assert missing.codes.tolist() == [1, -1]


def test_what_are_no_numbers_of_classes_stays_as_it_is() -> None:
    names = Coded(np.array([0, 1], np.int32), ("1", "bad"))
    for column, classes in (
        (np.array([0, 2]), ("bad", "good")),  # there is no third
        (np.array([0.5, 1]), ("bad", "good")),
        (np.array([-1, 1]), ("bad", "good")),
        (np.array([0, 1]), ("1", "0")),  # classes that are called by numbers
        (np.array([np.nan]), ("bad", "good")),
        (names, ("bad", "good")),
    ):
        assert by_place(column, classes) is column


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
