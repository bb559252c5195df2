"""The absolute error to expect of a regressor for a row, learned from rows with labels.

Rows are given as bins of their features. A ridge regression of the error on the bins ranks rows by
how hard they are; what a rank is worth is then measured on rows the regression has not seen. So a
regression that found nothing costs nothing: all rows expect the mean error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.calibration import Expectation
from seatrial.stats.counts import BadStatistic

LEAST_ROWS = 100
"""Rows below which nothing is learned: half of them make one level of 50."""

_MOST_ROWS = 20_000
_ROWS_A_LEVEL = 50
_MOST_LEVELS = 20
_RIDGE = 20.0
_WINSOR = 0.99


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LossModel:
    """How hard rows are.

    Args:
        base: the rank of a row of which no feature says anything.
        weights: for each feature shape (n_bins,): what a bin adds to the rank.
        edges: shape (n_levels - 1,), ascending: the ranks between levels.
        means: shape (n_levels,), ascending, each another: the mean absolute error of a level.
        variances: shape (n_levels,), the variance of the absolute error within it.
        n: shape (n_levels,), the rows it was measured on.
    """

    base: float
    weights: tuple[NDArray[np.float64], ...]
    edges: NDArray[np.float64]
    means: NDArray[np.float64]
    variances: NDArray[np.float64]
    n: NDArray[np.int64]

    def expected(self, bins: NDArray[np.int64]) -> NDArray[np.float64]:
        """The absolute error to expect of each row.   Args: shape (n, n_features)."""
        return self.means[np.searchsorted(self.edges, self._rank(bins), side="right")]

    def level(self, expected: NDArray[np.float64]) -> NDArray[np.intp]:
        """The level of errors that `expected` gave, shape (n,)."""
        return np.searchsorted((self.means[:-1] + self.means[1:]) / 2, expected, side="right")

    def expect(self, expected: NDArray[np.float64]) -> Expectation | None:
        """The mean absolute error to expect of some rows; None of none.

        Args: what `expected` gave for them, shape (n,); NaN is left out.
        """
        level = self.level(expected[~np.isnan(expected)])
        if not len(level):
            return None
        share = np.bincount(level, minlength=len(self.means)) / len(level)
        return Expectation(
            n=len(level),
            mean=float(share @ self.means),
            row_variance=float(share @ self.variances),
            map_variance=float((share**2) @ (self.variances / self.n)),
        )

    def _rank(self, bins: NDArray[np.int64]) -> NDArray[np.float64]:
        rank = np.full(len(bins), self.base)
        for column, weights in zip(bins.T, self.weights, strict=True):
            rank += weights[column]
        return rank


def fit_loss(
    bins: NDArray[np.int64], n_bins: tuple[int, ...], error: NDArray[np.float64]
) -> LossModel:
    """Learn which rows are hard.

    Args:
        bins: shape (n, n_features), the bin of each feature, in [0, n_bins of the feature).
        n_bins: for each feature.
        error: absolute errors, shape (n,), finite and >= 0.
    Raises: BadStatistic: fewer than LEAST_ROWS rows.
    """
    if len(error) < LEAST_ROWS:
        raise BadStatistic(
            f"An expected error cannot be learned from {len(error)} labelled rows.",
            remedy=f"Give at least {LEAST_ROWS} reference rows with labels.",
        )
    learn, measure = slice(0, None, 2), slice(1, None, 2)
    base, weights = _ridge(bins[learn], n_bins, error[learn])
    rough = LossModel(
        base=base,
        weights=weights,
        edges=np.zeros(0),
        means=np.zeros(1),
        variances=np.zeros(1),
        n=np.ones(1, np.int64),
    )
    edges, means, variances, n = _levels(rough._rank(bins[measure]), error[measure])
    return LossModel(base=base, weights=weights, edges=edges, means=means, variances=variances, n=n)


def _ridge(
    bins: NDArray[np.int64], n_bins: tuple[int, ...], error: NDArray[np.float64]
) -> tuple[float, tuple[NDArray[np.float64], ...]]:
    every = max(1, -(-len(error) // _MOST_ROWS))
    bins, error = bins[::every], error[::every]
    # One enormous error would otherwise be all that the regression explains.
    target = np.minimum(error, np.quantile(error, _WINSOR))
    base = float(target.mean())
    if not n_bins:
        return base, ()
    starts = np.concatenate([[0], np.cumsum(n_bins)]).astype(np.int64)
    design = np.zeros((len(error), int(starts[-1])), np.float32)
    for place, start in enumerate(starts[:-1]):
        design[np.arange(len(error)), start + bins[:, place]] = 1
    gram = (design.T @ design).astype(np.float64) + _RIDGE * np.eye(design.shape[1])
    found = np.linalg.solve(gram, design.T.astype(np.float64) @ (target - base))
    return base, tuple(np.split(found, starts[1:-1]))


def _levels(
    rank: NDArray[np.float64], error: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Levels of rank of some 50 rows and more, neighbours joined until the error ascends."""
    n_levels = int(np.clip(len(rank) // _ROWS_A_LEVEL, 1, _MOST_LEVELS))
    edges = np.unique(np.quantile(rank, np.arange(1, n_levels) / n_levels))
    level = np.searchsorted(edges, rank, side="right")
    joined: list[list[float]] = []  # rows, sum, sum of squares, upper edge
    uppers = [*edges.tolist(), np.inf]
    for place, upper in enumerate(uppers):
        here = error[level == place]
        if not len(here):
            continue
        joined.append([len(here), float(here.sum()), float((here**2).sum()), upper])
        while len(joined) > 1 and joined[-2][1] / joined[-2][0] >= joined[-1][1] / joined[-1][0]:
            n, first, second, upper_edge = joined.pop()
            before = joined[-1]
            joined[-1] = [before[0] + n, before[1] + first, before[2] + second, upper_edge]
    n, first, second, upper_edges = np.array(joined).T
    means = first / n
    variances = np.maximum(second / n - means**2, 0.0)
    return upper_edges[:-1], means, variances, n.astype(np.int64)
