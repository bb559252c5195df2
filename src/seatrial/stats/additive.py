"""What each column contributes to a model's answers, by an additive stand-in for the model.

The model itself is not at hand: its answers to some rows are. An effect is fitted for each group of
values of each column, all columns at once, so that of two columns that say the same the one is
credited which the answers follow. What shuffling a column would do to the answers is then a sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_RIDGE_ROWS = 1.0
"""Rows of no effect added to each group."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Additive:
    """An additive model of some answers.

    Args:
        moved: shape (d,), how far answers move on average, summed over outputs, when a column's
            values are shuffled over the rows; >= 0.
        explained: share of the answers' variance that the effects explain, that which chance would
            explain taken off; in [0, 1].
    """

    moved: Floats
    explained: float


def additive(groups: Sequence[NDArray[np.integer]], answers: Floats) -> Additive | None:
    """Fit an effect for each group of each column by ridge regression.

    Args:
        groups: of each column, shape (n,), the group of each row, from 0 without gaps.
        answers: shape (n, k), finite.
    Returns: None where answers do not vary, or groups are as many as rows.
    Source: Hastie, Tibshirani 1986, Stat. Sci. 1:297, with groups for smooth functions; shuffling:
        Breiman 2001, Machine Learning 45:5, whose expectation is Gini's mean difference of the
        effects of a column; explained: Ezekiel 1930.
    """
    n = len(answers)
    sizes = [int(g.max()) + 1 if n else 0 for g in groups]
    n_free = sum(sizes) - len(sizes)
    centred = answers - answers.mean(axis=0) if n else answers
    spread = float((centred**2).sum())
    if n <= n_free + 1 or not spread > 0:
        return None
    firsts = np.cumsum([0, *sizes])
    member = np.zeros((n, firsts[-1]))
    for first, of_rows in zip(firsts[:-1], groups, strict=True):
        member[np.arange(n), first + of_rows] = 1.0
    shares = member.mean(axis=0)
    member -= shares
    products = member.T @ member
    products[np.diag_indices_from(products)] += _RIDGE_ROWS
    effects = np.linalg.solve(products, member.T @ centred)
    left = float(((centred - member @ effects) ** 2).sum()) / spread
    moved = [_mean_difference(effects[a:b], shares[a:b]) for a, b in pairwise(firsts)]
    explained = 1 - left * (n - 1) / (n - n_free - 1)
    return Additive(moved=np.array(moved), explained=min(1.0, max(0.0, explained)))


def _mean_difference(effects: Floats, shares: Floats) -> float:
    """Of the effects of two rows drawn independently, shape (g, k), summed over outputs."""
    apart = np.abs(effects[:, None, :] - effects[None, :, :]).sum(axis=2)
    return float(shares @ apart @ shares)
