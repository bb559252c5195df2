"""What a gate finds in the measurements of a canary: an effect, and bounds for it.

Every gate is judged as a rate by `stats/sequential.py`, costs as a mean by
`stats/mean_sequence.py`, so it may be read at every tick.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from seatrial.release.gate import (
    CostAgainstStable,
    CostGate,
    ErrorRateAgainstStable,
    ErrorRateGate,
    Gate,
    LatencyAgainstStable,
    LatencyGate,
    ParseRateAgainstStable,
    ParseRateGate,
    RefusedAgainstStable,
    ScoreAgainstStable,
    ScoreGate,
)
from seatrial.release.measurement import NANO_USD, Summary
from seatrial.release.verdict import Quantity, Reading
from seatrial.stats.compare import CANARY_PART, compare_rates
from seatrial.stats.counts import Counts, Interval
from seatrial.stats.mean_sequence import lower_mean, upper_mean, values_needed
from seatrial.stats.moments import Moments
from seatrial.stats.quantiles import quantile_bounds
from seatrial.stats.sequential import lower_bound, upper_bound
from seatrial.stats.sketches import LatencySketch

_ALMOST_ALL = 1 - 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Alphas:
    """Chances of error: of passing wrongly, of failing wrongly."""

    pass_: float
    fail: float

    def part(self, share: float) -> Alphas:
        """A share of both."""
        return Alphas(pass_=share * self.pass_, fail=share * self.fail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """That some events are rarer than a limit: what lets a gate pass, said as a rate.

    Args:
        gate: its name.
        quantity: what the gate measures; says what the events are.
        events: errors, slow answers or refusals of the canary so far.
        limit: the rate they must be shown to be under, in (0, 1).
        alpha: chance of error allowed to that proof.
    """

    gate: str
    quantity: Quantity
    events: Counts
    limit: float
    alpha: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GateEvidence:
    """What a gate found; see Verdict. Passes under ``limit``, fails over ``fail_limit``.

    Showing that ``claim.events`` are rarer than its limit is the same as bringing the interval's
    upper bound under ``limit``, said in requests. A mean is no rate: it has no claim, and says
    itself how many answers it needs.
    """

    quantity: Quantity
    effect: float | None
    interval: Interval
    limit: float
    fail_limit: float
    canary: Reading
    stable: Reading | None = None
    claim: Claim | None = None
    n_needed: int | None = None


def find(  # noqa: PLR0911 - one for each kind of gate
    gate: Gate, canary: Summary, stable: Summary | None, alphas: Alphas
) -> GateEvidence:
    """What one gate finds; without a stable version, against no requests of one."""
    other = stable or Summary.empty()
    lost = (canary.quality.lost_counts, other.quality.lost_counts)
    match gate:
        case ErrorRateGate():
            rate = (Quantity.ERROR_RATE, canary.error_counts, gate.limit)
            return _rate_under(gate, *rate, alphas)
        case ParseRateGate():
            rate = (Quantity.UNPARSED_RATE, canary.quality.unparsed_counts, 1 - gate.least)
            return _rate_under(gate, *rate, alphas)
        case ScoreGate():
            return _rate_under(gate, Quantity.SCORE_LOST, lost[0], 1 - gate.least, alphas)
        case CostGate():
            limit = gate.limit_usd
            return _cost(canary.quality.costs, limit, limit, alphas, aim=limit)
        case LatencyGate():
            return _latency(gate, canary.latency, alphas)
        case ParseRateAgainstStable():
            counts = (canary.quality.unparsed_counts, other.quality.unparsed_counts)
            return _rate_against(gate, Quantity.UNPARSED_RATE, *counts, alphas)
        case ScoreAgainstStable():
            return _rate_against(gate, Quantity.SCORE_LOST, *lost, alphas)
        case CostAgainstStable():
            return _cost_against(gate, canary.quality.costs, other.quality.costs, alphas)
        case ErrorRateAgainstStable():
            counts = (canary.error_counts, other.error_counts)
            return _rate_against(gate, Quantity.ERROR_RATE, *counts, alphas)
        case RefusedAgainstStable():
            counts = (canary.refused_counts, other.refused_counts)
            return _rate_against(gate, Quantity.REFUSED_RATE, *counts, alphas)
        case LatencyAgainstStable():
            return _latency_against(gate, canary.latency, other.latency, alphas)
        case _:
            assert_never(gate)


def _rate_under(
    gate: ErrorRateGate | ParseRateGate | ScoreGate,
    quantity: Quantity,
    counts: Counts,
    limit: float,
    alphas: Alphas,
) -> GateEvidence:
    return GateEvidence(
        quantity=quantity,
        effect=counts.rate,
        interval=Interval(
            lower=lower_bound(counts, alpha=alphas.fail, around=limit),
            upper=upper_bound(counts, alpha=alphas.pass_),
        ),
        limit=limit,
        fail_limit=limit,
        canary=_rate(counts),
        claim=Claim(
            gate=gate.name, quantity=quantity, events=counts, limit=limit, alpha=alphas.pass_
        ),
    )


def _cost(
    costs: Moments, limit: float, fail_limit: float, alphas: Alphas, *, aim: float
) -> GateEvidence:
    """Of the mean cost in USD, against limits in USD; how much is needed is said of ``aim``."""
    seen = _mean_usd(costs)
    return GateEvidence(
        quantity=Quantity.COST,
        effect=seen.value,
        interval=Interval(
            lower=lower_mean(costs, alpha=alphas.fail) / NANO_USD,
            upper=upper_mean(costs, alpha=alphas.pass_) / NANO_USD,
        ),
        limit=limit,
        fail_limit=fail_limit,
        canary=seen,
        n_needed=values_needed(costs, limit=aim * NANO_USD, alpha=alphas.pass_),
    )


def _cost_against(
    gate: CostAgainstStable, canary: Moments, stable: Moments, alphas: Alphas
) -> GateEvidence:
    """Passes under what stable costs at the least, fails over what it costs at the most."""
    of_stable, of_canary = alphas.part(1 - CANARY_PART), alphas.part(CANARY_PART)
    least = lower_mean(stable, alpha=of_stable.pass_) / NANO_USD
    most = upper_mean(stable, alpha=of_stable.fail) / NANO_USD
    seen = _mean_usd(stable)
    limit, fail_limit, aim = (
        max(gate.ratio * usd, 1 / NANO_USD)  # what is free for both keeps to it
        for usd in (least, most, seen.value or 0.0)
    )
    return replace(_cost(canary, limit, fail_limit, of_canary, aim=aim), stable=seen)


def _mean_usd(costs: Moments) -> Reading:
    value = None if costs.mean is None else costs.mean / NANO_USD
    return Reading(n=costs.n, n_events=0, value=value)


def _rate_against(
    gate: (
        ErrorRateAgainstStable | RefusedAgainstStable | ParseRateAgainstStable | ScoreAgainstStable
    ),
    quantity: Quantity,
    canary: Counts,
    stable: Counts,
    alphas: Alphas,
) -> GateEvidence:
    compared = compare_rates(
        stable, canary, alpha_lower=alphas.fail, alpha_upper=alphas.pass_, around=gate.margin
    )
    effect = None
    if canary.rate is not None and stable.rate is not None:
        effect = canary.rate - stable.rate
    return GateEvidence(
        quantity=quantity,
        effect=effect,
        interval=compared.difference,
        limit=gate.margin,
        fail_limit=gate.margin,
        canary=_rate(canary),
        stable=_rate(stable),
        claim=Claim(
            gate=gate.name,
            quantity=quantity,
            events=canary,
            limit=min(compared.stable.lower + gate.margin, _ALMOST_ALL),
            alpha=CANARY_PART * alphas.pass_,
        ),
    )


def _latency(gate: LatencyGate, canary: LatencySketch, alphas: Alphas) -> GateEvidence:
    return _latency_evidence(gate, canary, gate.limit_ms, gate.limit_ms, alphas)


def _latency_against(
    gate: LatencyAgainstStable, canary: LatencySketch, stable: LatencySketch, alphas: Alphas
) -> GateEvidence:
    of_stable, of_canary = alphas.part(1 - CANARY_PART), alphas.part(CANARY_PART)
    known = _quantile_ms(
        gate.quantile, stable, alpha_lower=of_stable.pass_, alpha_upper=of_stable.fail
    )
    limit_ms, fail_limit_ms = gate.allowed_ms(known.lower), gate.allowed_ms(known.upper)
    found = _latency_evidence(gate, canary, limit_ms, fail_limit_ms, of_canary)
    return replace(found, stable=_slow(stable, gate.quantile, limit_ms))


def _latency_evidence(
    gate: LatencyGate | LatencyAgainstStable,
    canary: LatencySketch,
    limit_ms: float,
    fail_limit_ms: float,
    alphas: Alphas,
) -> GateEvidence:
    seen = _slow(canary, gate.quantile, limit_ms)
    return GateEvidence(
        quantity=Quantity.LATENCY,
        effect=seen.value,
        interval=_quantile_ms(
            gate.quantile, canary, alpha_lower=alphas.fail, alpha_upper=alphas.pass_
        ),
        limit=limit_ms,
        fail_limit=fail_limit_ms,
        canary=seen,
        claim=Claim(
            gate=gate.name,
            quantity=Quantity.LATENCY,
            events=Counts(n=seen.n, k=seen.n_events),
            limit=1 - gate.quantile,
            alpha=alphas.pass_,
        ),
    )


def _rate(counts: Counts) -> Reading:
    return Reading(n=counts.n, n_events=round(counts.k), value=counts.rate)


def _slow(sketch: LatencySketch, quantile: float, limit_ms: float) -> Reading:
    value_s = sketch.quantile(quantile)
    return Reading(
        n=sketch.n,
        n_events=sketch.n_over(limit_ms / 1e3),
        value=None if value_s is None else 1e3 * value_s,
    )


def _quantile_ms(
    quantile: float, sketch: LatencySketch, *, alpha_lower: float, alpha_upper: float
) -> Interval:
    bounds_s = quantile_bounds(sketch, quantile, alpha_lower=alpha_lower, alpha_upper=alpha_upper)
    return Interval(lower=1e3 * bounds_s.lower, upper=1e3 * bounds_s.upper)
