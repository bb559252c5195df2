"""Graphs whose answer to a row depends on the rows beside it, and how they are run.

Dynamic quantisation scales what flows into a product by the largest number of the whole batch, so
one row moves another's answer. Run one by one, a row has one answer whoever asks beside it.
Source: https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html, and the operators of ONNX
Runtime that begin likewise. Of other graphs whoever made them can say so, in their metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seatrial.registry.signature import Batch, Prediction, n_rows, take

_SCALES_BY_BATCH: Final = b"DynamicQuantize"
ONE_BY_ONE: Final = "seatrial.one_by_one"
"""The property of a graph whose rows have to run one by one, whatever its value."""


def is_alone(graph: bytes) -> bool:
    """Whether rows have to run one by one; names stand in a file as they are."""
    return _SCALES_BY_BATCH in graph or ONE_BY_ONE.encode() in graph


def one_by_one(run: Callable[[Batch], Mapping[str, NDArray[Any]]], batch: Batch) -> Prediction:
    """What ``run`` answers to each row by itself, put together."""
    n = n_rows(batch)
    if n < 2:  # nothing is beside it
        return dict(run(batch))
    answers = [run(take(batch, slice(at, at + 1))) for at in range(n)]
    return {name: np.concatenate([one[name] for one in answers]) for name in answers[0]}
