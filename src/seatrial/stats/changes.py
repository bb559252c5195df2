"""Ideas of how a column may have drifted, and what one window says for each of them.

Each is a law for the counts of a window, and its e-value the likelihood of that law against "as in
the reference". What is known of the reference is a Dirichlet law with parameters alpha, of total A
and mean m, for the true shares p (`stats/edetector.py` says where from). Under it no e-value has a
mean over 1:

- *Free laws*: counts with a Dirichlet-multinomial law of other parameters ``beta``, against that
  of alpha. The mean is 1, being the sum of a probability. ``beta`` may use all windows before: it
  is the prior of a changed column, ``(k - 1) / d m`` for a chi-square distance of about d a row,
  plus the counts since the idea was last given up.
- *Tilts*: shares ``p_k g_k`` with ``g = exp(x s)`` for a score s. With ``h = g / (m.g) - 1`` and n
  rows::

      e = prod_k g_k^(n_k) / (m.g)^n * exp(-penalty)
      E[e | p] = exp(-penalty) (1 + p.h)^n <= exp(-penalty) exp(n p.h)
      E exp(n p.h) <= prod_k (1 - n h_k / A)^(-alpha_k)                              (*)
      penalty = n^2 v / (2 A) (1 + 2 u / (3 (1 - u))),  v = sum m_k h_k^2,  u = n max(h) / A < 1

  (*) With T ~ Gamma(A) independent of p, T p is a vector of independent Gamma(alpha_k), whose
  exponential moment is the product; and by Jensen over T, of mean A, it is at least the left side.
  Its logarithm is at most the penalty, term by term: -log(1 - u) <= u + u^2/2 + u^3/(3 (1 - u))
  for u > 0, <= u + u^2/2 below, and the linear terms cancel. With u >= 1 the idea sits out.

  ``x`` asks the mean score, whose variance is 1/n + 1/A, to have moved by 0.75 to 6 of its
  standard errors: four of them serve windows and references of any size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.dirichlet import log_count_law
from seatrial.stats.scores import MIX, SCORES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SIZES = 0.75 * 2.0 ** np.arange(4)

CHANGES = (0.004, 0.016, 0.1)
"""Sizes of a free change as chi-square distance a row: 2 % of the rows between two of ten equal
categories is 0.008, a level 0.1 standard deviations up 0.01."""

_SHARE_FREE = 0.15
_NEVER = -1400.0


class Component(NamedTuple):
    """One idea of how a column may have drifted.

    Args:
        score: one of `SCORES`, or `MIX`.
        sign: +1 when it rose, -1 when it fell, 0 for a change of shape.
        size: of a tilt in standard errors, of a free law as chi-square distance.
    """

    score: str
    sign: int
    size: float


COMPONENTS: tuple[Component, ...] = (
    *(
        Component(score, sign, float(size))
        for size in _SIZES
        for sign in (1, -1)
        for score in SCORES
    ),
    *(Component(MIX, 0, change) for change in CHANGES),
)
N_TILTS = len(COMPONENTS) - len(CHANGES)
"""In the order of all arrays below: tilts, then free laws."""


def log_tilts(scores: Floats, window: Floats, shares: Floats, total: Floats) -> Floats:
    """Logs of the e-values of the tilts.

    Args:
        scores: shape (c, s, k).
        window: shape (c, k), counts; a column without rows gets 0 or less.
        shares: shape (c, k), m above.
        total: shape (c,), A above.

    Returns: shape (c, N_TILTS).
    """
    rows = window.sum(axis=1)
    n, a = np.where(rows > 0, rows, 1.0)[:, None, None], total[:, None, None]
    unit = _SIZES[0] / np.sqrt(n * (1 + n / a))
    extremes = np.stack([scores.max(axis=2), -scores.min(axis=2)], axis=1)
    up = np.exp(unit * scores)
    power = np.stack([up, 1 / up], axis=1)
    sums = (scores @ window[:, :, None])[:, None, :, 0]
    gain = unit * np.concatenate([sums, -sums], axis=1)
    mean = (power @ shares[:, None, :, None])[..., 0]
    found = []
    for step in range(len(_SIZES)):
        size = 2.0**step
        power = power * power
        mean_square = (power @ shares[:, None, :, None])[..., 0]
        spread = np.maximum(mean_square / (mean * mean) - 1, 0.0)
        furthest = np.exp(size * unit * extremes) / mean - 1
        u = np.minimum(n / a * furthest, 1 - 1e-12)
        penalty = n * n / (2 * a) * spread * (1 + 2 * u / (3 * (1 - u)))
        log_e = size * gain - n * np.log(mean) - penalty
        found.append(np.where(u < 1 - 1e-9, log_e, _NEVER))
        mean = mean_square
    return np.stack(found, axis=1).reshape(len(window), -1)


def log_free(window: Floats, alpha: Floats, recent: Floats, degrees: Floats) -> Floats:
    """Logs of the e-values of the free laws.

    Args:
        window: shape (c, k), counts.
        alpha: shape (c, k), 0 where the column has no bin.
        recent: shape (c, len(CHANGES), k), counts since each law was last given up.
        degrees: shape (c,), bins in use less one, >= 1.

    Returns: shape (c, len(CHANGES)).
    """
    shares = alpha / alpha.sum(axis=1, keepdims=True)
    concentration = degrees[:, None] / np.array(CHANGES)
    beta = concentration[:, :, None] * shares[:, None, :] + recent
    laws = np.concatenate([beta, alpha[:, None, :]], axis=1)
    laws = np.maximum(laws, 1e-12)
    log_laws = log_count_law(laws, np.broadcast_to(window[:, None, :], laws.shape))
    log_e: Floats = log_laws[:, :-1] - log_laws[:, -1:]
    return log_e


def log_weights(scores: Floats, used: Ints) -> Floats:
    """Logs of the weights of all ideas in each column: 0.15 on free laws, or all without a score.

    Args:
        scores: shape (c, s, k).
        used: shape (c,), bins in use; a column of one bin has nothing to say.

    Returns: shape (c, len(COMPONENTS)), -1400 for a weight of 0.
    """
    live = (scores != 0).any(axis=2)
    n_live = live.sum(axis=1, keepdims=True)
    several = (used >= 2)[:, None]
    share_free = np.where(n_live > 0, _SHARE_FREE, 1.0) * several
    each = (1 - share_free) / np.maximum(n_live, 1) / (2 * len(_SIZES)) * several
    tilts = np.tile(live * each, (1, 2 * len(_SIZES)))
    free = np.repeat(share_free / len(CHANGES), len(CHANGES), axis=1)
    weights = np.concatenate([tilts, free], axis=1)
    return np.where(weights > 0, np.log(np.maximum(weights, 1e-300)), _NEVER)
