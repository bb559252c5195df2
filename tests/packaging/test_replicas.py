"""How many replicas: properties of the rule, and its answers in a simulated queue."""

from __future__ import annotations

import heapq
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.packaging.load import LoadResult
from seatrial.packaging.replicas import (
    FEWEST_ALONE,
    MOST_REPLICAS,
    MOST_USED,
    NotMeasured,
    TooMany,
    TooSlow,
    Wanted,
    p95_bound,
    replicas_for,
)
from seatrial.packaging.sizing import Alone, Measured

ALONE = Alone(
    n=400, deviation_s=0.002, quantiles=((0.96, 0.010), (0.97, 0.011), (0.98, 0.012), (0.99, 0.015))
)
TYPICAL = Measured(
    rss_bytes=120 << 20,
    cpu_per_request_s=0.004,
    requests_per_s=200,
    p95_s=0.02,
    start_s=0.8,
    alone=ALONE,
)


def measured(service_s: NDArray[np.float64], *, workers: int = 1) -> Measured:
    """What staging would have seen of a server that takes such times."""
    m = LoadResult(seconds=1.0, latencies_s=[float(s) for s in service_s]).spread_ms()
    alone = Alone(
        n=int(m["n"]),
        deviation_s=m["sd_ms"] / 1e3,
        quantiles=tuple((p / 100, m[f"p{p}_ms"] / 1e3) for p in (96, 97, 98, 99)),
    )
    return replace(TYPICAL, requests_per_s=workers / float(service_s.mean()), alone=alone)


@st.composite
def servers(draw: st.DrawFn) -> Measured:
    low = draw(st.floats(1e-4, 0.2))
    steps = draw(st.lists(st.floats(0, 0.05), min_size=4, max_size=4))
    tail = tuple(zip((0.96, 0.97, 0.98, 0.99), low + np.cumsum(steps), strict=True))
    return replace(
        TYPICAL,
        requests_per_s=draw(st.floats(0.5, 5_000)),
        cpu_per_request_s=draw(st.floats(1e-5, 0.1)),
        alone=Alone(n=100, deviation_s=draw(st.floats(0, 0.05)), quantiles=tail),
    )


def n_of(wanted: Wanted, server: Measured) -> float:
    """Replicas, as far as they can be said."""
    try:
        return replicas_for(wanted, server).n
    except (TooMany, TooSlow):
        return math.inf


@given(servers(), st.floats(0.1, 1e5), st.floats(1e-3, 2), st.floats(1, 50), st.floats(0.02, 1))
def test_more_requests_or_a_stricter_p95_never_take_fewer_replicas(
    server: Measured, rps: float, p95_s: float, more: float, stricter: float
) -> None:
    n = n_of(Wanted(rps=rps, p95_s=p95_s), server)
    assert n_of(Wanted(rps=rps * more, p95_s=p95_s), server) >= n
    assert n_of(Wanted(rps=rps, p95_s=p95_s * stricter), server) >= n


@given(servers(), st.floats(0.1, 1e5), st.floats(1e-3, 2))
def test_what_is_found_keeps_the_p95_with_one_lost_and_one_fewer_would_not(
    server: Measured, rps: float, p95_s: float
) -> None:
    assume(n_of(Wanted(rps=rps, p95_s=p95_s), server) < math.inf)
    found = replicas_for(Wanted(rps=rps, p95_s=p95_s), server)
    assert 2 <= found.n <= MOST_REPLICAS
    assert found.most == 2 * found.n
    assert found.p95_s <= found.p95_s_one_lost <= p95_s * (1 + 1e-9)
    assert found.used_share < found.used_share_one_lost <= MOST_USED * (1 + 1e-9)
    if found.n > 2:
        rate = rps / (found.n - 2)
        over = rate > MOST_USED * server.requests_per_s * (1 - 1e-9)
        assert over or p95_bound(rate, server) > p95_s * (1 - 1e-9)


@given(servers(), st.floats(0.1, 1e5), st.floats(1e-3, 2))
def test_the_autoscaler_is_at_rest_under_the_load_that_was_asked_for(
    server: Measured, rps: float, p95_s: float
) -> None:
    assume(n_of(Wanted(rps=rps, p95_s=p95_s), server) < math.inf)
    found = replicas_for(Wanted(rps=rps, p95_s=p95_s), server)
    used_m = 1e3 * server.cpu_per_request_s * rps / found.n
    percent = 100 * used_m / found.resources.cpu_m
    assert percent <= found.cpu_percent + 1 or found.cpu_percent == 95


def test_a_p95_below_what_a_lone_request_takes_is_refused_with_the_lowest_that_can_be_met() -> None:
    with pytest.raises(TooSlow, match="9 ms cannot be met by any number") as caught:
        replicas_for(Wanted(rps=1, p95_s=0.009), TYPICAL)
    assert caught.value.facts["fastest_ms"] == pytest.approx(10)
    assert "Allow 10 ms" in caught.value.remedy
    assert replicas_for(Wanted(rps=1, p95_s=0.010), TYPICAL).n == 2


def test_more_replicas_than_a_release_may_have_are_refused() -> None:
    with pytest.raises(TooMany, match="more than 1,000"):
        replicas_for(Wanted(rps=1e6, p95_s=0.05), TYPICAL)


@pytest.mark.parametrize("alone", [None, replace(ALONE, n=FEWEST_ALONE - 1)])
def test_without_lone_requests_nothing_is_said(alone: Alone | None) -> None:
    with pytest.raises(NotMeasured, match="one at a time"):
        replicas_for(Wanted(rps=1, p95_s=1), replace(TYPICAL, alone=alone))


@pytest.mark.parametrize("wanted", [(0, 1), (1, 0), (math.nan, 1), (1, math.inf), (-1, 1)])
def test_a_load_that_is_none_is_refused(wanted: tuple[float, float]) -> None:
    with pytest.raises(Invalid, match="is "):
        Wanted(rps=wanted[0], p95_s=wanted[1])


@pytest.mark.parametrize("quantiles", [(), ((0.95, 0.1),), ((0.99, math.nan),)])
def test_lone_requests_that_cannot_have_been_measured_are_refused(
    quantiles: tuple[tuple[float, float], ...],
) -> None:
    with pytest.raises(Invalid, match="cannot have measured"):
        replace(ALONE, quantiles=quantiles)


def simulated_p95(
    service_s: NDArray[np.float64], *, rps: float, n_replicas: int, workers: int, seed: int
) -> float:
    """The p95 of a simulation: Poisson arrivals, a replica at random, first come first served."""
    rng = np.random.default_rng(seed)
    n = 200_000
    arrivals = np.cumsum(rng.exponential(1 / rps, n))
    chosen = rng.integers(n_replicas, size=n)
    service = rng.choice(service_s, n)
    free = [[0.0] * workers for _ in range(n_replicas)]
    took = np.empty(n)
    for at in range(n):
        replica = free[chosen[at]]
        begun = max(arrivals[at], replica[0])
        heapq.heapreplace(replica, begun + service[at])
        took[at] = begun + service[at] - arrivals[at]
    return float(np.quantile(took[n // 10 :], 0.95))


SERVICES = {
    "steady": lambda rng: np.full(2_000, 0.005),
    "regular": lambda rng: rng.gamma(9, 0.005 / 9, 2_000),
    "exponential": lambda rng: rng.exponential(0.005, 2_000),
    "heavy": lambda rng: rng.lognormal(np.log(0.005) - 0.5, 1.0, 2_000),
    "collections": lambda rng: np.where(rng.random(2_000) < 0.01, 0.05, 0.0045),
}


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("slack", [1.3, 4.0])
def test_in_a_simulated_queue_the_replicas_keep_the_p95_with_one_of_them_lost(
    name: str, workers: int, slack: float
) -> None:
    service_s = SERVICES[name](np.random.default_rng(7))
    server = measured(service_s, workers=workers)
    assert server.alone is not None
    p95_s = slack * server.alone.quantiles[0][1]
    rps = 4.5 * server.requests_per_s
    found = replicas_for(Wanted(rps=rps, p95_s=p95_s), server)
    p95 = simulated_p95(service_s, rps=rps, n_replicas=found.n - 1, workers=workers, seed=11)
    assert p95 <= p95_s, (p95, p95_s, found)
