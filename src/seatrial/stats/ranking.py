"""Which of many: the ones whose evidence holds up although many were looked at, best first."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.stats.counts import BadStatistic

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One of many, with its place.

    Args:
        index: its place in the input.
        log_evidence: natural log of its evidence.
        score: what it is ranked by: its evidence plus the log of its weight.
        found: whether it is among those that hold up.
    """

    index: int
    log_evidence: float
    score: float
    found: bool


def e_bh(
    log_evidence: ArrayLike, *, log_alpha: float, weights: ArrayLike | None = None
) -> NDArray[np.bool_]:
    """Which hypotheses fall, when the share of wrong ones among them is to be small.

    With n e-values the k largest fall, for the largest k with ``w_(k) e_(k) >= n / (alpha k)``. The
    e-values may depend on each other in any way.

    Args:
        log_evidence: shape (n,), natural logs of e-values, or of e-detectors.
        log_alpha: log of alpha > 0. With e-values: their false discovery rate. With e-detectors
            the rate a window: at alpha = 1 / budget the expected share of wrong ones is at most
            the expected number of windows over the budget, whenever one looks.
        weights: shape (n,), >= 0, not all 0, fixed before the data; made to have mean 1.

    Returns: shape (n,).
    Raises: BadStatistic.
    Source: Wang and Ramdas 2022, J. R. Stat. Soc. B 84:822. With e-detectors: Dandapanthula and
        Ramdas 2025, arXiv 2501.04130, "e-d-BH", error over patience.
    """
    logs = _weighted(log_evidence, weights)
    if math.isnan(log_alpha):
        raise BadStatistic(
            "log_alpha is not a number.", remedy="Give log(0.05) for 5 %.", field="log_alpha"
        )
    n = len(logs)
    order = np.argsort(-logs, kind="stable")
    enough = logs[order] + np.log(np.arange(1, n + 1)) >= math.log(max(n, 1)) - log_alpha
    found = np.zeros(n, dtype=np.bool_)
    found[order[: int(np.flatnonzero(enough)[-1]) + 1 if enough.any() else 0]] = True
    return found


def rank(
    log_evidence: ArrayLike, *, log_alpha: float, weights: ArrayLike | None = None
) -> tuple[Ranked, ...]:
    """All of them, those that hold up first, each group by falling weighted evidence.

    Args, Raises: as for `e_bh`.
    """
    logs = _weighted(log_evidence, weights)
    found = e_bh(log_evidence, log_alpha=log_alpha, weights=weights)
    plain = np.asarray(log_evidence, dtype=np.float64)
    return tuple(
        Ranked(
            index=int(i),
            log_evidence=float(plain[i]),
            score=float(logs[i]),
            found=bool(found[i]),
        )
        for i in np.argsort(-logs, kind="stable")
    )


def _weighted(log_evidence: ArrayLike, weights: ArrayLike | None) -> Floats:
    logs = np.asarray(log_evidence, dtype=np.float64)
    if logs.ndim != 1 or np.isnan(logs).any():
        raise BadStatistic(
            f"Evidence of shape {logs.shape} cannot be ranked.",
            remedy="Give one logarithm, no NaN, for each hypothesis.",
            field="log_evidence",
        )
    if weights is None:
        return logs
    given = np.asarray(weights, dtype=np.float64)
    if (
        given.shape != logs.shape
        or not np.all(np.isfinite(given) & (given >= 0))
        or not given.any()
    ):
        raise BadStatistic(
            f"The weights of {len(logs)} hypotheses are {given.tolist()!r:.80}.",
            remedy="Give each a weight >= 0, not all of them 0.",
            field="weights",
        )
    with np.errstate(divide="ignore"):
        weighted: Floats = logs + np.log(given / given.mean())
    return weighted
