"""When will a quantity cross a limit, if it goes on like this? A robust line and its crossing.

A line is put through the points by the weighted median of the slopes between them (Theil 1950;
Sen 1968, J. Am. Stat. Assoc. 63:1379; weights by distance: Sievers 1978, J. Am. Stat. Assoc.
73:628), points far from it are left out, and least squares through the rest give the slope's error.
Neighbouring points of a service are alike, so that error is widened by the autocorrelation of the
residuals. Where the line meets the limit is a ratio of two estimates: its interval is Fieller's
(1954, J. R. Stat. Soc. B 16:175), which is endless just when the slope might be none.

A line fits a step too, and would forecast from it what will never happen; a climb that came to an
end likewise. Both are told from a trend before anything is forecast. A climb that began lately is
judged from where it began: through what was before it, the line would be too flat by far.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.stats.counts import BadStatistic, Interval, check_share

LEAST_POINTS = 10
MOST_POINTS = 500
_FAR = 4.0
"""Points further from the line than so many robust standard deviations are left out."""
_MOST_CORRELATED = 0.9
_REACH = 4.0
"""A line is followed for so many times its own length."""
_TO_SIGMA = 1.4826
_LEAST_FLAT = 3
"""Points that a level before or after a climb has at the least."""

_Vector = NDArray[np.float64]


class TrendCode(StrEnum):
    """Why there is a forecast or none."""

    CROSSES = "trend.crosses"
    OVER = "trend.over"
    FLAT = "trend.flat"
    STEP = "trend.step"
    ENDED = "trend.ended"
    FAR_OFF = "trend.far_off"
    TOO_FEW = "trend.too_few"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """When a limit is crossed, in seconds from the newest point, >= 0.

    Args:
        in_s: as likely earlier as later.
        interval: where that lies; its upper end may be infinite.
    """

    in_s: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A line through a series, and where it leads.

    Args:
        code: CROSSES when the limit lies ahead; OVER when the line is there already; FLAT when it
            does not lead there for certain; STEP when the values jumped once and rest since; ENDED
            when they rose and rise no more; FAR_OFF when it takes longer than the horizon; TOO_FEW
            below 10 points.
        n: points the line was put through.
        level: where the line is at the newest point; None with too few points.
        slope: interval of that of the line, in units a second; None with too few points.
        crossing: when, if ``code`` is CROSSES.
    """

    code: TrendCode
    n: int
    level: float | None = None
    slope: Interval | None = None
    crossing: Crossing | None = None


def trend(
    times_s: ArrayLike,
    values: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    limit: float,
    horizon_s: float,
    alpha: float = 0.05,
) -> Trend:
    """When a series crosses a limit from below.

    Args:
        times_s: shape (n,), seconds from any origin, in any order; the newest is now.
        values: shape (n,); NaN where nothing was measured, such a point does not count.
        weights: shape (n,), >= 0, one over each value's variance up to a factor, such as the number
            of requests behind it; None for equal ones.
        limit: in the unit of the values.
        horizon_s: a crossing later than this is none; lines do not go on for ever.
        alpha: in (0, 1), two-sided, of "the slope may be none"; half of it of the intervals, since
            the line may begin at either of two places.

    Returns: what the newest 500 points say.
    Raises: BadStatistic.   Source: the module's docstring.
    """
    check_share("alpha", alpha)
    t, v, w = _points(times_s, values, weights)
    if len(t) < LEAST_POINTS:
        return Trend(code=TrendCode.TOO_FEW, n=len(t))
    line = _line(t, v, w, alpha / 2)
    if (begun := _begun(line)) is not None:
        since = t >= begun.at
        line = _line(t[since], v[since], w[since], alpha / 2, widened=begun.widened)
    code, crossing = _where(line, limit, horizon_s)
    slope, half = line.slope, line.reach * line.slope_error
    return Trend(
        code=code,
        n=len(line.t),
        level=line.at(0.0),
        slope=Interval(lower=slope - half, upper=slope + half),
        crossing=crossing,
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """A least-squares line; times end at 0, which is now."""

    t: _Vector
    v: _Vector
    w: _Vector
    centre: float
    mean: float
    slope: float
    variance: float  # of a value with weight 1
    widened: float  # by correlation
    reach: float  # standard errors to either side

    def at(self, t: float) -> float:
        return self.mean + self.slope * (t - self.centre)

    @property
    def residuals(self) -> _Vector:
        return self.v - self.mean - self.slope * (self.t - self.centre)

    @property
    def mean_error(self) -> float:
        return math.sqrt(self.variance * self.widened / self.w.sum())

    @property
    def slope_error(self) -> float:
        spread = float(self.w @ (self.t - self.centre) ** 2)
        return math.sqrt(self.variance * self.widened / spread) if spread else math.inf


def _points(
    times_s: ArrayLike, values: ArrayLike, weights: ArrayLike | None
) -> tuple[_Vector, _Vector, _Vector]:
    t, v = np.asarray(times_s, dtype=np.float64), np.asarray(values, dtype=np.float64)
    w = np.ones(len(t)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not t.shape == v.shape == w.shape or t.ndim != 1:
        raise BadStatistic(
            f"The times, values and weights of a trend have the shapes {t.shape}, {v.shape} and "
            f"{w.shape}.",
            remedy="Give three series of one length.",
        )
    if not np.all(np.isfinite(t)) or not np.all((w >= 0) & np.isfinite(w)):
        raise BadStatistic(
            "A time is not finite, or a weight is not a number >= 0.",
            remedy="Give a NaN as value where nothing was measured.",
        )
    kept = np.isfinite(v) & (w > 0)
    order = np.argsort(t[kept], kind="stable")[-MOST_POINTS:]
    newest = t.max() if len(t) else 0.0
    return t[kept][order] - newest, v[kept][order], w[kept][order]


def _line(t: _Vector, v: _Vector, w: _Vector, alpha: float, *, widened: float = 1.0) -> _Line:
    w = w / w.mean()
    rough = _median_slope(t, v, w)
    off = v - rough * t
    off = np.abs(off - _weighted_median(off, w)) * np.sqrt(w)
    scale = _TO_SIGMA * float(np.quantile(off, 0.5))
    near = off <= _FAR * scale if scale > 0 else np.ones(len(t), dtype=bool)
    t, v, w = t[near], v[near], w[near]
    total = w.sum()
    centre, mean = float(w @ t / total), float(w @ v / total)
    spread = float(w @ (t - centre) ** 2)
    # Without two different times nothing is known of the slope, and the error says so.
    slope = float(w @ ((t - centre) * (v - mean)) / spread) if spread else 0.0
    left = v - mean - slope * (t - centre)
    variance = float(w @ left**2) / max(len(t) - 2, 1)
    widened = max(widened, _widened(left * np.sqrt(w)))
    freedom = max(1.0, len(t) / widened - 2)
    return _Line(t, v, w, centre, mean, slope, variance, widened, _t_quantile(alpha, freedom))


def _where(line: _Line, limit: float, horizon_s: float) -> tuple[TrendCode, Crossing | None]:
    if line.at(0.0) >= limit:
        return TrendCode.OVER, None
    b, e_b, e_m, q = line.slope, line.slope_error, line.mean_error, line.reach
    if b <= q * e_b:
        return TrendCode.FLAT, None
    if _is_step(line):
        return TrendCode.STEP, None
    if _has_ended(line):
        return TrendCode.ENDED, None
    above = limit - line.mean
    when = line.centre + above / b
    if when > min(horizon_s, _REACH * -float(line.t[0])):
        return TrendCode.FAR_OFF, None
    # (above - b u)^2 <= q^2 (e_m^2 + e_b^2 u^2), for u = time from the centre
    a = b * b - (q * e_b) ** 2
    root = math.sqrt(max(0.0, (above * b) ** 2 - a * (above**2 - (q * e_m) ** 2)))
    ends = [line.centre + (above * b + s * root) / a for s in (-1, 1)]
    interval = Interval(lower=max(0.0, ends[0]), upper=max(0.0, ends[1]))
    return TrendCode.CROSSES, Crossing(in_s=max(0.0, when), interval=interval)


def _is_step(line: _Line) -> bool:
    """Whether one jump between two levels fits better."""
    w, v = line.w, line.v
    left_w, left_v = np.cumsum(w)[:-1], np.cumsum(w * v)[:-1]
    all_w, all_v = w.sum(), float(w @ v)
    explained = _of_mean(left_v, left_w) + _of_mean(all_v - left_v, all_w - left_w)
    return _fits_better(float(w @ v**2 - explained.max()), line)


def _of_mean(sums: _Vector, weights: _Vector) -> _Vector:
    """Squares that a mean explains; 0 where weights are too small for a sum to show them."""
    return np.divide(sums**2, weights, out=np.zeros_like(weights), where=weights > 0)


def _has_ended(line: _Line) -> bool:
    """Whether a line up to some time and a level after it fits better."""
    t, w = line.t, line.w
    ends = _some(t[len(t) // 4 : -_LEAST_FLAT])
    explained = _explained(np.minimum(t, ends[:, None]), line)
    return _fits_better(float(w @ (line.v - line.mean) ** 2 - explained.max()), line)


@dataclass(frozen=True, slots=True)
class _Begin:
    """When a climb began, and how alike neighbours are around that course."""

    at: float
    widened: float


def _begun(line: _Line) -> _Begin | None:
    """When the climb began, if a level up to then and a line after it fit better; else None.

    What wanders bends too. Points that are alike count as fewer, or each of its bends were a begin.
    """
    t, w = line.t, line.w
    begins = _some(t[_LEAST_FLAT:-LEAST_POINTS])
    if not len(begins):
        return None
    at = float(begins[_explained(np.maximum(t, begins[:, None]), line).argmax()])
    x = np.maximum(t, at)
    x = x - w @ x / w.sum()
    off = line.v - line.mean
    off = off - x * float(w @ (x * off) / (w @ x**2 or 1.0))
    widened = _widened(off * np.sqrt(w))
    better = _fits_better(float(w @ off**2), line, n=len(t) / widened)
    return _Begin(at, widened) if better else None


def _explained(x: _Vector, line: _Line) -> _Vector:
    """Squares that a rise along each of some shapes explains; 0 for one that falls or is flat.

    Args: x: shape (m, n), a shape in each row, over the times of the line.
    """
    x = x - (x @ line.w)[:, None] / line.w.sum()
    along, power = x @ (line.w * (line.v - line.mean)), x**2 @ line.w
    rises = (along > 0) & (power > 0)
    return np.where(rises, along**2 / np.where(rises, power, 1.0), 0.0)


def _some(times: _Vector) -> _Vector:
    """At most about a hundred of some times: a bend need not be placed more finely."""
    return times[:: 1 + len(times) // 100]


def _fits_better(squares: float, line: _Line, n: float | None = None) -> bool:
    """Whether a model with a third parameter is better by more than that parameter is worth.

    Args:
        squares: what the other model leaves unexplained.
        line: the model with two.
        n: points, counted as independent ones; None for as many as there are.
    Source: the Bayesian information criterion (Schwarz 1978, Ann. Statist. 6:461).
    """
    tiny = 1e-12 * float(line.w @ (line.v - line.mean) ** 2)
    if not tiny:
        return False
    of_line, n = float(line.w @ line.residuals**2), n or len(line.t)
    return n * math.log(max(of_line, tiny) / max(squares, tiny)) > math.log(n)


def _median_slope(t: _Vector, v: _Vector, w: _Vector) -> float:
    i, j = np.triu_indices(len(t), k=1)
    apart = t[j] - t[i]
    used = apart > 0
    i, j, apart = i[used], j[used], apart[used]
    if not len(apart):
        return 0.0
    return _weighted_median((v[j] - v[i]) / apart, apart * w[i] * w[j] / (w[i] + w[j]))


def _weighted_median(values: _Vector, weights: _Vector) -> float:
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(share, share[-1] / 2)])


def _widened(residuals: _Vector) -> float:
    """How many times the variance of a mean grows because neighbours are alike, in [1, 19]."""
    power = float(residuals @ residuals)
    if power == 0:
        return 1.0
    n = len(residuals)
    found = float(residuals[1:] @ residuals[:-1]) / power
    # Two parameters were fitted, which makes residuals look less alike than errors are.
    alike = min(max((found + 2 / n) / (1 - 4 / n), 0.0), _MOST_CORRELATED)
    return (1 + alike) / (1 - alike)


def _t_quantile(alpha: float, freedom: float) -> float:
    """Two-sided quantile of Student's t.   Source: Abramowitz and Stegun 1964, 26.7.5."""
    z, f = NormalDist().inv_cdf(1 - alpha / 2), freedom
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / f + second / f**2 + third / f**3
