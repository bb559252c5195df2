"""Variant against control: by how much two shares of units differ, at a horizon or at any look.

At a horizon the score test, whose interval holds exactly the differences that it does not reject.
At any look the boundary for means, once there are enough units with and without the event; before,
bounds that are exact for any number, at a tenth of alpha: they find what is very wrong at once.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.comoments import Comoments, quotient
from seatrial.stats.compare import compare_rates
from seatrial.stats.counts import Counts, Interval
from seatrial.stats.difference import Difference, Reading, at_any_look
from seatrial.stats.mixture import Mixture, Sides
from seatrial.stats.normal import normal_quantile, normal_tail

Floats = NDArray[np.float64]

LEAST_EVENTS = 30
"""Units with the event, and without it, of either side before their law is taken to be normal."""

FEW_PART = 0.1
"""Share of alpha for the looks before that."""

_AROUND = 0.05
"""Size of the differences that exact bounds are sharpest for; it must be fixed before the data."""

_STEPS = 60


def of_shares(control: Comoments, treated: Comoments) -> Difference:
    """Difference of two shares, y being 0 or 1; for `at_horizon` see `score_reading`.

    The variance has one event and one non-event more than were seen, so that none are no proof.
    """
    variance = [_share_variance(side) for side in (control, treated)]
    errors = [quotient(v, s.n) for v, s in zip(variance, (control, treated), strict=True)]
    return Difference(
        control=control.mean,
        treated=treated.mean,
        control_error=np.sqrt(errors[0]),
        treated_error=np.sqrt(errors[1]),
        df=np.full(np.shape(control.n + treated.n), np.inf),
        n_control=control.n,
        n_treated=treated.n,
    )


def _share_variance(sums: Comoments) -> Floats:
    share = (sums.y + 1) / (sums.n + 2)
    variance: Floats = share * (1 - share)
    return variance


def score_reading(
    difference: Difference, *, alpha: float, sides: Sides = 2, null: float = 0.0
) -> Reading:
    """What is known of shares at a time that was fixed beforehand. Arguments: see `at_horizon`.

    Raises: BadStatistic.
    Source: Miettinen, Nurminen 1985, Stat. Med. 4:213.
    """
    asked = normal_quantile(1 - alpha / sides)
    with np.errstate(invalid="ignore"):
        value = difference.value
    z = _score(difference, np.full(np.shape(value), null))
    p = normal_tail(z if sides == 1 else np.abs(z)) * sides
    known = (difference.n_control > 0) & (difference.n_treated > 0)
    low, high = _bound(difference, -1.0, asked), _bound(difference, 1.0, asked)
    return Reading(
        lower=np.where(known, low, -np.inf),
        upper=np.where(known, high, np.inf),
        p_value=np.where(known, np.minimum(p, 1.0), 1.0),
        errors=np.where(known, asked, np.inf),
    )


def _bound(difference: Difference, end: float, asked: float) -> Floats:
    """Where the score reaches what is asked, between the estimate and the ``end``."""
    inside = np.nan_to_num(difference.value)
    outside = np.full(np.shape(inside), end)
    for _ in range(_STEPS):
        middle = (inside + outside) / 2
        within = np.abs(_score(difference, middle)) < asked
        inside, outside = np.where(within, middle, inside), np.where(within, outside, middle)
    bound: Floats = (inside + outside) / 2
    return bound


def _score(difference: Difference, delta: Floats) -> Floats:
    """Standard errors between the estimate and a difference ``delta``, were that the true one."""
    n0 = np.maximum(difference.n_control, 1.0)
    n1 = np.maximum(difference.n_treated, 1.0)
    x0, x1 = np.nan_to_num(difference.control) * n0, np.nan_to_num(difference.treated) * n1
    n = n0 + n1
    # The most likely pair of shares that differ by delta: the root of a cubic.
    l3, l2 = n, (n1 + 2 * n0) * delta - n - (x0 + x1)
    l1 = (n0 * delta - n - 2 * x0) * delta + x0 + x1
    l0 = x0 * delta * (1 - delta)
    b = l2 / (3 * l3)
    q = b**3 - l1 * l2 / (6 * l3**2) + l0 / (2 * l3)
    p = np.sqrt(np.maximum(b**2 - l1 / (3 * l3), 0.0))
    p = np.where(q > 0, p, -p)
    cube = np.where(p == 0, 1.0, p**3)
    angle = (math.pi + np.arccos(np.clip(q / cube, -1.0, 1.0))) / 3
    share0 = np.clip(2 * p * np.cos(angle) - b, 0.0, 1.0)
    share1 = np.clip(share0 + delta, 0.0, 1.0)
    variance = (share0 * (1 - share0) / n0 + share1 * (1 - share1) / n1) * n / np.maximum(n - 1, 1)
    distance = x1 / n1 - x0 / n0 - delta
    with np.errstate(divide="ignore", invalid="ignore"):
        z = distance / np.sqrt(variance)
    certain = np.where(distance > 0, np.inf, -np.inf)
    return np.where(np.abs(distance) < 1e-15, 0.0, np.where(variance > 0, z, certain))


def shares_at_any_look(
    difference: Difference, mixture: Mixture, *, alpha: float, null: float = 0.0
) -> Reading:
    """What is known of shares by now, valid at every look. Arguments: see `at_any_look`.

    Returns: a p-value of ``alpha`` or 1 where there are few events, as exact bounds have it.
    Raises: BadStatistic.
    """
    found = at_any_look(difference, mixture, alpha=(1 - FEW_PART) * alpha, null=null, least=1)
    p = found.p_value / (1 - FEW_PART)
    enough = _enough(difference)
    lower, upper = np.array(found.lower), np.array(found.upper)
    p_value, errors = np.array(np.minimum(p, 1.0)), np.array(found.errors)
    for place in np.argwhere(~enough):
        at = tuple(place)
        bounds = _exact(difference, at, alpha=FEW_PART * alpha, sides=mixture.sides)
        lower[at], upper[at], errors[at] = bounds.lower, bounds.upper, np.inf
        over = bounds.lower > null or (mixture.sides == 2 and bounds.upper < null)
        p_value[at] = alpha if over else 1.0
    return Reading(lower=lower, upper=upper, p_value=p_value, errors=errors)


def _enough(difference: Difference) -> NDArray[np.bool_]:
    sides = (
        (difference.control, difference.n_control),
        (difference.treated, difference.n_treated),
    )
    least = [np.nan_to_num(n * np.minimum(share, 1 - share)) for share, n in sides]
    return np.minimum(*least) >= LEAST_EVENTS - 0.5


def _exact(difference: Difference, at: tuple[int, ...], *, alpha: float, sides: Sides) -> Interval:
    """See `compare_rates`; each bound at its part of alpha."""
    control, treated = (
        Counts(n=round(float(n[at])), k=round(float(np.nan_to_num(share[at]) * n[at])))
        for share, n in (
            (difference.control, difference.n_control),
            (difference.treated, difference.n_treated),
        )
    )
    if not control.n or not treated.n:
        return Interval(lower=-1.0, upper=1.0)
    each = alpha / sides
    return compare_rates(
        control, treated, alpha_lower=each, alpha_upper=each, around=_AROUND
    ).difference
