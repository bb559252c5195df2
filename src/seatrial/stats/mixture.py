"""How many standard errors an estimate may be off at any look: the boundary of a normal mixture.

What 1.96 is to one look at a fixed time, this is to as many looks as one likes. After n values, an
estimate with standard error s has, for n as large as the central limit theorem asks for::

    estimate +- s sqrt( 2 (n r^2 + 1) / (n r^2)  log( sqrt(n r^2 + 1) / alpha ) )         two-sided
    estimate  - s sqrt( 2 (n r^2 + 1) / (n r^2)  log( 1 + sqrt(n r^2 + 1) / (2 alpha) ) )  one-sided

The number r is chosen beforehand and says at which n the bound is tightest. Solved for alpha this
is a p-value that is valid at every look.

Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2024, Ann. Statist. 52:2613, theorem 2.2, the
one-sided form of its appendix, and its approximation of the best r; the mixture is that of Robbins
1970, Ann. Math. Statist. 41:1397.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.stats.counts import check_share

Floats = NDArray[np.float64]
Sides = Literal[1, 2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """A boundary, fixed before the data.

    Args:
        rate: r^2 above, > 0.
        sides: 2 for an interval, 1 for a bound on one side.
    """

    rate: float
    sides: Sides = 2

    @classmethod
    def tightest_at(cls, n: float, *, alpha: float, sides: Sides = 2) -> Mixture:
        """The boundary that is tightest after n values at level alpha.

        Args: n > 0; alpha in (0, 1), one-sided in (0, 0.5).   Raises: BadStatistic.
        """
        share = alpha * (3 - sides)
        check_share("alpha", share)
        asked = -2 * math.log(share)
        return cls(rate=(asked + math.log1p(asked)) / n, sides=sides)

    def errors(self, n: ArrayLike, *, alpha: float) -> Floats:
        """Standard errors from the estimate to its bound.

        Args: values so far, any shape, >= 0; alpha in (0, 1), one-sided in (0, 0.5).
        Returns: the shape of n; infinite without a value.   Raises: BadStatistic.
        """
        check_share("alpha", alpha * (3 - self.sides))
        spread = self._spread(n)
        root = np.sqrt(spread + 1)
        bound = np.log(root / alpha) if self.sides == 2 else np.log1p(root / (2 * alpha))
        errors: Floats = np.sqrt(2 * (spread + 1) / spread * bound)
        return np.where(np.asarray(n) > 0, errors, np.inf)

    def p_value(self, z: ArrayLike, n: ArrayLike) -> Floats:
        """The smallest alpha at which the value tested lies outside.

        Args: how many standard errors the estimate is away from the value, one-sided in the
            direction that is looked for; values so far, >= 0. Shapes that fit together.
        Returns: in [0, 1]; 1 without a value.
        """
        z = np.asarray(z, dtype=np.float64)
        spread = self._spread(n)
        exponent = z**2 * spread / (2 * (spread + 1))
        with np.errstate(divide="ignore", over="ignore"):
            if self.sides == 2:
                p = np.sqrt(spread + 1) * np.exp(-exponent)
            else:
                p = np.where(z > 0, np.sqrt(spread + 1) / (2 * np.expm1(exponent)), 1.0)
        return np.where(np.asarray(n) > 0, np.minimum(p, 1.0), 1.0)

    def _spread(self, n: ArrayLike) -> Floats:
        return np.maximum(np.asarray(n, dtype=np.float64), 1e-9) * self.rate
