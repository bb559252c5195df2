from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from seatrial.packaging.edge_rows import edge_rows
from seatrial.packaging.random_rows import random_rows
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
    rows = random_rows(MIXED, 80, seed=0)
    edges = found(MIXED, rows, lambda b: np.nan_to_num(b["age"]) > 0.25)
    assert isinstance(edges, dict)
    assert {np.nextafter(0.25, 1), 0.25} == set(edges["age"].tolist())


def test_labels_alone_keep_a_distance_from_a_smooth_boundary():
    rows = np.random.default_rng(0).normal(size=(60, 2))
    edges = found(matrix(Dtype.FLOAT64, output="label"), rows, lambda b: b.sum(axis=1) > 0)
    distance = np.abs(edges.sum(axis=1))
    assert 1e-8 < np.median(distance) < 1e-3


def test_no_edges_where_no_number_matters():
    rows = np.random.default_rng(0).normal(size=(60, 2))
    assert found(matrix(Dtype.FLOAT64), rows, lambda b: np.zeros(len(b))) is None
    text = replace(MIXED, features=MIXED.features[1:2])
    assert found(text, random_rows(text, 9, seed=0), lambda b: np.zeros(9)) is None
