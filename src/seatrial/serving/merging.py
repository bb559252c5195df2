"""Joining the rows of several requests into one batch, cutting the prediction apart, and back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np

from seatrial.registry.signature import Batch, Prediction, concatenate, n_rows, take


def merge(batches: Sequence[Batch]) -> Batch:
    """The rows of all batches, in order; at least one batch, all of one signature."""
    return batches[0] if len(batches) == 1 else concatenate(list(batches))


def split(prediction: Prediction, rows: Sequence[int]) -> list[Prediction]:
    """The predictions of each request.

    Args:
        prediction: of a merged batch of ``sum(rows)`` rows.
        rows: rows of each request, in the order they were merged.
    Returns: views, not copies, one prediction per request.
    """
    if len(rows) == 1:
        return [prediction]
    edges = pairwise(accumulate(rows, initial=0))
    return [
        {name: values[start:stop] for name, values in prediction.items()} for start, stop in edges
    ]


def pieces(batch: Batch, rows: int | None) -> list[Batch]:
    """A batch cut into pieces of at most ``rows`` >= 1 rows; None for one piece."""
    total = n_rows(batch)
    if rows is None or total <= rows:
        return [batch]
    return [take(batch, slice(start, start + rows)) for start in range(0, total, rows)]


def join(predictions: Sequence[Prediction]) -> Prediction:
    """The predictions of the pieces of one batch, in order, as one; at least one."""
    first = predictions[0]
    if len(predictions) == 1:
        return first
    return {name: np.concatenate([p[name] for p in predictions]) for name in first}
