"""Whether an engine's answer is one: all rows there, no number that is none."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from seatrial.registry.signature import Prediction, Signature
from seatrial.serving.exchange import BadOutput

_FEW = 8


def floating(signature: Signature) -> tuple[str, ...]:
    """The outputs whose values can be NaN or infinite."""
    return tuple(output.name for output in signature.outputs if output.dtype.floating)


def check(name: str, prediction: Prediction, rows: int, floats: Sequence[str]) -> None:
    """Refuse a prediction that must not be sent.

    Args:
        name: of the version, for the message.
        rows: how many were asked for.
        floats: the outputs that `floating` named.
    Raises: BadOutput.
    """
    check_rows(name, prediction, rows)
    for output in floats:
        values = prediction.get(output)
        if values is None:
            raise BadOutput(
                f"{name} returned no {output!r}.",
                remedy="Abort the release and package the model again.",
                output=output,
            )
        if not finite(values):
            bad = np.argwhere(~np.isfinite(values))[0]
            raise BadOutput(
                f"{name} returned {values[tuple(bad)]} for {output!r} in row {bad[0]}.",
                remedy="Check the row's values; a model must not answer them with NaN.",
                output=output,
                row=int(bad[0]),
            )


def check_rows(name: str, prediction: Prediction, rows: int) -> None:
    """Refuse a prediction that has not one answer for each row.   Raises: BadOutput."""
    for output, values in prediction.items():
        if len(values) != rows:
            raise BadOutput(
                f"{name} returned {len(values)} rows of {output!r} for {rows} rows.",
                remedy="Abort the release and package the model again.",
                output=output,
            )


def finite(values: NDArray[np.generic]) -> bool:
    """Whether no value is NaN or infinite, for any shape.

    For a few values Python's own numbers are four times as fast as an array operation. (A dot
    product with itself is faster for many, but warns when large finite values overflow.)
    """
    if values.size <= _FEW:
        return all(map(isfinite, values.reshape(-1).tolist()))
    return bool(np.isfinite(values).all())
