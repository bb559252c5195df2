"""How full are the machines? Queues, processors and memory, from what workers say of themselves.

Workers say so once a second in their beats; a reading is kept of each so often that a trend can be
seen. A worker that started anew counts from zero, so processor time is only compared within a life.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import msgspec

from seatrial.kernel.store import Beat
from seatrial.monitoring.service.config import Levels, ServiceConfig
from seatrial.monitoring.service.finding import Level, ServiceFinding, forecast
from seatrial.stats.trend import trend

_LATELY_S = 60.0
_STALE_S = 15.0
_APART_S = 10.0
_KEEP_S = 2 * 3600.0
_FORECAST_ALPHA = 0.01


class _Queue(msgspec.Struct, frozen=True):
    model: str
    version: int
    waiting: int = 0
    queue_limit: int = 0


class _Counts(msgspec.Struct, frozen=True):
    """The part of a worker's counts (`serving/metrics.py`) that is read here."""

    versions: list[_Queue] = []
    cpu_s: float | None = None
    n_cpus: float | None = None
    rss_bytes: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a worker said at some time.

    Args:
        worker: its name, ``worker/<server>/<index>``.
        at_s: when, in seconds of any clock that all readings share.
        cpu_s: processor time it has used since it started, its engines' too; None when not said.
        n_cpus: processors its machine lets it use.
        rss_bytes: memory it holds, its engines' too. Pages that workers share count in each.
        memory_bytes: memory its machine or container has.
        queues: how full each queue is, in [0, 1], by endpoint and version.
    """

    worker: str
    at_s: float
    cpu_s: float | None = None
    n_cpus: float | None = None
    rss_bytes: int | None = None
    memory_bytes: int | None = None
    queues: Mapping[tuple[str, int], float]

    @property
    def server(self) -> str:
        """The server it belongs to; its workers share a machine."""
        return self.worker.rpartition("/")[0].removeprefix("worker/")


def reading(beat: Beat, *, at_s: float) -> Reading | None:
    """What a worker's beat says; None when it says nothing of itself.

    Args: at_s: the time now, by the clock of all readings; the beat is ``beat.age_s`` older.
    """
    try:
        counts = msgspec.convert(beat.data.get("counts"), _Counts)
    except msgspec.ValidationError:
        return None
    return Reading(
        worker=beat.name,
        at_s=at_s - beat.age_s,
        cpu_s=counts.cpu_s,
        n_cpus=counts.n_cpus,
        rss_bytes=counts.rss_bytes,
        memory_bytes=counts.memory_bytes,
        queues={
            (q.model, q.version): q.waiting / q.queue_limit
            for q in counts.versions
            if q.queue_limit > 0
        },
    )


class Readings:
    """The readings of the last two hours, one in ten seconds of each worker."""

    def __init__(self) -> None:
        self._kept: dict[str, list[Reading]] = defaultdict(list)

    def add(self, news: Sequence[Reading], *, now_s: float) -> None:
        """Keep what is not too close to the one before, and forget what is too old."""
        for one in news:
            kept = self._kept[one.worker]
            if not kept or one.at_s - kept[-1].at_s >= _APART_S:
                kept.append(one)
        for worker in list(self._kept):
            self._kept[worker] = [r for r in self._kept[worker] if now_s - r.at_s <= _KEEP_S]
            if not self._kept[worker]:
                del self._kept[worker]

    def all(self) -> list[Reading]:
        """Every reading, oldest first."""
        return sorted((r for kept in self._kept.values() for r in kept), key=lambda r: r.at_s)


def judge_saturation(
    readings: Sequence[Reading], config: ServiceConfig, *, now_s: float
) -> tuple[ServiceFinding, ...]:
    """One finding for each queue, and for processors and memory of each server.

    Args:
        readings: of some hours at most, oldest first.
        config: the levels.
        now_s: by the clock of the readings; a worker silent for 15 s is not running any more.

    Returns: INCONCLUSIVE findings when no worker runs, or none says how it is.
    """
    running = {r.worker for r in readings if now_s - r.at_s <= _STALE_S}
    by_server: dict[str, list[Reading]] = defaultdict(list)
    for one in readings:
        if one.worker in running:
            by_server[one.server].append(one)
    if not by_server:
        return tuple(_silent(signal) for signal in ("queue", "cpu", "memory"))
    return tuple(
        finding for server in sorted(by_server) for finding in _server(server, by_server, config)
    )


def _server(
    server: str, by_server: Mapping[str, Sequence[Reading]], config: ServiceConfig
) -> Iterator[ServiceFinding]:
    readings = by_server[server]
    labels = {"server": server}
    if config.queue_share is not None:
        yield from _queues(readings, config.queue_share, labels)
    if config.cpu_share is not None:
        yield _judged("cpu", _cpu(readings, config.window), config.cpu_share, labels)
    if config.memory_share is not None:
        shares = _memory(readings)
        lately = [share for _, share in shares[-1:]]
        found = _judged("memory", lately[0] if lately else None, config.memory_share, labels)
        yield _with_forecast(found, shares, config)


def _queues(
    readings: Sequence[Reading], levels: Levels, labels: Mapping[str, str]
) -> Iterator[ServiceFinding]:
    """The fullest worker's queue of each version, as the median of the last minute."""
    newest = readings[-1].at_s
    shares: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in readings:
        if newest - one.at_s <= _LATELY_S:
            for key, share in one.queues.items():
                shares[key][one.worker].append(share)
    if not shares:
        yield _judged("queue", None, levels, labels)
    for endpoint, version in sorted(shares):
        fullest = max(median(held) for held in shares[endpoint, version].values())
        where = {"endpoint": endpoint, "version": str(version)}
        yield _judged("queue", fullest, levels, {**labels, **where})


def _cpu(readings: Sequence[Reading], window_s: float) -> float | None:
    """Share of the processors that a server's workers used, over the window, in [0, 1]."""
    newest = readings[-1].at_s
    rates, n_cpus = [], None
    for worker in {r.worker for r in readings}:
        # A life ends where the counter falls back; processor time counts within the last one.
        life: list[tuple[float, float]] = []
        for r in readings:
            if r.worker == worker and r.cpu_s is not None and newest - r.at_s <= window_s:
                if life and r.cpu_s < life[-1][1]:
                    life = []
                life.append((r.at_s, r.cpu_s))
                n_cpus = r.n_cpus or n_cpus
        if len(life) > 1 and life[-1][0] > life[0][0]:
            rates.append((life[-1][1] - life[0][1]) / (life[-1][0] - life[0][0]))
    return sum(rates) / n_cpus if rates and n_cpus else None


def _memory(readings: Sequence[Reading]) -> list[tuple[float, float]]:
    """Share of the memory in use by all workers of a server together, over time."""
    newest: dict[str, int] = {}
    shares = []
    workers = {r.worker for r in readings if r.rss_bytes is not None}
    for one in readings:
        if one.rss_bytes is not None and one.memory_bytes:
            newest[one.worker] = one.rss_bytes
            if newest.keys() == workers:
                shares.append((one.at_s, sum(newest.values()) / one.memory_bytes))
    return shares


def _judged(
    signal: str, share: float | None, levels: Levels, labels: Mapping[str, str]
) -> ServiceFinding:
    if share is None:
        return _silent(signal, labels)
    level, limit = Level.OK, levels.warning
    if share >= levels.critical:
        level, limit = Level.CRITICAL, levels.critical
    elif share >= levels.warning:
        level = Level.WARNING
    side = "under" if level is Level.OK else "over"
    return ServiceFinding(
        signal=signal,
        level=level,
        code="service.under_levels" if level is Level.OK else "service.over_level",
        reason=f"{_NAMES[signal]} {100 * share:.3g} %, {side} {100 * limit:.3g} %",
        unit="share",
        value=share,
        limit=limit,
        labels=labels,
    )


def _with_forecast(
    found: ServiceFinding, shares: Sequence[tuple[float, float]], config: ServiceConfig
) -> ServiceFinding:
    """Memory that leaks says so hours before; a crossing within ``ahead`` is a warning."""
    levels = config.memory_share
    if levels is None or found.value is None or found.level is Level.CRITICAL:
        return found
    ends = trend(
        [at for at, _ in shares],
        [share for _, share in shares],
        limit=levels.critical,
        horizon_s=max(config.ahead, 2 * config.trend),
        alpha=_FORECAST_ALPHA,
    )
    if (crossing := ends.crossing) is None:
        return found
    soon = found.level is Level.OK and crossing.in_s <= config.ahead
    limit = f"{100 * levels.critical:.3g} %"
    return replace(
        found,
        level=Level.WARNING if soon else found.level,
        code="service.will_be_critical" if soon else found.code,
        reason=f"{found.reason}; {forecast(crossing, limit)} if it goes on like this",
        limit=levels.critical if soon else found.limit,
        crossing=crossing,
    )


def _silent(signal: str, labels: Mapping[str, str] | None = None) -> ServiceFinding:
    return ServiceFinding(
        signal=signal,
        level=Level.INCONCLUSIVE,
        code="service.no_reading",
        reason=f"{_NAMES[signal]}: no running worker says",
        unit="share",
        labels=labels or {},
    )


_NAMES = {"queue": "fullest queue", "cpu": "processors in use", "memory": "memory in use"}
