"""How far from what a model was made for a row is: whose fault it is that there is no answer.

A model may overflow, or raise, on numbers nobody meant it for, as its original does: a client that
sends such numbers must not make a version look broken. A version that fails where its golden rows
lie is broken, whoever sends them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import SeatrialError
from seatrial.registry.signature import Batch, Feature, Signature
from seatrial.serving.exchange import BadInput, BadOutput, shown
from seatrial.serving.failures import EngineFailed

N_WIDTHS: Final = 3.0
"""How many times the width of the golden values a number may lie outside of them. Golden rows are
a few of the sample, so real rows lie beyond them; hardly any lies three widths away."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the values of a feature may lie for a failure to be the model's fault."""

    low: float
    high: float


class Blame:
    """Tells failures of a version from rows no model could answer.

    Args:
        signature: of the version.
        golden: reads its golden inputs; called once, when something failed first.
    """

    def __init__(self, signature: Signature, golden: Callable[[], Batch]) -> None:
        self._signature = signature
        self._golden = golden
        self._reaches: dict[str, Reach] | None = None

    def of(self, error: SeatrialError, batch: Batch) -> SeatrialError:
        """The error itself, or the client's where the row that failed is far from any known one.

        Args:
            error: what came of the batch.
            batch: fits the signature.
        """
        if not isinstance(error, EngineFailed | BadOutput):
            return error
        if self._reaches is None:
            self._reaches = _reaches(self._signature, self._golden)
        row = error.facts.get("row")
        for feature in self._signature.features:
            reach = self._reaches.get(feature.name)
            if reach is None:
                continue
            values = _column(self._signature, batch, feature)
            beyond = np.asarray((values < reach.low) | (values > reach.high), np.bool_)
            far = np.asarray(beyond.reshape(len(values), -1).any(axis=1), np.bool_)
            if isinstance(row, int) and row < len(far):
                far[np.arange(len(far)) != row] = False
            if far.any():
                at = int(far.argmax())
                return _too_far(feature, float(values[at][beyond[at]].flat[0]), at, reach)
        return error


def _too_far(feature: Feature, value: float, row: int, reach: Reach) -> BadInput:
    return BadInput(
        f"Feature {shown(feature.name)} is {value:g} in row {row}, far from anything the model was "
        "made for, and the model has no answer there.",
        remedy=f"Correct the value; a usual one lies between {reach.low:g} and {reach.high:g}.",
        field=feature.name,
        row=row,
    )


def _reaches(signature: Signature, golden: Callable[[], Batch]) -> dict[str, Reach]:
    try:
        rows = golden()
    except (SeatrialError, OSError):  # a bundle that is gone blames nobody
        return {}
    found: dict[str, Reach] = {}
    for feature in signature.features:
        if feature.dtype.numeric and feature.categories is None:
            values = _column(signature, rows, feature)
            values = values[np.isfinite(values)]
            if len(values):
                low, high = float(values.min()), float(values.max())
                width = N_WIDTHS * ((high - low) or max(abs(high), 1.0))
                found[feature.name] = Reach(low - width, high + width)
    return found


def _column(signature: Signature, batch: Batch, feature: Feature) -> NDArray[np.float64]:
    if isinstance(batch, dict):
        return np.asarray(batch[feature.name], np.float64)
    return np.asarray(batch[:, signature.names.index(feature.name)], np.float64)
