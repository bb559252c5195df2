"""What a server tells Prometheus: the counts of all its workers, as text.

Each worker puts a snapshot of its own counts into its beat, so any worker can answer for all of
them, whichever the scrape happens to reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from seatrial.kernel.metric_text import Family, Sample, metric_text
from seatrial.serving.outcome import OK, REJECTED, SHED
from seatrial.serving.record import Total

if TYPE_CHECKING:
    from seatrial.serving.live import LiveVersion

BUCKETS_S: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip


class VersionCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker counted of one version since it started.

    Args:
        answers: requests by outcome: ``ok``, ``rejected``, ``shed``.
        errors: answers in error by kind.
        buckets: answers at most as slow as each of `BUCKETS_S`, errors included.
        seconds: latencies of all answers, added up.
        waiting: requests in its queue now.
        queue_limit: requests its queue takes; 0 when it is not loaded.
        in_flight: requests in its queue or engine now.
        restarts: how often its native engine had to be started again.
    """

    model: str
    version: int
    answers: dict[str, int]
    errors: dict[str, int]
    buckets: list[int]
    seconds: float
    loaded: bool
    waiting: int = 0
    queue_limit: int = 0
    in_flight: int = 0
    restarts: int = 0

    @property
    def n(self) -> int:
        """Requests answered, good or in error."""
        return self.answers[OK] + sum(self.errors.values())


class WorkerCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker says of itself.

    Args:
        versions: every version it answered for or has loaded.
        store_up: whether the store answered the last time it was asked.
        slices_unsent: slices that wait for the store.
        copies_dropped: shadow copies not made, for want of time.
        log_dropped: predictions not logged, for want of room.
        rows_skipped: rows not counted for the watch, for want of room.
        cpu_s: processor time it and its engines have used, in seconds.
        n_cpus: processors it may use.
        rss_bytes: memory it and its engines hold.
        memory_bytes: memory there is.
    """

    versions: list[VersionCounts]
    store_up: bool
    slices_unsent: int = 0
    copies_dropped: int = 0
    log_dropped: int = 0
    rows_skipped: int = 0
    cpu_s: float = 0.0
    n_cpus: float = 0.0
    rss_bytes: int = 0
    memory_bytes: int = 0


def count(model: str, version: int, total: Total, live: LiveVersion | None) -> VersionCounts:
    """The counts of one version; ``live`` is None when it is no longer loaded."""
    summary = total.summary
    return VersionCounts(
        model=model,
        version=version,
        answers={
            OK: summary.n - summary.n_errors,
            REJECTED: summary.n_rejected,
            SHED: summary.n_shed,
        },
        errors=dict(summary.errors),
        buckets=[summary.n - summary.latency.n_over(edge) for edge in BUCKETS_S],
        seconds=total.seconds,
        loaded=live is not None,
        waiting=live.n_waiting if live else 0,
        queue_limit=live.max_waiting if live else 0,
        in_flight=live.n_in_flight if live else 0,
        restarts=live.n_restarts if live else 0,
    )


def exposition(workers: Mapping[str, WorkerCounts]) -> str:
    """The counts of all workers, by name, in Prometheus' text format."""
    return metric_text(
        _FAMILIES,
        (
            (name, (*labels, ("worker", worker)), value)
            for worker, counts in sorted(workers.items())
            for name, labels, value in (*_of_worker(counts), *_of_versions(counts))
        ),
    )


def _of_worker(counts: WorkerCounts) -> Iterator[Sample]:
    yield "seatrial_store_up", (), float(counts.store_up)
    yield "seatrial_slices_unsent", (), counts.slices_unsent
    yield "seatrial_copies_dropped_total", (), counts.copies_dropped
    yield "seatrial_log_dropped_total", (), counts.log_dropped
    yield "seatrial_rows_skipped_total", (), counts.rows_skipped
    yield "seatrial_cpu_seconds_total", (), counts.cpu_s
    yield "seatrial_cpus", (), counts.n_cpus
    yield "seatrial_memory_bytes", (), counts.rss_bytes
    yield "seatrial_memory_limit_bytes", (), counts.memory_bytes


def _of_versions(counts: WorkerCounts) -> Iterator[Sample]:
    for held in counts.versions:
        labels = (("model", held.model), ("version", str(held.version)))
        n, n_errors = held.n, held.n - held.answers[OK]
        for outcome, k in {**held.answers, "error": n_errors}.items():
            yield "seatrial_requests_total", (*labels, ("outcome", outcome)), k
        for kind, k in held.errors.items():
            yield "seatrial_errors_total", (*labels, ("kind", kind)), k
        for edge, k in zip((*map(str, BUCKETS_S), "+Inf"), (*held.buckets, n), strict=True):
            yield "seatrial_latency_seconds_bucket", (*labels, ("le", edge)), k
        yield "seatrial_latency_seconds_sum", labels, held.seconds
        yield "seatrial_latency_seconds_count", labels, n
        yield "seatrial_version_loaded", labels, float(held.loaded)
        yield "seatrial_queue_requests", labels, held.waiting
        yield "seatrial_queue_limit_requests", labels, held.queue_limit
        yield "seatrial_in_flight_requests", labels, held.in_flight
        yield "seatrial_engine_restarts_total", labels, held.restarts


_FAMILIES: Final[Mapping[str, Family]] = {
    "seatrial_requests_total": ("counter", "Requests by outcome."),
    "seatrial_errors_total": ("counter", "Answers in error by kind: the version's fault."),
    "seatrial_latency_seconds": ("histogram", "From the whole request to the whole reply."),
    "seatrial_version_loaded": ("gauge", "1 while the version is loaded."),
    "seatrial_queue_requests": ("gauge", "Requests that wait for an engine."),
    "seatrial_queue_limit_requests": ("gauge", "Requests the queue takes before it sheds."),
    "seatrial_in_flight_requests": ("gauge", "Requests that wait for an engine or run in it."),
    "seatrial_engine_restarts_total": ("counter", "Starts of a native engine after it died."),
    "seatrial_store_up": ("gauge", "1 while the store answers."),
    "seatrial_slices_unsent": ("gauge", "Measurements that wait for the store."),
    "seatrial_copies_dropped_total": ("counter", "Shadow copies not made for want of time."),
    "seatrial_log_dropped_total": ("counter", "Predictions not logged for want of room."),
    "seatrial_rows_skipped_total": ("counter", "Rows not counted for want of room."),
    "seatrial_cpu_seconds_total": ("counter", "Processor time of the worker and its engines."),
    "seatrial_cpus": ("gauge", "Processors the worker may use; workers of a server share them."),
    "seatrial_memory_bytes": ("gauge", "Resident memory of the worker and its engines."),
    "seatrial_memory_limit_bytes": ("gauge", "Memory there is; workers of a server share it."),
}
