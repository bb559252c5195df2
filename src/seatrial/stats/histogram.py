"""Numbers counted between fixed edges: quantiles of a reference.

Such counts add up over windows, segments and workers, and give every measure of
`stats/divergence.py` with an error below the share of one bin. They are of one pass and exact:
which values share a bin never depends on their order or on how they were cut into batches.

A value is compared as a float32 where that tells all edges apart, after subtracting the middle
edge. That keeps the digits that
matter (measured on 100k against 1M rows: KS off by 0, PSI by 0.00001), and halves the memory read.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.counts import BadStatistic

MAX_BINS = 1_000
"""Bins between the least and the largest reference value; two more lie outside.

One bin then holds 0.1 % of a reference without ties, which bounds the error of KS, and the counts
of one column take 8 KB.
"""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Counted:
    """Some numbers, counted.

    Args:
        counts: shape (bins,), of the finite ones.
        n_missing: NaNs.
        n_infinite: infinities of either sign.
        lowest: the least finite value; None without one.
        highest: the largest finite value; None without one.
    """

    counts: Ints
    n_missing: int = 0
    n_infinite: int = 0
    lowest: float | None = None
    highest: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Edges between bins: bin i holds ``values[i - 1] < x <= values[i]``, the last what is above.

    Args:
        values: shape (k,), finite, ascending and distinct; may be empty, which makes one bin.
    Raises: BadStatistic.
    """

    values: Floats
    middle: float = field(init=False)
    offsets: NDArray[np.floating] = field(init=False)

    def __post_init__(self) -> None:
        values = self.values
        if not np.isfinite(values).all() or not _ascending(values):
            raise BadStatistic(
                "The edges of a histogram are not finite numbers in ascending order.",
                remedy="Take quantiles of the reference, each once.",
            )
        middle = float(_narrowed(values)[len(values) // 2]) if values.size else 0.0
        offsets: NDArray[np.floating] = _narrowed(values - middle)
        if not np.isfinite(middle) or not np.isfinite(offsets).all() or not _ascending(offsets):
            # Beyond float32, or edges too close for it: compare as float64.
            middle, offsets = 0.0, values
        object.__setattr__(self, "middle", middle)
        object.__setattr__(self, "offsets", offsets)

    @property
    def n_bins(self) -> int:
        """One more than there are edges."""
        return len(self.values) + 1

    @property
    def narrow(self) -> bool:
        """Whether values are compared as float32."""
        return self.offsets.dtype == np.float32

    def shifted(self, values: NDArray[np.generic]) -> NDArray[np.floating]:
        """What is compared with `offsets`: monotone in ``values``; a new array of their shape.

        Never -0 where edges are narrow, which would not lie in the cell of 0.
        """
        if not self.narrow:
            return values.astype(np.float64)
        if values.dtype == np.float32:
            with np.errstate(over="ignore", invalid="ignore"):
                return values.astype(np.float32, copy=False) + np.float32(0.0 - self.middle)
        return _narrowed(values.astype(np.float64, copy=False) + (0.0 - self.middle))

    def count(self, values: NDArray[np.generic]) -> Counted:
        """Count numbers, shape (n,), in any order.

        Sorted first: looking 1,000 edges up in sorted values costs far less than looking the values
        up between edges, where every comparison is a guess.
        """
        ordered = self.shifted(values)
        ordered.sort()
        return self.count_ordered(ordered, values)

    def count_ordered(self, ordered: NDArray[np.floating], values: NDArray[np.generic]) -> Counted:
        """Count numbers given also as their ascending `shifted` ones, NaNs last."""
        n = len(ordered)
        n_missing = n - int(ordered.searchsorted(np.float32(np.nan))) if n else 0
        present = n - n_missing
        up_to = ordered[:present].searchsorted(self.offsets, side="right")
        counts = np.diff(up_to, prepend=0, append=present).astype(np.int64, copy=False)
        if present == 0:
            return Counted(counts=counts, n_missing=n_missing)
        if np.isfinite(ordered[0]) and np.isfinite(ordered[present - 1]):
            return Counted(
                counts=counts,
                n_missing=n_missing,
                lowest=float(np.fmin.reduce(values)),
                highest=float(np.fmax.reduce(values)),
            )
        return self._with_infinite(counts, n_missing, values)

    def _with_infinite(self, counts: Ints, n_missing: int, values: NDArray[np.generic]) -> Counted:
        """Take infinities out of the outermost bins; numbers beyond float32 stay there."""
        numbers = values.astype(np.float64, copy=False)
        n_low, n_high = int((numbers == -np.inf).sum()), int((numbers == np.inf).sum())
        counts[0] -= n_low
        counts[-1] -= n_high
        finite = numbers[np.isfinite(numbers)]
        return Counted(
            counts=counts,
            n_missing=n_missing,
            n_infinite=n_low + n_high,
            lowest=float(finite.min()) if len(finite) else None,
            highest=float(finite.max()) if len(finite) else None,
        )


def quantile_edges(ordered: NDArray[np.generic], n_bins: int = MAX_BINS) -> Floats:
    """Edges at quantiles that are values of the sample, and one right below its least value.

    The first bin then holds what is below the sample's range and the last what is above; a value as
    frequent as a bin ends one, so its bin is hardly wider than the value itself.

    Args:
        ordered: shape (n,), finite, ascending; n = 0 gives no edge.
        n_bins: bins between the least and the largest value, >= 1.
    """
    if len(ordered) == 0:
        return np.empty(0)
    n_bins = min(n_bins, len(ordered))
    ranks = np.linspace(0, len(ordered) - 1, n_bins + 1).round().astype(np.intp)
    inside = np.unique(ordered[ranks].astype(np.float64))
    return with_floor(inside)


def with_floor(edges: Floats) -> Floats:
    """Edges with one more just under the first, so that a bin holds what is below them all.

    It differs from the first after a shift to the middle and in float32 too.
    """
    first, last = float(edges[0]), float(edges[-1])
    gap = max((last / 2 - first / 2) * 2e-6, abs(first) * 1e-9, 1e-30)
    floor = max(first - gap, -float(np.finfo(np.float64).max))
    return np.unique(np.concatenate([[floor], edges]))


def _ascending(values: NDArray[np.floating]) -> bool:
    return bool((values[1:] > values[:-1]).all())


def _narrowed(values: Floats) -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32)
