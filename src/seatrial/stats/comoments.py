"""Sums that are enough for means, ratios and covariate adjustment, of many groups at once.

They add up: over users, days, workers. Each field is an array of one shape, one place a group (a
day and a variant, say), so all that is made of them is a handful of vectorised formulas. Variances
come from sums of squares: of values whose mean is more than some 1e6 standard deviations away from
zero nothing is left of them, and no metric of a product is of that kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.stats.counts import BadStatistic

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comoments:
    """Sums over units (users, sessions) of a value y and of a second quantity x.

    x is a covariate from before the experiment, which may not be known of some units, or the
    denominator of a ratio. All fields have the same shape.

    Args:
        n: units, >= 0.
        y, yy: sums of their values and of the squares.
        n_x: units of which x is known, in [0, n].
        y_x: sum of y over those.
        x, xx, xy: sums of x, of its squares and of the products with y.
    """

    n: Floats
    y: Floats
    yy: Floats
    n_x: Floats
    y_x: Floats
    x: Floats
    xx: Floats
    xy: Floats

    @classmethod
    def zeros(cls, shape: tuple[int, ...]) -> Comoments:
        """Of no unit."""
        return cls(**{field.name: np.zeros(shape) for field in fields(cls)})

    @classmethod
    def of(cls, values: ArrayLike, other: ArrayLike | None = None) -> Comoments:
        """Of one group, shape ().   See `grouped`."""
        values = np.asarray(values, dtype=np.float64)
        return cls.grouped(np.zeros(len(values), np.intp), (), values, other)

    @classmethod
    def grouped(
        cls,
        groups: NDArray[np.integer],
        shape: tuple[int, ...],
        values: ArrayLike,
        other: ArrayLike | None = None,
    ) -> Comoments:
        """Sums by group, in one pass over the units.

        Args:
            groups: shape (n,), the place of each unit's group in the flattened ``shape``.
            values: shape (n,), finite.
            other: shape (n,), finite or NaN where it is not known; None where there is none.
        Raises: BadStatistic: a value is not finite.
        """
        y = np.asarray(values, dtype=np.float64)
        x = np.full(len(y), np.nan) if other is None else np.asarray(other, dtype=np.float64)
        if not np.isfinite(y).all() or np.isinf(x).any():
            raise BadStatistic(
                "A value is missing or infinite.",
                remedy="Write 0 for a unit of which nothing was seen, and leave out what is wrong.",
            )
        known = ~np.isnan(x)
        x = np.where(known, x, 0.0)
        size = int(np.prod(shape, dtype=np.int64))

        def summed(weights: Floats) -> Floats:
            found: Floats = np.bincount(groups, weights, minlength=size).astype(np.float64)
            return found.reshape(shape)

        return cls(
            n=summed(np.ones(len(y))),
            y=summed(y),
            yy=summed(y * y),
            n_x=summed(known.astype(np.float64)),
            y_x=summed(y * known),
            x=summed(x),
            xx=summed(x * x),
            xy=summed(x * y),
        )

    def __add__(self, other: Comoments) -> Comoments:
        return Comoments(**{name: getattr(self, name) + getattr(other, name) for name in _NAMES})

    def __getitem__(self, place: Any) -> Comoments:
        """Some of the groups, by a numpy index."""
        return Comoments(**{name: getattr(self, name)[place] for name in _NAMES})

    def over(self, axis: int) -> Comoments:
        """All groups along an axis together."""
        return Comoments(**{name: getattr(self, name).sum(axis=axis) for name in _NAMES})

    def running(self, axis: int) -> Comoments:
        """Each group along an axis together with those before it."""
        return Comoments(**{name: getattr(self, name).cumsum(axis=axis) for name in _NAMES})

    def spread(self, places: Sequence[int], n_groups: int) -> Comoments:
        """The groups of the first axis at other places among ``n_groups``, the rest empty."""
        wider = Comoments.zeros((n_groups, *self.n.shape[1:]))
        for name in _NAMES:
            getattr(wider, name)[list(places)] = getattr(self, name)
        return wider

    @property
    def mean(self) -> Floats:
        """Of y; NaN without a unit."""
        return quotient(self.y, self.n)

    @property
    def variance(self) -> Floats:
        """Of y among units, unbiased; NaN for fewer than two."""
        return quotient(np.maximum(self.yy - self.y * self.mean, 0.0), self.n - 1)

    @property
    def mean_x(self) -> Floats:
        """Of x where it is known; NaN where it never is."""
        return quotient(self.x, self.n_x)


_NAMES = tuple(field.name for field in fields(Comoments))


def quotient(top: Floats, bottom: Floats) -> Floats:
    """One array over another of its shape; NaN where the lower one is not above 0."""
    found = np.full(np.shape(top), np.nan)
    np.divide(top, bottom, out=found, where=bottom > 0)
    return found
