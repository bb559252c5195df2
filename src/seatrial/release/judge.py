"""The judge: gates and measurements in, verdicts out.

What a single gate finds is in `release/gate_evidence.py`. Pure: no clock, no store.

All gates must pass, so the chance that a version which breaks *any* of them passes is at most alpha
(intersection-union test, Berger 1982, Technometrics 24:295). Any gate may fail, so alpha is split
over them, by weight (Bonferroni), and the chance that a version which breaks none is failed is at
most alpha.
"""

from __future__ import annotations

from seatrial.release.gate import AbsoluteGate, Gate, Gates, RefusedAgainstStable
from seatrial.release.gate_evidence import Alphas, Claim, GateEvidence, find
from seatrial.release.measurement import Summary
from seatrial.release.verdict import Code, Judgement, Outcome, Verdict, worst
from seatrial.stats.sequential import requests_needed

_LIGHT = 0.1
"""Weight of the gate on refused requests among the others, which have 1, when alpha is split for
FAIL. A version that does not fit its clients refuses nearly all of them and is found with little;
a full part would make the other gates a tenth slower."""


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
    verdicts = tuple(
        _verdict(g, find(g, canary, stable, a), a) for g, a in zip(asked, alphas, strict=True)
    )
    return Judgement(outcome=worst(v.outcome for v in verdicts if not v.dry_run), verdicts=verdicts)


def claims(gates: Gates, canary: Summary, stable: Summary | None) -> tuple[Claim, ...]:
    """What each gate that counts asks the canary to show, given what is known of stable now; gates
    on costs, which are no rates, are left out.

    Args: as for `judge`.
    """
    asked = _asked(gates, stable)
    alphas = _alphas(gates, asked)
    found = (
        find(gate, canary, stable, a).claim
        for gate, a in zip(asked, alphas, strict=True)
        if not gate.dry_run
    )
    return tuple(claim for claim in found if claim is not None)


def _asked(gates: Gates, stable: Summary | None) -> list[Gate]:
    return [g for g in gates.gates if stable is not None or isinstance(g, AbsoluteGate)]


def _alphas(gates: Gates, asked: list[Gate]) -> list[Alphas]:
    """Of each gate; one in dry run has the part it would have beside those that count."""
    whole = sum(_weight(gate) for gate in asked if not gate.dry_run) or 1.0
    shares = (min(1.0, _weight(gate) / whole) for gate in asked)
    return [Alphas(pass_=gates.alpha, fail=share * gates.alpha) for share in shares]


def _weight(gate: Gate) -> float:
    return _LIGHT if isinstance(gate, RefusedAgainstStable) else 1.0


def _verdict(gate: Gate, found: GateEvidence, alphas: Alphas) -> Verdict:
    n_needed = n_expected = None
    outcome, code = _weigh(found)
    if outcome is Outcome.INCONCLUSIVE and code is not Code.NO_STABLE_REQUESTS:
        n_needed = n_expected = found.n_needed
        if found.claim is not None:
            n_needed = n_expected = _requests(found.claim, 0.0)
            if found.claim.events.k:
                n_expected = _requests(found.claim, found.claim.events.rate or 0.0)
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


def _weigh(found: GateEvidence) -> tuple[Outcome, Code]:
    if found.canary.n == 0:
        return Outcome.INCONCLUSIVE, Code.NO_REQUESTS
    if found.stable is not None and found.stable.n == 0:
        return Outcome.INCONCLUSIVE, Code.NO_STABLE_REQUESTS
    if found.interval.lower >= found.fail_limit:
        return Outcome.FAIL, Code.OVER_LIMIT
    if found.interval.upper <= found.limit:
        return Outcome.PASS, Code.UNDER_LIMIT
    return Outcome.INCONCLUSIVE, Code.MORE_REQUESTS


def _requests(claim: Claim, rate: float) -> int | None:
    return requests_needed(claim.events, limit=claim.limit, alpha=claim.alpha, rate=rate)
