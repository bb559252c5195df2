from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.packaging.parity import RowKind, Tolerance, compare
from seatrial.registry.signature import Prediction

SAMPLE, RANDOM, EDGE = RowKind.SAMPLE, RowKind.RANDOM, RowKind.EDGE


def scored(*positive: float, labels: list[int] | None = None) -> Prediction:
    p = np.array(positive)
    return {
        "label": np.array(labels) if labels is not None else (p > 0.5).astype(int),
        "probabilities": np.stack([1 - p, p], axis=1),
    }


def numbers(*values: float) -> Prediction:
    return {"prediction": np.array(values)}


def test_equal_answers_pass_and_the_reason_counts_the_rows():
    parity = compare({SAMPLE: (scored(0.1, 0.9), scored(0.1, 0.9)), EDGE: (scored(0.2),) * 2})
    assert parity.passed
    assert "2 sample and 1 edge rows" in parity.reason


def test_no_rows_is_no_parity():
    parity = compare({})
    assert not parity.passed
    assert "no rows" in parity.reason


@pytest.mark.parametrize(("gap", "passed"), [(0.9e-5, True), (1.1e-5, False)])
def test_probabilities_may_differ_by_the_tolerance_and_no_more(gap, passed):
    parity = compare({SAMPLE: (scored(0.1, 0.9), scored(0.1, 0.9 - gap))})
    assert parity.passed is passed
    assert parity.differences[0].worst_row == 1
    assert parity.differences[0].largest == pytest.approx(gap, rel=1e-6)


def test_one_other_label_on_any_kind_of_rows_fails_and_is_named():
    parity = compare(
        {
            SAMPLE: (scored(0.1, 0.9), scored(0.1, 0.9)),
            EDGE: (scored(0.2, 0.8), scored(0.2, 0.8, labels=[0, 0])),
        }
    )
    assert not parity.passed
    assert (
        parity.reason == "The exported model is over tolerance: 1 of 2 labels differ on edge rows."
    )
    assert parity.differences[1].label_share == 0.5
    assert parity.differences[1].worst_row == 1


def test_another_label_at_a_tie_of_the_original_is_counted_and_allowed():
    parity = compare({SAMPLE: (scored(0.5, labels=[0]), scored(0.5000001, labels=[1]))})
    assert parity.passed
    assert parity.differences[0].n_ties == 1
    assert parity.differences[0].n_labels == 0
    assert "1 labels differ at a tie" in parity.reason


def test_other_numbers_are_held_to_the_spread_of_the_original_on_the_sample():
    native = numbers(1000.0, 1100.0)
    assert compare({SAMPLE: (native, numbers(1000.0009, 1100.0))}).passed
    assert not compare({SAMPLE: (native, numbers(1000.0011, 1100.0))}).passed
    far = {SAMPLE: (native, native), RANDOM: (numbers(1e9), numbers(1e9 + 1))}
    assert not compare(far).passed


def test_a_constant_answer_is_held_to_its_own_size():
    assert compare({SAMPLE: (numbers(50.0, 50.0), numbers(50.0, 50.0004))}).passed
    assert not compare({SAMPLE: (numbers(50.0, 50.0), numbers(50.0, 50.0006))}).passed


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_equal_themselves_and_nothing_else(odd):
    assert compare({SAMPLE: (numbers(1, odd), numbers(1, odd))}).passed
    parity = compare({SAMPLE: (numbers(1, odd), numbers(1, 2))})
    assert not parity.passed
    assert parity.differences[0].largest == np.inf
    assert not compare({SAMPLE: (numbers(1, 2), numbers(1, odd))}).passed


def test_the_report_is_json_even_when_a_difference_is_infinite():
    record = json.loads(
        json.dumps(compare({SAMPLE: (numbers(np.nan), numbers(1))}).as_dict(), allow_nan=False)
    )
    assert record["differences"][0]["largest"] is None
    assert record["differences"][0]["kind"] == "sample"


@pytest.mark.parametrize(
    ("exported", "reason"),
    [
        ({"label": np.array([0])}, r"answers \['label'\], the original"),
        (scored(0.1, 0.2), r"label has shape \(2,\), the original's \(1,\)"),
    ],
)
def test_other_outputs_are_no_parity(exported, reason):
    parity = compare({SAMPLE: (scored(0.1), exported)})
    assert not parity.passed
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(parity.reason)


def test_labels_of_text_are_compared_as_labels():
    a = {"label": np.array(["x", "y"], dtype=object)}
    b = {"label": np.array(["x", "z"], dtype=object)}
    assert compare({SAMPLE: (a, a)}).passed
    assert compare({SAMPLE: (a, b)}).differences[0].n_labels == 1


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=20),
    st.floats(-1e-3, 1e-3),
    st.floats(1e-7, 1e-3),
)
def test_the_verdict_is_the_largest_difference_against_the_tolerance(values, shift, tolerance):
    native = numbers(*values)
    shifted = numbers(*(v + shift for v in values))
    pair = {SAMPLE: ({"probabilities": native["prediction"][:, None]},) * 2}
    assert compare(pair).passed
    moved = {SAMPLE: (pair[SAMPLE][0], {"probabilities": shifted["prediction"][:, None]})}
    parity = compare(moved, Tolerance(probability=tolerance))
    assert parity.passed is bool(parity.differences[0].largest <= tolerance)
