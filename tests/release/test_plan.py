import numpy as np
import pytest

from seatrial.release.gate import ErrorRateAgainstStable, ErrorRateGate, Gates, LatencyGate
from seatrial.release.measurement import Summary
from seatrial.release.plan import share_within, time_to_verdict
from seatrial.stats.counts import BadStatistic

GATES = Gates(gates=(ErrorRateGate(limit=0.001), LatencyGate(limit_ms=100)))
TRAFFIC = {"rate_per_s": 20.0, "share": 0.05}


def test_a_perfect_canary_needs_the_fewest_requests_of_the_strictest_gate() -> None:
    found = time_to_verdict(GATES, **TRAFFIC)
    assert (found.gate, found.n_requests, found.duration_s) == ("error_rate", 3478, 3478.0)


def test_the_worse_the_canary_the_longer_it_takes_until_it_never_ends() -> None:
    needed = [time_to_verdict(GATES, error_rate=r, **TRAFFIC).n_requests for r in (0, 2e-4, 5e-4)]
    assert needed == sorted(needed)
    never = time_to_verdict(GATES, error_rate=0.001, **TRAFFIC)
    assert (never.n_requests, never.duration_s) == (None, None)


def test_what_is_known_already_shortens_the_wait() -> None:
    seen = Summary.of(np.full(3_000, 0.02))
    assert time_to_verdict(GATES, canary=seen, **TRAFFIC).n_requests == 478


def test_a_gate_against_stable_counts_when_there_is_one() -> None:
    gates = Gates(gates=(*GATES.gates, ErrorRateAgainstStable(margin=0.0005)))
    assert time_to_verdict(gates, **TRAFFIC).gate == "error_rate"
    with_stable = time_to_verdict(gates, stable=Summary.of(np.full(1_000, 0.02)), **TRAFFIC)
    assert with_stable.gate == "error_rate_against_stable"


def test_without_traffic_there_is_no_date_but_a_number() -> None:
    found = time_to_verdict(GATES, rate_per_s=0.0, share=0.05)
    assert (found.n_requests, found.duration_s) == (3478, None)


def test_the_share_that_brings_the_verdict_in_time() -> None:
    share = share_within(3_600, rate_per_s=20.0, within_s=3_600)
    assert share == pytest.approx(0.05)
    assert share_within(3_600, rate_per_s=1.0, within_s=3_599) is None
    assert share_within(0, rate_per_s=0.0, within_s=60) == 0


def test_gates_that_do_not_count_and_impossible_traffic_are_refused() -> None:
    with pytest.raises(BadStatistic, match="No gate counts"):
        time_to_verdict(Gates(gates=()), **TRAFFIC)
    with pytest.raises(BadStatistic, match="rate_per_s is -1"):
        time_to_verdict(GATES, rate_per_s=-1, share=0.05)
    with pytest.raises(BadStatistic, match="rate_per_s is nan"):
        share_within(5, rate_per_s=float("nan"), within_s=1)
