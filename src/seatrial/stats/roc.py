"""How well a score tells two groups of rows apart: the area under the ROC curve, and its error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.stats.counts import BadStatistic

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RocAuc:
    """The area under a ROC curve.

    Args:
        value: in [0, 1], the chance that a row of the second group scores higher than one of the
            first, ties counting half.
        standard_error: >= 0, of DeLong.
        p_value: in [0, 1], that the groups score alike, against "the second scores higher":
            Mann-Whitney, by its normal limit.
    """

    value: float
    standard_error: float
    p_value: float


def roc_auc(
    first: ArrayLike,
    second: ArrayLike,
    *,
    first_rows: ArrayLike | None = None,
    second_rows: ArrayLike | None = None,
    first_of: tuple[float, float] | None = None,
    second_of: tuple[float, float] | None = None,
) -> RocAuc:
    """The area under the ROC curve of scores.

    Args:
        first: shape (n,), finite scores, n >= 2.
        second: shape (m,), m >= 2.
        first_rows: shape (n,), > 0, so many rows have that score; one when None. Rows of one score
            count as one draw, as copies of a row are.
        second_rows: shape (m,).
        first_of: the scores are a sample of so many rows, >= 1, of this mean score. What the area
            owes to the sample's mean being another is then taken off, by regression of placements
            on scores; the chance stays that of the sample.
        second_of: the same of the second group.
    Raises: BadStatistic.
    Source: DeLong, DeLong, Clarke-Pearson 1988, Biometrics 44:837, weights as in its placements;
        Mann and Whitney 1947, Ann. Math. Statist. 18:50; Cochran 1977, Sampling Techniques, 7.2,
        for the regression.

    Example:
        >>> round(roc_auc([1, 2, 3, 4], [2, 3, 4, 5]).value, 3)
        0.719
    """
    x, a = _checked(first, first_rows, "first")
    y, b = _checked(second, second_rows, "second")
    a, b = a / a.sum(), b / b.sum()
    of_second = _below(x, a, y)
    of_first = 1.0 - _below(y, b, x)
    value = min(max(float(b @ of_second), 0.0), 1.0)
    of_sides = [_mean(of_first, x, a, first_of), _mean(of_second, y, b, second_of)]
    error = math.sqrt(sum(variance for _, variance in of_sides))
    n, m = 1 / float(a @ a), 1 / float(b @ b)
    by_chance = math.sqrt((1 / n + 1 / m + 1 / (n * m)) / 12)
    better = sum(mean for mean, _ in of_sides) - value
    return RocAuc(
        value=min(max(better, 0.0), 1.0),
        standard_error=error,
        p_value=normal_tail((value - 0.5) / by_chance),
    )


def normal_tail(z: float) -> float:
    """The chance that a standard normal number is at least ``z``."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def _mean(
    placements: Floats, scores: Floats, shares: Floats, of: tuple[float, float] | None
) -> tuple[float, float]:
    """The mean placement, and its variance; see ``first_of``."""
    mean, middle = float(shares @ placements), float(shares @ scores)
    rest, centred = placements - mean, scores - middle
    spread = float(shares @ centred**2)
    if of is None or spread <= 0:
        return mean, _spread(shares) * float(shares**2 @ rest**2)
    slope = float(shares @ (rest * centred)) / spread
    rest = rest - slope * centred
    variance = _spread(shares) * float(shares**2 @ rest**2) + slope**2 * spread / of[1]
    return mean + slope * (of[0] - middle), variance


def _below(scores: Floats, shares: Floats, at: Floats) -> Floats:
    """Share of the scores below each place, ties by half."""
    order = np.argsort(scores, kind="stable")
    ordered, total = scores[order], np.concatenate([[0.0], np.cumsum(shares[order])])
    left, right = (total[np.searchsorted(ordered, at, side)] for side in ("left", "right"))
    return (left + right) / 2  # type: ignore[no-any-return]


def _spread(shares: Floats) -> float:
    """n / (n - 1) of so many effective draws."""
    n = 1 / float(shares @ shares)
    return n / max(n - 1, 1.0)


def _checked(scores: ArrayLike, rows: ArrayLike | None, name: str) -> tuple[Floats, Floats]:
    found = np.asarray(scores, dtype=np.float64)
    counts = np.ones(found.shape) if rows is None else np.asarray(rows, dtype=np.float64)
    if found.ndim != 1 or len(found) < 2 or not np.isfinite(found).all():
        raise BadStatistic(
            f"The {name} group has scores of shape {found.shape}, not two or more finite ones.",
            remedy="Give at least two finite scores of each group.",
            field=name,
        )
    if counts.shape != found.shape or not np.all(np.isfinite(counts) & (counts > 0)):
        raise BadStatistic(
            f"The {name} group has no rows > 0 for each score.",
            remedy="Give how many rows have each score.",
            field=name,
        )
    return found, counts
