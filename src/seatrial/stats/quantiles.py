"""Where a quantile of the latencies lies, valid at every look.

"The q-quantile is at most x" says the same as "the share of requests slower than x is at most
1 - q", so a quantile is judged as a rate. Its bounds are the latencies at which that judgement
changes: order statistics whose ranks come from the sequential test, no distribution assumed.
"""

from __future__ import annotations

from seatrial.stats.counts import Interval, check_share
from seatrial.stats.sequential import least_over, most_under
from seatrial.stats.sketches import LatencySketch


def quantile_bounds(
    sketch: LatencySketch, q: float, *, alpha_lower: float, alpha_upper: float
) -> Interval:
    """Confidence sequence for a quantile.

    The true quantile is one fixed latency x; the test of "share over x" rejects it at any time with
    at most alpha, and the bounds are the outermost edges it does not reject. Edges round outwards.

    Args:
        sketch: the latencies.
        q: in (0, 1), such as 0.95.
        alpha_lower: in (0, 1), the chance that the lower bound is ever above the quantile.
        alpha_upper: in (0, 1), the chance that the upper bound is ever below the quantile.

    Returns: seconds; (0, inf) while there is too little data to say anything.
    Raises: BadStatistic.   Source: Howard, Ramdas 2022, Bernoulli 28:1704, the fixed-quantile case.
    """
    check_share("q", q)
    slow_share = 1 - q
    return Interval(
        lower=sketch.edge_with_at_least_over(
            least_over(sketch.n, limit=slow_share, alpha=alpha_lower)
        ),
        upper=sketch.edge_with_at_most_over(
            most_under(sketch.n, limit=slow_share, alpha=alpha_upper)
        ),
    )
