"""The judge: gates and measurements in, verdicts out.

Every gate is judged as a rate by `stats/sequential.py`, so it may be read at every tick. Pure: no
clock, no store.

All gates must pass, so the chance that a version which breaks *any* of them passes is at most alpha
(intersection-union test, Berger 1982, Technometrics 24:295). Any gate may fail, so alpha is split
over them, and the chance that a version which breaks none is failed is at most alpha.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from seatrial.release.gate import (
    AbsoluteGate,
    ErrorRateAgainstStable,
    ErrorRateGate,
    Gate,
    Gates,
    LatencyAgainstStable,
    LatencyGate,
)
from seatrial.release.measurement import Summary
from seatrial.release.verdict import Code, Judgement, Outcome, Quantity, Reading, Verdict, worst
from seatrial.stats.compare import CANARY_PART, compare_rates
from seatrial.stats.counts import Counts, Interval
from seatrial.stats.quantiles import quantile_bounds
from seatrial.stats.sequential import lower_bound, requests_needed, upper_bound
from seatrial.stats.sketches import LatencySketch

_ALMOST_ALL = 1 - 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alphas:
    """Chances of error: of passing wrongly, of failing wrongly."""

    pass_: float
    fail: float

    def part(self, share: float) -> _Alphas:
        return _Alphas(pass_=share * self.pass_, fail=share * self.fail)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """What a gate found; see Verdict. Passes under ``limit``, fails over ``fail_limit``.

    ``events`` must be shown to be rarer than ``event_limit`` with ``event_alpha`` for the gate to
    pass: the same question as the interval's upper bound, asked in requests.
    """

    quantity: Quantity
    effect: float | None
    interval: Interval
    limit: float
    fail_limit: float
    canary: Reading
    stable: Reading | None = None
    events: Counts
    event_limit: float
    event_alpha: float


def judge(gates: Gates, canary: Summary, stable: Summary | None) -> Judgement:
    """What the evidence says about a canary.

    The summaries must cover all slices since the canary got its first request, so that the evidence
    of all looks is one process. May be called at every tick; the first PASS or FAIL is final.

    Args:
        gates: what is asked.
        canary: what the version on trial did.
        stable: what the version in production did over the same slices; None when there is none,
            and then gates against it are left out. An empty one makes them inconclusive.

    Returns: PASS when every gate that counts passes, FAIL when any does, else INCONCLUSIVE.
    """
    asked = _asked(gates, stable)
    alphas = _alphas(gates, asked)
    verdicts = tuple(_verdict(g, _find(g, canary, stable, alphas), alphas) for g in asked)
    return Judgement(outcome=worst(v.outcome for v in verdicts if not v.dry_run), verdicts=verdicts)


def requests_to_pass(
    gates: Gates,
    canary: Summary,
    stable: Summary | None,
    *,
    error_rate: float = 0.0,
    slow_share: float = 0.0,
) -> dict[str, int | None]:
    """How many further answers each gate that counts would need to pass.

    Args:
        gates: what is asked.
        canary: what the version on trial did so far.
        stable: as in `judge`; its rates are taken as they are known now.
        error_rate: share of the further answers that will be errors, in [0, 1).
        slow_share: share of them that will be over a latency gate's limit, in [0, 1).

    Returns: by gate: answers, or None when the gate would never pass.
    """
    asked = _asked(gates, stable)
    alphas = _alphas(gates, asked)
    needed = {}
    for gate in asked:
        if not gate.dry_run:
            found = _find(gate, canary, stable, alphas)
            by_error = found.quantity is Quantity.ERROR_RATE
            needed[gate.name] = _requests(found, error_rate if by_error else slow_share)
    return needed


def _asked(gates: Gates, stable: Summary | None) -> list[Gate]:
    return [g for g in gates.gates if stable is not None or isinstance(g, AbsoluteGate)]


def _alphas(gates: Gates, asked: list[Gate]) -> _Alphas:
    n_counted = sum(not gate.dry_run for gate in asked)
    return _Alphas(pass_=gates.alpha, fail=gates.alpha / max(1, n_counted))


def _find(gate: Gate, canary: Summary, stable: Summary | None, alphas: _Alphas) -> _Evidence:
    other = stable or Summary.empty()
    match gate:
        case ErrorRateGate():
            return _error_rate(gate, canary.error_counts, alphas)
        case LatencyGate():
            return _latency(gate, canary.latency, alphas)
        case ErrorRateAgainstStable():
            return _error_rate_against(gate, canary.error_counts, other.error_counts, alphas)
        case LatencyAgainstStable():
            return _latency_against(gate, canary.latency, other.latency, alphas)
        case _:
            assert_never(gate)


def _error_rate(gate: ErrorRateGate, counts: Counts, alphas: _Alphas) -> _Evidence:
    return _Evidence(
        quantity=Quantity.ERROR_RATE,
        effect=counts.rate,
        interval=Interval(
            lower=lower_bound(counts, alpha=alphas.fail, around=gate.limit),
            upper=upper_bound(counts, alpha=alphas.pass_),
        ),
        limit=gate.limit,
        fail_limit=gate.limit,
        canary=_errors(counts),
        events=counts,
        event_limit=gate.limit,
        event_alpha=alphas.pass_,
    )


def _error_rate_against(
    gate: ErrorRateAgainstStable, canary: Counts, stable: Counts, alphas: _Alphas
) -> _Evidence:
    compared = compare_rates(
        stable, canary, alpha_lower=alphas.fail, alpha_upper=alphas.pass_, around=gate.margin
    )
    effect = None
    if canary.rate is not None and stable.rate is not None:
        effect = canary.rate - stable.rate
    return _Evidence(
        quantity=Quantity.ERROR_RATE,
        effect=effect,
        interval=compared.difference,
        limit=gate.margin,
        fail_limit=gate.margin,
        canary=_errors(canary),
        stable=_errors(stable),
        events=canary,
        event_limit=min(compared.stable.lower + gate.margin, _ALMOST_ALL),
        event_alpha=CANARY_PART * alphas.pass_,
    )


def _latency(gate: LatencyGate, canary: LatencySketch, alphas: _Alphas) -> _Evidence:
    limit_ms = gate.limit_ms
    return _latency_evidence(gate.quantile, canary, limit_ms, limit_ms, alphas)


def _latency_against(
    gate: LatencyAgainstStable, canary: LatencySketch, stable: LatencySketch, alphas: _Alphas
) -> _Evidence:
    of_stable, of_canary = alphas.part(1 - CANARY_PART), alphas.part(CANARY_PART)
    known = _quantile_ms(
        gate.quantile, stable, alpha_lower=of_stable.pass_, alpha_upper=of_stable.fail
    )
    limit_ms, fail_limit_ms = gate.allowed_ms(known.lower), gate.allowed_ms(known.upper)
    found = _latency_evidence(gate.quantile, canary, limit_ms, fail_limit_ms, of_canary)
    return replace(found, stable=_slow(stable, gate.quantile, limit_ms))


def _latency_evidence(
    quantile: float, canary: LatencySketch, limit_ms: float, fail_limit_ms: float, alphas: _Alphas
) -> _Evidence:
    seen = _slow(canary, quantile, limit_ms)
    return _Evidence(
        quantity=Quantity.LATENCY,
        effect=seen.value,
        interval=_quantile_ms(quantile, canary, alpha_lower=alphas.fail, alpha_upper=alphas.pass_),
        limit=limit_ms,
        fail_limit=fail_limit_ms,
        canary=seen,
        events=Counts(n=seen.n, k=seen.n_events),
        event_limit=1 - quantile,
        event_alpha=alphas.pass_,
    )


def _verdict(gate: Gate, found: _Evidence, alphas: _Alphas) -> Verdict:
    n_needed = n_expected = None
    outcome, code = _weigh(found)
    if outcome is Outcome.INCONCLUSIVE and code is not Code.NO_STABLE_REQUESTS:
        n_needed = n_expected = _requests(found, 0.0)
        if found.events.k:
            n_expected = _requests(found, found.events.rate or 0.0)
        if n_expected is None and code is Code.MORE_REQUESTS:
            code = Code.TOO_CLOSE
    return Verdict(
        gate=gate.name,
        quantity=found.quantity,
        outcome=outcome,
        code=code,
        effect=found.effect,
        interval=found.interval,
        limit=found.fail_limit if outcome is Outcome.FAIL else found.limit,
        canary=found.canary,
        stable=found.stable,
        n_needed=n_needed,
        n_expected=n_expected,
        alpha=alphas.pass_,
        alpha_fail=alphas.fail,
        dry_run=gate.dry_run,
    )


def _weigh(found: _Evidence) -> tuple[Outcome, Code]:
    if found.canary.n == 0:
        return Outcome.INCONCLUSIVE, Code.NO_REQUESTS
    if found.stable is not None and found.stable.n == 0:
        return Outcome.INCONCLUSIVE, Code.NO_STABLE_REQUESTS
    if found.interval.lower >= found.fail_limit:
        return Outcome.FAIL, Code.OVER_LIMIT
    if found.interval.upper <= found.limit:
        return Outcome.PASS, Code.UNDER_LIMIT
    return Outcome.INCONCLUSIVE, Code.MORE_REQUESTS


def _requests(found: _Evidence, rate: float) -> int | None:
    return requests_needed(
        found.events, limit=found.event_limit, alpha=found.event_alpha, rate=rate
    )


def _errors(counts: Counts) -> Reading:
    return Reading(n=counts.n, n_events=counts.k, value=counts.rate)


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
