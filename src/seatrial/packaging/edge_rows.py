"""Rows right at a model's edges: on both sides of the places where its answer jumps.

Edges are found from outside: between two rows with different answers, one feature is bisected
until the answer jumps between two neighbouring numbers. So it works through any preprocessing
and for any framework. What is done with the answers is `parity`'s business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.packaging.elements import Element, elements, values_at, with_values
from seatrial.registry.signature import (
    Batch,
    Dtype,
    Prediction,
    Signature,
    concatenate,
    n_rows,
    take,
)

Predict: TypeAlias = Callable[[Batch], Awaitable[Prediction]]

LABEL_MARGIN = 1e-4
"""How near to an edge rows are placed, as a share of the step, when a model gives labels only.

Without a number to tell how sure the model is, the last bits of a smooth boundary cannot be told
from an answer that jumps.
"""
MAX_ELEMENTS = 4096
"""Numbers of a row among which edges are looked for; of an image with more, some."""

MAX_HALVINGS = 70
"""More than the 64 it takes to go through all float64 numbers between two of one exponent."""


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
    numeric = elements(signature, MAX_ELEMENTS)
    if not numeric or n_rows(rows) < 2:
        return None
    rng = np.random.default_rng(seed)
    which = [numeric[k] for k in rng.integers(len(numeric), size=n)]
    low = take(rows, rng.integers(n_rows(rows), size=n))
    other = take(rows, rng.integers(n_rows(rows), size=n))
    high = with_values(low, which, values_at(other, which, signature), signature)
    answer = _stacked(await predict(low))
    jumps = _differ(answer, _stacked(await predict(high)))
    jumps &= np.isfinite(values_at(low, which, signature))
    jumps &= np.isfinite(values_at(high, which, signature))
    keep = np.flatnonzero(jumps)
    if len(keep) == 0:
        return None
    low, high, which = take(low, keep), take(high, keep), [which[k] for k in keep]
    low, high = await _bisected(signature, low, high, which, predict)
    return concatenate([low, high])


async def _bisected(
    signature: Signature, low: Batch, high: Batch, which: Sequence[Element], predict: Predict
) -> tuple[Batch, Batch]:
    answer = _stacked(await predict(low))
    a, b = values_at(low, which, signature), values_at(high, which, signature)
    labels_only = [o.name for o in signature.outputs] == ["label"]
    near = np.abs(b - a) * LABEL_MARGIN if labels_only else np.zeros(len(a))
    for _ in range(MAX_HALVINGS):
        middle = _between(a, b, which)
        open_ = (middle != a) & (middle != b) & (np.abs(b - a) > near)
        if not open_.any():
            break
        jumped = _differ(
            answer, _stacked(await predict(with_values(low, which, middle, signature)))
        )
        a = np.where(open_ & ~jumped, middle, a)
        b = np.where(open_ & jumped, middle, b)
    return (
        with_values(low, which, a, signature),
        with_values(low, which, b, signature),
    )


def _between(
    a: NDArray[np.float64], b: NDArray[np.float64], which: Sequence[Element]
) -> NDArray[np.float64]:
    """The middle, rounded to what each feature can hold."""
    middle = a / 2 + b / 2
    dtypes = np.asarray([one.dtype.value for one in which])
    whole = np.asarray([one.dtype.whole for one in which])
    middle = np.where(whole, np.floor(middle), middle)
    for narrow in (Dtype.FLOAT16, Dtype.FLOAT32):
        with np.errstate(over="ignore"):  # of the others, which stay
            middle = np.where(dtypes == narrow.value, middle.astype(narrow.numpy), middle)
    return middle


def _stacked(prediction: Prediction) -> tuple[NDArray[np.generic], ...]:
    return tuple(v.reshape(len(v), -1) for v in prediction.values())


def _differ(
    a: tuple[NDArray[np.generic], ...], b: tuple[NDArray[np.generic], ...]
) -> NDArray[np.bool_]:
    differs = np.zeros(len(a[0]), np.bool_)
    for one, two in zip(a, b, strict=True):
        differs |= np.asarray(one != two, np.bool_).any(axis=1)
    return differs
