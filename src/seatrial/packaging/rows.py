"""Rows to try a model with: valid ones made up, and ones right at its edges.

Edges are found from outside: between two rows with different answers, one feature is bisected
until the answer jumps between two neighbouring numbers. So it works through any preprocessing
and for any framework. What is done with the answers is `parity`'s business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.registry.signature import (
    Batch,
    Column,
    Dtype,
    Feature,
    Prediction,
    Signature,
    concatenate,
    n_rows,
    take,
)

Predict: TypeAlias = Callable[[Batch], Awaitable[Prediction]]

MISSING_SHARE = 0.1
LABEL_MARGIN = 1e-4
"""How near to an edge rows are placed, as a share of the step, when a model gives labels only.

Without a number to tell how sure the model is, the last bits of a smooth boundary cannot be told
from an answer that jumps.
"""
MAX_HALVINGS = 70
"""More than the 64 it takes to go through all float64 numbers between two of one exponent."""


def random_rows(signature: Signature, sample: Batch | None, *, n: int, seed: int) -> Batch:
    """Valid rows: half of them values of the sample mixed anew, half from its range.

    Where the sample holds whole numbers only, so do the rows: they may be codes of categories.

    Args:
        signature: what is valid.
        sample: rows to take values from; made up when None.
        n: number of rows, >= 1.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    columns: dict[str, Column] = {}
    for j, feature in enumerate(signature.features):
        seen = None if sample is None else _present(_column(sample, feature.name, j))
        columns[feature.name] = _random_column(feature, seen, n, rng)
    if signature.matrix:
        return np.stack(list(columns.values()), axis=1).astype(signature.matrix_dtype)
    return columns


async def edge_rows(
    signature: Signature, rows: Batch, predict: Predict, *, n: int, seed: int
) -> Batch | None:
    """Pairs of rows on both sides of a jump of the model's answer.

    Args:
        signature: of the model.
        rows: valid rows to start from; at least two.
        predict: the original model; called at most 70 times with ``n`` rows or fewer.
        n: number of pairs to look for, >= 1; half as many rows per side come back at most.
        seed: of the choice of rows and features.
    Returns: None when no change of a single number changes any answer.
    """
    numeric = [
        j for j, f in enumerate(signature.features) if f.dtype.numeric and f.categories is None
    ]
    if not numeric or n_rows(rows) < 2:
        return None
    rng = np.random.default_rng(seed)
    which = np.asarray(numeric)[rng.integers(len(numeric), size=n)]
    low = take(rows, rng.integers(n_rows(rows), size=n))
    other = take(rows, rng.integers(n_rows(rows), size=n))
    high = _with(low, which, _values(other, which, signature), signature)
    answer = _stacked(await predict(low))
    jumps = _differ(answer, _stacked(await predict(high)))
    jumps &= np.isfinite(_values(low, which, signature)) & np.isfinite(
        _values(high, which, signature)
    )
    keep = np.flatnonzero(jumps)
    if len(keep) == 0:
        return None
    low, high, which = take(low, keep), take(high, keep), which[keep]
    low, high = await _bisected(signature, low, high, which, predict)
    return concatenate([low, high])


async def _bisected(
    signature: Signature, low: Batch, high: Batch, which: NDArray[np.intp], predict: Predict
) -> tuple[Batch, Batch]:
    answer = _stacked(await predict(low))
    a, b = _values(low, which, signature), _values(high, which, signature)
    labels_only = [o.name for o in signature.outputs] == ["label"]
    near = np.abs(b - a) * LABEL_MARGIN if labels_only else np.zeros(len(a))
    for _ in range(MAX_HALVINGS):
        middle = _between(a, b, which, signature)
        open_ = (middle != a) & (middle != b) & (np.abs(b - a) > near)
        if not open_.any():
            break
        jumped = _differ(answer, _stacked(await predict(_with(low, which, middle, signature))))
        a = np.where(open_ & ~jumped, middle, a)
        b = np.where(open_ & jumped, middle, b)
    return _with(low, which, a, signature), _with(low, which, b, signature)


def _between(
    a: NDArray[np.float64], b: NDArray[np.float64], which: NDArray[np.intp], signature: Signature
) -> NDArray[np.float64]:
    """The middle, rounded to what each feature can hold."""
    middle = a / 2 + b / 2
    dtypes = np.asarray([signature.features[j].dtype.value for j in which])
    middle = np.where(dtypes == Dtype.INT64.value, np.floor(middle), middle)
    return np.where(dtypes == Dtype.FLOAT32.value, middle.astype(np.float32), middle)


def _column(batch: Batch, name: str, j: int) -> Column:
    return batch[name] if isinstance(batch, dict) else batch[:, j]


def _present(column: Column) -> Column:
    if column.dtype == object:
        return column[np.asarray([v is not None for v in column], np.bool_)]
    return column[~np.isnan(column)] if column.dtype.kind == "f" else column


def _random_column(
    feature: Feature, seen: Column | None, n: int, rng: np.random.Generator
) -> Column:
    column: NDArray[Any]
    if feature.categories is not None:
        pool: Column = np.asarray(feature.categories, dtype=feature.dtype.numpy)
        column = pool[rng.integers(len(pool), size=n)]
    elif seen is None or len(seen) == 0:
        column = _made_up(feature.dtype, n, rng)
    else:
        column = seen[rng.integers(len(seen), size=n)].astype(feature.dtype.numpy)
        if feature.dtype.numeric:
            column[n // 2 :] = _within(seen, n - n // 2, rng).astype(feature.dtype.numpy)
    if feature.nullable:
        missing = rng.random(n) < MISSING_SHARE
        if feature.dtype is Dtype.STRING:
            column[missing] = np.array(None, dtype=object)
        elif feature.dtype in (Dtype.FLOAT32, Dtype.FLOAT64):
            column[missing] = np.nan
    return column


def _within(seen: Column, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    numbers = np.asarray(seen, np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if len(numbers) == 0:
        return np.zeros(n)
    drawn = rng.uniform(numbers.min(), numbers.max(), size=n)
    return np.round(drawn) if np.array_equal(numbers, np.round(numbers)) else drawn


def _made_up(dtype: Dtype, n: int, rng: np.random.Generator) -> Column:
    match dtype:
        case Dtype.STRING:
            return np.asarray(["a", "b", "c"], dtype=object)[rng.integers(3, size=n)]
        case Dtype.BOOL:
            return rng.integers(2, size=n).astype(np.bool_)
        case Dtype.INT64:
            return rng.integers(0, 10, size=n)
        case Dtype.FLOAT32 | Dtype.FLOAT64:
            return (rng.normal(size=n) * 10.0 ** rng.integers(-1, 3, size=n)).astype(dtype.numpy)


def _values(batch: Batch, which: NDArray[np.intp], signature: Signature) -> NDArray[np.float64]:
    """The value of row i in feature ``which[i]``."""
    if isinstance(batch, dict):
        columns = [batch[name] for name in signature.names]
        return np.asarray([columns[j][i] for i, j in enumerate(which)], np.float64)
    return np.asarray(batch[np.arange(len(which)), which], np.float64)


def _with(
    batch: Batch, which: NDArray[np.intp], values: NDArray[np.float64], signature: Signature
) -> Batch:
    """The batch with row i's feature ``which[i]`` replaced."""
    if isinstance(batch, dict):
        changed: dict[str, Column] = {name: batch[name].copy() for name in signature.names}
        for i, j in enumerate(which):
            changed[signature.names[j]][i] = values[i]
        return changed
    matrix = batch.copy()
    matrix[np.arange(len(which)), which] = values
    return matrix


def _stacked(prediction: Prediction) -> tuple[NDArray[np.generic], ...]:
    return tuple(v.reshape(len(v), -1) for v in prediction.values())


def _differ(
    a: tuple[NDArray[np.generic], ...], b: tuple[NDArray[np.generic], ...]
) -> NDArray[np.bool_]:
    differs = np.zeros(len(a[0]), np.bool_)
    for one, two in zip(a, b, strict=True):
        differs |= np.asarray(one != two, np.bool_).any(axis=1)
    return differs
