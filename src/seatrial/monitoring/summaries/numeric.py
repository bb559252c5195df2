"""The profile of a column of numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.summaries.profile import Numeric
from seatrial.stats.cells import cell_ends
from seatrial.stats.histogram import MAX_BINS, Edges, quantile_edges


def numeric_profile(
    column: NDArray[np.generic], ordered: NDArray[np.generic] | None = None
) -> Numeric:
    """The profile of numbers, shape (n,); ``ordered``: their `ordered_values`, if at hand."""
    finite = ordered_values(column) if ordered is None else ordered
    n_missing = int(np.isnan(column).sum()) if len(finite) < len(column) else 0
    if len(finite) == 0:
        return Numeric(n=len(column), n_missing=n_missing, n_infinite=len(column) - n_missing)
    places = quantile_edges(finite)
    # Where almost every edge is another value, they may as well lie where counting is cheap.
    edges = Edges(cell_ends(places) if len(places) > MAX_BINS / 2 else places)
    counted = edges.count_ordered(edges.shifted(finite), finite)
    # Around the middle, so that large values with a small spread keep their digits.
    middle = float(finite[len(finite) // 2])
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = finite.astype(np.float64) - middle
        mean, std = middle + float(shifted.mean()), float(shifted.std())
    return Numeric(
        n=len(column),
        n_missing=n_missing,
        n_infinite=len(column) - len(finite) - n_missing,
        mean=mean if np.isfinite(mean) else None,
        std=std if np.isfinite(std) else None,
        lowest=float(finite[0]),
        highest=float(finite[-1]),
        edges=tuple(edges.values.tolist()),
        counts=tuple(counted.counts.tolist()),
    )


def ordered_values(column: NDArray[np.generic]) -> NDArray[np.generic]:
    """The finite numbers of a column, ascending; a new array."""
    finite = column[np.isfinite(column)] if column.dtype.kind == "f" else column.copy()
    finite.sort()
    return finite
