"""Counts of a rollout out of Prometheus, over a double of its API."""

import json
import math
from collections.abc import Iterator

import pytest

from seatrial.adapters.telemetry.counters_prometheus import (
    CanaryTooOld,
    PrometheusCounters,
    PrometheusUnavailable,
    QueryRefused,
)
from seatrial.release.counted import Counted
from seatrial.release.judge_config import JudgeConfig
from tests.adapters.prometheus_double import Double, Readings, served

NOW = 1_700_000_000.0
BORN = NOW - 1800


@pytest.fixture
def prometheus() -> Iterator[Double]:
    double = Double()
    server = served(double)
    yield double
    server.shutdown()
    server.server_close()


def counters(prometheus: Double, **said: object) -> PrometheusCounters:
    config = JudgeConfig.model_validate({"prometheus": prometheus.url, "timeout_s": 5, **said})
    return PrometheusCounters(config, now=lambda: NOW, token="s3cret")


def scraped(start: float, end: float, rate: float, *, base: float = 0.0) -> Readings:
    """A counter that grows evenly, read every quarter of a minute."""
    times = [start + 15 * n for n in range(int((end - start) / 15) + 1)]
    return {t: base + round(rate * (t - start)) for t in times}


def pod(prometheus: Double, version: str, ok: Readings, *, errors: Readings, name: str) -> None:
    """One pod's counters, as our own server exposes them."""
    labels = {"model": "churn", "version": version, "instance": name}
    for outcome, readings in (("ok", ok), ("error", errors)):
        prometheus.add("seatrial_requests_total", readings, outcome=outcome, **labels)
    for share, edge in ((0.5, "0.05"), (1.0, "0.1"), (1.0, "+Inf")):
        both = {t: math.floor(share * (n + errors.get(t, 0))) for t, n in ok.items()}
        prometheus.add("seatrial_latency_seconds_bucket", both, le=edge, **labels)
    refused = dict.fromkeys(ok, 3.0)
    prometheus.add("seatrial_requests_total", refused, outcome="rejected", **labels)


@pytest.fixture
def rollout(prometheus: Double) -> Double:
    """A canary that is half an hour old beside a pod of stable that is older than a day."""
    pod(
        prometheus,
        "3",
        scraped(BORN, NOW, 2),
        errors=scraped(BORN, NOW, 0.1),
        name="canary-a",
    )
    old = NOW - 2 * 86_400
    pod(
        prometheus,
        "2",
        scraped(old, NOW, 20, base=5_000),
        errors=scraped(old, NOW, 0.01),
        name="stable-a",
    )
    return prometheus


def test_the_canary_counts_from_its_first_request_and_stable_from_then_on(
    rollout: Double,
) -> None:
    seen = counters(rollout).seen("churn", canary="3", stable=None)
    assert seen.canary == Counted(
        requests=3600 + 180,
        errors=180,
        refused=3,
        at_most_s={0.05: (3600 + 180) // 2, 0.1: 3780, math.inf: 3780},
    )
    assert seen.stable is not None
    assert 1800 - 87 <= seen.watched_s <= 1800  # never longer than it was there
    assert 20.01 * 1800 <= seen.stable.requests <= 20.01 * (1800 + 2 * 87)
    assert seen.stable.refused == 0


def test_a_pod_that_began_again_or_ended_loses_nothing(rollout: Double) -> None:
    labels = {"model": "churn", "version": "3", "instance": "canary-b", "outcome": "ok"}
    first = scraped(BORN, BORN + 600, 1)
    again = {BORN + 600 + t: n for t, n in scraped(15, 600, 1).items()}
    rollout.add("seatrial_requests_total", first | again, **labels)
    config = {"latency": None, "refused": None}
    seen = counters(rollout, **config).seen("churn", canary="3", stable="2")
    assert seen.canary.requests == 3780 + 600 + 585
    assert seen.canary.at_most_s is None
    assert seen.canary.refused is None


def test_a_stable_that_was_not_scraped_for_a_while_does_not_count_its_whole_life(
    rollout: Double,
) -> None:
    late = scraped(BORN + 900, NOW, 1, base=9_000_000)
    labels = {"model": "churn", "version": "2", "instance": "stable-b", "outcome": "ok"}
    without = {"latency": None, "refused": None}
    before = counters(rollout, **without).seen("churn", canary="3", stable=None).stable
    rollout.add("seatrial_requests_total", late, **labels)
    after = counters(rollout, **without).seen("churn", canary="3", stable=None).stable
    assert before is not None
    assert after is not None
    assert 800 <= after.requests - before.requests <= 900


def test_a_canary_older_than_what_is_looked_at_is_refused(rollout: Double) -> None:
    with pytest.raises(CanaryTooOld, match=r"600 s that are looked back") as refused:
        counters(rollout, lookback=600).seen("churn", canary="3", stable=None)
    assert "judge.lookback" in refused.value.remedy


def test_others_counters_are_read_by_selectors_and_a_label_of_their_own(
    prometheus: Double,
) -> None:
    for status, rate in (("200", 3), ("500", 1)):
        for pod_hash in ("abc", "def"):
            prometheus.add(
                "http_requests_total",
                scraped(BORN, NOW, rate),
                app="shop",
                code=status,
                rollouts_pod_template_hash=pod_hash,
            )
    config = {
        "label": "rollouts_pod_template_hash",
        "requests": 'http_requests_total{app="$endpoint",$variant}',
        "errors": 'http_requests_total{app="$endpoint",code=~"5..",$variant}',
        "refused": None,
        "latency": None,
    }
    seen = counters(prometheus, **config).seen("shop", canary="abc", stable="def")
    assert seen.canary == Counted(requests=7200, errors=1800)
    assert seen.stable is not None
    assert seen.stable.requests == pytest.approx(7200, rel=0.01)


def test_a_token_is_sent_and_names_cannot_break_out_of_the_selector(prometheus: Double) -> None:
    counters(prometheus).seen('a"} or vector(1) #', canary="3", stable=None)
    assert prometheus.heads[0]["Authorization"] == "Bearer s3cret"
    assert 'model="a\\"} or vector(1) #"' in prometheus.forms[0]["query"]
    counters(prometheus).seen("$variant", canary="$endpoint", stable=None)
    assert 'model="$variant",' in prometheus.forms[-1]["query"]
    assert 'version="$endpoint"' in prometheus.forms[-1]["query"]


def test_a_look_never_asks_for_more_readings_than_it_needs(rollout: Double) -> None:
    counters(rollout).seen("churn", canary="3", stable=None)
    first, *others = rollout.forms

    def n_readings(form: dict[str, str]) -> float:
        return (float(form["end"]) - float(form["start"])) / float(form["step"])

    assert n_readings(first) <= 1000
    assert all(n_readings(form) <= 242 for form in others)


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"{}"),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"status": "success", "data": {"result": [{"metric": {}}]}}'),
        (200, b'{"status": "success", "data": null}'),
        (200, b'{"status": "success", "data": {"result": [{"metric": {}, "values": []}]}}'),
        (503, b'{"status": "error", "error": "too many"}'),
        (302, b""),
    ],
)
def test_an_answer_that_is_none_is_said_to_be_none(
    prometheus: Double, answer: tuple[int, bytes]
) -> None:
    prometheus.answer = answer
    with pytest.raises(PrometheusUnavailable, match="cannot be asked") as broken:
        counters(prometheus).seen("churn", canary="3", stable=None)
    assert broken.value.retryable


def test_nobody_there_is_said_too(prometheus: Double) -> None:
    lost = Double(url="http://127.0.0.1:9/prom")
    with pytest.raises(PrometheusUnavailable, match="ConnectionRefused"):
        counters(lost).seen("churn", canary="3", stable=None)


def test_a_selector_that_prometheus_does_not_take_is_the_users(prometheus: Double) -> None:
    said = {"status": "error", "errorType": "bad_data", "error": "parse error: unexpected }"}
    prometheus.answer = (400, json.dumps(said).encode())
    with pytest.raises(QueryRefused, match="parse error"):
        counters(prometheus).seen("churn", canary="3", stable=None)
