from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seatrial.packaging.profile import MAX_BINS, MAX_CATEGORIES, column_profile, profile
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

numbers = arrays(
    np.float64,
    st.integers(1, 300),
    elements=st.floats(width=32, allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1.0]),
)


@given(numbers)
def test_counts_are_those_of_the_finite_values_between_the_edges(values):
    record = column_profile(values, categorical=False)
    finite = values[np.isfinite(values)]
    edges = np.array(record["edges"])
    counts = np.bincount(np.searchsorted(edges, finite), minlength=len(edges) + 1)
    assert record["counts"] == (counts.tolist() if len(finite) else [])
    assert record["n"] == len(values)
    assert record["n_missing"] + record["n_infinite"] + len(finite) == len(values)
    assert (np.diff(edges) > 0).all()
    json.dumps(record, allow_nan=False)


def test_bins_hold_equal_shares_and_there_are_no_more_than_the_maximum():
    values = np.random.default_rng(0).lognormal(size=50_000)
    record = column_profile(values, categorical=False)
    assert len(record["edges"]) == MAX_BINS + 1
    assert max(record["counts"]) <= 50
    assert record["counts"][-1] == 0
    assert sum(record["counts"]) == 50_000


def test_a_value_that_is_frequent_does_not_hide_its_neighbours():
    values = np.concatenate([np.zeros(5000), np.linspace(1, 2, 5000)])
    record = column_profile(values, categorical=False)
    assert record["edges"][0] == 0.0
    assert record["counts"][0] == 5000
    assert max(record["counts"][1:]) < 30


def test_moments_survive_a_large_offset():
    values = 1.7e9 + np.random.default_rng(0).normal(size=10_000)
    record = column_profile(values, categorical=False)
    assert record["mean"] == pytest.approx(values.mean(), abs=1e-6)
    assert record["std"] == pytest.approx(1.0, abs=0.03)


def test_nothing_but_missing_values_has_no_moments():
    record = column_profile(np.full(3, np.nan), categorical=False)
    assert record["n_missing"] == 3
    assert record["mean"] is None
    assert record["edges"] == record["counts"] == []


def test_categories_are_counted_by_name_and_the_rest_together():
    values = np.array([f"v{i}" for i in range(150)] + ["v7"] * 9 + [None], dtype=object)
    record = column_profile(values, categorical=False)
    assert record["kind"] == "categorical"
    assert next(iter(record["counts"].items())) == ("v7", 10)
    assert len(record["counts"]) == MAX_CATEGORIES
    assert record["n_distinct"] == 150
    assert record["n_missing"] == 1
    assert sum(record["counts"].values()) + record["n_other"] + 1 == len(values)


def test_the_profile_covers_features_answers_and_labels():
    signature = Signature(
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
    sample = np.array([[20.0, 1.0], [30.0, 2.0], [40.0, 2.0]])
    predictions = {
        "label": np.array([0, 1, 1]),
        "probabilities": np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]),
    }
    record = profile(signature, sample, predictions, labels=np.array([0, 1, 0]))
    assert record["schema"] == 1
    assert record["n"] == 3
    assert record["features"]["age"]["kind"] == "numeric"
    assert record["features"]["grade"]["counts"] == {"2.0": 2, "1.0": 1}
    assert record["predictions"]["label"]["counts"] == {"1": 2, "0": 1}
    assert record["predictions"]["probabilities"]["columns"]["yes"]["max"] == 0.8
    assert record["labels"]["counts"] == {"0": 2, "1": 1}
    assert json.loads(json.dumps(record, allow_nan=False)) == record
