"""Rows in pieces: the newest, in order, with the newest of them kept back."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.monitoring.rows.table import Coded
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.training.retraining.gathering import (
    Gathering,
    LabelledRows,
    as_taken,
    cut_of,
    rows_since,
    shown_time,
    values_of,
)

NOW = datetime(2030, 1, 10, tzinfo=UTC)


def times(*minutes):
    base = np.datetime64("2030-01-01T00:00:00", "us")
    return base + np.array(minutes).astype("timedelta64[m]")


def gathered(*pieces, **more):
    gathering = Gathering(["x"], max_rows=more.pop("max_rows", 1000), **more)
    for columns, labels, at in pieces:
        gathering.add(columns, np.array(labels, object), at)
    return gathering


def test_rows_of_several_pieces_come_in_the_order_of_their_times():
    rows = gathered(
        ({"x": np.array([3.0, 1.0])}, ["c", "a"], times(3, 1)),
        ({"x": np.array([2.0])}, ["b"], times(2)),
    ).rows()
    assert rows.columns["x"].tolist() == [1.0, 2.0, 3.0]
    assert rows.labels.tolist() == ["a", "b", "c"]


def test_rows_without_a_label_are_counted_and_left_out():
    gathering = gathered(({"x": np.arange(3.0)}, ["a", None, ""], times(1, 2, 3)))
    assert (len(gathering.rows()), gathering.n_unlabelled) == (1, 2)


def test_a_window_leaves_out_what_is_older_newer_or_without_a_time():
    at = times(1, 2, 3, 4)
    at[1] = np.datetime64("NaT")
    since = datetime(2030, 1, 1, 0, 1, tzinfo=UTC)
    until = datetime(2030, 1, 1, 0, 3, tzinfo=UTC)
    piece = ({"x": np.arange(4.0)}, ["a"] * 4, at)
    assert gathered(piece, since=since, until=until).rows().columns["x"].tolist() == [0.0, 2.0]


def test_rows_without_times_stay_in_their_order():
    rows = gathered(({"x": np.array([3.0, 1.0])}, ["a", "b"], None)).rows()
    assert (rows.columns["x"].tolist(), rows.at) == ([3.0, 1.0], None)


@given(st.lists(st.lists(st.integers(0, 500), min_size=1, max_size=30), max_size=20))
def test_only_the_newest_are_kept_however_they_come(pieces):
    gathering = gathered(
        *(({"x": np.array(part, np.float64)}, ["a"] * len(part), times(*part)) for part in pieces),
        max_rows=10,
    )
    every = sorted(x for part in pieces for x in part)
    assert gathering.rows().columns["x"].tolist() == every[-10:]


def test_a_column_that_a_piece_lacks_is_missing_there():
    rows = gathered(({"x": np.array([1.0])}, ["a"], times(1)), ({}, ["b"], times(2))).rows()
    assert np.isnan(rows.columns["x"]).tolist() == [False, True]


def test_numbers_and_texts_in_one_column_become_texts():
    rows = gathered(
        ({"x": np.array([1.5, np.nan])}, ["a", "a"], times(1, 2)),
        ({"x": np.array(["old"], object)}, ["b"], times(3)),
    ).rows()
    assert rows.columns["x"].tolist() == ["1.5", None, "old"]


def test_names_are_texts_and_missing_ones_none():
    column = Coded(np.array([0, -1, 1], np.int32), ("a", "b"))
    assert values_of(column).tolist() == ["a", None, "b"]


def test_no_rows_are_no_rows():
    rows = gathered().rows()
    assert (len(rows), cut_of(rows, share=None, span_s=None)) == (0, 0)


def test_a_share_of_the_newest_is_kept_back():
    rows = gathered(({"x": np.arange(10.0)}, ["a"] * 10, times(*range(10)))).rows()
    assert cut_of(rows, share=None, span_s=None) == 8
    assert cut_of(rows, share=0.5, span_s=None) == 5


def test_rows_of_one_time_are_not_parted():
    at = times(0, 1, 2, 3, 3, 3, 3, 3, 3, 3)
    rows = gathered(({"x": np.arange(10.0)}, ["a"] * 10, at)).rows()
    assert cut_of(rows, share=0.2, span_s=None) == 3


def test_a_span_of_the_newest_is_kept_back():
    rows = gathered(({"x": np.arange(10.0)}, ["a"] * 10, times(*range(10)))).rows()
    assert cut_of(rows, share=None, span_s=180.0) == 7


@given(st.lists(st.integers(0, 100), min_size=2, max_size=60), st.floats(0.05, 0.9))
def test_nothing_that_is_trained_on_is_as_new_as_what_is_kept_back(minutes, share):
    n = len(minutes)
    rows = gathered(({"x": np.zeros(n)}, ["a"] * n, times(*minutes))).rows()
    cut = cut_of(rows, share=share, span_s=None)
    if 0 < cut < n:
        assert rows.at[cut - 1] < rows.at[cut]


@pytest.mark.parametrize(("place", "shown"), [(0, "2030-01-01T00:01:00+00:00"), (5, None)])
def test_a_time_is_shown_where_it_is_known(place, shown):
    assert shown_time(times(1), place) == shown
    assert shown_time(None, place) is None


def test_a_window_of_rows_without_times_is_empty():
    since = NOW - timedelta(days=1)
    assert len(gathered(({"x": np.ones(2)}, ["a", "a"], None), since=since).rows()) == 0


def test_rows_since_a_time_are_those_of_it_and_later_and_none_where_no_time_is_known():
    at = times(1, 2, 3)
    at[2] = np.datetime64("NaT")
    rows = gathered(({"x": np.arange(3.0)}, ["a"] * 3, at)).rows()
    assert rows_since(rows, datetime(2030, 1, 1, 0, 2, tzinfo=UTC)).columns["x"].tolist() == [1.0]
    untimed = gathered(({"x": np.arange(3.0)}, ["a"] * 3, None)).rows()
    assert len(rows_since(untimed, NOW)) == 0


def test_whether_a_value_is_missing_makes_no_other_type():
    """A column with gaps is one of floats; the same one without is not, and goes on as floats."""
    features = (
        Feature(name="bought", dtype=Dtype.FLOAT64, nullable=True),
        Feature(name="visits", dtype=Dtype.INT64),
    )
    output = Output(name="label", dtype=Dtype.INT64, classes=(0, 1))
    signature = Signature(
        features=features, outputs=(output,), task=Task.CLASSIFICATION, matrix=False
    )
    columns = {name: np.arange(3) for name in ("bought", "visits", "other")}
    rows = LabelledRows(columns=columns, labels=np.zeros(3), at=None)
    kinds = {name: c.dtype.kind for name, c in as_taken(rows, signature).columns.items()}
    assert kinds == {"bought": "f", "visits": "i", "other": "i"}
    assert as_taken(rows, None).columns["bought"].dtype.kind == "i"
