"""Users of known truth, as sums by trial, look and variant: what a tally would hold of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.experiments.design import Kind, Metric
from seatrial.stats.comoments import Comoments

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...], float], tuple[Floats, Floats | None]]
"""Values and covariates or denominators of users, shape as given, with an effect added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A kind of metric.

    Args:
        draw: its users; with an effect, in the metric's unit, for those of the variant.
        deviation: among users, of what its mean or ratio is made of.
        share: true share of the control, for a share.
    """

    name: str
    metric: Metric
    draw: Draw
    deviation: float
    share: float | None = None


def _share(p: float) -> Draw:
    def draw(
        rng: np.random.Generator, shape: tuple[int, ...], effect: float
    ) -> tuple[Floats, None]:
        return (rng.random(shape) < p + effect).astype(np.float64), None

    return draw


def _normal(rng: np.random.Generator, shape: tuple[int, ...], effect: float) -> tuple[Floats, None]:
    return rng.normal(10 + effect, 3, shape), None


def _revenue(
    rng: np.random.Generator, shape: tuple[int, ...], effect: float
) -> tuple[Floats, None]:
    """One user in ten pays, and what they pay is lognormal."""
    return (rng.random(shape) < 0.1) * rng.lognormal(3, 1, shape) + effect, None


def _ratio(
    rng: np.random.Generator, shape: tuple[int, ...], effect: float
) -> tuple[Floats, Floats]:
    """Clicks over views: users differ in both, so that views of one are alike."""
    views = rng.poisson(rng.gamma(2, 2.5, shape)).astype(np.float64) + 1
    taste = np.clip(rng.beta(2, 8, shape) + effect, 0, 1)
    return rng.binomial(views.astype(int), taste).astype(np.float64), views


def _covariate(missing: float) -> Draw:
    def draw(
        rng: np.random.Generator, shape: tuple[int, ...], effect: float
    ) -> tuple[Floats, Floats]:
        before = rng.normal(0, 1, shape)
        value = 10 + effect + 3 * (0.7 * before + np.sqrt(1 - 0.49) * rng.normal(0, 1, shape))
        return value, np.where(rng.random(shape) < missing, np.nan, before)

    return draw


_REVENUE_DEVIATION = float(np.sqrt(0.1 * np.exp(6 + 2) - (0.1 * np.exp(3.5)) ** 2))


def _ratio_deviation() -> float:
    from seatrial.stats.difference import ratio_variance

    y, x = _ratio(np.random.default_rng(0), (1_000_000,), 0.0)
    return float(np.sqrt(ratio_variance(Comoments.of(y, x))))


def streams() -> Mapping[str, Stream]:
    """All kinds, by name."""
    mean = Metric(name="m")
    share = Metric(name="m", kind=Kind.SHARE)
    ratio = Metric(name="m", kind=Kind.RATIO, denominator="views")
    cuped = Metric(name="m", covariate="before")
    found = [
        Stream(name="share 10 %", metric=share, draw=_share(0.1), deviation=0.3, share=0.1),
        Stream(name="share 1 %", metric=share, draw=_share(0.01), deviation=0.0995, share=0.01),
        Stream(name="mean, normal", metric=mean, draw=_normal, deviation=3.0),
        Stream(name="mean, revenue", metric=mean, draw=_revenue, deviation=_REVENUE_DEVIATION),
        Stream(name="ratio", metric=ratio, draw=_ratio, deviation=_ratio_deviation()),
        Stream(name="mean with covariate", metric=cuped, draw=_covariate(0.0), deviation=3.0),
        Stream(name="the same, known of 70 %", metric=cuped, draw=_covariate(0.3), deviation=3.0),
    ]
    return {one.name: one for one in found}


def sums(
    rng: np.random.Generator,
    stream: Stream,
    *,
    n_trials: int,
    n_looks: int,
    n_users: int,
    effects: tuple[float, ...],
) -> Comoments:
    """Sums up to each look, shape (looks, trials, variants).

    Args: users of a variant between two looks; effect of each variant.
    """
    sides = []
    for effect in effects:
        parts = []
        for _ in range(n_looks):
            y, x = stream.draw(rng, (n_trials, n_users), effect)
            groups = np.repeat(np.arange(n_trials), n_users)
            other = None if x is None else x.reshape(-1)
            parts.append(Comoments.grouped(groups, (n_trials,), y.reshape(-1), other))
        sides.append(stacked(parts, 0).running(0))
    return stacked(sides, -1)


def stacked(parts: list[Comoments], axis: int) -> Comoments:
    names = ("n", "y", "yy", "n_x", "y_x", "x", "xx", "xy")
    return Comoments(
        **{name: np.stack([getattr(one, name) for one in parts], axis=axis) for name in names}
    )
