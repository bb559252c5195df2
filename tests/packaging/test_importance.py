"""What matters to the model."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest

from seatrial.kernel.errors import Invalid
from seatrial.packaging.importance import distance, importance
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

RNG = np.random.default_rng(4)


def signature(*, matrix: bool = True, probabilities: bool = False) -> Signature:
    names = ("strong", "weak", "unused")
    output = (
        Output(name="probabilities", dtype=Dtype.FLOAT32, width=2, classes=("no", "yes"))
        if probabilities
        else Output(name="prediction", dtype=Dtype.FLOAT32)
    )
    return Signature(
        features=tuple(Feature(name=name, dtype=Dtype.FLOAT32) for name in names),
        outputs=(output,),
        task=Task.CLASSIFICATION if probabilities else Task.REGRESSION,
        matrix=matrix,
    )


def linear(batch: Any, _chunk_rows: int | None) -> dict[str, np.ndarray]:
    columns = list(batch.values()) if isinstance(batch, dict) else list(batch.T)
    return {"prediction": (3 * columns[0] + columns[1]).astype(np.float32)}


def rows(n: int = 500) -> np.ndarray:
    return RNG.normal(size=(n, 3)).astype(np.float32)


def still() -> float:
    return 0.0


async def test_what_moves_the_answers_more_matters_more() -> None:
    found = await importance(linear, signature(), rows(), monotonic=still)
    assert found["strong"] > 2 * found["weak"] > 0
    assert found["unused"] == 0
    assert sum(found.values()) == pytest.approx(3, rel=1e-3)


async def test_columns_and_engines_that_are_awaited_work_alike_and_always_the_same() -> None:
    matrix = rows()

    async def later(batch: Any, chunk_rows: int | None) -> dict[str, np.ndarray]:
        return linear(batch, chunk_rows)

    columns = {f.name: matrix[:, i] for i, f in enumerate(signature().features)}
    by_columns = await importance(later, signature(matrix=False), columns, monotonic=still)
    assert by_columns == await importance(linear, signature(), matrix, monotonic=still)


async def test_it_is_not_known_of_models_that_fail_take_long_or_have_few_rows() -> None:
    def fails(batch: Any, _chunk_rows: int | None) -> dict[str, np.ndarray]:
        raise Invalid("No.", remedy="None.")

    clock = count(step=10)
    slow = await importance(linear, signature(), rows(), monotonic=lambda: float(next(clock)))
    assert slow == {}
    assert await importance(fails, signature(), rows(), monotonic=still) == {}
    assert await importance(linear, signature(), rows(5), monotonic=still) == {}
    constant = np.ones((50, 3), np.float32)
    assert await importance(linear, signature(), constant, monotonic=still) == {}


def test_distances_are_shares_or_standard_deviations() -> None:
    old = {"probabilities": np.array([[1.0, 0.0], [0.5, 0.5]], np.float32)}
    new = {"probabilities": np.array([[0.0, 1.0], [0.5, 0.5]], np.float32)}
    assert distance(old, new) == 0.5
    assert distance({"label": np.array([1, 2])}, {"label": np.array([1, 3])}) == 0.5
    flat = {"prediction": np.zeros(4, np.float32)}
    assert distance(flat, {"prediction": np.ones(4, np.float32)}) == 0.0
    two = {"prediction": np.array([0.0, 2.0], np.float32)}
    assert distance(two, {"prediction": np.array([2.0, 4.0], np.float32)}) == 2.0
