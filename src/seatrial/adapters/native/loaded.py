"""The port of a model loaded in this process; one adapter per library."""

from __future__ import annotations

from math import prod
from typing import Protocol

import numpy as np

from seatrial.packaging.model_facts import ModelFacts
from seatrial.registry.signature import (
    MAX_RANK,
    Batch,
    Dtype,
    Output,
    Prediction,
    Signature,
)
from seatrial.serving.failures import UnsupportedModel


class LoadedModel(Protocol):
    """A model in its own library."""

    @property
    def raw(self) -> object:
        """The library's own object, for exporters."""
        ...

    def facts(self) -> ModelFacts:
        """What it shows of itself."""
        ...

    def classes(self) -> tuple[str, ...] | tuple[int, ...] | None:
        """The class of each column of ``probabilities``."""
        ...

    def predict(self, batch: Batch, signature: Signature) -> Prediction:
        """Its outputs for a batch that fits the features of ``signature``."""
        ...


def outputs_of(model: LoadedModel, prediction: Prediction, *, n: int) -> tuple[Output, ...]:
    """The outputs that ``prediction``, a first one, shows.

    Args: n: rows that were asked.
    Raises: UnsupportedModel for an output that no reply can hold.
    """
    for name, values in prediction.items():
        if values.ndim and len(values) != n:
            raise UnsupportedModel(
                f"The model's output {name!r} has the shape {list(values.shape)} for {n} rows.",
                remedy="Return one answer for each row, the rows in the first dimension.",
            )
    return tuple(_output(name, values, model) for name, values in prediction.items())


def _output(
    name: str, values: np.ndarray[tuple[int, ...], np.dtype[np.generic]], model: LoadedModel
) -> Output:
    if not 1 <= values.ndim <= MAX_RANK + 1 or 0 in values.shape[1:]:
        raise UnsupportedModel(
            f"The model's output {name!r} has the shape {list(values.shape)}.",
            remedy="Serve a model whose outputs have a value, or a tensor of values, for each row.",
        )
    return Output(
        name=name,
        dtype=dtype_of(values.dtype, name),
        width=None if values.ndim == 1 else prod(values.shape[1:]),
        classes=model.classes() if name == "probabilities" else None,
        shape=values.shape[1:] if values.ndim > 2 else None,
    )


_DTYPES = {
    "b": Dtype.BOOL,
    "i": Dtype.INT64,
    "u": Dtype.INT64,
    "O": Dtype.STRING,
    "U": Dtype.STRING,
}


def dtype_of(dtype: np.dtype[np.generic], name: str) -> Dtype:
    """The dtype of ours that holds values of ``dtype``. Raises: UnsupportedModel."""
    if dtype.kind == "f":
        return Dtype.FLOAT64 if dtype.itemsize > 4 else Dtype.FLOAT32
    found = _DTYPES.get(dtype.kind)
    if found is None:
        raise UnsupportedModel(
            f"{name!r} holds values of {dtype}.",
            remedy="Serve a model of numbers, booleans and strings.",
        )
    return found
