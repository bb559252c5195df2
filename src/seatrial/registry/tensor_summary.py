"""What is watched of a tensor: a few numbers of each row's values, in place of the values.

A tensor has no drift of its own that a person could act on, and thousands of pixels one by one
would raise thousands of alerts. Brightness, contrast and range of a row are what shifts when a
camera, a scaling or a tokenizer changes; the prediction is watched besides (ADR 0045).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seatrial.registry.signature import Batch, Column, Dtype, Feature, Signature

OF_NUMBERS = ("mean", "std", "min", "max")
"""The numbers of a row, in the names of the columns: ``image.mean``."""


def watched_columns(signature: Signature, batch: Batch) -> dict[str, Column]:
    """The columns that are watched and logged: features as they are, tensors summarised.

    Args: batch: n >= 0 rows that fit the signature.
    Returns: columns of shape (n,), by feature or by ``feature.number``.
    """
    if not isinstance(batch, dict):
        return {name: batch[:, j] for j, name in enumerate(signature.names)}
    columns: dict[str, Column] = {}
    for feature in signature.features:
        values = batch[feature.name]
        columns |= summary_of(feature.name, values) if feature.shape else {feature.name: values}
    return columns


def summary_names(feature: Feature) -> list[str]:
    """The names of the columns that `summary_of` makes of a tensor."""
    of = {Dtype.STRING: ("length",), Dtype.BOOL: ("mean",)}.get(feature.dtype, OF_NUMBERS)
    return [f"{feature.name}.{what}" for what in of]


def summary_of(name: str, values: NDArray[np.generic]) -> dict[str, Column]:
    """Mean, standard deviation, least and largest value of each row; of texts their mean length.

    Args: values: shape (n, *shape), each row with at least one value.
    """
    rows = values.reshape(len(values), -1) if values.size else values.reshape(0, 1)
    if rows.dtype.kind in "OUS":
        lengths = [np.mean([len(str(text)) for text in row]) for row in rows.tolist()]
        return {f"{name}.length": np.array(lengths, np.float64)}
    numbers = rows.astype(np.float64, copy=False)
    if rows.dtype.kind == "b":
        return {f"{name}.mean": numbers.mean(axis=1)}
    found = (numbers.mean(axis=1), numbers.std(axis=1), numbers.min(axis=1), numbers.max(axis=1))
    return {f"{name}.{what}": column for what, column in zip(OF_NUMBERS, found, strict=True)}
