"""Bootstrap of quantities of rows, of several models over the same rows at once.

A resample of n rows is how often each row was drawn. So a quantity of a resample is one of weighted
rows, `measures.py` computes it for many resamples in a few array operations, and models that share
the weights stay paired: a difference between two of them loses what the rows have in common. Memory
holds a block of resamples, never all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.counts import BadStatistic, Interval, check_share

Floats = NDArray[np.float64]

_NORMAL = NormalDist()

_AT_ONCE = 1 << 18
"""Weights held at once, 2 MB: with what is computed of them they stay in the cache."""

_FOLDS = 100
"""Parts of the rows that are left out in turn to find the acceleration."""

MOST_UNDEFINED = 0.01
"""Share of resamples in which a quantity may be undefined before its interval has no bounds."""

Progress = Callable[[int, int], None]
"""Told resamples done and resamples in all."""


class Method(StrEnum):
    """How an interval is read off the resamples.

    Measured (benchmarks/evaluation/errors.py): a correction helps a quantity near the end of its
    range, whose resamples are skewed, and harms a difference of two, whose resamples are not.
    """

    BCA = "bca"
    """Corrected for bias and acceleration."""

    PERCENTILE = "percentile"
    """The quantiles as they are."""


class Measure(Protocol):
    """Some quantities of weighted rows."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the quantities."""
        ...

    def __call__(self, weights: Floats) -> Floats:
        """The quantities of each resample.

        Args: how often each row counts, shape (b, n), >= 0.
        Returns: shape (b, len(names)); NaN where a quantity is not defined.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A quantity with its interval.

    Args:
        value: over the rows as they are; NaN where it is not defined.
        interval: at 1 - alpha; infinite ends where too many resamples leave it undefined.
        standard_error: standard deviation over resamples, >= 0; NaN where undefined.
        undefined_share: of the resamples, in [0, 1].
    """

    value: float
    interval: Interval
    standard_error: float
    undefined_share: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Resamples:
    """The quantities of every model over the rows, over each resample, and without each fold.

    Args:
        names: model -> its quantities, in the order of the arrays' last axis.
        whole: model -> shape (k,).
        draws: model -> shape (n_resamples, k).
        folds: model -> shape (n_folds, k), the rows of a fold left out.
        n: rows.
        alpha: risk of each interval, two-sided.
    """

    names: Mapping[str, tuple[str, ...]]
    whole: Mapping[str, Floats]
    draws: Mapping[str, Floats]
    folds: Mapping[str, Floats]
    n: int
    alpha: float

    def of(self, model: str, quantity: str, *, method: Method = Method.BCA) -> Estimate:
        """A quantity of one model."""
        k = self.names[model].index(quantity)
        return estimate(
            float(self.whole[model][k]),
            self.draws[model][:, k],
            self.folds[model][:, k] if method is Method.BCA else None,
            alpha=self.alpha,
        )

    def difference(
        self, first: str, second: str, quantity: str, *, method: Method = Method.PERCENTILE
    ) -> Estimate:
        """First less second, over the same rows."""
        j, k = self.names[first].index(quantity), self.names[second].index(quantity)
        folds = self.folds[first][:, j] - self.folds[second][:, k]
        return estimate(
            float(self.whole[first][j] - self.whole[second][k]),
            self.draws[first][:, j] - self.draws[second][:, k],
            folds if method is Method.BCA else None,
            alpha=self.alpha,
        )


def resample(
    models: Mapping[str, Sequence[Measure]],
    n: int,
    *,
    n_resamples: int = 1_000,
    alpha: float = 0.05,
    seed: int = 0,
    progress: Progress | None = None,
) -> Resamples:
    """Draw rows with replacement, and measure every model on each draw.

    Args:
        models: by name, with what is measured of each; all over the same ``n`` >= 2 rows.
        n_resamples: >= 100.
        alpha: in (0, 1), two-sided.
        seed: equal seeds draw the same rows.
        progress: told now and then how far it is.
    Raises: BadStatistic.
    Source: Efron 1979, Ann. Statist. 7:1.
    """
    check_share("alpha", alpha)
    if n < 2 or n_resamples < 100:
        raise BadStatistic(
            f"{n} rows and {n_resamples} resamples are too few for an interval.",
            remedy="Give two rows or more, and draw 100 resamples or more.",
            n=n,
            n_resamples=n_resamples,
        )
    draws: dict[str, list[Floats]] = {model: [] for model in models}
    done = 0
    for weights in drawn(n, n_resamples, seed=seed):
        for model, measures in models.items():
            draws[model].append(_measured(measures, weights))
        done += len(weights)
        if progress is not None:
            progress(done, n_resamples)
    return Resamples(
        names={
            m: tuple(name for one in found for name in one.names) for m, found in models.items()
        },
        whole={m: _measured(found, np.ones((1, n)))[0] for m, found in models.items()},
        draws={model: np.concatenate(parts) for model, parts in draws.items()},
        folds=_folds(models, n, seed),
        n=n,
        alpha=alpha,
    )


def drawn(n: int, n_resamples: int, *, seed: int) -> Iterator[Floats]:
    """How often each of n rows is drawn in n draws, in blocks of resamples, shape (b, n).

    The same seed gives the same resamples, whatever the size of a block.
    """
    rng = np.random.default_rng(seed)
    block = max(1, _AT_ONCE // n)
    for start in range(0, n_resamples, block):
        b = min(block, n_resamples - start)
        rows = rng.integers(n, size=(b, n), dtype=np.int64)
        rows += np.arange(0, b * n, n)[:, None]
        yield np.bincount(rows.ravel(), minlength=b * n).astype(np.float64).reshape(b, n)


def estimate(value: float, draws: Floats, folds: Floats | None, *, alpha: float) -> Estimate:
    """A quantity with its interval.

    Args:
        value: over all rows.
        draws: over the resamples, shape (n_resamples,); NaN where it is not defined.
        folds: without each part of the rows, shape (n_folds,), for a BCa interval; None for
            percentiles.
        alpha: in (0, 1), two-sided.
    Source: Efron 1987, JASA 82:171; the acceleration from folds instead of rows: Efron and
        Narasimhan 2020, J. Comput. Graph. Statist. 29:608.
    """
    known = draws[np.isfinite(draws)]
    undefined = 1 - len(known) / len(draws)
    if not math.isfinite(value) or undefined > MOST_UNDEFINED:
        return Estimate(
            value=value if math.isfinite(value) else math.nan,
            interval=Interval(lower=-math.inf, upper=math.inf),
            standard_error=math.nan,
            undefined_share=undefined,
        )
    shares = (alpha / 2, 1 - alpha / 2)
    if folds is not None and np.ptp(known) > 0:
        shares = _corrected(value, known, folds[np.isfinite(folds)], shares)
    lower, upper = np.quantile(known, shares).tolist()
    return Estimate(
        value=value,
        interval=Interval(lower=lower, upper=upper),
        standard_error=float(known.std(ddof=1)),
        undefined_share=undefined,
    )


def _corrected(
    value: float, known: Floats, folds: Floats, shares: tuple[float, float]
) -> tuple[float, float]:
    """The shares of the resamples at which the interval ends."""
    below = (np.count_nonzero(known < value) + np.count_nonzero(known == value) / 2) / len(known)
    bias = _NORMAL.inv_cdf(min(max(below, 0.5 / len(known)), 1 - 0.5 / len(known)))
    away = folds.mean() - folds if len(folds) else np.zeros(1)
    spread = float((away**2).sum())
    acceleration = float((away**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    ends = []
    for share in shares:
        z = bias + _NORMAL.inv_cdf(share)
        ends.append(_NORMAL.cdf(bias + z / max(1 - acceleration * z, 1e-9)))
    return ends[0], ends[1]


def _folds(models: Mapping[str, Sequence[Measure]], n: int, seed: int) -> dict[str, Floats]:
    """Every model without each of some equal parts of the rows, dealt out by chance."""
    n_folds = min(n, _FOLDS)
    fold = np.random.default_rng([seed, 1]).permutation(n) % n_folds
    parts: dict[str, list[Floats]] = {model: [] for model in models}
    block = max(1, _AT_ONCE // n)
    for start in range(0, n_folds, block):
        out = np.arange(start, min(start + block, n_folds))
        weights = (fold[None, :] != out[:, None]).astype(np.float64)
        for model, measures in models.items():
            parts[model].append(_measured(measures, weights))
    return {model: np.concatenate(found) for model, found in parts.items()}


def _measured(measures: Sequence[Measure], weights: Floats) -> Floats:
    return np.concatenate([measure(weights) for measure in measures], axis=1)
