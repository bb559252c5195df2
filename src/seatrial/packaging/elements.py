"""The single numbers of rows: a feature of one value is one, a tensor as many as it holds.

Rows at a model's edges and at the ends of the range are made by setting one number of a row, so
features and tensors are looked at through the same addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.registry.signature import Batch, Column, Dtype, Signature


@dataclass(frozen=True, slots=True)
class Element:
    """One number of a row.

    Args:
        feature: position in the signature.
        at: place among the feature's values, row-major; 0 for a feature of one value.
        dtype: of the feature.
    """

    feature: int
    at: int
    dtype: Dtype


def elements(signature: Signature, most: int) -> tuple[Element, ...]:
    """Up to ``most`` numbers of a row, spread evenly; of categories none."""
    numeric = [
        (j, f) for j, f in enumerate(signature.features) if f.dtype.numeric and not f.categories
    ]
    ends = np.cumsum([f.size for _, f in numeric], dtype=np.intp)
    if not numeric:
        return ()
    total = int(ends[-1])
    found = []
    for place in np.unique(np.linspace(0, total - 1, min(total, most)).astype(np.intp)):
        which = int(np.searchsorted(ends, place, side="right"))
        j, feature = numeric[which]
        found.append(Element(j, int(place - (ends[which] - feature.size)), feature.dtype))
    return tuple(found)


def values_at(batch: Batch, which: Sequence[Element], signature: Signature) -> NDArray[np.float64]:
    """The number of row i that ``which[i]`` names; one for each row."""
    if not isinstance(batch, dict):
        places = [one.feature for one in which]
        return np.asarray(batch[np.arange(len(which)), places], np.float64)
    rows = {name: batch[name].reshape(len(which), -1) for name in signature.names}
    return np.asarray(
        [rows[signature.names[one.feature]][i, one.at] for i, one in enumerate(which)], np.float64
    )


def with_values(
    batch: Batch, which: Sequence[Element], values: NDArray[np.float64], signature: Signature
) -> Batch:
    """A copy of the batch whose row i has ``values[i]`` where ``which[i]`` points."""
    if not isinstance(batch, dict):
        matrix = batch.copy()
        matrix[np.arange(len(which)), [one.feature for one in which]] = values
        return matrix
    changed: dict[str, Column] = {name: batch[name].copy() for name in signature.names}
    rows = {name: changed[name].reshape(len(which), -1) for name in signature.names}
    for i, one in enumerate(which):
        rows[signature.names[one.feature]][i, one.at] = values[i]
    return changed
