"""How long will a sequential test take? The law of its waiting time, not a guess from the mean.

Evidence that follows its mean exactly crosses the line late, real evidence fluctuates and crosses
earlier: at half the limit, 19,000 requests instead of 31,000 (limit 0.1 %, alpha 5 %). So the
distribution of the number of events is carried forward from look to look, and what has crossed is
taken out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.counts import BadStatistic, Counts
from seatrial.stats.sequential import most_under, requests_needed

_LOOKS_APART = 1.02
_MOST_REQUESTS = 10_000_000
_MOST_EVENTS = 5_000
_NEGLIGIBLE = 1e-12

_Vector = NDArray[np.float64]


def requests_until(counts: Counts, *, limit: float, alpha: float, rate: float) -> int | None:
    """Further requests until half of the versions like this one are shown to be under a limit.

    Args:
        counts: what was seen so far.
        limit: in (0, 1).
        alpha: in (0, 1).
        rate: the true rate of events from now on, in [0, 1).

    Returns: requests, up to about 5 % late because looks are 2 % apart; None when that many are not
        through within 10 million requests or 5,000 events.
    Raises: BadStatistic.
    """
    if not 0 <= rate < 1:
        raise BadStatistic(
            f"rate is {rate!r}, outside [0, 1).",
            remedy="Give the rate as a share, such as 0.0005.",
            field="rate",
        )
    least = requests_needed(counts, limit=limit, alpha=alpha)
    if not least or rate == 0 or rate >= limit:
        return least if rate < limit else None
    through, seen, alive = 0.0, 0, np.ones(1)
    for n in _looks(least):
        alive = _thrown(alive, n - seen, rate)
        seen = n
        allowed = most_under(counts.n + n, limit=limit, alpha=alpha) - math.ceil(counts.k)
        through += float(alive[: allowed + 1].sum())
        alive[: allowed + 1] = 0.0
        if through >= 0.5:
            return n
        if allowed > _MOST_EVENTS:
            break
    return None


def _looks(first: int) -> Iterator[int]:
    n = first
    while n <= _MOST_REQUESTS:
        yield n
        n = math.ceil(n * _LOOKS_APART)


def _thrown(alive: _Vector, n: int, rate: float) -> _Vector:
    """The distribution of events after n more requests; the far tail is dropped."""
    after = np.convolve(alive, _binomial(n, rate))
    kept = np.flatnonzero(after > _NEGLIGIBLE)
    return after[: kept[-1] + 1] if len(kept) else after[:1]


def _binomial(n: int, rate: float) -> _Vector:
    """Probabilities of 0, 1, 2, ... events among n, up to where they are negligible."""
    mean = n * rate
    k = np.arange(1, min(n, math.ceil(mean + 9 * math.sqrt(mean) + 30)) + 1)
    steps = np.log((n - k + 1) / k) + math.log(rate / (1 - rate))
    logs = n * math.log1p(-rate) + np.concatenate(([0.0], np.cumsum(steps)))
    probabilities: _Vector = np.exp(logs)
    return probabilities
