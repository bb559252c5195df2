import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.policies.gcra import Buckets, Limits, Rate, correct, take, taken, wait_s

SIX = Rate(per_minute=6)


def test_a_minute_gives_so_much_at_once_and_then_one_by_one():
    buckets, limits = Buckets(), Limits(requests=SIX)
    for _ in range(6):
        buckets, refusal = take(buckets, 1000.0, limits, 0)
        assert refusal is None
    same, refusal = take(buckets, 1000.0, limits, 0)
    assert same == buckets
    assert refusal is not None
    assert (refusal.what, refusal.wait_s) == ("requests", pytest.approx(10))
    _, refusal = take(buckets, 1009.9, limits, 0)
    assert refusal is not None
    buckets, refusal = take(buckets, 1010.0, limits, 0)
    assert refusal is None


def test_a_burst_may_be_smaller_or_larger_than_a_minute():
    assert wait_s(0, 1000.0, 2, Rate(per_minute=6, burst=1)) == math.inf
    assert wait_s(0, 1000.0, 20, Rate(per_minute=6, burst=20)) == 0
    assert wait_s(0, 1000.0, 21, Rate(per_minute=6, burst=20)) == math.inf


def test_requests_and_tokens_are_taken_together_or_not_at_all():
    limits = Limits(requests=SIX, tokens=Rate(per_minute=600))
    buckets, _ = take(Buckets(), 1000.0, limits, 500)
    same, refusal = take(buckets, 1000.0, limits, 200)
    assert same == buckets
    assert refusal is not None
    assert (refusal.what, refusal.wait_s) == ("tokens", pytest.approx(10))
    assert take(buckets, 1000.0, limits, 100)[1] is None
    assert take(buckets, 1000.0, limits, 601)[1].wait_s == math.inf


def test_the_longer_wait_is_told():
    limits = Limits(requests=Rate(per_minute=1), tokens=Rate(per_minute=600))
    buckets, _ = take(Buckets(), 1000.0, limits, 600)
    refusal = take(buckets, 1000.0, limits, 100)[1]
    assert (refusal.what, refusal.wait_s) == ("requests", pytest.approx(60))


def test_what_is_not_limited_is_not_counted():
    assert take(Buckets(), 1000.0, Limits(), 10**9) == (Buckets(), None)
    assert correct(Buckets(), 1000.0, Limits(requests=SIX), 10) == Buckets()


def test_tokens_that_were_not_used_come_back_and_others_are_owed():
    limits = Limits(tokens=Rate(per_minute=60))
    buckets, _ = take(Buckets(), 1000.0, limits, 60)
    assert take(correct(buckets, 1000.0, limits, -40), 1000.0, limits, 40)[1] is None
    owed = take(correct(buckets, 1000.0, limits, 30), 1000.0, limits, 1)[1]
    assert owed.wait_s == pytest.approx(31)


def test_more_than_full_is_full():
    limits = Limits(tokens=Rate(per_minute=60))
    buckets = correct(Buckets(), 1000.0, limits, -1000)
    assert take(buckets, 1000.0, limits, 61)[1] is not None
    buckets, _ = take(buckets, 1000.0, limits, 60)
    assert take(buckets, 1000.0, limits, 1)[1] is not None


@given(
    per_minute=st.floats(0.5, 10_000),
    burst=st.floats(1, 500),
    asked=st.lists(st.tuples(st.floats(0, 30), st.floats(0, 600)), max_size=60),
)
def test_it_is_a_token_bucket(per_minute, burst, asked):
    """Against the other description: a level that fills with time and is drawn from."""
    rate = Rate(per_minute=per_minute, burst=burst)
    now, full_at, level = 1000.0, 0.0, burst
    for passed_s, n in asked:
        now += passed_s
        level = min(burst, level + passed_s / rate.each_s)
        pause_s = wait_s(full_at, now, n, rate)
        if abs(level - n) * rate.each_s > 1e-4:
            assert (pause_s == 0) == (n <= level)
        if pause_s and n <= burst:
            assert pause_s == pytest.approx((n - level) * rate.each_s, abs=1e-4)
            assert wait_s(full_at, now + pause_s, n, rate) == 0
        if not pause_s:
            full_at = taken(full_at, now, n, rate)
            level -= n


@given(
    moves=st.lists(st.tuples(st.floats(0, 5), st.integers(1, 100), st.integers(0, 100)), min_size=1)
)
def test_no_minute_gives_more_than_its_share_and_a_burst_though_estimates_are_wrong(moves):
    rate = Rate(per_minute=600, burst=100)
    limits, buckets, now = Limits(tokens=rate), Buckets(), 1000.0
    used: list[tuple[float, int]] = []
    for passed_s, estimate, real in moves:
        now += passed_s
        buckets, refusal = take(buckets, now, limits, estimate)
        if refusal is None:
            buckets = correct(buckets, now, limits, real - estimate)
            used.append((now, real))
    for begin in range(len(used)):
        for end in range(begin, len(used)):
            span_s = used[end][0] - used[begin][0]
            total = sum(n for _, n in used[begin : end + 1])
            # The last one may be in debt by what its estimate fell short of.
            assert total <= 100 + span_s * 10 + used[end][1] + 1e-3
