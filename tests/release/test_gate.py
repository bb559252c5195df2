import pytest

from seatrial.release.gate import (
    BadGate,
    ErrorRateAgainstStable,
    ErrorRateGate,
    Gates,
    LatencyAgainstStable,
    LatencyGate,
    RefusedAgainstStable,
)
from seatrial.stats.counts import BadStatistic


def test_a_gate_is_named_for_what_it_measures() -> None:
    gates = (
        ErrorRateGate(limit=0.001),
        LatencyGate(limit_ms=100),
        LatencyGate(limit_ms=100, quantile=0.999),
        ErrorRateAgainstStable(margin=0.001),
        LatencyAgainstStable(ratio=1.5, slack_ms=5),
        RefusedAgainstStable(margin=0.01),
    )
    assert [g.name for g in gates] == [
        "error_rate",
        "p95",
        "p99.9",
        "error_rate_against_stable",
        "p95_against_stable",
        "refused_rate_against_stable",
    ]


def test_stable_allows_a_ratio_but_never_less_than_the_slack() -> None:
    gate = LatencyAgainstStable(ratio=1.5, slack_ms=5)
    assert [gate.allowed_ms(ms) for ms in (0, 2, 10, 100)] == [5, 7, 15, 150]


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: LatencyGate(limit_ms=0), "limit_ms is 0"),
        (lambda: LatencyGate(limit_ms=float("nan")), "limit_ms is nan"),
        (lambda: LatencyAgainstStable(ratio=0.9, slack_ms=5), "ratio 0.9"),
        (lambda: LatencyAgainstStable(ratio=1.5, slack_ms=0), "slack_ms is 0"),
        (lambda: Gates(gates=(LatencyGate(limit_ms=1), LatencyGate(limit_ms=2))), "p95, p95"),
    ],
)
def test_a_gate_that_makes_no_sense_is_refused(make, problem: str) -> None:
    with pytest.raises(BadGate, match=problem):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ErrorRateGate(limit=0),
        lambda: ErrorRateAgainstStable(margin=1),
        lambda: LatencyGate(limit_ms=100, quantile=95),
        lambda: LatencyAgainstStable(ratio=1.5, slack_ms=5, quantile=0),
        lambda: Gates(gates=(), alpha=5),
    ],
)
def test_a_share_that_is_none_is_refused(make) -> None:
    with pytest.raises(BadStatistic, match="strictly between 0 and 1"):
        make()
