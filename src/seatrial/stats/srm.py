"""Did the split that was asked for happen? Sample ratio mismatch, at a horizon and at any look.

When units are split 50 : 50 and 50,600 : 49,400 are seen, what is compared is not what was
randomised: some were lost on one side, and no result can be trusted. That is a fault to be found,
not an effect, so it is looked for with a small alpha.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.stats.counts import BadStatistic
from seatrial.stats.dirichlet import log_count_law
from seatrial.stats.gamma import chi_square_tail

Floats = NDArray[np.float64]

CONCENTRATION = 10_000.0
"""How near to the intended shares alternatives are expected, as units of prior evidence; the value
of the paper's authors. Large ones wait for small mismatches, and see gross ones later."""


def mismatch_p_value(counts: ArrayLike, shares: ArrayLike) -> float:
    """P-value of "units were split as intended", read once.

    Args: units by variant, shape (k,), k >= 2; intended shares, > 0, in any unit.
    Returns: in [0, 1]; 1 without a unit.   Raises: BadStatistic.
    Source: Pearson's chi-square; Fabijan et al. 2019, KDD, on what it finds.
    """
    n, intended = _checked(counts, shares)
    total = float(n.sum())
    if not total:
        return 1.0
    expected = total * intended
    return chi_square_tail(float(((n - expected) ** 2 / expected).sum()), len(intended) - 1)


def mismatch_evidence(counts: ArrayLike, shares: ArrayLike) -> Floats:
    """Log of the evidence that units were not split as intended, valid at every look.

    A Bayes factor of shares drawn around the intended ones against these themselves; its starting
    value is 1 and under the intended split it is a martingale, so that it ever reaches 1 / alpha
    with a chance of at most alpha.

    Args: units by variant, shape (..., k), cumulative; intended shares, shape (k,).
    Returns: shape (...).   Raises: BadStatistic.
    Source: Lindon, Malek 2022, Anytime-Valid Inference for Multinomial Count Data, NeurIPS.
    """
    n, intended = _checked(counts, shares)
    prior = np.broadcast_to(CONCENTRATION * intended, n.shape)
    evidence: Floats = log_count_law(np.array(prior), n) - (n * np.log(intended)).sum(axis=-1)
    return evidence


def mismatch_at_any_look(counts: ArrayLike, shares: ArrayLike) -> float:
    """P-value of "units were split as intended", valid at every look.

    Args: cumulative units by variant at each look so far, shape (looks, k); intended shares.
    Returns: in [0, 1]; the smallest of all looks, 1 without one.   Raises: BadStatistic.
    """
    n = np.asarray(counts, dtype=np.float64)
    if not len(n):
        return 1.0
    highest = float(mismatch_evidence(n, shares).max())
    return float(np.exp(-max(highest, 0.0)))


def _checked(counts: ArrayLike, shares: ArrayLike) -> tuple[Floats, Floats]:
    n, intended = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if intended.ndim != 1 or len(intended) < 2 or not (intended > 0).all():
        raise BadStatistic(
            f"Shares of {intended.tolist()} are no split.",
            remedy="Give two variants or more, each a share above 0.",
        )
    if n.shape[-1:] != intended.shape or (n < 0).any():
        raise BadStatistic(
            f"Counts of shape {n.shape} do not go with {len(intended)} shares.",
            remedy="Give one count, at least 0, for each variant.",
        )
    return n, intended / intended.sum()
