from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.serving.batching import (
    BatchLimits,
    CostModel,
    QueueState,
    Run,
    Wait,
    decide,
    drain_s,
    linger_s,
    n_fitting,
    patience_after,
)

LIMITS = BatchLimits(max_rows=64, linger_s=0.002)
FLAT = CostModel.of(0.015, 1e-5, 64)
STEEP = CostModel.of(0.0005, 1e-4, 64)


def test_an_idle_engine_runs_the_first_request_at_once() -> None:
    state = QueueState(busy=False, n_waiting=1, n_rows=1)
    assert decide(state, 100.0, FLAT, LIMITS) == Run()


def test_an_engine_idle_for_longer_than_the_linger_runs_at_once() -> None:
    state = QueueState(busy=False, n_waiting=1, n_rows=1, ended_at=99.9, n_expected=64)
    assert decide(state, 100.0, FLAT, LIMITS) == Run()


@pytest.mark.parametrize("n", [0, 5])
def test_nothing_runs_while_the_engine_is_busy_or_nothing_waits(n: int) -> None:
    assert decide(QueueState(busy=n > 0, n_waiting=n, n_rows=n), 1.0, FLAT, LIMITS) == Wait()


def test_between_batches_a_flat_cost_lingers_until_the_clients_are_back() -> None:
    state = QueueState(busy=False, n_waiting=32, n_rows=32, ended_at=100.0, n_expected=64)
    assert decide(state, 100.0, FLAT, LIMITS) == Wait(100.002)
    assert decide(state, 100.002, FLAT, LIMITS) == Run()
    back = QueueState(busy=False, n_waiting=64, n_rows=64, ended_at=100.0, n_expected=64)
    assert decide(back, 100.0, FLAT, LIMITS) == Run()


def test_while_clients_keep_coming_back_the_batch_waits_a_little_longer_but_not_for_ever() -> None:
    state = QueueState(
        busy=False, n_waiting=50, n_rows=50, ended_at=100.0, arrived_at=100.0018, n_expected=64
    )
    assert decide(state, 100.0021, FLAT, LIMITS) == Wait(pytest.approx(100.0028, abs=1e-9))
    assert decide(state, 100.0028001, FLAT, LIMITS) == Run()
    endless = replace(state, arrived_at=100.0059)
    assert decide(endless, 100.0059, FLAT, LIMITS) == Wait(pytest.approx(100.006, abs=1e-9))
    assert decide(endless, 100.0060001, FLAT, LIMITS) == Run()


def test_a_cost_that_grows_with_rows_never_lingers() -> None:
    state = QueueState(busy=False, n_waiting=32, n_rows=32, ended_at=100.0, n_expected=64)
    assert decide(state, 100.0, STEEP, LIMITS) == Run()


def test_a_cheap_call_lingers_only_for_a_share_of_itself() -> None:
    assert linger_s(CostModel.of(0.001, 0.0, 64), 32, LIMITS) == pytest.approx(0.00025)
    assert linger_s(CostModel(), 32, LIMITS) == 0.0


def test_a_full_batch_does_not_linger() -> None:
    state = QueueState(busy=False, n_waiting=2, n_rows=64, ended_at=100.0, n_expected=9)
    assert decide(state, 100.0, FLAT, LIMITS) == Run()


def test_lingers_that_nobody_came_back_in_grow_short_and_long_again() -> None:
    state = QueueState(busy=False, n_waiting=1, n_rows=1, ended_at=100.0, n_expected=3)
    patience = 1.0
    for _ in range(10):
        patience = patience_after(patience, n_came=0)
    assert 0.0 < patience < 0.1
    assert decide(replace(state, patience=patience), 100.0002, FLAT, LIMITS) == Run()
    for _ in range(10):
        patience = patience_after(patience, n_came=2)
    assert patience == 1.0
    assert decide(replace(state, patience=patience), 100.0002, FLAT, LIMITS) == Wait(100.002)


@given(rows=st.lists(st.integers(1, 50), min_size=1), max_rows=st.integers(1, 100))
def test_what_fits_is_the_longest_prefix_within_the_limit_or_the_first_alone(
    rows: list[int], max_rows: int
) -> None:
    n = n_fitting(rows, max_rows)
    assert 1 <= n <= len(rows)
    assert n == 1 or sum(rows[:n]) <= max_rows
    assert n == len(rows) or sum(rows[: n + 1]) > max_rows


@given(
    fixed=st.floats(1e-5, 1.0),
    per_row=st.floats(0.0, 1e-2),
    sizes=st.lists(st.integers(1, 512), min_size=1, max_size=60),
)
def test_the_line_is_found_again_from_exact_costs(
    fixed: float, per_row: float, sizes: list[int]
) -> None:
    model = CostModel()
    for n in sizes:
        model = model.learn(n, fixed + per_row * n)
    for n in set(sizes):
        assert model.seconds(n) >= 0.0
    assert model.fixed_s >= 0.0
    assert model.per_row_s >= 0.0
    if len(model.means) > 1:
        assert model.per_row_s == pytest.approx(per_row, rel=1e-6, abs=1e-9)
        assert model.fixed_s == pytest.approx(fixed, rel=1e-5, abs=1e-7)


def test_one_size_for_hours_does_not_wash_out_what_one_row_costs() -> None:
    model = CostModel.of(0.0, 0.001, 64)
    for _ in range(1000):
        model = model.learn(64, 0.064)
    assert model.seconds(1) == pytest.approx(0.001)


def test_an_engine_that_became_slower_is_noticed() -> None:
    model = CostModel.of(0.010, 0.0, 64)
    for _ in range(20):
        model = model.learn(64, 0.050)
    assert model.seconds(64) > 0.045


@given(n=st.integers(0, 10_000))
def test_draining_counts_full_batches_and_the_rest(n: int) -> None:
    expected = (n // 64) * FLAT.seconds(64) + (FLAT.seconds(n % 64) if n % 64 else 0)
    assert drain_s(n, FLAT, LIMITS) == pytest.approx(expected)


@given(
    busy=st.booleans(),
    waiting=st.integers(0, 100),
    ended=st.floats(0, 100) | st.just(-math.inf),
    arrived=st.floats(0, 200),
    expected=st.integers(0, 100),
    now=st.floats(100, 200),
)
def test_no_decision_waits_longer_than_three_lingers(
    busy: bool, waiting: int, ended: float, arrived: float, expected: int, now: float
) -> None:
    state = QueueState(
        busy=busy,
        n_waiting=waiting,
        n_rows=waiting,
        ended_at=ended,
        arrived_at=arrived,
        n_expected=expected,
    )
    decision = decide(state, now, FLAT, LIMITS)
    if busy or not waiting:
        assert decision == Wait()
    elif isinstance(decision, Wait):
        assert now < decision.until <= ended + 3 * LIMITS.linger_s
