"""What is counted, and how Prometheus reads it."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from seatrial.gateway.chat.call import Attempt, CacheUse, Journal
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.policies.course import FAILED
from seatrial.gateway.policies.metrics import BUCKETS_S, GatewayCounts, Snapshot, Times, exposition

USAGE = Usage(input_tokens=100, output_tokens=20, cached_tokens=64, reasoning_tokens=5)


def attempt(**fields) -> Attempt:
    known = {"provider": "openai", "model": "small", "began": 1000.0, "ended": 1001.5}
    return Attempt(**(known | fields))


def journal(*attempts: Attempt, cache: CacheUse = CacheUse.MISS, **notes: object) -> Journal:
    made = Journal()
    made.attempts, made.cache = list(attempts), cache
    made.notes.update(notes)
    return made


def counted() -> GatewayCounts:
    counts = GatewayCounts()
    good = attempt(usage=USAGE, cost_usd=Decimal("0.0021"))
    bad = attempt(failure="gateway.provider_overloaded", ended=1000.1)
    other = attempt(provider="anthropic", model="opus", usage=USAGE, cost_usd=Decimal("0.1"))
    counts.ended("fast", journal(good), outcome="ok", seconds=1.5, first_token_s=0.3)
    counts.ended("fast", journal(cache=CacheUse.HIT), outcome="ok", seconds=0.001)
    counts.ended("fast", journal(bad, other, **{FAILED: ("x",)}), outcome="ok", seconds=3.0)
    counts.ended("fast", journal(bad), outcome="gateway.provider_overloaded", seconds=0.1)
    counts.ended("slow", journal(attempt(usage=USAGE)), outcome="ok", seconds=100.0)
    return counts


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(v for k, v in sorted(sample.labels.items()) if k != "worker")): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_are_counted_by_route_and_attempts_by_model():
    read = samples(exposition({"w1": counted().snapshot()}))
    expected = {
        ("seatrial_llm_requests_total", ("ok", "fast")): 3,
        ("seatrial_llm_requests_total", ("gateway.provider_overloaded", "fast")): 1,
        ("seatrial_llm_requests_total", ("ok", "slow")): 1,
        ("seatrial_llm_cache_total", ("fast", "hit")): 1,
        ("seatrial_llm_cache_total", ("fast", "miss")): 3,
        ("seatrial_llm_fallbacks_total", ("fast",)): 1,
        ("seatrial_llm_fallbacks_total", ("slow",)): 0,
        ("seatrial_llm_latency_seconds_count", ("fast",)): 3,
        ("seatrial_llm_latency_seconds_sum", ("fast",)): 4.501,
        ("seatrial_llm_latency_seconds_bucket", ("0.01", "fast")): 1,
        ("seatrial_llm_latency_seconds_bucket", ("2.56", "fast")): 2,
        ("seatrial_llm_latency_seconds_bucket", ("81.92", "slow")): 0,
        ("seatrial_llm_latency_seconds_bucket", ("+Inf", "slow")): 1,
        ("seatrial_llm_first_token_seconds_count", ("fast",)): 1,
        ("seatrial_llm_attempts_total", ("small", "ok", "openai")): 2,
        ("seatrial_llm_attempts_total", ("small", "gateway.provider_overloaded", "openai")): 2,
        ("seatrial_llm_attempts_total", ("opus", "ok", "anthropic")): 1,
        ("seatrial_llm_attempt_seconds_count", ("small", "openai")): 4,
        ("seatrial_llm_tokens_total", ("input", "small", "openai")): 200,
        ("seatrial_llm_tokens_total", ("cached", "opus", "anthropic")): 64,
        ("seatrial_llm_tokens_total", ("reasoning", "opus", "anthropic")): 5,
        ("seatrial_llm_cost_usd_total", ("small", "openai")): 0.0021,
        ("seatrial_llm_cost_usd_total", ("opus", "anthropic")): 0.1,
        ("seatrial_llm_unpriced_attempts_total", ("small", "openai")): 1,
    }
    assert {key: read.get(key) for key in expected} == pytest.approx(expected)


def test_a_snapshot_survives_its_way_to_another_worker():
    snapshot = counted().snapshot()
    there = msgspec.convert(msgspec.json.decode(msgspec.json.encode(snapshot)), Snapshot)
    assert exposition({"w": there}) == exposition({"w": snapshot})


def test_workers_are_told_apart_and_no_counts_are_no_samples():
    text = exposition({"w1": counted().snapshot(), "w2": counted().snapshot()})
    line = 'seatrial_llm_requests_total{route="slow",outcome="ok",worker="%s"} 1\n'
    assert line % "w1" in text
    assert line % "w2" in text
    assert samples(exposition({"w1": Snapshot()})) == {}


def test_models_without_end_do_not_make_metrics_without_end():
    counts = GatewayCounts()
    for number in range(700):
        one = attempt(model=f"m{number}", cost_usd=Decimal(1))
        counts.ended("r", journal(one), outcome="ok", seconds=1.0)
    models = counts.snapshot().models
    assert len(models) == 501
    assert sum(counted.cost_usd for counted in models) == 700
    assert (models[-1].model, models[-1].outcomes) == ("other", {"ok": 200})


@given(st.lists(st.floats(0, 200)))
def test_a_histogram_counts_each_once_and_under_every_edge_that_is_not_passed(several):
    times = Times()
    for seconds in several:
        times.add(seconds)
    assert sum(times.buckets) == len(several)
    for number, edge in enumerate(BUCKETS_S):
        assert sum(times.buckets[: number + 1]) == sum(seconds <= edge for seconds in several)
