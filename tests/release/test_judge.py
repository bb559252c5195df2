from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seatrial.release.gate import (
    ErrorRateAgainstStable,
    ErrorRateGate,
    Gate,
    Gates,
    LatencyAgainstStable,
    LatencyGate,
    RefusedAgainstStable,
)
from seatrial.release.judge import claims, judge
from seatrial.release.measurement import Summary
from seatrial.release.verdict import Code, Judgement, Outcome, Verdict
from seatrial.stats.sequential import requests_needed

ERRORS = ErrorRateGate(limit=0.001)
P95 = LatencyGate(limit_ms=100)
ERRORS_AGAINST = ErrorRateAgainstStable(margin=0.001)
P95_AGAINST = LatencyAgainstStable(ratio=1.5, slack_ms=5)
REFUSED_AGAINST = RefusedAgainstStable(margin=0.01)
ALL = Gates(gates=(ERRORS, P95, ERRORS_AGAINST, P95_AGAINST, REFUSED_AGAINST))
PASS, INCONCLUSIVE, FAIL = Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL


def summary(
    n: int, *, n_errors: int = 0, n_slow: int = 0, ms: float = 20.0, n_refused: int = 0
) -> Summary:
    """Answers of ``ms``, some of them ten times slower, and refused requests beside them."""
    latencies = np.full(n, ms / 1e3)
    latencies[:n_slow] *= 10
    return Summary.of(latencies, errors={"timeout": n_errors}, n_rejected=n_refused)


STABLE = summary(76_000, n_errors=8, n_slow=700)


def one(gate: Gate, canary: Summary, stable: Summary | None = STABLE) -> Verdict:
    (verdict,) = judge(Gates(gates=(gate,)), canary, stable).verdicts
    return verdict


def outcomes(judgement: Judgement) -> list[Outcome]:
    return [v.outcome for v in judgement.verdicts]


# Each gate.


@pytest.mark.parametrize(
    ("gate", "canary", "outcome", "code"),
    [
        (ERRORS, summary(3_478), PASS, Code.UNDER_LIMIT),
        (ERRORS, summary(3_477), INCONCLUSIVE, Code.MORE_REQUESTS),
        (ERRORS, summary(1_200, n_errors=1), INCONCLUSIVE, Code.MORE_REQUESTS),
        (ERRORS, summary(5_000, n_errors=6), INCONCLUSIVE, Code.TOO_CLOSE),
        (ERRORS, summary(10, n_errors=5), FAIL, Code.OVER_LIMIT),
        (P95, summary(100), PASS, Code.UNDER_LIMIT),
        (P95, summary(40), INCONCLUSIVE, Code.MORE_REQUESTS),
        (P95, summary(100, n_slow=20), FAIL, Code.OVER_LIMIT),
        (P95, summary(100, ms=101.5), FAIL, Code.OVER_LIMIT),
        (ERRORS_AGAINST, summary(4_000), PASS, Code.UNDER_LIMIT),
        (ERRORS_AGAINST, summary(2_000), INCONCLUSIVE, Code.MORE_REQUESTS),
        (ERRORS_AGAINST, summary(400, n_errors=12), FAIL, Code.OVER_LIMIT),
        (P95_AGAINST, summary(300, ms=24), PASS, Code.UNDER_LIMIT),
        (P95_AGAINST, summary(300, ms=29.99), INCONCLUSIVE, Code.TOO_CLOSE),
        (P95_AGAINST, summary(300, ms=40), FAIL, Code.OVER_LIMIT),
        (REFUSED_AGAINST, summary(400), PASS, Code.UNDER_LIMIT),
        (REFUSED_AGAINST, summary(300), INCONCLUSIVE, Code.MORE_REQUESTS),
        (REFUSED_AGAINST, summary(0, n_refused=12), FAIL, Code.OVER_LIMIT),
        (REFUSED_AGAINST, summary(95, n_refused=9), FAIL, Code.OVER_LIMIT),
    ],
)
def test_a_gate_says_what_the_evidence_says(
    gate: Gate, canary: Summary, outcome: Outcome, code: Code
) -> None:
    verdict = one(gate, canary)
    assert (verdict.outcome, verdict.code) == (outcome, code)


@given(st.integers(0, 20_000), st.floats(0, 0.2), st.floats(0, 0.3), st.floats(1, 300))
def test_a_verdict_is_its_interval_held_against_its_limit(
    n: int, error_rate: float, slow_share: float, ms: float
) -> None:
    canary = summary(n, n_errors=round(n * error_rate), n_slow=round(n * slow_share), ms=ms)
    for v in judge(ALL, canary, STABLE).verdicts:
        assert v.interval.lower <= v.interval.upper
        if n:
            assert (v.outcome is PASS) == (v.interval.upper <= v.limit)
            if v.outcome is FAIL:
                assert v.interval.lower >= v.limit
        assert (v.n_needed is not None) == (v.outcome is INCONCLUSIVE)


@pytest.mark.parametrize("gate", ALL.gates)
@pytest.mark.parametrize(
    "seen", [summary(0), summary(30), summary(1_000, n_errors=1, n_slow=45, n_refused=6)]
)
def test_the_requests_said_to_be_needed_are_enough(gate: Gate, seen: Summary) -> None:
    needed = one(gate, seen).n_needed
    assert needed
    assert one(gate, seen + summary(needed)).outcome is PASS
    assert one(gate, seen + summary(needed - 1)).outcome is INCONCLUSIVE


def test_latency_in_the_limits_own_bucket_neither_passes_nor_fails() -> None:
    verdict = one(P95, summary(10_000, ms=100.0))
    assert verdict.outcome is INCONCLUSIVE
    assert verdict.interval.lower < 100 < verdict.interval.upper


def test_a_canary_is_not_failed_for_errors_that_stable_makes_too() -> None:
    verdict = one(ERRORS_AGAINST, summary(4_000, n_errors=40), summary(76_000, n_errors=760))
    assert verdict.outcome is INCONCLUSIVE
    assert verdict.effect == pytest.approx(0)


def test_a_canary_that_refuses_every_client_fails_though_it_answered_nothing() -> None:
    judgement = judge(ALL, summary(0, n_refused=20), STABLE)
    assert judgement.outcome is FAIL
    assert [v.gate for v in judgement.deciding] == ["refused_rate_against_stable"]
    assert "refused requests 100 % against stable's 0 %" in judgement.reason


def test_a_canary_is_not_failed_for_refusing_what_stable_refuses_too() -> None:
    rubbish = summary(800, n_refused=200), summary(15_200, n_refused=3_800)
    assert one(REFUSED_AGAINST, *rubbish).outcome is INCONCLUSIVE


def test_a_canary_that_takes_what_stable_refuses_passes() -> None:
    assert one(REFUSED_AGAINST, summary(400), summary(0, n_refused=7_600)).outcome is PASS


def test_differences_of_latency_within_the_slack_never_matter() -> None:
    fast = summary(5_000, ms=0.3)
    assert one(P95_AGAINST, summary(500, ms=3.0), fast).outcome is PASS


# All gates together.


def test_every_gate_must_pass_and_any_may_fail() -> None:
    assert outcomes(judge(ALL, summary(4_000), STABLE)) == [PASS] * 5
    assert judge(ALL, summary(4_000), STABLE).outcome is PASS
    assert judge(ALL, summary(1_000), STABLE).outcome is INCONCLUSIVE
    assert judge(ALL, summary(1_000, n_slow=400), STABLE).outcome is FAIL


def test_no_data_is_inconclusive_for_every_gate() -> None:
    judgement = judge(ALL, Summary.empty(), STABLE)
    assert judgement.outcome is INCONCLUSIVE
    assert {v.code for v in judgement.verdicts} == {Code.NO_REQUESTS}
    shed = Summary.of([], n_shed=10_000)
    assert judge(ALL, shed, STABLE).outcome is INCONCLUSIVE


def test_a_stable_that_answered_nothing_cannot_be_compared_with() -> None:
    judgement = judge(ALL, summary(9_000), Summary.empty())
    assert judgement.outcome is INCONCLUSIVE
    assert [v.code for v in judgement.deciding] == [Code.NO_STABLE_REQUESTS] * 3


def test_without_a_stable_its_gates_are_left_out() -> None:
    judgement = judge(ALL, summary(4_000), None)
    assert [v.gate for v in judgement.verdicts] == ["error_rate", "p95"]
    assert judgement.outcome is PASS


def test_without_a_gate_nothing_passes() -> None:
    assert judge(Gates(gates=()), summary(10**5), None).outcome is INCONCLUSIVE
    only_relative = Gates(gates=(ERRORS_AGAINST,))
    assert judge(only_relative, summary(10**5), None).outcome is INCONCLUSIVE


def test_a_dry_run_is_shown_but_not_counted() -> None:
    dry = Gates(gates=(ErrorRateGate(limit=0.001, dry_run=True), P95))
    judgement = judge(dry, summary(1_000, n_errors=500), None)
    assert outcomes(judgement) == [FAIL, PASS]
    assert judgement.outcome is PASS
    only_dry = Gates(gates=(ErrorRateGate(limit=0.001, dry_run=True),))
    assert judge(only_dry, summary(10**5), None).outcome is INCONCLUSIVE


def test_alpha_is_split_for_failing_and_whole_for_passing() -> None:
    for gates in (ALL, Gates(gates=(ERRORS, P95)), Gates(gates=(ERRORS,))):
        verdicts = judge(gates, summary(10), STABLE).verdicts
        assert {v.alpha for v in verdicts} == {0.05}
        assert sum(v.alpha_fail for v in verdicts) == pytest.approx(0.05)
        parts = {v.alpha_fail for v in verdicts if v.gate != REFUSED_AGAINST.name}
        assert len(parts) == 1


def test_the_gate_on_refusals_takes_a_tenth_of_what_each_other_has() -> None:
    *others, refused = judge(ALL, summary(10), STABLE).verdicts
    assert refused.alpha_fail == pytest.approx(others[0].alpha_fail / 10)


def test_a_dry_run_takes_nothing_from_those_that_count() -> None:
    dry = replace(P95, dry_run=True)
    verdicts = judge(Gates(gates=(ERRORS, dry)), summary(10), STABLE).verdicts
    assert verdicts[0].alpha_fail == 0.05


def test_claims_are_what_the_gates_still_wait_for() -> None:
    seen = summary(1_000)
    judgement = judge(ALL, seen, STABLE)
    for claim, v in zip(claims(ALL, seen, STABLE), judgement.verdicts, strict=True):
        assert claim.gate == v.gate
        needed = requests_needed(claim.events, limit=claim.limit, alpha=claim.alpha)
        assert needed == (v.n_needed or 0)


# Probabilities of error of the whole, looking at every slice.


def _ends(
    *, error_rate: float, slow_share: float, n_trials: int, stable_rate: float = 0.0005
) -> tuple[int, int]:
    """How many canaries ever pass, ever fail, in 6,000 requests seen slice by slice."""
    rng = np.random.default_rng(5)
    gates = Gates(gates=(ErrorRateGate(limit=0.01), P95, ErrorRateAgainstStable(margin=0.01)))
    n_passed = n_failed = 0
    for _ in range(n_trials):
        canary = stable = Summary.empty()
        outcome = INCONCLUSIVE
        for n in np.diff(np.geomspace(50, 6_000, 15).astype(int), prepend=0):
            canary += summary(
                n, n_errors=rng.binomial(n, error_rate), n_slow=rng.binomial(n, slow_share)
            )
            stable += summary(19 * n, n_errors=rng.binomial(19 * n, stable_rate))
            outcome = judge(gates, canary, stable).outcome
            if outcome is not INCONCLUSIVE:
                break
        n_passed += outcome is PASS
        n_failed += outcome is FAIL
    return n_passed, n_failed


@pytest.mark.slow
@pytest.mark.parametrize(("error_rate", "slow_share"), [(0.01, 0.01), (0.001, 0.05)])
def test_a_canary_at_one_limit_passes_no_more_often_than_alpha(
    error_rate: float, slow_share: float
) -> None:
    n_passed, _ = _ends(error_rate=error_rate, slow_share=slow_share, n_trials=60)
    assert n_passed <= stats.binom.ppf(1 - 1e-6, 60, 0.05)


@pytest.mark.slow
def test_a_canary_at_every_limit_is_failed_no_more_often_than_alpha() -> None:
    _, n_failed = _ends(error_rate=0.01, slow_share=0.05, stable_rate=0.0, n_trials=60)
    assert n_failed <= stats.binom.ppf(1 - 1e-6, 60, 0.05)


@pytest.mark.slow
def test_good_canaries_pass_and_bad_ones_fail() -> None:
    assert _ends(error_rate=0.001, slow_share=0.01, n_trials=20) == (20, 0)
    assert _ends(error_rate=0.05, slow_share=0.01, n_trials=20) == (0, 20)
    assert _ends(error_rate=0.001, slow_share=0.15, n_trials=20) == (0, 20)
