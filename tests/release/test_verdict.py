import json
import math
from dataclasses import replace
from itertools import product

import pytest

from seatrial.release.verdict import Code, Judgement, Outcome, Quantity, Reading, Verdict, worst
from seatrial.stats.counts import Interval

UNSURE = Verdict(
    gate="error_rate",
    quantity=Quantity.ERROR_RATE,
    outcome=Outcome.INCONCLUSIVE,
    code=Code.MORE_REQUESTS,
    effect=0.0,
    interval=Interval(lower=0.0, upper=0.0025),
    limit=0.001,
    canary=Reading(n=1200, n_events=0, value=0.0),
    stable=None,
    n_needed=2278,
    n_expected=2278,
    alpha=0.05,
    alpha_fail=0.0125,
    dry_run=False,
)
PASSED = replace(
    UNSURE,
    outcome=Outcome.PASS,
    code=Code.UNDER_LIMIT,
    interval=Interval(lower=0.0, upper=0.000_999_97),
    n_needed=None,
    n_expected=None,
)
FAILED = replace(
    UNSURE,
    gate="p95_against_stable",
    quantity=Quantity.LATENCY,
    outcome=Outcome.FAIL,
    code=Code.OVER_LIMIT,
    effect=117.4,
    interval=Interval(lower=94.9, upper=131.0),
    limit=82.9,
    canary=Reading(n=400, n_events=33, value=117.4),
    stable=Reading(n=60_000, n_events=12, value=53.7),
    n_needed=None,
    n_expected=None,
)


def test_the_worst_outcome_wins_whatever_the_order() -> None:
    order = [Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL]
    for a, b in product(order, order):
        assert worst([a, b]) is worst([b, a]) is max(a, b, key=order.index)


def test_nothing_judged_is_inconclusive() -> None:
    assert worst([]) is Outcome.INCONCLUSIVE
    empty = Judgement(outcome=worst([]), verdicts=())
    assert empty.reason == "no gate counts, so nothing was judged"
    assert empty.n_needed is None


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (
            UNSURE,
            "error rate 0 % (0 of 1,200), upper bound 0.25 % is over the limit 0.1 %; about 2,300 "
            "more error-free requests needed",
        ),
        (
            replace(UNSURE, n_expected=9_001),
            "error rate 0 % (0 of 1,200), upper bound 0.25 % is over the limit 0.1 %; about 2,300 "
            "more error-free requests needed, 9,100 if it goes on like this",
        ),
        (
            replace(UNSURE, code=Code.TOO_CLOSE, n_expected=None),
            "error rate 0 % (0 of 1,200), upper bound 0.25 % is over the limit 0.1 % and going on "
            "like this will not bring it under; about 2,300 more error-free requests needed",
        ),
        (
            replace(UNSURE, code=Code.NO_REQUESTS),
            "error rate: no request yet; about 2,300 more error-free requests needed",
        ),
        (
            replace(
                UNSURE,
                code=Code.NO_REQUESTS,
                stable=Reading(n=9, n_events=0, value=0.0),
                n_needed=None,
            ),
            "error rate against stable: no request yet",
        ),
        (
            replace(
                UNSURE,
                quantity=Quantity.REFUSED_RATE,
                outcome=Outcome.FAIL,
                code=Code.OVER_LIMIT,
                effect=0.5,
                interval=Interval(lower=0.21, upper=0.9),
                limit=0.01,
                canary=Reading(n=20, n_events=10, value=0.5),
                stable=Reading(n=400, n_events=0, value=0.0),
                n_needed=None,
                n_expected=None,
            ),
            "refused requests 50 % against stable's 0 %, lower bound of the difference 21 % is "
            "over the margin 1 %",
        ),
        (
            replace(UNSURE, code=Code.NO_STABLE_REQUESTS),
            "error rate against stable: stable has answered no request to compare with",
        ),
        (
            PASSED,
            "error rate 0 % (0 of 1,200), upper bound 0.099997 % is under the limit 0.1 %",
        ),
        (
            replace(PASSED, stable=Reading(n=9, n_events=0, value=0.0)),
            "error rate 0 % against stable's 0 %, upper bound of the difference 0.099997 % is "
            "under the margin 0.1 %",
        ),
        (
            FAILED,
            "p95 117 ms against stable's 53.7 ms, lower bound 94.9 ms is over the allowed 82.9 ms",
        ),
        (
            replace(FAILED, gate="p95", stable=None),
            "p95 117 ms (33 of 400 slower than 82.9 ms), lower bound 94.9 ms is over the limit "
            "82.9 ms",
        ),
        (
            replace(
                FAILED,
                gate="p99",
                stable=None,
                outcome=Outcome.INCONCLUSIVE,
                code=Code.MORE_REQUESTS,
                interval=Interval(lower=0.0, upper=math.inf),
                n_needed=7,
            ),
            "p99 117 ms (33 of 400 slower than 82.9 ms), upper bound, not known yet, is over the "
            "limit 82.9 ms; about 7 more fast requests needed",
        ),
    ],
)
def test_a_verdict_says_its_evidence_in_one_sentence(verdict: Verdict, sentence: str) -> None:
    assert verdict.reason == sentence


def test_the_reason_of_a_judgement_is_that_of_the_gates_that_decided() -> None:
    dry = replace(FAILED, gate="p99", dry_run=True)
    judgement = Judgement(outcome=Outcome.FAIL, verdicts=(PASSED, FAILED, dry, UNSURE))
    assert judgement.deciding == (FAILED,)
    assert judgement.reason == FAILED.reason
    assert judgement.n_needed is None


def test_what_is_needed_is_what_the_slowest_open_gate_needs() -> None:
    other = replace(UNSURE, n_needed=60, n_expected=5_000)
    judgement = Judgement(outcome=Outcome.INCONCLUSIVE, verdicts=(UNSURE, other, PASSED))
    assert (judgement.n_needed, judgement.n_expected) == (2278, 5_000)
    stuck = replace(other, n_expected=None)
    assert Judgement(outcome=Outcome.INCONCLUSIVE, verdicts=(UNSURE, stuck)).n_expected is None


def test_a_judgement_is_json_with_null_for_what_is_unknown() -> None:
    unknown = replace(UNSURE, interval=Interval(lower=0.0, upper=math.inf))
    judgement = Judgement(outcome=Outcome.INCONCLUSIVE, verdicts=(unknown, FAILED))
    record = json.loads(json.dumps(judgement.as_dict(), allow_nan=False))
    assert record["outcome"] == "inconclusive"
    assert record["verdicts"][0]["interval"] == {"lower": 0.0, "upper": None}
    assert record["verdicts"][1]["code"] == "gate.over_limit"
    assert record["verdicts"][1]["stable"] == {"n": 60_000, "n_events": 12, "value": 53.7}
    assert record["verdicts"][1]["reason"] == FAILED.reason
