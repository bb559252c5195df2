from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from seatrial.packaging.rows import edge_rows, random_rows
from seatrial.registry.signature import (
    Batch,
    Dtype,
    Feature,
    Output,
    Prediction,
    Signature,
    Task,
    n_rows,
)

MIXED = Signature(
    features=(
        Feature(name="age", dtype=Dtype.FLOAT64, nullable=True),
        Feature(name="town", dtype=Dtype.STRING, nullable=True),
        Feature(name="grade", dtype=Dtype.INT64, categories=(1, 2, 5)),
        Feature(name="member", dtype=Dtype.BOOL),
        Feature(name="height", dtype=Dtype.FLOAT32),
    ),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT64),),
    task=Task.REGRESSION,
    matrix=False,
)


def matrix(dtype: Dtype, n_features: int = 2, output: str = "prediction") -> Signature:
    return Signature(
        features=tuple(Feature(name=f"x{j}", dtype=dtype) for j in range(n_features)),
        outputs=(Output(name=output, dtype=Dtype.INT64),),
        task=Task.OTHER,
        matrix=True,
    )


@pytest.mark.parametrize("with_sample", [True, False])
def test_random_rows_fit_the_signature(with_sample):
    sample = {
        "age": np.array([20.5, np.nan, 60.0]),
        "town": np.array(["Bern", None, "Oslo"], dtype=object),
        "grade": np.array([1, 2, 2]),
        "member": np.array([True, False, True]),
        "height": np.array([1.5, 1.75, 1.9], np.float32),
    }
    rows = random_rows(MIXED, sample if with_sample else None, n=400, seed=0)
    assert isinstance(rows, dict)
    for feature in MIXED.features:
        column = rows[feature.name]
        assert column.shape == (400,)
        assert column.dtype == feature.dtype.numpy
    assert set(rows["grade"]) <= {1, 2, 5}
    assert 0 < np.isnan(rows["age"]).mean() < 0.3
    assert 0 < sum(v is None for v in rows["town"]) < 120
    assert not np.isnan(rows["height"]).any()
    if with_sample:
        assert np.nanmin(rows["age"]) >= 20.5
        assert np.nanmax(rows["age"]) <= 60.0
        assert set(rows["town"]) == {"Bern", "Oslo", None}


def test_a_column_of_whole_numbers_stays_one():
    sample = np.stack([np.arange(10.0), np.linspace(0, 1, 10)], axis=1)
    rows = random_rows(matrix(Dtype.FLOAT64), sample, n=100, seed=0)
    assert isinstance(rows, np.ndarray)
    assert (rows[:, 0] == np.round(rows[:, 0])).all()
    assert not (rows[:, 1] == np.round(rows[:, 1])).all()


def test_the_same_seed_gives_the_same_rows():
    one, two, other = (random_rows(MIXED, None, n=50, seed=s) for s in (3, 3, 4))
    assert str(one) == str(two) != str(other)


def found(signature: Signature, rows: Batch, answer) -> Batch | None:
    calls = []

    async def predict(batch: Batch) -> Prediction:
        calls.append(n_rows(batch))
        return {signature.outputs[0].name: answer(batch)}

    edges = asyncio.run(edge_rows(signature, rows, predict, n=40, seed=0))
    assert len(calls) <= 75
    return edges


@pytest.mark.parametrize("dtype", [Dtype.FLOAT32, Dtype.FLOAT64])
def test_edges_are_neighbouring_numbers_on_both_sides_of_a_threshold(dtype):
    threshold = dtype.numpy.type(0.1)
    rows = np.random.default_rng(0).normal(size=(60, 2)).astype(dtype.numpy)
    edges = found(matrix(dtype), rows, lambda b: (b[:, 1] <= threshold).astype(float))
    assert isinstance(edges, np.ndarray)
    assert edges.dtype == dtype.numpy
    above = np.nextafter(threshold, dtype.numpy.type(1))
    assert set(edges[:, 1].tolist()) == {float(threshold), float(above)}


def test_edges_of_whole_numbers_are_whole():
    rows = np.random.default_rng(0).integers(-50, 50, size=(60, 2))
    edges = found(matrix(Dtype.INT64), rows, lambda b: (b[:, 0] <= 7).astype(float))
    assert set(np.unique(edges[:, 0])) == {7, 8}


def test_edges_of_columns_change_only_numbers():
    rows = random_rows(MIXED, None, n=80, seed=0)
    edges = found(MIXED, rows, lambda b: np.nan_to_num(b["age"]) > 2.5)
    assert isinstance(edges, dict)
    assert {np.nextafter(2.5, 3), 2.5} == set(edges["age"].tolist())


def test_labels_alone_keep_a_distance_from_a_smooth_boundary():
    rows = np.random.default_rng(0).normal(size=(60, 2))
    edges = found(matrix(Dtype.FLOAT64, output="label"), rows, lambda b: b.sum(axis=1) > 0)
    distance = np.abs(edges.sum(axis=1))
    assert 1e-8 < np.median(distance) < 1e-3


def test_no_edges_where_no_number_matters():
    rows = np.random.default_rng(0).normal(size=(60, 2))
    assert found(matrix(Dtype.FLOAT64), rows, lambda b: np.zeros(len(b))) is None
    text = replace(MIXED, features=MIXED.features[1:2])
    assert found(text, random_rows(text, None, n=9, seed=0), lambda b: np.zeros(9)) is None
