"""How well a model does by segment, in sums that add up: what was expected, and what came true.

A row is in one segment of every column that rows are split by. The outcome of a row is 1 where a
classifier is right and 0 where not, or a regressor's absolute error; its expectation is what the
reference lets one expect of it from its score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

_N, _N_SCORED, _E, _E2, _N_LABELLED, _O, _O2 = range(7)
WIDTH = 7


@dataclass(frozen=True, slots=True)
class Moments:
    """A mean of some rows.

    Args:
        n: rows, >= 0.
        mean: 0 without rows.
        variance: of one row, >= 0, with n - 1 degrees of freedom; 0 under two rows.
    """

    n: int
    mean: float
    variance: float

    @property
    def of_mean(self) -> float:
        """Variance of the mean; infinite without rows."""
        return self.variance / self.n if self.n else float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class SegmentSums:
    """Sums by segment; ``+`` and ``-`` are those of rows.

    Args:
        sums: shape (n_segments, WIDTH): rows; rows with a usable score, the sum of their
            expectations and of the squares; labelled rows, the sum of their outcomes and of the
            squares.
    """

    sums: Floats

    @classmethod
    def empty(cls, n_segments: int) -> SegmentSums:
        """Sums of nothing: the neutral element of ``+``."""
        return cls(np.zeros((n_segments, WIDTH)))

    @classmethod
    def of(cls, places: Places, expected: Floats, *, n_segments: int) -> SegmentSums:
        """Predictions, labels or not.

        Args:
            places: segments of each row, shape (n, columns), in [0, n_segments).
            expected: shape (n,), NaN where the score is not usable.
        """
        usable = ~np.isnan(expected)
        e = np.where(usable, expected, 0.0)
        values = {_N: np.ones(len(expected)), _N_SCORED: usable, _E: e, _E2: e**2}
        return cls(_summed(places, values, n_segments))

    @classmethod
    def labelled(cls, places: Places, outcome: Floats, *, n_segments: int) -> SegmentSums:
        """Labels of predictions, which `of` counts by themselves.   Args: outcome, shape (n,)."""
        values = {_N_LABELLED: np.ones(len(outcome)), _O: outcome, _O2: outcome**2}
        return cls(_summed(places, values, n_segments))

    def __add__(self, other: SegmentSums) -> SegmentSums:
        return SegmentSums(self.sums + other.sums)

    def __sub__(self, other: SegmentSums) -> SegmentSums:
        return SegmentSums(self.sums - other.sums)

    def n(self, place: int) -> int:
        """Predictions of a segment."""
        return int(self.sums[place, _N])

    def expected(self, place: int) -> Moments:
        """What scores lead to expect of a segment."""
        return _moments(self.sums[place, _N_SCORED : _E2 + 1])

    def outcome(self, place: int) -> Moments:
        """What labels say of a segment."""
        return _moments(self.sums[place, _N_LABELLED:])


def _summed(places: Places, values: dict[int, Floats], n_segments: int) -> Floats:
    found = np.zeros((n_segments, WIDTH))
    for column in places.T:
        for key, value in values.items():
            found[:, key] += np.bincount(column, weights=value, minlength=n_segments)
    return found


def _moments(sums: Floats) -> Moments:
    n, first, second = sums.tolist()
    if n < 1:
        return Moments(0, 0.0, 0.0)
    mean = first / n
    variance = max(0.0, second / n - mean**2) * n / (n - 1) if n > 1 else 0.0
    return Moments(int(n), mean, variance)
