"""P-values of many hypotheses looked at together: the chance that even one is rejected wrongly."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p-values: rejecting those <= alpha rejects even one true hypothesis with a chance of
    at most alpha, however the tests depend on each other.

    Args: p-values in [0, 1], shape (n,), n >= 0.
    Returns: shape (n,), in [0, 1], in the order given.
    Source: Holm 1979, Scand. J. Statist. 6:65.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
