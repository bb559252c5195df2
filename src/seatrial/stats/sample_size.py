"""How many units an experiment needs, and what it can find with those it has.

Every question is about one comparison, variant against control, by a normal approximation. Several
variants are planned by giving each comparison its part of alpha. A margin turns the question from
"is it different" into "is it not worse by the margin".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from seatrial.stats.counts import BadStatistic, check_share
from seatrial.stats.mixture import Sides
from seatrial.stats.normal import normal_quantile, normal_tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """What is asked of a comparison.

    Args:
        alpha: in (0, 1), the chance of a claim where there is nothing.
        power: in (0, 1), the chance of finding an effect of the size planned for.
        sides: 2 for "different", 1 for "better", or with a margin "not worse".
        margin: >= 0, what may be lost, in the metric's unit; only one-sided.
        ratio: > 0, units of the variant for each of the control.

    Raises: BadStatistic.
    """

    alpha: float = 0.05
    power: float = 0.8
    sides: Sides = 2
    margin: float = 0.0
    ratio: float = 1.0

    __test__ = False  # pytest takes every class of this name for one of its own

    def __post_init__(self) -> None:
        check_share("alpha", self.alpha)
        check_share("power", self.power)
        if self.margin < 0 or (self.margin and self.sides == 2):
            raise BadStatistic(
                f"A margin of {self.margin:g} does not go with a test of {self.sides} sides.",
                remedy="Give a margin of 0 or more, and test one side.",
                margin=self.margin,
            )
        if not 0 < self.ratio < math.inf:
            raise BadStatistic(
                f"A ratio of {self.ratio!r} leaves one side without units.",
                remedy="Give the variant's units for each unit of the control, such as 1.",
                ratio=self.ratio,
            )

    @property
    def _asked(self) -> float:
        return normal_quantile(1 - self.alpha / self.sides)

    @property
    def _reserve(self) -> float:
        return normal_quantile(self.power)


def units_for_means(effect: float, *, deviation: float, test: Test) -> int:
    """Units of the control for a difference of means, or of ratios by their `ratio_variance`.

    Args:
        effect: true difference, good ones positive; 0 only with a margin.
        deviation: standard deviation among units, >= 0, the same on both sides.
    Returns: >= 2.   Raises: BadStatistic: the effect and the margin leave nothing to find.
    Source: Chow, Shao, Wang, Lokhnygina 2017, Sample Size Calculations, section 3.2.
    """
    distance = _distance(effect, test)
    both = deviation**2 * (1 + 1 / test.ratio)
    return _whole((test._asked + test._reserve) ** 2 * both / distance**2)


def units_for_shares(control: float, treated: float, *, test: Test) -> int:
    """Units of the control for a difference of shares.

    Args: true shares in (0, 1); with a margin they may be equal. A higher share is the good one.
    Returns: >= 2.   Raises: BadStatistic.
    Source: Fleiss, Levin, Paik 2003, Statistical Methods for Rates and Proportions, section 4.2,
        without correction of continuity; with a margin, Chow et al. 2017, section 4.2.
    """
    distance = _distance(treated - control, test)
    null, other = _share_variances(control, treated, test)
    root = test._asked * math.sqrt(null) + test._reserve * math.sqrt(other)
    return _whole(root**2 / distance**2)


def power_for_shares(control: float, treated: float, *, n_control: float, test: Test) -> float:
    """The chance of finding a difference of shares.   Arguments: see `units_for_shares`."""
    null, other = (math.sqrt(v / n_control) for v in _share_variances(control, treated, test))
    return _power(treated - control + test.margin, null, other, test)


def effect_for_means(*, n_control: float, deviation: float, test: Test) -> float:
    """The smallest difference of means that so many units find with the power asked for.

    Returns: > 0 unless there is no variation; with a margin, beyond what it grants: >= -margin.
    """
    error = math.sqrt(deviation**2 * (1 + 1 / test.ratio) / n_control)
    return (test._asked + test._reserve) * error - test.margin


def effect_for_shares(control: float, *, n_control: float, test: Test, up: bool = True) -> float:
    """The smallest difference of shares that so many units find with the power asked for.

    Args: up: whether a rise is looked for, or a fall.
    Returns: > 0, its size; NaN where not even the largest possible one is found so.
    """
    room = (1 - control if up else control) * (1 - 1e-9)
    sign = 1 if up else -1

    def found(effect: float) -> bool:
        null, other = _share_variances(control, control + sign * effect, test)
        errors = [math.sqrt(v / n_control) for v in (null, other)]
        return _power(effect + test.margin, errors[0], errors[1], test) >= test.power

    return _least(found, room)


def _least(found: Callable[[float], bool], most: float) -> float:
    if not found(most):
        return math.nan
    low, high = 0.0, most
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return high


def _share_variances(control: float, treated: float, test: Test) -> tuple[float, float]:
    """Of a control unit's part in the difference: if nothing were there, and as it is."""
    for name, share in (("control", control), ("treated", treated)):
        check_share(name, share)
    other = control * (1 - control) + treated * (1 - treated) / test.ratio
    if test.margin:
        return other, other
    pooled = (control + test.ratio * treated) / (1 + test.ratio)
    return pooled * (1 - pooled) * (1 + 1 / test.ratio), other


def _power(distance: float, null: float, other: float, test: Test) -> float:
    """Chance that an estimate with error ``other`` is beyond what is asked of errors ``null``."""
    if not other:
        return 1.0 if distance else test.alpha
    chance = float(normal_tail((test._asked * null - distance) / other))
    if test.sides == 2:
        chance += float(normal_tail((test._asked * null + distance) / other))
    return chance


def _distance(effect: float, test: Test) -> float:
    distance = abs(effect) if test.sides == 2 else effect + test.margin
    if not 0 < distance < math.inf:
        raise BadStatistic(
            f"An effect of {effect:g} with a margin of {test.margin:g} leaves nothing to find.",
            remedy="Plan for an effect, or grant a margin above what may be lost.",
            effect=effect,
        )
    return distance


def _whole(units: float) -> int:
    return max(2, math.ceil(units - 1e-9))
