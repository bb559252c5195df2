"""One metric of one variant against the control: its effect with an interval, in one orientation.

Everything is read so that more is better and turned back for people, so that a metric of which less
is good needs no rule of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.experiments.design import Direction, Kind, Metric
from seatrial.stats.comoments import Comoments
from seatrial.stats.counts import Interval
from seatrial.stats.cuped import adjusted
from seatrial.stats.difference import (
    Difference,
    Reading,
    at_any_look,
    at_horizon,
    of_means,
    of_ratios,
    relative,
)
from seatrial.stats.mixture import Mixture, Sides
from seatrial.stats.ratio_comoments import RatioComoments
from seatrial.stats.share_difference import (
    LEAST_EVENTS,
    of_shares,
    score_reading,
    shares_at_any_look,
)

Floats = NDArray[np.float64]

MetricSums: TypeAlias = Comoments | RatioComoments
"""Of a metric; the latter of a ratio with a covariate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruler:
    """How estimates are read.

    Args:
        at_horizon: once, at a time fixed beforehand; else as often as one likes.
        tightest_at: units of both sides at which bounds for any look are tightest, > 0.
    """

    at_horizon: bool
    tightest_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a variant does to a metric, in the metric's unit.

    Args:
        control, treated: means, shares or ratios; with a covariate, as if it were alike on all
            sides; None without a unit.
        difference: treated minus control, or None.
        interval: of the difference; infinite ends where nothing is known.
        relative: the difference as a share of the control, or None.
        relative_interval: of that; infinite ends where the control might be 0.
        p_value: of "no difference", two-sided; 1 where nothing is known.
        explained: share of the variance that a covariate took away; None without one.
    """

    control: float | None
    treated: float | None
    difference: float | None
    interval: Interval
    relative: float | None
    relative_interval: Interval
    p_value: float
    explained: float | None


def differences(metric: Metric, sums: MetricSums, treated: int) -> Difference:
    """Estimates of a variant against the first one.

    Args: sums: shape (..., variants); treated: place of the variant, >= 1.
    Returns: shape (...).
    """
    if metric.covariate is not None:
        return adjusted(_adjustable(sums)).difference(treated)
    assert isinstance(sums, Comoments)  # only a ratio with a covariate has others
    make = {Kind.MEAN: of_means, Kind.SHARE: of_shares, Kind.RATIO: of_ratios}[metric.kind]
    return make(sums[..., 0], sums[..., treated])


def _adjustable(sums: MetricSums) -> Comoments:
    return sums.linear() if isinstance(sums, RatioComoments) else sums


def read(
    metric: Metric,
    difference: Difference,
    ruler: Ruler,
    *,
    alpha: float,
    sides: Sides = 2,
    null: float = 0.0,
) -> Reading:
    """A difference's interval in the direction of what is good, and its p-value.

    Args: null: the gain that a one-sided p-value is of; against a larger one.
    """
    return _read(
        metric, gain(metric, difference), ruler, _Question(alpha=alpha, sides=sides, null=null)
    )


def gain_bound(metric: Metric, difference: Difference, ruler: Ruler, *, alpha: float) -> float:
    """The gain that is shown at least, one-sided; negative is a loss.

    Returns: in the metric's unit, or where its margin is relative as a share of the control.
    """
    if not metric.relative:
        return float(read(metric, difference, ruler, alpha=alpha, sides=1).lower)
    plain, difference = _normal(metric, difference)
    reading = read(plain, difference, ruler, alpha=alpha, sides=1)
    _, low, high = relative(difference, reading.errors)
    return float(low if metric.sign > 0 else -high)


def loss_p_value(
    metric: Metric, difference: Difference, ruler: Ruler, *, alpha: float, margin: float
) -> Floats:
    """P-value of "no loss of more than the margin", one-sided.

    A relative margin moves the control: what is tested is the difference to so much of it, whose
    inversion is the interval of `stats.difference.relative`.
    """
    if metric.relative:
        metric, difference = _normal(metric, difference)
        factor = 1 - metric.sign * margin
        difference = replace(
            difference,
            control=difference.control * factor,
            control_error=difference.control_error * abs(factor),
        )
        margin = 0.0
    flipped = replace(metric, direction=_OTHER[metric.direction])
    turned = gain(flipped, difference)
    return _read(metric, turned, ruler, _Question(alpha=alpha, sides=1, null=margin)).p_value


def _normal(metric: Metric, difference: Difference) -> tuple[Metric, Difference]:
    """A metric whose difference is read as normal, for a share once it has enough events."""
    if metric.kind is not Kind.SHARE or metric.covariate is not None:
        return metric, difference
    enough = np.full(np.shape(difference.control), fill_value=True)
    for share, n in (
        (difference.control, difference.n_control),
        (difference.treated, difference.n_treated),
    ):
        enough &= np.minimum(share, 1 - share) * n >= LEAST_EVENTS
    error = np.where(enough, difference.control_error, np.nan)
    return replace(metric, kind=Kind.MEAN), replace(difference, control_error=error)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """Arguments that all readings share."""

    alpha: float
    sides: Sides
    null: float


def _read(metric: Metric, turned: Difference, ruler: Ruler, asked: _Question) -> Reading:
    plain_share = metric.kind is Kind.SHARE and metric.covariate is None
    alpha, sides, null = asked.alpha, asked.sides, asked.null
    if ruler.at_horizon:
        once = score_reading if plain_share else at_horizon
        return once(turned, alpha=alpha, sides=sides, null=null)
    mixture = Mixture.tightest_at(ruler.tightest_at, alpha=alpha, sides=sides)
    always = shares_at_any_look if plain_share else at_any_look
    return always(turned, mixture, alpha=alpha, null=null)


_OTHER: Mapping[Direction, Direction] = {
    Direction.UP: Direction.DOWN,
    Direction.DOWN: Direction.UP,
}


def gain(metric: Metric, difference: Difference) -> Difference:
    """The difference turned so that more is better: a share by its complement."""
    if metric.direction is Direction.UP:
        return difference
    whole = 1.0 if metric.kind is Kind.SHARE else 0.0
    return replace(
        difference, control=whole - difference.control, treated=whole - difference.treated
    )


def effect(metric: Metric, sums: MetricSums, treated: int, ruler: Ruler, *, alpha: float) -> Effect:
    """What a variant does to a metric.

    Args: sums: shape (variants,); treated: place of the variant; alpha: of this comparison.
    """
    difference = differences(metric, sums, treated)
    reading = read(metric, difference, ruler, alpha=alpha)
    value, low, high = relative(difference, reading.errors)
    explained = None
    if metric.covariate is not None:
        explained = float(adjusted(_adjustable(sums)).explained)
    return Effect(
        control=_known(difference.control),
        treated=_known(difference.treated),
        difference=_known(difference.value),
        interval=turned_back(metric, reading.lower, reading.upper),
        relative=_known(value),
        relative_interval=Interval(lower=float(low), upper=float(high)),
        p_value=float(reading.p_value),
        explained=explained,
    )


def turned_back(metric: Metric, lower: Floats | float, upper: Floats | float) -> Interval:
    """The interval of a gain as one of the difference."""
    low, high = float(lower), float(upper)
    return Interval(lower=low, upper=high) if metric.sign > 0 else Interval(lower=-high, upper=-low)


def _known(value: Floats | float) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
