"""Sums as records, and latencies by quantile."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from seatrial.gateway.ledger.usage import By, UsageSum, two_digits
from seatrial.gateway.spend.records import (
    coarser,
    latencies_of,
    quantile_s,
    usage_record,
    usage_records,
)
from seatrial.testing.ledger_entries import reservation, settlement
from seatrial.testing.ledger_model import ALL
from seatrial.testing.memory_ledger import MemoryLedger


@given(
    st.lists(st.integers(0, 10**9), min_size=1, max_size=200), st.sampled_from((0.5, 0.95, 0.99))
)
def test_a_quantile_is_within_the_two_digits_that_are_kept(latencies_us, q):
    kept: dict[int, int] = {}
    for one in latencies_us:
        kept[two_digits(one)] = kept.get(two_digits(one), 0) + 1
    found = quantile_s(kept, q)
    assert found is not None
    exact = sorted(latencies_us)[math.ceil(q * len(latencies_us)) - 1]
    low = two_digits(exact)
    width = 10 ** max(0, len(str(low)) - 2)
    assert low * 0.994 <= found * 1e6 <= (low + width) * 1.006


def test_without_an_answer_there_is_no_latency():
    assert quantile_s({}, 0.5) is None
    record = usage_record(UsageSum(n=1, n_failed=1), ())
    assert "p50_s" not in record
    assert usage_record(UsageSum(), (), {})["p99_s"] is None


def test_only_answers_count_for_latency():
    sums = [
        UsageSum(group=("a", "120000"), n=3, n_failed=1),
        UsageSum(group=("a", "990000"), n=2, n_failed=2),
        UsageSum(group=("a", None), n=1),
    ]
    assert latencies_of(sums) == {("a",): {120_000: 2}}
    assert [(one.group, one.n) for one in coarser(sums)] == [(("a",), 6)]


def test_costs_are_exact_texts_without_zeros_at_their_end():
    one = UsageSum(group=("k1",), n=2, cost=1_500_000, saved=10**12, latency_us=3_000_000)
    record = usage_record(one, (By.KEY,))
    assert (record["key"], record["cost_usd"], record["saved_usd"]) == ("k1", "0.0000015", "1")
    assert (record["unconfirmed_usd"], record["mean_latency_s"]) == ("0", 1.5)


@pytest.mark.parametrize("by", [(), (By.MODEL,), (By.USER,), (By.MODEL, By.LATENCY)])
def test_the_answer_is_the_ledgers_own(by):
    ledger = MemoryLedger()
    ledger.apply(
        [settlement(reservation(f"{n}", 0), n, latency_us=1000 * (n + 1)) for n in range(9)]
    )
    question = replace(ALL, by=by)
    records = usage_records(ledger, question)
    assert [one["n"] for one in records] == [one.n for one in ledger.usage(question)]
    assert [one["cost_usd"] for one in records] == [
        usage_record(one, by)["cost_usd"] for one in ledger.usage(question)
    ]
    few = by in ((), (By.MODEL,))
    assert all(("p50_s" in one) is few for one in records)
    if few:
        assert records[0]["p50_s"] == pytest.approx(0.005, rel=0.05)
