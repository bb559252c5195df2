"""Versions side by side: what each did over the same span, and how far they differ.

The numbers of an A/B comparison: rates and quantiles with intervals, and the difference of each
version to one of them. Intervals hold at every look, so a page may show them at any time; they are
wider than those of a test that is looked at once.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from seatrial.kernel.errors import NotFound
from seatrial.monitoring.service.history import ServiceHistory
from seatrial.release.measurement import Summary
from seatrial.stats.compare import CANARY_PART, compare_rates
from seatrial.stats.counts import Interval
from seatrial.stats.quantiles import quantile_bounds
from seatrial.stats.sequential import lower_bound, upper_bound

QUANTILES: Mapping[str, float] = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
ERROR_RATE = "error_rate"
SPAN_S = 86_400.0
"""How far back versions are compared."""

_AROUND = 0.001
"""Error rates that matter are of this size; it places the alternatives of the lower bound."""


class NoSuchVersion(NotFound):
    """A version to compare with did not answer in the span."""

    code = "monitoring.no_such_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with the bounds of the truth behind it, both in its unit.

    Args:
        value: as seen; None when nothing was.
        interval: valid at every look; infinite where nothing is known.
    """

    value: float | None
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantMetrics:
    """One version over the span.

    Args:
        version: its number.
        share: of all answers, in [0, 1].
        summary: what was measured.
        metrics: ``error_rate`` in [0, 1], ``p50_ms``, ``p95_ms`` and ``p99_ms`` in ms.
        differences: the same metrics minus those of the version compared with; empty for that one.
    """

    version: int
    share: float
    summary: Summary
    metrics: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]

    def differs(self, metric: str) -> bool:
        """Whether the difference is more than chance: its interval has no 0 in it."""
        found = self.differences.get(metric)
        return found is not None and not found.interval.lower <= 0 <= found.interval.upper


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """All versions of an endpoint over one span.

    Args:
        compared_with: the version the differences are to; None when none answered.
        variants: by version number.
        alpha: chance that an interval does not hold the truth at some look.
    """

    compared_with: int | None
    variants: tuple[VariantMetrics, ...]
    alpha: float

    def as_dict(self) -> dict[str, object]:
        """A JSON-able record; infinite bounds are null."""
        return {
            "compared_with": self.compared_with,
            "alpha": self.alpha,
            "variants": [
                {
                    "version": v.version,
                    "share": v.share,
                    "n": v.summary.n,
                    "n_errors": v.summary.n_errors,
                    "errors": dict(v.summary.errors),
                    "metrics": {name: _record(found) for name, found in v.metrics.items()},
                    "differences": {name: _record(found) for name, found in v.differences.items()},
                    "differs": [name for name in v.differences if v.differs(name)],
                }
                for v in self.variants
            ],
        }


def variants_record(
    history: ServiceHistory, versions: Collection[int], *, stable: int | None, now: datetime
) -> dict[str, object] | None:
    """The versions that serve an endpoint side by side, over the last day, as a record.

    Only what they did at the same times counts: a version that began at night is not held against
    the other's rush hour.

    Args:
        stable: the version in production, which the others are compared with.
    Returns: `SideBySide.as_dict`, with ``since`` and ``until``, ISO 8601; None while fewer than two
        serve, or they never answered in the same span.
    """
    if len(versions) < 2:
        return None
    sums, since = history.together(versions, SPAN_S, now)
    if since is None:
        return None
    found = side_by_side(sums, compared_with=stable if stable in sums else None)
    return {**found.as_dict(), "since": since.isoformat(), "until": now.isoformat()}


def side_by_side(
    summaries: Mapping[int, Summary], *, compared_with: int | None = None, alpha: float = 0.05
) -> SideBySide:
    """Put versions side by side.

    Args:
        summaries: by version, all over the same span.
        compared_with: the version in production; None takes the one with the most answers.
        alpha: in (0, 1), of each interval, two-sided.

    Raises: NoSuchVersion: ``compared_with`` has no summary; BadStatistic.
    """
    if compared_with is not None and compared_with not in summaries:
        raise NoSuchVersion(
            f"Version {compared_with} did not answer in this span.",
            remedy=f"Compare with one of: {', '.join(map(str, sorted(summaries))) or 'none'}.",
            version=compared_with,
        )
    if compared_with is None and summaries:
        compared_with = max(summaries, key=lambda version: (summaries[version].n, -version))
    total = sum(summary.n for summary in summaries.values())
    return SideBySide(
        compared_with=compared_with,
        variants=tuple(
            VariantMetrics(
                version=version,
                share=summary.n / total if total else 0.0,
                summary=summary,
                metrics=_metrics(summary, alpha),
                differences=(
                    {}
                    if compared_with is None or version == compared_with
                    else _differences(summaries[compared_with], summary, alpha)
                ),
            )
            for version, summary in sorted(summaries.items())
        ),
        alpha=alpha,
    )


def _metrics(summary: Summary, alpha: float) -> dict[str, Estimate]:
    return {ERROR_RATE: _error_rate(summary, alpha)} | {
        name: _quantile(summary, q, alpha) for name, q in QUANTILES.items()
    }


def _error_rate(summary: Summary, alpha: float) -> Estimate:
    counts = summary.error_counts
    if not counts.n:
        return Estimate(value=None, interval=Interval(lower=0.0, upper=1.0))
    return Estimate(
        value=counts.rate,
        interval=Interval(
            lower=lower_bound(counts, alpha=alpha / 2, around=_AROUND),
            upper=upper_bound(counts, alpha=alpha / 2),
        ),
    )


def _quantile(summary: Summary, q: float, alpha: float) -> Estimate:
    value = summary.latency.quantile(q)
    bounds = quantile_bounds(summary.latency, q, alpha_lower=alpha / 2, alpha_upper=alpha / 2)
    return Estimate(
        value=None if value is None else 1e3 * value,
        interval=Interval(lower=1e3 * bounds.lower, upper=1e3 * bounds.upper),
    )


def _differences(stable: Summary, other: Summary, alpha: float) -> dict[str, Estimate]:
    half = alpha / 2
    rates = compare_rates(
        stable.error_counts,
        other.error_counts,
        alpha_lower=half,
        alpha_upper=half,
        around=_AROUND,
    )
    found = {
        ERROR_RATE: Estimate(
            value=_minus(other.error_counts.rate, stable.error_counts.rate),
            interval=rates.difference,
        )
    }
    # As in `compare_rates`: the union bound, with most of alpha on the side that has less data.
    parts = (CANARY_PART, 1 - CANARY_PART)
    of_other, of_stable = parts if other.n <= stable.n else parts[::-1]
    for name, q in QUANTILES.items():
        mine = _quantile(other, q, of_other * alpha)
        theirs = _quantile(stable, q, of_stable * alpha)
        found[name] = Estimate(
            value=_minus(mine.value, theirs.value),
            interval=Interval(
                lower=mine.interval.lower - theirs.interval.upper,
                upper=mine.interval.upper - theirs.interval.lower,
            ),
        )
    return found


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _record(found: Estimate) -> dict[str, object]:
    ends = (found.interval.lower, found.interval.upper)
    lower, upper = (end if math.isfinite(end) else None for end in ends)
    return {"value": found.value, "lower": lower, "upper": upper}
