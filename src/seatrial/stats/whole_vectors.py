"""Vectors in whole numbers, so that sums over rows are exact however the rows are cut.

A coordinate is taken from its middle in units of its spread in the reference, in steps of 1/256, at
most 8 units away. Sums of whole numbers do not round, so neither order nor batches matter, and
matrix products stay fast: all numbers in them are below what their float type holds exactly. What
an outlier adds is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Hashes = NDArray[np.uint64]

STEP = 256
"""Steps to a unit."""

MOST = 8
"""Units from the middle, at most."""

MOST_SPREAD = 4
"""Units of the absolute value, at most: spread is not to be an outlier's business."""

BLOCK = 1_024
"""Rows at a time: a sum of their numbers stays below 2^24, where float32 still counts by ones."""

_AXIS_STEPS = 2.0**20
_HASH_BITS = 30
_MIX = 0xBF58476D1CE4E5B9
_MIX_AGAIN = 0x94D049BB133111EB


@dataclass(frozen=True, slots=True, eq=False)
class WholeBlock:
    """Some rows in whole numbers.

    Args:
        level: shape (n, d), float32 holding whole numbers in [-8, 8] * 256.
        places: shape (n, a), along each axis, in units.
        distance: shape (n,), from the middle, in units.
        hashes: shape (n,), evenly spread; equal for equal rows.
    """

    level: Singles
    places: Floats
    distance: Floats
    hashes: Hashes

    @property
    def spread(self) -> Singles:
        """Absolute values, at most 4 units; shape (n, d)."""
        found: Singles = np.minimum(np.abs(self.level), np.float32(MOST_SPREAD * STEP))
        return found

    @property
    def halves(self) -> NDArray[np.intp]:
        """Which half each row is in, 0 or 1, by its own value; shape (n,)."""
        return (self.hashes & np.uint64(1)).astype(np.intp)


class WholeVectors:
    """Turns vectors into whole numbers.

    Args:
        middle: shape (d,), d >= 1.
        unit: shape (d,), > 0.
        axes: shape (a, d), unit vectors along which places are wanted.
    """

    def __init__(self, middle: Singles, unit: Singles, axes: Singles) -> None:
        self.middle = middle
        self.unit = unit
        self.axes = axes
        self._per_unit = (np.float32(STEP) / unit).astype(np.float32)
        d = len(middle)
        factors = np.random.default_rng(d).integers(1, 2**_HASH_BITS, (2, d))
        self._columns = np.concatenate(
            [np.rint(axes.astype(np.float64) * _AXIS_STEPS), factors | 1]
        ).T.copy()

    def block(self, vectors: NDArray[np.generic]) -> WholeBlock:
        """Finite rows, shape (n, d), any n."""
        level = vectors.astype(np.float32)
        with np.errstate(over="ignore"):
            level -= self.middle
            level *= self._per_unit
        np.clip(level, -MOST * STEP, MOST * STEP, out=level)
        np.rint(level, out=level)
        level += 0.0  # no -0
        exact = level.astype(np.float64)
        found = exact @ self._columns
        a = len(self.axes)
        return WholeBlock(
            level=level,
            places=found[:, :a] / (_AXIS_STEPS * STEP),
            distance=np.sqrt(np.einsum("ij,ij->i", exact, exact)) / STEP,
            hashes=_mixed(found[:, a], found[:, a + 1]),
        )


def _mixed(one: Floats, other: Floats) -> Hashes:
    """Two whole numbers as evenly spread bits.   Source: Steele et al. 2014, SplitMix64."""
    bits = one.astype(np.int64).view(np.uint64) * np.uint64(_MIX_AGAIN)
    bits ^= bits >> np.uint64(29)
    bits += other.astype(np.int64).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, _MIX), (27, _MIX_AGAIN)):
        bits ^= bits >> np.uint64(shift)
        bits *= np.uint64(factor)
    bits ^= bits >> np.uint64(31)
    return bits
