"""Sums that are enough to adjust a ratio by a covariate: those of each pair of three quantities.

A ratio of sums moves as the mean of a *linear* value of each unit does, to first order: its own
ratio plus what its numerator is more than the ratio times its denominator, over the mean
denominator. The mean of that is the ratio, and its variance that of the delta method, so whatever
adjusts means adjusts ratios.

Source: delta method, Deng, Knoblich, Lu 2018, KDD, sections 3.1 and 4.3 (ratios with CUPED).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.stats.comoments import Comoments, quotient


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RatioComoments:
    """Sums over units of a numerator, a denominator and a covariate; fields of one shape.

    Args:
        ratio: y the numerator, x the denominator.
        above: y the numerator, x the covariate.
        below: y the denominator, x the covariate.
    """

    ratio: Comoments
    above: Comoments
    below: Comoments

    @classmethod
    def grouped(
        cls,
        groups: NDArray[np.integer],
        shape: tuple[int, ...],
        values: ArrayLike,
        over: ArrayLike,
        covariate: ArrayLike,
    ) -> RatioComoments:
        """Sums by group.   Args, Raises: see `Comoments.grouped`; ``covariate`` may hold NaN."""
        return cls(
            ratio=Comoments.grouped(groups, shape, values, over),
            above=Comoments.grouped(groups, shape, values, covariate),
            below=Comoments.grouped(groups, shape, over, covariate),
        )

    def __add__(self, other: RatioComoments) -> RatioComoments:
        return RatioComoments(
            ratio=self.ratio + other.ratio,
            above=self.above + other.above,
            below=self.below + other.below,
        )

    def __getitem__(self, place: Any) -> RatioComoments:
        """Some of the groups, by a numpy index."""
        return RatioComoments(
            ratio=self.ratio[place], above=self.above[place], below=self.below[place]
        )

    def over(self, axis: int) -> RatioComoments:
        """All groups along an axis together."""
        return RatioComoments(
            ratio=self.ratio.over(axis), above=self.above.over(axis), below=self.below.over(axis)
        )

    def running(self, axis: int) -> RatioComoments:
        """Each group along an axis together with those before it."""
        return RatioComoments(
            ratio=self.ratio.running(axis),
            above=self.above.running(axis),
            below=self.below.running(axis),
        )

    def spread(self, places: Any, n_groups: int) -> RatioComoments:
        """See `Comoments.spread`."""
        return RatioComoments(
            ratio=self.ratio.spread(places, n_groups),
            above=self.above.spread(places, n_groups),
            below=self.below.spread(places, n_groups),
        )

    def linear(self) -> Comoments:
        """The sums of the linear values, with the covariate as x: what `cuped.adjusted` takes."""
        pair, above, below = self.ratio, self.above, self.below
        r = np.nan_to_num(quotient(pair.y, pair.x))
        scale = np.nan_to_num(quotient(pair.n, pair.x))  # 1 over the mean denominator
        squares = np.maximum(pair.yy - 2 * r * pair.xy + r**2 * pair.xx, 0.0)
        return Comoments(
            n=pair.n,
            y=pair.n * r,
            yy=pair.n * r**2 + scale**2 * squares,
            n_x=above.n_x,
            y_x=above.n_x * r + scale * (above.y_x - r * below.y_x),
            x=above.x,
            xx=above.xx,
            xy=r * above.x + scale * (above.xy - r * below.xy),
        )
