"""Times of two versions, asked in turns."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from seatrial.training.evaluation.latency import LEAST_CALLS, time_in_turns, times_of


def test_times_are_quantiles_and_a_bound_below_the_95th():
    found = times_of([k / 1000 for k in range(1, 1001)], n_rows=1)
    assert found.p50_s == pytest.approx(0.5, abs=0.001)
    assert found.p95_s == pytest.approx(0.95, abs=0.001)
    assert 0.93 < found.p95_low_s < 0.95


def test_the_bound_is_above_the_true_95th_as_rarely_as_it_says():
    rng = np.random.default_rng(0)
    trials = 2_000
    above = sum(
        times_of(rng.random(200).tolist(), n_rows=1).p95_low_s > 0.95 for _ in range(trials)
    )
    assert above / trials < 0.025 + 3.5 * np.sqrt(0.025 * 0.975 / trials) + 0.005


def test_versions_take_turns_and_each_goes_first_as_often():
    asked = []
    now = 0.0

    def ask(name, seconds):
        async def one():
            nonlocal now
            asked.append(name)
            now += seconds

        return one

    found = asyncio.run(
        time_in_turns(
            {"new": ask("new", 0.25), "baseline": ask("baseline", 0.5)},
            n_rows=1,
            budget_s=3.0,
            monotonic=lambda: now,
        )
    )
    assert asked[2:10] == ["new", "baseline", "baseline", "new"] * 2
    assert (found["new"].p50_s, found["baseline"].p50_s) == (0.25, 0.5)
    assert found["new"].n == 4


def test_a_slow_version_is_asked_a_few_times_all_the_same():
    now = 0.0

    async def slow():
        nonlocal now
        now += 100

    found = asyncio.run(time_in_turns({"new": slow}, n_rows=1, budget_s=1.0, monotonic=lambda: now))
    assert found["new"].n == LEAST_CALLS
