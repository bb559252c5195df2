"""How often intervals and tests err: at every look, at the horizon, and when read naively."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.experiments.streams import Stream, stacked, sums
from seatrial.experiments.comparing import Ruler, differences, read
from seatrial.experiments.design import Kind, Metric
from seatrial.stats.comoments import Comoments
from seatrial.stats.cuped import adjusted
from seatrial.stats.holm import holm
from seatrial.stats.sample_size import Test, power_for_shares, units_for_means, units_for_shares
from seatrial.stats.srm import mismatch_evidence, mismatch_p_value

ALPHA = 0.05
EARLY_PART = 0.2
SEED = 2_026
_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Peeking:
    """Shares of trials without an effect in which one was seen.

    Args:
        always: at any look, by what holds at any look.
        rule: by the whole rule: at any look at its part of alpha, or at the horizon at the rest.
        horizon: at the horizon alone, read once.
        naive: at any look, by the test for a horizon.
        covered: share of trials with an effect in which all intervals held it.
    """

    stream: str
    n_trials: int
    n_looks: int
    always: float
    rule: float
    horizon: float
    naive: float
    covered: float


def peeking(stream: Stream, *, n_trials: int, n_looks: int, n_users: int, effect: float) -> Peeking:
    """Look again and again, with no effect and with one.

    Args: users of a variant between two looks; effect in the metric's unit.
    """
    rng = np.random.default_rng([SEED, n_trials, n_looks, n_users])
    hits = np.zeros(5)
    metric = stream.metric
    always = Ruler(at_horizon=False, tightest_at=2.0 * n_users * n_looks)
    once = replace(always, at_horizon=True)
    for start in range(0, n_trials, _AT_ONCE):
        n = min(_AT_ONCE, n_trials - start)
        null = differences(metric, _drawn(rng, stream, n, n_looks, n_users, 0.0), 1)
        true = differences(metric, _drawn(rng, stream, n, n_looks, n_users, effect), 1)
        ever = (read(metric, null, always, alpha=ALPHA).p_value <= ALPHA).any(axis=0)
        early_alpha = EARLY_PART * ALPHA
        early = (read(metric, null, always, alpha=early_alpha).p_value <= early_alpha).any(axis=0)
        each = read(metric, null, once, alpha=ALPHA).p_value
        bounds = read(metric, true, always, alpha=ALPHA)
        held = ((bounds.lower <= effect) & (effect <= bounds.upper)).all(axis=0)
        rule = early | (each[-1] <= ALPHA - early_alpha)
        naive = (each <= ALPHA).any(axis=0)
        for place, found in enumerate((ever, rule, each[-1] <= ALPHA, naive, held)):
            hits[place] += found.sum()
    shares = (hits / n_trials).tolist()
    return Peeking(
        stream=stream.name,
        n_trials=n_trials,
        n_looks=n_looks,
        always=shares[0],
        rule=shares[1],
        horizon=shares[2],
        naive=shares[3],
        covered=shares[4],
    )


def _drawn(
    rng: np.random.Generator,
    stream: Stream,
    n_trials: int,
    n_looks: int,
    n_users: int,
    effect: float,
) -> Comoments:
    return sums(
        rng,
        stream,
        n_trials=n_trials,
        n_looks=n_looks,
        n_users=n_users,
        effects=(0.0, effect),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a plan promised, and what came.

    Args:
        n_control: users of the control that the plan asked for.
        ratio: users of the variant for each of them.
        power: share of trials in which the effect was found; ``planned`` was asked for.
        covered: share in which the interval held the effect.
        narrower: variance of the estimates over that without a covariate; None without one.
    """

    stream: str
    n_trials: int
    n_control: int
    ratio: float
    planned: float
    power: float
    covered: float
    narrower: float | None = None


def planned(
    stream: Stream,
    *,
    n_trials: int,
    effect: float,
    power: float = 0.8,
    ratio: float = 1.0,
    explained: float = 0.0,
) -> Planned:
    """Plan for an effect, run as many users as the plan says, and test once."""
    test = Test(alpha=ALPHA, power=power, ratio=ratio)
    if stream.share is not None:
        n = units_for_shares(stream.share, stream.share + effect, test=test)
        # Whole users find a little more than what was asked for.
        power = power_for_shares(stream.share, stream.share + effect, n_control=n, test=test)
    else:
        left = stream.deviation * np.sqrt(1 - explained)
        n = units_for_means(effect, deviation=left, test=test)
    rng = np.random.default_rng([SEED, n_trials, n])
    once = Ruler(at_horizon=True, tightest_at=1.0)
    found, covered = 0, 0
    plain, lessened = [], []
    batch = max(1, 20_000_000 // n)
    for start in range(0, n_trials, batch):
        k = min(batch, n_trials - start)
        sides = [
            sums(rng, stream, n_trials=k, n_looks=1, n_users=users, effects=(by,))[0][..., 0]
            for users, by in ((n, 0.0), (round(ratio * n), effect))
        ]
        both = stacked(sides, -1)
        reading_of = differences(stream.metric, both, 1)
        reading = read(stream.metric, reading_of, once, alpha=ALPHA)
        found += int((reading.p_value <= ALPHA).sum())
        covered += int(((reading.lower <= effect) & (effect <= reading.upper)).sum())
        lessened.append(reading_of.value)
        plain.append(differences(Metric(name="m"), both, 1).value)
    narrower = None
    if stream.metric.covariate is not None:
        narrower = float(np.concatenate(lessened).var() / np.concatenate(plain).var())
    return Planned(
        stream=stream.name,
        n_trials=n_trials,
        n_control=n,
        ratio=ratio,
        planned=power,
        power=found / n_trials,
        covered=covered / n_trials,
        narrower=narrower,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How often a split was called wrong.

    Args:
        share: true share of the control, where a half was intended.
        always: share of trials in which it was called wrong at any look, at ``alpha``.
        horizon: the same of chi-square, read once at the end.
        naive: the same of chi-square, read at every look.
        median_units: units at which it was called wrong first; None where most never were.
    """

    share: float
    alpha: float
    n_trials: int
    always: float
    horizon: float
    naive: float
    median_units: float | None


def split(*, share: float, alpha: float, n_trials: int, n_looks: int, n_units: int) -> Split:
    """Watch a split.   Args: true share of the control; units between two looks."""
    rng = np.random.default_rng([SEED, n_trials, n_looks, int(1e6 * share)])
    control = rng.binomial(n_units, share, (n_looks, n_trials)).cumsum(axis=0)
    total = n_units * np.arange(1, n_looks + 1)[:, None]
    counts = np.stack([control, total - control], axis=-1).astype(np.float64)
    called = mismatch_evidence(counts, (1, 1)) >= -np.log(alpha)
    ever = called.any(axis=0)
    first = np.where(ever, called.argmax(axis=0) + 1.0, np.inf) * n_units
    end = [mismatch_p_value(counts[-1, i], (1, 1)) <= alpha for i in range(n_trials)]
    chi_square = (2 * control - total) ** 2 / total
    limit = _chi_square_limit(alpha)
    median = float(np.median(first))
    return Split(
        share=share,
        alpha=alpha,
        n_trials=n_trials,
        always=float(ever.mean()),
        horizon=float(np.mean(end)),
        naive=float((chi_square >= limit).any(axis=0).mean()),
        median_units=median if np.isfinite(median) else None,
    )


def _chi_square_limit(alpha: float) -> float:
    from seatrial.stats.normal import normal_quantile

    return normal_quantile(1 - alpha / 2) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Three variants that do nothing: share of trials in which one was called different."""

    n_trials: int
    corrected: float
    uncorrected: float
    covered: float


def family(*, n_trials: int, n_users: int, n_variants: int = 3) -> Family:
    """Test several variants against one control, once."""
    rng = np.random.default_rng([SEED, n_trials, n_users])
    metric = Metric(name="m", kind=Kind.SHARE)
    counts = rng.binomial(n_users, 0.1, (n_trials, n_variants + 1)).astype(np.float64)
    zeros = Comoments.zeros(counts.shape)
    both = replace(zeros, n=np.full(counts.shape, float(n_users)), y=counts, yy=counts)
    once = Ruler(at_horizon=True, tightest_at=1.0)
    readings = [
        read(metric, differences(metric, both, place), once, alpha=ALPHA / n_variants)
        for place in range(1, n_variants + 1)
    ]
    p = np.stack([one.p_value for one in readings], axis=-1)
    corrected = np.array([(holm(row) <= ALPHA).any() for row in p])
    held = np.all([(one.lower <= 0) & (one.upper >= 0) for one in readings], axis=0)
    return Family(
        n_trials=n_trials,
        corrected=float(corrected.mean()),
        uncorrected=float((p <= ALPHA).any(axis=1).mean()),
        covered=float(held.mean()),
    )


def explained(stream: Stream) -> float:
    """Share of the variance that the covariate explains, from many users."""
    rng = np.random.default_rng(SEED)
    y, x = stream.draw(rng, (2, 200_000), 0.0)
    assert x is not None
    both = stacked([Comoments.of(y[i], x[i]) for i in range(2)], -1)
    return float(adjusted(both).explained)
