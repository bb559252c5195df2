"""Less noise in a comparison of means: what a covariate from before the experiment explains.

CUPED subtracts from each unit's value what its covariate predicts, with one slope for all variants.
Randomisation makes covariates alike on all sides, so the difference stays what it is and only its
error shrinks, by the share of the variance that is explained.

Units of which the covariate is not known (new users) are compared too: whether it is known is a
second covariate, and where it is not, the first is taken to be average. What is adjusted is then a
regression within those known, and a post-stratification by known or not. It must not depend on the
variant whether a covariate is known.

Source: Deng, Xu, Kohavi, Walker 2013, WSDM; slopes within variants and the error of the estimated
slope as in the analysis of covariance (Cochran 1957, Biometrics 13:261).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.comoments import Comoments, quotient
from seatrial.stats.difference import Difference, satterthwaite

Floats = NDArray[np.float64]

_SINGULAR = 1e-9
"""A covariate of which less than this is not explained by the other is left out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adjusted:
    """Adjusted means by variant. ``...`` is the shape before the last axis, that of variants.

    Args:
        mean: shape (..., v), of y, as if covariates were alike; their average is unadjusted.
        variance: shape (..., v), among units, of what the covariates leave.
        explained: shape (...), share of the variance within variants that they explain, in [0, 1].
        slope: shape (...), of the covariate, within variants; 0 where it does not vary.
        n: shape (..., v), units.
        n_slopes: shape (...), covariates that were used: 0, 1 or 2.
        centre: shape (..., v, 2), the covariates' means.
        slope_variance: shape (..., 2, 2), of the estimated slopes.
    """

    mean: Floats
    variance: Floats
    explained: Floats
    slope: Floats
    n: Floats
    n_slopes: Floats
    centre: Floats
    slope_variance: Floats

    def difference(self, treated: int, control: int = 0) -> Difference:
        """Treated minus control, places among the variants; shape (...)."""
        a, b = (quotient(self.variance[..., i], self.n[..., i]) for i in (control, treated))
        apart = self.centre[..., treated, :] - self.centre[..., control, :]
        extra = np.einsum("...i,...ij,...j->...", apart, self.slope_variance, apart)
        n_control, n_treated = self.n[..., control], self.n[..., treated]
        # Of the slopes, which all variants share, each side is charged in full: no df too many.
        df_a, df_b = n_control - 1 - self.n_slopes, n_treated - 1 - self.n_slopes
        return Difference(
            control=self.mean[..., control],
            treated=self.mean[..., treated],
            control_error=np.sqrt(a),
            treated_error=np.sqrt(b),
            df=satterthwaite(a, b, df_a, df_b),
            n_control=n_control,
            n_treated=n_treated,
            extra=extra,
        )


def adjusted(sums: Comoments) -> Adjusted:
    """Adjust the means of all variants together.

    Args: sums: shape (..., v), the variants on the last axis, x the covariate.
    """
    n = sums.n
    total = sums.over(-1)
    middle = np.nan_to_num(total.mean_x)[..., None]
    z = sums.x - middle * sums.n_x
    zz = np.maximum(sums.xx - 2 * middle * sums.x + middle**2 * sums.n_x, 0.0)
    first = np.stack([sums.n_x, z], axis=-1)
    second = np.stack(
        [np.stack([sums.n_x, z], axis=-1), np.stack([z, zz], axis=-1)],
        axis=-2,
    )
    with_y = np.stack([sums.y_x, sums.xy - middle * sums.y_x], axis=-1)
    share = quotient(np.ones_like(n), n)
    share = np.nan_to_num(share)
    inner = second - first[..., :, None] * first[..., None, :] * share[..., None, None]
    inner_y = with_y - first * (sums.y * share)[..., None]
    inner_yy = np.maximum(sums.yy - sums.y**2 * share, 0.0)
    inverse, n_slopes = _inverse(inner.sum(axis=-3))
    slopes = np.einsum("...ij,...j->...i", inverse, inner_y.sum(axis=-2))
    left = (
        inner_yy
        - 2 * np.einsum("...vi,...i->...v", inner_y, slopes)
        + np.einsum("...i,...vij,...j->...v", slopes, inner, slopes)
    )
    left = np.maximum(left, 0.0)
    centre = first * share[..., None]
    average = (
        first.sum(axis=-2) * np.nan_to_num(quotient(np.ones_like(total.n), total.n))[..., None]
    )
    mean = sums.mean - np.einsum("...vi,...i->...v", centre - average[..., None, :], slopes)
    whole = inner_yy.sum(axis=-1)
    df = np.maximum(total.n - (n > 0).sum(axis=-1) - n_slopes, 1.0)
    noise = left.sum(axis=-1) / df
    return Adjusted(
        mean=mean,
        variance=quotient(left, n - 1),
        explained=np.nan_to_num(1 - quotient(left.sum(axis=-1), whole)),
        slope=slopes[..., 1],
        n=n,
        n_slopes=n_slopes,
        centre=centre,
        slope_variance=inverse * noise[..., None, None],
    )


def _inverse(matrix: Floats) -> tuple[Floats, Floats]:
    """Inverse of symmetric (..., 2, 2); a row that is empty, or says what the other says, is 0."""
    a, b, c = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 1]
    scale = np.maximum(a * c, 0.0)
    determinant = a * c - b**2
    both = determinant > _SINGULAR * scale
    only = np.where(c > 0, c, 1.0)
    safe = np.where(both, determinant, 1.0)
    inverse = np.zeros_like(matrix)
    inverse[..., 0, 0] = np.where(both, c / safe, 0.0)
    inverse[..., 0, 1] = inverse[..., 1, 0] = np.where(both, -b / safe, 0.0)
    alone = ~both & (c > 0)
    inverse[..., 1, 1] = np.where(both, a / safe, np.where(alone, 1 / only, 0.0))
    one = ~both & (c <= 0) & (a > 0)
    inverse[..., 0, 0] = np.where(one, 1 / np.where(a > 0, a, 1.0), inverse[..., 0, 0])
    return inverse, np.where(both, 2.0, np.where(alone | one, 1.0, 0.0))
