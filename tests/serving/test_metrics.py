from __future__ import annotations

from collections.abc import Callable

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from seatrial.release.measurement import Summary
from seatrial.serving.live import LiveVersion
from seatrial.serving.metrics import BUCKETS_S, WorkerCounts, count, exposition
from seatrial.serving.record import Total

MakeLive = Callable[..., LiveVersion]

TIMES = [0.0004, 0.003, 0.03, 0.3, 20.0]
TOTAL = Total(
    summary=Summary.of(TIMES, errors={"timeout": 2}, n_rejected=3, n_shed=4), seconds=sum(TIMES)
)


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float:
    return samples(text)[name, tuple(sorted(labels.items()))]


def test_counts_add_up_per_worker_version_and_outcome(make_live: MakeLive) -> None:
    counts = WorkerCounts(
        versions=[count("churn", 2, TOTAL, make_live(2)), count("churn", 1, TOTAL, None)],
        store_up=False,
        log_dropped=7,
        rows_skipped=9,
    )
    text = exposition({"w0": counts, "w1": WorkerCounts(versions=[], store_up=True)})
    churn = {"model": "churn", "version": "2", "worker": "w0"}
    expected = {"ok": 3, "error": 2, "rejected": 3, "shed": 4}
    for outcome, n in expected.items():
        assert value(text, "seatrial_requests_total", **churn, outcome=outcome) == n
    assert value(text, "seatrial_errors_total", **churn, kind="timeout") == 2
    assert value(text, "seatrial_version_loaded", **churn) == 1
    assert value(text, "seatrial_version_loaded", **{**churn, "version": "1"}) == 0
    assert value(text, "seatrial_store_up", worker="w0") == 0
    assert value(text, "seatrial_store_up", worker="w1") == 1
    assert value(text, "seatrial_log_dropped_total", worker="w0") == 7
    assert value(text, "seatrial_rows_skipped_total", worker="w0") == 9


def test_the_histogram_is_cumulative_and_complete() -> None:
    text = exposition({"w": WorkerCounts(versions=[count("m", 1, TOTAL, None)], store_up=True)})
    labels = {"model": "m", "version": "1", "worker": "w"}
    name = "seatrial_latency_seconds"
    counts = [value(text, f"{name}_bucket", **labels, le=str(edge)) for edge in BUCKETS_S]
    assert counts == [sum(t <= edge for t in TIMES) for edge in BUCKETS_S]
    assert value(text, f"{name}_bucket", **labels, le="+Inf") == 5
    assert value(text, f"{name}_count", **labels) == 5
    assert abs(value(text, f"{name}_sum", **labels) - sum(TIMES)) < 1e-9


def test_names_with_quotes_and_newlines_are_escaped() -> None:
    odd = 'a"b\\c\nd'
    text = exposition({odd: WorkerCounts(versions=[], store_up=True)})
    assert value(text, "seatrial_store_up", worker=odd) == 1


def test_a_snapshot_survives_the_beat(make_live: MakeLive) -> None:
    counts = WorkerCounts(versions=[count("churn", 2, TOTAL, make_live(2))], store_up=True)
    assert msgspec.convert(msgspec.to_builtins(counts), WorkerCounts) == counts


def test_what_a_worker_uses_and_what_there_is_to_use_are_told() -> None:
    counts = WorkerCounts(
        versions=[], store_up=True, cpu_s=12.5, n_cpus=2.0, rss_bytes=1 << 20, memory_bytes=1 << 30
    )
    text = exposition({"w": counts})
    assert value(text, "seatrial_cpu_seconds_total", worker="w") == 12.5
    assert value(text, "seatrial_cpus", worker="w") == 2
    assert value(text, "seatrial_memory_bytes", worker="w") == 1 << 20
    assert value(text, "seatrial_memory_limit_bytes", worker="w") == 1 << 30


def test_how_full_a_queue_is_can_be_told_from_its_limit(make_live: MakeLive) -> None:
    live = make_live(2)
    text = exposition({"w": WorkerCounts(versions=[count("churn", 2, TOTAL, live)], store_up=True)})
    labels = {"model": "churn", "version": "2", "worker": "w"}
    assert value(text, "seatrial_queue_limit_requests", **labels) == live.max_waiting > 0
    assert value(text, "seatrial_queue_requests", **labels) == 0
