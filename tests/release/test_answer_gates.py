"""Gates on answers: parse rate, score and cost, alone and against stable."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from seatrial.release.answer_gates import OF_FORM, AnswerGateConfig, AnswerReleaseConfig, without
from seatrial.release.gate import (
    BadGate,
    CostAgainstStable,
    CostGate,
    Gate,
    Gates,
    ParseRateAgainstStable,
    ParseRateGate,
    ScoreAgainstStable,
    ScoreGate,
)
from seatrial.release.gate_record import gates_from_dict, gates_to_dict
from seatrial.release.judge import claims, judge
from seatrial.release.measurement import UNKNOWN, Summary, quality
from seatrial.release.verdict import Code, Outcome, Verdict

PARSE, SCORE = ParseRateGate(least=0.95), ScoreGate(least=0.8)
COST = CostGate(limit_usd=0.001)
PARSE_AGAINST, SCORE_AGAINST = ParseRateAgainstStable(margin=0.05), ScoreAgainstStable(margin=0.1)
COST_AGAINST = CostAgainstStable(ratio=1.5)
PASS, INCONCLUSIVE, FAIL = Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL


def answered(
    n: int, *, n_unfit: int = 0, cost: str = "0.0005", score: float | None = None
) -> Summary:
    each = [quality(fits=i >= n_unfit, cost_usd=Decimal(cost), score=score) for i in range(n)]
    latency = Summary.of([0.5] * n).latency
    return Summary(latency=latency, quality=sum(each, UNKNOWN))


STABLE = answered(2_000, score=0.9)


def one(gate: Gate, canary: Summary, stable: Summary = STABLE) -> Verdict:
    (verdict,) = judge(Gates(gates=(gate,)), canary, stable).verdicts
    return verdict


@pytest.mark.parametrize(
    ("gate", "canary", "outcome", "code"),
    [
        (PARSE, answered(80), PASS, Code.UNDER_LIMIT),
        (PARSE, answered(40), INCONCLUSIVE, Code.MORE_REQUESTS),
        (PARSE, answered(40, n_unfit=20), FAIL, Code.OVER_LIMIT),
        (PARSE, Summary.of([0.5] * 500), INCONCLUSIVE, Code.NO_REQUESTS),
        (SCORE, answered(100, score=0.95), PASS, Code.UNDER_LIMIT),
        (SCORE, answered(100, score=0.3), FAIL, Code.OVER_LIMIT),
        (SCORE, answered(100), INCONCLUSIVE, Code.NO_REQUESTS),
        (COST, answered(200), PASS, Code.UNDER_LIMIT),
        (COST, answered(99), INCONCLUSIVE, Code.MORE_REQUESTS),
        (COST, answered(30, cost="0.01"), FAIL, Code.OVER_LIMIT),
        (COST, answered(20, cost="0.01"), INCONCLUSIVE, Code.TOO_CLOSE),
        (COST, Summary.of([0.5] * 500), INCONCLUSIVE, Code.NO_REQUESTS),
        (PARSE_AGAINST, answered(200), PASS, Code.UNDER_LIMIT),
        (PARSE_AGAINST, answered(60, n_unfit=30), FAIL, Code.OVER_LIMIT),
        (SCORE_AGAINST, answered(600, score=0.95), PASS, Code.UNDER_LIMIT),
        (SCORE_AGAINST, answered(200, score=0.3), FAIL, Code.OVER_LIMIT),
        (COST_AGAINST, answered(200), PASS, Code.UNDER_LIMIT),
        (COST_AGAINST, answered(30, cost="0.01"), FAIL, Code.OVER_LIMIT),
    ],
)
def test_outcomes(gate: Gate, canary: Summary, outcome: Outcome, code: Code) -> None:
    verdict = one(gate, canary)
    assert (verdict.outcome, verdict.code) == (outcome, code)
    assert verdict.gate == gate.name
    assert verdict.reason


@pytest.mark.parametrize("gate", [PARSE_AGAINST, SCORE_AGAINST, COST_AGAINST])
def test_a_stable_of_which_nothing_is_known_decides_nothing(gate: Gate) -> None:
    canary = answered(500, score=0.9)
    verdict = one(gate, canary, Summary.of([0.5] * 500))
    assert (verdict.outcome, verdict.code) == (INCONCLUSIVE, Code.NO_STABLE_REQUESTS)


@pytest.mark.parametrize(
    ("gate", "canary", "said"),
    [
        (PARSE, answered(80), "unparsed answers 0 % (0 of 80), upper bound 4.2"),
        (SCORE, answered(100, score=0.95), "score lost 5 % (mean of 100 scores), upper bound"),
        (COST, answered(200), "cost of a request 0.0005 USD (mean of 200), upper bound 0.0005"),
        (COST, answered(50), "USD; about 50 more such requests needed"),
        (COST, answered(40, cost="0.000006"), "cost of a request 0.000006 USD"),
        (
            COST_AGAINST,
            answered(30, cost="0.01"),
            "cost of a request 0.01 USD against stable's 0.0005 USD, lower bound",
        ),
        (PARSE_AGAINST, answered(200), "upper bound of the difference"),
    ],
)
def test_a_verdict_says_what_it_saw(gate: Gate, canary: Summary, said: str) -> None:
    assert said in one(gate, canary).reason


def test_what_is_forecast_leaves_costs_out() -> None:
    gates = Gates(gates=(PARSE, SCORE, COST, PARSE_AGAINST, COST_AGAINST))
    asked = claims(gates, answered(10), STABLE)
    assert [claim.gate for claim in asked] == ["parse_rate", "score", "parse_rate_against_stable"]


def test_the_default_asks_of_answers_what_can_be_asked() -> None:
    names = [gate.name for gate in AnswerGateConfig().gates().gates]
    assert names == [
        "error_rate",
        "error_rate_against_stable",
        "p95_against_stable",
        "refused_rate_against_stable",
        "parse_rate_against_stable",
        "score_against_stable",
        "cost_per_request_against_stable",
    ]


def test_a_plan_keeps_all_gates_in_its_record() -> None:
    config = AnswerReleaseConfig.model_validate(
        {"gates": {"parse_rate": 0.95, "score": 0.7, "cost_per_request_usd": 0.002}}
    )
    gates = config.gates.gates()
    assert gates_from_dict(config.plan().gates) == gates
    assert gates_to_dict(gates) == config.plan().gates
    assert {"parse_rate", "score", "cost_per_request"} <= {gate.name for gate in gates.gates}


def test_gates_may_be_switched_off_and_watched_without_counting() -> None:
    config = AnswerGateConfig.model_validate({"against_stable": None, "score": 0.5})
    assert [gate.name for gate in config.gates().gates] == ["error_rate", "score"]
    for name in ("parse_rate", "score", "cost_per_request", "score_against_stable"):
        config = AnswerGateConfig.model_validate(
            {"parse_rate": 0.9, "score": 0.5, "cost_per_request_usd": 1, "dry_run": [name]}
        )
        assert [g.name for g in config.gates().gates if g.dry_run] == [name]


@pytest.mark.parametrize(
    "section",
    [
        {"parse_rate": 1},
        {"score": 0},
        {"cost_per_request_usd": -1},
        {"against_stable": {"cost_ratio": 0.5}},
        {"dry_run": ["parse_rate"]},
    ],
)
def test_numbers_that_make_no_sense_are_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AnswerGateConfig.model_validate(section)
    with pytest.raises(BadGate, match="cheaper than stable"):
        CostAgainstStable(ratio=0.5)
    with pytest.raises(BadGate, match="dollars above 0"):
        CostGate(limit_usd=0)


def test_gates_of_a_kind_can_be_left_out() -> None:
    left = without(Gates(gates=(PARSE, COST, PARSE_AGAINST), alpha=0.1), OF_FORM)
    assert left == Gates(gates=(COST,), alpha=0.1)


def test_a_step_with_a_shadow_is_refused() -> None:
    with pytest.raises(ValidationError, match="each copy would be paid for"):
        AnswerReleaseConfig.model_validate({"steps": [{"share": 0, "shadow": 0.5}]})


def test_what_is_free_may_stay_free_and_may_not_cost() -> None:
    free, few = answered(200, cost="0"), answered(60, cost="0")
    assert one(COST_AGAINST, free, free).outcome is PASS
    assert (one(COST_AGAINST, few, free).code, one(COST_AGAINST, few, free).n_needed) == (
        Code.MORE_REQUESTS,
        40,
    )
    assert one(COST_AGAINST, answered(60), free).outcome is FAIL
    assert one(COST_AGAINST, free).outcome is PASS
