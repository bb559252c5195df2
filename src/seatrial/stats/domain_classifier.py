"""Can a classifier tell the rows of a window from those of the reference?

If nothing has changed, no classifier can: its ROC area on rows it was not trained on is 1/2 but for
chance. So one is trained on one half of the rows and put to the test on the other. It is linear and
in closed form (Fisher's discriminant), of two views: the coordinates, which see what shifts, and
their absolute values, which see what widens, narrows or turns.

Its direction is S^-1 (mean of the window - mean of the reference), with S the covariance of the
reference along its first principal axes and the same in every other direction (Tipping and Bishop
1999, J. R. Stat. Soc. B 61:611), shrunk by a tenth towards a multiple of the identity. Means are of
all rows; scores are taken of the rows that are kept. One vector that many rows share may not be
among those, so the spread of scores is at least what S says: such a vector is an axis of S.

Source: Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests", ICLR; Rabanser et al.
2019, "Failing loudly", NeurIPS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seatrial.stats.roc import RocAuc, normal_tail, roc_auc
from seatrial.stats.vector_counts import LEVEL, Moments, RowSample
from seatrial.stats.whole_vectors import MOST_SPREAD, Floats

SHRINKAGE = 0.1
"""Of the covariance, towards the identity."""

ROWS_AN_AXIS = 50
"""Rows of the training half for each principal axis that the covariance keeps."""

LEAST_ROWS = 50
"""Of each half and side. Fifty held-out rows a side leave 0.06 of error in the AUC: fewer say less
than the step from one severity to the next."""

_LEAST_VARIANCE = 1e-12

VIEWS = ("level", "spread")


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainTest:
    """One view of a window and its reference, told apart.

    Args:
        view: ``level`` or ``spread``.
        auc: of held-out rows: of those that were kept, corrected by the mean score of all.
        mean_p_value: in [0, 1], that the mean score of all held-out rows is the reference's, one-
            sided; Welch 1947, by its normal limit.
        n_trained: rows of reference and window that the classifier was trained on.
        n_tested: held-out rows of both, which the mean scores are of.
        n_scored: distinct ones of these that were kept, which ``auc`` is of.
    """

    view: str
    auc: RocAuc
    mean_p_value: float
    n_trained: tuple[int, int]
    n_tested: tuple[int, int]
    n_scored: tuple[int, int]

    @property
    def p_value(self) -> float:
        """That nothing has changed, by the better of both tests."""
        return min(1.0, 2 * min(self.auc.p_value, self.mean_p_value))


@dataclass(frozen=True, eq=False)
class DomainReference:
    """What a classifier knows of the reference.

    Args:
        moments: of all its rows.
        sample: of its rows.
        axes: shape (2, a, d), principal axes of each view, the one with most variance first.
        variances: shape (2, a + 1), along each axis, and their sum over all d directions; in
            squared units.
    """

    moments: Moments
    sample: RowSample
    axes: Floats
    variances: Floats

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return int(self.sample.rows.shape[1])

    @property
    def enough(self) -> bool:
        """Whether there are rows enough to compare anything with."""
        return bool((self.moments.n >= LEAST_ROWS).all()) and len(self._held_out[1]) >= 2

    def direction(self, view: int, shift: Floats) -> Floats:
        """Where a shift of the mean is told best; shape (d,).

        Args: `LEVEL` or `SPREAD`; shape (d,), in units.
        """
        along, rest = self._shrunk[view]
        return self._times(view, shift, 1 / along, 1 / rest)

    def variance(self, view: int, direction: Floats) -> float:
        """Of a row's score, by the covariance that directions are made with."""
        along, rest = self._shrunk[view]
        return float(direction @ self._times(view, direction, along, rest))

    def scores(self, view: int, direction: Floats) -> tuple[Floats, Floats]:
        """Scores of the kept rows of the second half, and how often each row was there."""
        views, counts = self._held_out
        return views[view] @ direction, counts

    def _times(self, view: int, vector: Floats, along: Floats, rest: float) -> Floats:
        kept = self.axes[view, : self._n_axes]
        found: Floats = vector * rest + ((along - rest) * (kept @ vector)) @ kept
        return found

    @cached_property
    def _held_out(self) -> tuple[tuple[Floats, Floats], Floats]:
        rows, counts = self.sample.half(1)
        return (rows, absolute(rows)), counts.astype(np.float64)

    @cached_property
    def _n_axes(self) -> int:
        most = int(self.moments.n.sum()) // ROWS_AN_AXIS
        return max(0, min(int(self.axes.shape[1]), most, self.width - 1))

    @cached_property
    def _shrunk(self) -> list[tuple[Floats, float]]:
        """Of each view: variance along the axes, and in every other direction."""
        found = []
        for variances in self.variances:
            kept, total = variances[: self._n_axes], float(variances[-1])
            even = max(total / self.width, _LEAST_VARIANCE)
            rest = max(total - float(kept.sum()), 0.0) / (self.width - self._n_axes)
            along = (1 - SHRINKAGE) * kept + SHRINKAGE * even
            found.append((along, (1 - SHRINKAGE) * rest + SHRINKAGE * even))
        return found


def tell_apart(
    reference: DomainReference, moments: Moments, sample: RowSample
) -> tuple[DomainTest, ...]:
    """Train on the first half, test on the second, in each view.

    Args: what is kept of a window's rows, in the reference's units.
    Returns: none with fewer than `LEAST_ROWS` rows of a half, on either side.
    """
    rows, counts = sample.half(1)
    if not reference.enough or (moments.n < LEAST_ROWS).any() or len(rows) < 2:
        return ()
    then, now = reference.moments.means, moments.means
    shifts = now - then
    found = []
    for view, name in enumerate(VIEWS):
        direction = reference.direction(view, shifts[0, view])
        before, weights = reference.scores(view, direction)
        after = (rows if view == LEVEL else absolute(rows)) @ direction
        least = reference.variance(view, direction)
        error = math.sqrt(
            max(least, variance(before, weights)) / float(reference.moments.n[1])
            + max(least, variance(after, counts.astype(np.float64))) / float(moments.n[1])
        )
        moved = float(direction @ shifts[1, view])
        found.append(
            DomainTest(
                view=name,
                auc=roc_auc(
                    before,
                    after,
                    first_rows=weights,
                    second_rows=counts,
                    first_of=(float(direction @ then[1, view]), float(reference.moments.n[1])),
                    second_of=(float(direction @ now[1, view]), float(moments.n[1])),
                ),
                mean_p_value=normal_tail(moved / error) if error > 0 else float(moved <= 0),
                n_trained=(int(reference.moments.n[0]), int(moments.n[0])),
                n_tested=(int(reference.moments.n[1]), int(moments.n[1])),
                n_scored=(len(before), len(after)),
            )
        )
    return tuple(found)


def absolute(rows: Floats) -> Floats:
    """The view of spread of rows in units, shape (k, d)."""
    found: Floats = np.minimum(np.abs(rows), MOST_SPREAD)
    return found


def variance(scores: Floats, rows: Floats) -> float:
    """Of a row's score, shape (k,), each of so many rows; copies of a row are one draw."""
    shares = rows / rows.sum()
    n = 1 / float(shares @ shares)
    middle = float(shares @ scores)
    return float(shares @ (scores - middle) ** 2) * n / max(n - 1, 1.0)
