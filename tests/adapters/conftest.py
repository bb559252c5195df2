"""What the exporters' tests share: small data, and a model judged against its own export."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from threadpoolctl import threadpool_limits

from seatrial.adapters.serving.onnxruntime import OnnxEngine
from seatrial.packaging import export, parity
from seatrial.packaging.edge_rows import edge_rows
from seatrial.packaging.model_facts import InputFact
from seatrial.packaging.random_rows import random_rows
from seatrial.packaging.range_rows import range_rows
from seatrial.packaging.trial import answered
from seatrial.registry.signature import (
    Batch,
    Dtype,
    Feature,
    Output,
    Prediction,
    Signature,
    Task,
    n_rows,
    take,
)
from seatrial.serving.failures import EngineFailed

Data = tuple[np.ndarray, np.ndarray]
Agree = Callable[..., export.Exported]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Thread pools of model libraries fight over a busy core for seconds."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def data() -> Mapping[str, Data]:
    cancer = load_breast_cancer(return_X_y=True)
    iris = load_iris(return_X_y=True)
    diabetes = load_diabetes(return_X_y=True)
    holes = cancer[0].copy()
    holes[np.random.default_rng(0).random(holes.shape) < 0.1] = np.nan
    names = np.array(["setosa", "versicolor", "virginica"], dtype=object)
    return {
        "binary": cancer,
        "holes": (holes, cancer[1]),
        "classes": iris,
        "named": (iris[0], names[iris[1]]),
        "regression": diabetes,
    }


def signature_of(model: Any, features: tuple[Feature, ...], *, matrix: bool) -> Signature:
    classes = getattr(model, "classes_", None)
    outputs: tuple[Output, ...] = (Output(name="prediction", dtype=Dtype.FLOAT64),)
    if classes is not None:
        text = np.asarray(classes).dtype.kind in "OUS"
        outputs = (Output(name="label", dtype=Dtype.STRING if text else Dtype.INT64),)
        if hasattr(model, "predict_proba"):
            outputs += (Output(name="probabilities", dtype=Dtype.FLOAT64, width=len(classes)),)
    return Signature(features=features, outputs=outputs, task=Task.OTHER, matrix=matrix)


def matrix_signature(
    model: Any,
    x: np.ndarray,
    dtype: Dtype = Dtype.FLOAT64,
    *,
    categories: Mapping[int, tuple[int, ...]] | None = None,
) -> Signature:
    known = categories or {}
    features = tuple(
        Feature(
            name=f"x{j}",
            dtype=dtype,
            nullable=bool(np.isnan(x[:, j]).any()),
            categories=known.get(j),
        )
        for j in range(x.shape[1])
    )
    return signature_of(model, features, matrix=True)


def original(model: Any, signature: Signature, batch: Batch) -> Prediction:
    """What the model itself says."""
    rows_ = batch
    if isinstance(batch, dict):
        import pandas as pd

        rows_ = pd.DataFrame(batch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = np.asarray(model.predict(rows_))
        if signature.outputs[0].name == "prediction":
            return {"prediction": first.astype(np.float64)}
        answers: Prediction = {"label": first.astype(signature.outputs[0].dtype.numpy)}
        if len(signature.outputs) > 1:
            answers["probabilities"] = model.predict_proba(rows_)
    return answers


def caller(model: Any) -> export.Call:
    """Calls an exporter as a child process would, without the process."""

    async def call(path: str, arguments: dict[str, object]) -> Mapping[str, object]:
        module, function = path.split(":")
        made: Mapping[str, object] = getattr(import_module(module), function)(model, **arguments)
        return made

    return call


def judge_of(
    model: Any, signature: Signature, kinds: Mapping[parity.RowKind, Batch]
) -> export.Judge:
    native = {k: original(model, signature, b) for k, b in kinds.items()}

    async def judge(graph: bytes) -> parity.Parity:
        engine = OnnxEngine(graph, signature)
        return parity.compare({k: (native[k], engine.predict(b)) for k, b in kinds.items()})

    return judge


def hints_of(signature: Signature, sample: Batch) -> list[InputFact]:
    """Where the numbers of a sample lie."""
    hints = []
    for j, feature in enumerate(signature.features):
        column = sample[feature.name] if isinstance(sample, dict) else sample[:, j]
        if feature.dtype.numeric:
            numbers = np.asarray(column, np.float64)
            center, spread = float(np.nanmean(numbers)), float(np.nanstd(numbers))
            hints.append(InputFact(name=feature.name, center=center, spread=spread))
    return hints


def edges_of(model: Any, signature: Signature, sample: Batch) -> Batch | None:
    async def predict(batch: Batch) -> Prediction:
        return original(model, signature, batch)

    return asyncio.run(edge_rows(signature, sample, predict, n=64, seed=2))


def ends_of(model: Any, signature: Signature, sample: Batch) -> Batch | None:
    """Rows at the ends of the numbers' range, as far as the model itself answers them."""

    async def predict(batch: Batch) -> Prediction:
        try:
            return original(model, signature, batch)
        except ValueError as error:
            raise EngineFailed(str(error), remedy="Send others.") from error

    ends = range_rows(signature, sample)
    found = None if ends is None else asyncio.run(answered(ends, predict))
    return None if found is None else found.rows


@pytest.fixture(scope="session")
def agree() -> Agree:
    """Export a fitted model and judge it on the sample, random valid rows and edges."""

    def agreed(
        framework: str,
        model: Any,
        signature: Signature,
        sample: Batch,
        extra: Mapping[parity.RowKind, Batch] | None = None,
    ) -> export.Exported:
        sample = take(sample, slice(0, min(200, n_rows(sample))))
        kinds = {
            parity.RowKind.SAMPLE: sample,
            parity.RowKind.RANDOM: random_rows(
                signature, 128, seed=1, hints=hints_of(signature, sample)
            ),
        }
        edges = edges_of(model, signature, sample)
        if edges is not None:
            kinds[parity.RowKind.EDGE] = edges
        ends = ends_of(model, signature, sample)
        if ends is not None:
            kinds[parity.RowKind.RANGE] = ends
        kinds |= extra or {}
        judge = judge_of(model, signature, kinds)
        raw = model.booster if isinstance(model, Bare) else model
        return asyncio.run(export.export(framework, signature, call=caller(raw), judge=judge))

    return agreed


class Bare:
    """A bare booster that answers as its class of the scikit-learn interface would."""

    def __init__(self, booster: Any, n_classes: int = 2) -> None:
        self.booster = booster
        self.classes_ = np.arange(n_classes)

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        values = getattr(self.booster, "inplace_predict", self.booster.predict)(x)
        return np.column_stack([1 - values, values]) if values.ndim == 1 else values

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.predict_proba(x).argmax(axis=1)


@pytest.fixture(scope="session")
def bare() -> Callable[..., Any]:
    return Bare


@pytest.fixture(scope="session")
def signed() -> Callable[..., Signature]:
    return matrix_signature


@pytest.fixture(scope="session")
def signed_columns() -> Callable[..., Signature]:
    return signature_of


@pytest.fixture(scope="session")
def answers() -> Callable[..., Prediction]:
    return original
