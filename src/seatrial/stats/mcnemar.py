"""Whether two classifiers err on the same rows equally often: McNemar's test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seatrial.stats.counts import BadStatistic


@dataclass(frozen=True, slots=True, kw_only=True)
class McNemar:
    """The rows on which one of two is right, and how surprising their split would be by chance.

    Args:
        n_first_only: rows that only the first got right, >= 0.
        n_second_only: rows that only the second got right, >= 0.
        p_exact: in (0, 1], two-sided; errs more rarely than it says.
        p_mid: in (0, 1], two-sided; at most ``p_exact``, and errs about as often as it says.
    """

    n_first_only: int
    n_second_only: int
    p_exact: float
    p_mid: float


def mcnemar(n_first_only: int, n_second_only: int) -> McNemar:
    """Test that either is as likely to be the one that is right.

    Raises: BadStatistic: a count below 0.
    Source: Fagerland, Lydersen, Laake 2013, BMC Med. Res. Methodol. 13:91.

    Example:
        >>> found = mcnemar(1, 7)
        >>> round(found.p_exact, 4), round(found.p_mid, 4)
        (0.0703, 0.0391)
    """
    n, fewer = n_first_only + n_second_only, min(n_first_only, n_second_only)
    if fewer < 0:
        raise BadStatistic(
            f"{n_first_only} and {n_second_only} are no counts of rows.",
            remedy="Count the rows that only one of the two got right.",
        )
    # Chances of 0..fewer of n fair coins, by logarithms: n choose k has no end.
    k = np.arange(1, fewer + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log((n - k + 1) / k))]) - n * np.log(2)
    chances = np.exp(logs)
    below, at = float(chances[:-1].sum()), float(chances[-1])
    return McNemar(
        n_first_only=n_first_only,
        n_second_only=n_second_only,
        p_exact=min(1.0, 2 * (below + at)),
        p_mid=min(1.0, 2 * below + at),
    )
