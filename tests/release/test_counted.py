import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.release.counted import (
    Counted,
    CountsImpossible,
    LimitBetweenEdges,
    Seen,
    judge_counted,
)
from seatrial.release.gate import (
    ErrorRateAgainstStable,
    ErrorRateGate,
    Gates,
    LatencyAgainstStable,
    LatencyGate,
    RefusedAgainstStable,
    ScoreGate,
)
from seatrial.release.judge import judge
from seatrial.release.measurement import Summary
from seatrial.release.verdict import Outcome
from seatrial.serving.metrics import BUCKETS_S

ABSOLUTE = Gates(gates=(ErrorRateGate(limit=0.001), LatencyGate(limit_ms=100)))
EVERY = Gates(
    gates=(
        *ABSOLUTE.gates,
        ErrorRateAgainstStable(margin=0.001),
        LatencyAgainstStable(ratio=1.5, slack_ms=5),
        RefusedAgainstStable(margin=0.01),
        ScoreGate(least=0.8),
    )
)


def counted(n: int, *, errors: int = 0, slow: int = 0, refused: int | None = 0) -> Counted:
    edges = {0.05: n - slow, 0.1: n - slow, 0.2: n, math.inf: n}
    return Counted(requests=n, errors=errors, refused=refused, at_most_s=edges)


def seen(canary: Counted, stable: Counted | None = None, *, watched_s: float = 3600) -> Seen:
    return Seen(canary=canary, stable=stable, watched_s=watched_s)


def test_enough_good_answers_pass_once_the_watch_is_over() -> None:
    judged = judge_counted(ABSOLUTE, seen(counted(5000)), watch_s=3600)
    assert judged.outcome is Outcome.PASS
    early = judge_counted(ABSOLUTE, seen(counted(5000), watched_s=600), watch_s=3600)
    assert early.outcome is Outcome.INCONCLUSIVE
    assert early.reason.startswith("watched 10 min of 1 h; so far: error rate 0 % (0 of 5,000)")
    assert early.as_dict()["verdict"] == "inconclusive"


def test_a_bad_canary_fails_at_once_however_short_the_watch() -> None:
    judged = judge_counted(ABSOLUTE, seen(counted(20, errors=10), watched_s=5), watch_s=3600)
    assert judged.outcome is Outcome.FAIL
    slow = judge_counted(ABSOLUTE, seen(counted(300, slow=150), watched_s=5), watch_s=3600)
    assert slow.outcome is Outcome.FAIL
    assert "p95" in slow.reason


def test_nothing_passes_because_nothing_was_counted() -> None:
    for stable in (None, counted(0), counted(100_000)):
        nothing = Counted(requests=0, errors=0)
        judged = judge_counted(EVERY, seen(nothing, stable), watch_s=0)
        assert judged.outcome is Outcome.INCONCLUSIVE


def test_gates_that_counters_cannot_answer_are_named() -> None:
    judged = judge_counted(EVERY, seen(counted(9000), counted(90_000)), watch_s=0)
    assert judged.left_out == ("p95_against_stable", "score")
    without = replace(counted(9000, refused=None), at_most_s=None)
    judged = judge_counted(EVERY, seen(without), watch_s=0)
    assert set(judged.left_out) == {
        "p95",
        "error_rate_against_stable",
        "p95_against_stable",
        "refused_rate_against_stable",
        "score",
    }


def test_a_canary_that_is_worse_than_stable_fails_though_it_keeps_the_limit() -> None:
    gates = Gates(gates=(ErrorRateGate(limit=0.2), ErrorRateAgainstStable(margin=0.01)))
    judged = judge_counted(
        gates, seen(counted(5000, errors=500), counted(50_000, errors=50)), watch_s=0
    )
    assert judged.outcome is Outcome.FAIL
    assert "against stable" in judged.reason


def test_a_limit_that_no_edge_decides_is_refused() -> None:
    gates = Gates(gates=(LatencyGate(limit_ms=150),))
    with pytest.raises(LimitBetweenEdges, match=r"150 ms.*50, 100, 200 ms"):
        judge_counted(gates, seen(counted(100)), watch_s=0)


@given(
    buckets=st.lists(st.integers(0, len(BUCKETS_S) - 1), min_size=1, max_size=400),
    errors=st.integers(0, 5),
    times=st.sampled_from([1, 10]),
    limit_s=st.sampled_from([0.05, 0.1, 0.25]),
)
def test_the_verdict_is_that_of_the_answers_themselves(
    buckets: list[int], errors: int, times: int, limit_s: float
) -> None:
    edges = (0.0, *BUCKETS_S)
    latencies = [(edges[b] + edges[b + 1]) / 2 for b in buckets] * times
    errors = min(errors, len(latencies))
    canary = Counted(
        requests=len(latencies),
        errors=errors,
        at_most_s={edge: sum(x <= edge for x in latencies) for edge in (*BUCKETS_S, math.inf)},
    )
    gates = Gates(gates=(ErrorRateGate(limit=0.01), LatencyGate(limit_ms=1e3 * limit_s)))
    exact = judge(gates, Summary.of(latencies, errors={"any": errors}), None)
    found = judge_counted(gates, seen(canary), watch_s=0).judgement
    assert [v.outcome for v in found.verdicts] == [v.outcome for v in exact.verdicts]
    assert [v.canary.n_events for v in found.verdicts] == [
        v.canary.n_events for v in exact.verdicts
    ]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"requests": 5, "errors": 6}, "6 errors in 5 requests"),
        ({"requests": -1, "errors": 0}, "below 0"),
        ({"requests": 9, "errors": 0, "at_most_s": {}}, "no latency of 9"),
        ({"requests": 9, "errors": 0, "at_most_s": {0.1: 9, 0.2: 8}}, "fewer answers"),
        ({"requests": 9, "errors": 0, "at_most_s": {math.nan: 9}}, "not above 0"),
        ({"requests": 100, "errors": 0, "at_most_s": {0.1: 900}}, "900 latencies of 100"),
        ({"requests": 900, "errors": 0, "at_most_s": {math.inf: 100}}, "100 latencies of 900"),
    ],
)
def test_counts_that_contradict_each_other_are_refused(said: dict[str, object], why: str) -> None:
    with pytest.raises(CountsImpossible, match=why):
        Counted(**said)  # type: ignore[arg-type]


def test_answers_without_a_latency_count_as_slow() -> None:
    canary = Counted(requests=1000, errors=0, at_most_s={0.1: 990})
    judged = judge_counted(ABSOLUTE, seen(canary), watch_s=0)
    assert judged.judgement.verdicts[1].canary.n_events == 10
