"""Variant against control: by how much two means or ratios differ, at a horizon or at any look.

An estimate is made from sums once (`of_means`, `of_ratios`, `cuped.differences`) and then read in
two ways: with `at_horizon` once, at a time fixed beforehand, and with `at_any_look` as often as one
likes. Everything is an array over comparisons, of any shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.stats.comoments import Comoments, quotient
from seatrial.stats.mixture import Mixture, Sides
from seatrial.stats.normal import student_quantile, student_tail

Floats = NDArray[np.float64]

LEAST_UNITS = 100
"""Units of either side before a mean is compared at any look: of fewer, its law is not normal."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Difference:
    """Estimates of two sides. Fields have shapes that fit together.

    Args:
        control, treated: what is compared, such as means.
        control_error, treated_error: their standard errors; NaN where there are too few units.
        df: degrees of freedom of the difference's standard error.
        n_control, n_treated: units.
        extra: variance of the difference beyond that of both sides, see `cuped`.
    """

    control: Floats
    treated: Floats
    control_error: Floats
    treated_error: Floats
    df: Floats
    n_control: Floats
    n_treated: Floats
    extra: Floats | float = 0.0

    @property
    def value(self) -> Floats:
        """Treated minus control."""
        return self.treated - self.control

    @property
    def error(self) -> Floats:
        """Its standard error."""
        variance = self.control_error**2 + self.treated_error**2 + self.extra
        error: Floats = np.sqrt(variance)
        return error

    @property
    def n(self) -> Floats:
        """Units of both sides."""
        return self.n_control + self.n_treated


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What is said of differences.

    Args:
        lower, upper: bounds of the difference; infinite where nothing is known.
        p_value: of "the difference is the one tested"; 1 where nothing is known.
        errors: standard errors from the estimate to a bound.
    """

    lower: Floats
    upper: Floats
    p_value: Floats
    errors: Floats


def of_means(control: Comoments, treated: Comoments) -> Difference:
    """Difference of the means of y.

    Source: Welch 1947, Biometrika 34:28, with Satterthwaite's degrees of freedom.
    """
    return _between(_Side.of_mean(control), _Side.of_mean(treated))


def of_ratios(control: Comoments, treated: Comoments) -> Difference:
    """Difference of two ratios, the sum of y over that of x, where units are what was randomised.

    Clicks per view, when a user has many views: views of one user are alike, so that taking each
    for itself would make the error too small.

    Source: delta method, Deng, Knoblich, Lu 2018, KDD, section 3.1.
    """
    return _between(_Side.of_ratio(control), _Side.of_ratio(treated))


def ratio(sums: Comoments) -> Floats:
    """Sum of y over sum of x; NaN where x is 0."""
    return quotient(sums.y, sums.x)


def ratio_variance(sums: Comoments) -> Floats:
    """Variance that a mean over units would have, had it the error of the ratio: `of_ratios`."""
    n, r = sums.n, ratio(sums)
    linear = sums.yy - 2 * r * sums.xy + r**2 * sums.xx  # its mean is 0
    variance = quotient(np.maximum(linear, 0.0), n - 1)
    return variance / quotient(sums.x, n) ** 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Side:
    """What is compared, its variance among units, and units."""

    value: Floats
    variance: Floats
    n: Floats

    @classmethod
    def of_mean(cls, sums: Comoments) -> _Side:
        return cls(value=sums.mean, variance=sums.variance, n=sums.n)

    @classmethod
    def of_ratio(cls, sums: Comoments) -> _Side:
        return cls(value=ratio(sums), variance=ratio_variance(sums), n=sums.n)


def _between(control: _Side, treated: _Side) -> Difference:
    a, b = (quotient(side.variance, side.n) for side in (control, treated))
    return Difference(
        control=control.value,
        treated=treated.value,
        control_error=np.sqrt(a),
        treated_error=np.sqrt(b),
        df=satterthwaite(a, b, control.n - 1, treated.n - 1),
        n_control=control.n,
        n_treated=treated.n,
    )


def satterthwaite(a: Floats, b: Floats, df_a: Floats, df_b: Floats) -> Floats:
    """Degrees of freedom of a sum of two estimated variances.

    Returns: NaN where one has no degree of freedom; unbounded where both are 0.
    Source: Satterthwaite 1946, Biometrics Bull. 2:110.
    """
    enough = (df_a > 0) & (df_b > 0)
    df_a, df_b = np.where(enough, df_a, 1.0), np.where(enough, df_b, 1.0)
    below = a**2 / df_a + b**2 / df_b
    df = np.divide((a + b) ** 2, below, out=np.full(np.shape(below), np.inf), where=below > 0)
    return np.where(enough, df, np.nan)


def at_horizon(
    difference: Difference, *, alpha: float, sides: Sides = 2, null: float = 0.0
) -> Reading:
    """What is known at a time that was fixed beforehand. Looked at oftener, it is wrong oftener.

    Args:
        alpha: in (0, 1); of one bound where ``sides`` is 1.
        null: the difference that the p-value is of; one-sided, against a larger one.
    Raises: BadStatistic.
    """
    errors = student_quantile(1 - alpha / sides, difference.df)
    z = _away(difference, null)
    p = student_tail(z if sides == 1 else np.abs(z), difference.df) * sides
    return _reading(difference, errors, p)


def at_any_look(
    difference: Difference,
    mixture: Mixture,
    *,
    alpha: float,
    null: float = 0.0,
    least: int = LEAST_UNITS,
) -> Reading:
    """What is known by now, valid at every look; two-sided or one-sided as the mixture is.

    Units of both sides are taken as one stream whose mean is the difference, each unit weighted by
    the inverse of its share.

    Args:
        alpha: in (0, 1).
        null: see `at_horizon`.
        least: units that either side needs before anything is said.
    Raises: BadStatistic.
    Source: see `stats/mixture.py`, its section on effects in randomised experiments.
    """
    n = difference.n
    enough = np.minimum(difference.n_control, difference.n_treated) >= least
    errors = np.where(enough, mixture.errors(n, alpha=alpha), np.nan)
    p = np.where(enough, mixture.p_value(_away(difference, null), n), np.nan)
    return _reading(difference, errors, p)


def relative(difference: Difference, errors: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """The difference as a share of the control's value.

    Args: errors: standard errors to a bound, as a `Reading` has them; at any look they hold too.
    Returns: value and both bounds; bounds are infinite where the control might be 0.
    Source: Fieller 1954, J. R. Statist. Soc. B 16:175, for independent sides.
    """
    a, b = difference.control, difference.treated
    k = np.asarray(errors, dtype=np.float64) ** 2
    va = difference.control_error**2 + difference.extra / 2
    vb = difference.treated_error**2 + difference.extra / 2
    with np.errstate(invalid="ignore"):  # where nothing is known, k is infinite
        square = a**2 - k * va
        inside = (a * b) ** 2 - square * (b**2 - k * vb)
    known = (square > 0) & (inside >= 0) & np.isfinite(k)
    root = np.sqrt(np.where(known, inside, 0.0))
    below = np.where(known, square, 1.0)
    lower = np.where(known, (a * b - root) / below - 1, -np.inf)
    upper = np.where(known, (a * b + root) / below - 1, np.inf)
    value = np.divide(b, a, out=np.full(np.shape(a), np.nan), where=a != 0) - 1
    return value, lower, upper


def _away(difference: Difference, null: float) -> Floats:
    """Standard errors between the estimate and a difference; 0 of 0 is none."""
    distance, error = difference.value - null, difference.error
    with np.errstate(divide="ignore", invalid="ignore"):
        z = distance / error
    return np.where((distance == 0) & (error == 0), 0.0, z)


def _reading(difference: Difference, errors: Floats, p: Floats) -> Reading:
    with np.errstate(invalid="ignore"):
        reach = errors * difference.error
    known = ~np.isnan(reach)
    return Reading(
        lower=np.where(known, difference.value - reach, -np.inf),
        upper=np.where(known, difference.value + reach, np.inf),
        p_value=np.where(np.isnan(p), 1.0, np.minimum(p, 1.0)),
        errors=np.where(known, errors, np.inf),
    )
