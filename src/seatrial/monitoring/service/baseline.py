"""What traffic is usual now, and whether there is less of it.

The same time of the week says best what to expect; without three such weeks the same time of the
day, without three such days the last hour. Traffic is not a Poisson process, so "less than usual"
asks for three things: under a share of the baseline, under everything that the baseline was made
from, and too few requests for chance. And an outage must not become usual while it lasts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.stats.counts import check_share

_DAY_S, _WEEK_S = 86_400, 7 * 86_400
_AROUND_S = 1800
_LEAST_SPANS = 10
_LEAST_PERIODS = 3
_NEW_USUAL_S = 6 * 3600
"""Less traffic than before counts as usual after so long, where no earlier day says otherwise."""
_MOST_PERIODS = {_WEEK_S: 5, _DAY_S: 7}


class BadTraffic(Invalid):
    """Counts of requests that are no series of spans."""

    code = "monitoring.bad_traffic"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Traffic:
    """Requests in spans of equal width, one after the other.

    Args:
        start_s: begin of the first span, seconds since 1970.
        width_s: of a span, in seconds, > 0.
        counts: shape (n,), requests of each span, >= 0; 0 too is something that was seen.

    Raises: BadTraffic.
    """

    start_s: float
    width_s: float
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not 0 < self.width_s < math.inf or self.counts.ndim != 1 or (self.counts < 0).any():
            raise BadTraffic(
                f"Traffic in spans of {self.width_s!r} s has counts of shape {self.counts.shape}.",
                remedy="Give a width above 0 and one count >= 0 for each span.",
            )

    @property
    def starts_s(self) -> NDArray[np.float64]:
        """The begin of every span."""
        return self.start_s + self.width_s * np.arange(len(self.counts), dtype=np.float64)


class BaselineKind(StrEnum):
    """What the present is compared with."""

    TIME_OF_WEEK = "time_of_week"
    TIME_OF_DAY = "time_of_day"
    RECENT = "recent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What is usual at some time.

    Args:
        kind: what it was made from.
        rate_per_s: requests a second: the median of what it was made from.
        lowest_per_s: the lowest of it.
        n: spans, days or weeks it was made from.
    """

    kind: BaselineKind
    rate_per_s: float
    lowest_per_s: float
    n: int


class ThroughputCode(StrEnum):
    """How the traffic stands."""

    USUAL = "throughput.usual"
    LOW = "throughput.low"
    UNPROVEN = "throughput.unproven"
    NO_BASELINE = "throughput.no_baseline"
    NO_TRAFFIC_EVER = "throughput.no_traffic_ever"


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """The present traffic against its baseline.

    Args:
        code: what it says.
        n: requests of the present span.
        rate_per_s: requests a second of the present span.
        share: of the baseline; None without one.
        baseline: None while there is too little history.
    """

    code: ThroughputCode
    n: int
    rate_per_s: float
    share: float | None = None
    baseline: Baseline | None = None


def baseline(
    before: Traffic, *, at_s: float, recent_s: float = 3600.0, low_share: float = 0.8
) -> Baseline | None:
    """What is usual in a span that begins at a time.

    Args:
        before: what was seen; spans from ``at_s`` on do not count.
        at_s: begin of the span in question, seconds since 1970.
        recent_s: how far the recent past reaches.
        low_share: in (0, 1); spans of the recent past below this share of those before them are
            left out, for up to six hours.

    Returns: None with fewer than three weeks, three days and ten spans of the recent past.
    Raises: BadStatistic.
    """
    check_share("low_share", low_share)
    rates = before.counts / before.width_s
    starts = before.starts_s
    for period_s, kind in (
        (_WEEK_S, BaselineKind.TIME_OF_WEEK),
        (_DAY_S, BaselineKind.TIME_OF_DAY),
    ):
        typical = _typical(starts, rates, at_s, period_s)
        if len(typical) >= _LEAST_PERIODS:
            return _baseline(kind, np.array(typical))
    lately = rates[(starts >= at_s - recent_s - _NEW_USUAL_S) & (starts < at_s)]
    recent = _without_outages(
        lately, max(_LEAST_SPANS, round(recent_s / before.width_s)), low_share
    )
    return _baseline(BaselineKind.RECENT, recent) if len(recent) >= _LEAST_SPANS else None


def throughput(
    n: int, *, width_s: float, usual: Baseline | None, least_share: float, alpha: float
) -> Throughput:
    """Judge the traffic of one span.

    Args:
        n: requests in it.
        width_s: its length in seconds.
        usual: its baseline.
        least_share: of the baseline that is still usual, in (0, 1), such as 0.8.
        alpha: in (0, 1), chance that Poisson traffic at that share has so few requests.

    Raises: BadStatistic.
    """
    check_share("least_share", least_share)
    check_share("alpha", alpha)
    rate = n / width_s
    if usual is None:
        return Throughput(code=ThroughputCode.NO_BASELINE, n=n, rate_per_s=rate)
    if not usual.rate_per_s:
        code = ThroughputCode.NO_TRAFFIC_EVER if not n else ThroughputCode.USUAL
        return Throughput(code=code, n=n, rate_per_s=rate, baseline=usual)
    share = rate / usual.rate_per_s
    if share >= least_share:
        code = ThroughputCode.USUAL
    elif rate < usual.lowest_per_s and _too_few(n, least_share * usual.rate_per_s * width_s, alpha):
        code = ThroughputCode.LOW
    else:
        code = ThroughputCode.UNPROVEN
    return Throughput(code=code, n=n, rate_per_s=rate, share=share, baseline=usual)


def _without_outages(rates: NDArray[np.float64], n: int, low_share: float) -> NDArray[np.float64]:
    """The newest ``n`` rates, less those far below the ``n`` that were kept before them."""
    kept: list[float] = []
    for rate in rates.tolist():
        past = kept[-n:]
        if len(past) < _LEAST_SPANS or rate >= min(low_share * median(past), *past):
            kept.append(rate)
    return np.array(kept[-n:])


def _typical(
    starts: NDArray[np.float64], rates: NDArray[np.float64], at_s: float, period_s: int
) -> list[float]:
    """The median rate around the same time, once for each earlier period that was seen whole."""
    found = []
    for back in range(1, _MOST_PERIODS[period_s] + 1):
        there = at_s - back * period_s
        if not len(starts) or starts[0] > there - _AROUND_S:
            break
        near = rates[(starts >= there - _AROUND_S) & (starts <= there + _AROUND_S)]
        if len(near):
            found.append(median(near.tolist()))
    return found


def _baseline(kind: BaselineKind, rates: NDArray[np.float64]) -> Baseline:
    return Baseline(
        kind=kind,
        rate_per_s=median(rates.tolist()),
        lowest_per_s=float(rates.min()),
        n=len(rates),
    )


def _too_few(n: int, expected: float, alpha: float) -> bool:
    """Whether a Poisson count is at most ``n`` with a chance of at most alpha.

    Source: the Chernoff bound exp(-(m - n + n log(n / m))), see Mitzenmacher and Upfal 2005,
    theorem 5.4; it is never below the chance itself.
    """
    if n >= expected:
        return False
    return expected - n + (n * math.log(n / expected) if n else 0.0) >= -math.log(alpha)
