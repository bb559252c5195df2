"""Every endpoint of a server under watch, one tick at a time: the shell around all that judges.

It reads what workers counted and measured, lets alerts live through what follows, asks the triggers
and says how things are in its beat. All it remembers between ticks can be lost. Two of them on one
store do no harm: one lease.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import DATA, Lease, Store, StoreFull, StoreUnavailable
from seatrial.monitoring.alerts.alarms import Alarms
from seatrial.monitoring.alerts.alert import Alert, Phase
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.performance.monitor import PerformanceMonitor
from seatrial.monitoring.performance.version import Told
from seatrial.monitoring.performance.view import watched_with
from seatrial.monitoring.service.alarms import service_findings
from seatrial.monitoring.service.exposition import Watched, exposition
from seatrial.monitoring.service.finding import ServiceFinding
from seatrial.monitoring.service.history import ServiceHistory
from seatrial.monitoring.service.judge import judge_service, look
from seatrial.monitoring.service.saturation import Readings, judge_saturation, reading
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.triggers.config import rules_of
from seatrial.monitoring.triggers.rule import Window
from seatrial.monitoring.watching.config import MonitoringConfig
from seatrial.monitoring.watching.endpoint_monitor import EndpointMonitor, Judged, OpenWatch
from seatrial.monitoring.watching.gauges import watched_of
from seatrial.monitoring.watching.segment_monitor import SegmentMonitor
from seatrial.monitoring.watching.variants import variants_record
from seatrial.release.endpoint import EndpointState
from seatrial.release.projection import Endpoints

LEASE = "monitor"
BEAT = "monitor"
WORKERS = "worker/"

_LEASE_TTL_S = 20.0
_SERVICE_EVERY_S = 10.0
_PRUNE_EVERY_S = 3600.0
_DATA_KEEP = timedelta(days=1)
"""How long counts of rows are kept once they are judged; reports stay as long as measurements."""

_log = logging.getLogger(__name__)


class ServerMonitor:
    """Watches every endpoint of a store.

    Args:
        store: facts, leases, presence and slices.
        clock: wall time of findings, monotonic for how often.
        config: what is asked.
        open_watch: makes the watch of a version.
        alarms: lets alerts live, and tells people.
        book: of those alerts.
        holder: unique name of this process start.
        performance: follows predictions and labels; None where that is not wanted.
        segments: follows predictions by segment; None where that is not wanted.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        config: MonitoringConfig,
        open_watch: OpenWatch,
        alarms: Alarms,
        book: AlertBook,
        holder: str,
        performance: PerformanceMonitor | None = None,
        segments: SegmentMonitor | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._open_watch = open_watch
        self._alarms = alarms
        self._book = book
        self._holder = holder
        self._performance = performance
        self._segments = segments
        self._lease: Lease | None = None
        self._endpoints = Endpoints(store)
        self._monitors: dict[str, EndpointMonitor] = {}
        self._histories: dict[str, ServiceHistory] = {}
        self._triggers = TriggerBook(store)
        self._readings = Readings()
        self._service: dict[str, tuple[ServiceFinding, ...]] = {}
        self._variants: dict[str, dict[str, object] | None] = {}
        self._service_at = self._prune_at = 0.0

    def tick(self) -> bool:
        """Look at everything once, if this monitor holds the lease; says whether it does.

        A store that does not answer makes the tick do nothing.
        """
        try:
            self._lease = self._store.acquire(LEASE, self._holder, ttl_s=_LEASE_TTL_S)
            if self._lease is None:
                self._monitors.clear()
                if self._performance is not None:
                    self._performance.close()
                if self._segments is not None:
                    self._segments.close()
                return False
            self._endpoints.refresh()
            states = {name: self._endpoints.get(name) for name in self._endpoints.names()}
            judged = {name: self._judged(name) for name in states}
            findings = [f for some in judged.values() for j in some for f in j.findings]
            findings += self._served(states)
            told = self._performance.turn(_served(states)) if self._performance else {}
            findings += [f for some in told.values() for one in some.values() for f in one.findings]
            findings += self._segments.turn(_served(states)) if self._segments else []
            self._alarms.tick(findings, on_trial=_on_trial(states), served=_served(states))
            for name, some in judged.items():
                self._ask(name, some, told.get(name, {}))
            self._say(states)
            self._prune()
        except (StoreUnavailable, StoreFull) as problem:
            _log.warning("the store cannot be used, nothing is watched: %s", problem)
        return self._lease is not None

    def close(self) -> None:
        """Give the lease back, so that another can go on at once."""
        if self._lease is not None:
            try:
                self._store.forget(BEAT)
                self._store.release(self._lease)
            except StoreUnavailable as problem:
                _log.warning("the lease was not given back and will expire: %s", problem)
        if self._performance is not None:
            self._performance.close()
        if self._segments is not None:
            self._segments.close()

    def _judged(self, name: str) -> list[Judged]:
        try:
            if name not in self._monitors:
                self._monitors[name] = EndpointMonitor(
                    self._store,
                    name,
                    rule=self._config.windows.rule(),
                    open_watch=self._open_watch,
                )
            return self._monitors[name].turn(self._clock.now())
        except (StoreUnavailable, StoreFull):
            # What was cut but not kept is cut again from the store.
            self._monitors.pop(name, None)
            raise
        except SeatrialError as problem:
            _log.warning("%s: %s", name, problem)
            return []

    def _served(self, states: Mapping[str, EndpointState]) -> list[Finding]:
        now_s = self._clock.monotonic()
        if now_s < self._service_at:
            return []
        self._service_at = now_s + _SERVICE_EVERY_S
        now, config = self._clock.now(), self._config.service
        beats = self._store.present(WORKERS)
        news = [said for beat in beats if (said := reading(beat, at_s=now_s)) is not None]
        self._readings.add(news, now_s=now_s)
        saturation = judge_saturation(self._readings.all(), config, now_s=now_s)
        findings: list[Finding] = []
        for name, state in states.items():
            history = self._histories.setdefault(name, ServiceHistory(self._store, name))
            history.refresh(now)
            self._variants[name] = variants_record(
                history, state.split.versions, stable=state.stable, now=now
            )
            found = (*judge_service(look(history, config, now=now), config), *saturation)
            self._service[name] = found
            findings += service_findings(found, endpoint=name)
        return findings

    def _ask(self, name: str, judged: Sequence[Judged], told: Mapping[int, Told]) -> None:
        rules = rules_of(self._config.triggers, name)
        if not rules:
            return
        now = self._clock.now()
        n_labelled = self._performance.n_labelled(name) if self._performance else None
        windows: list[Window | None] = [_window(one) for one in judged]
        windows += [window for one in told.values() for window in one.windows]
        for window in windows or [None]:
            for decision in self._triggers.look(
                name, rules, now=now, window=window, n_labelled=n_labelled
            ):
                _log.debug("%s: %s", name, decision.reason)

    def _say(self, states: Mapping[str, EndpointState]) -> None:
        alerts = self._book.alerts()
        watched = [one for name in states for one in self._watched(name, alerts)]
        self._store.beat(
            BEAT,
            {
                "holder": self._holder,
                "metrics": exposition(watched),
                "service": {
                    name: [one.as_dict() for one in self._service.get(name, ())] for name in states
                },
                "variants": {name: self._variants.get(name) for name in states},
                "filling": {
                    name: {str(v): n for v, n in monitor.filling().items()}
                    for name, monitor in self._monitors.items()
                },
            },
        )

    def _watched(self, name: str, alerts: Sequence[Alert]) -> list[Watched]:
        reports: dict[int, Mapping[str, Any]] = {}
        if name in self._monitors:
            kept = self._monitors[name].kept()
            reports = {version: log.newest for version, log in kept.items()}
        mine = [a for a in alerts if a.labels.endpoint == name]
        counts = {
            phase: {
                severity: sum(1 for a in mine if a.phase is phase and a.severity == severity)
                for severity in ("warning", "critical")
            }
            for phase in (Phase.FIRING, Phase.PENDING)
        }
        whole = Watched(
            endpoint=name,
            findings=self._service.get(name, ()),
            alerts_firing=counts[Phase.FIRING],
            alerts_pending=counts[Phase.PENDING],
            looked_at_s=self._clock.now().timestamp(),
        )
        found = {version: watched_of(name, version, reports[version]) for version in reports}
        records = self._performance.records(name) if self._performance is not None else {}
        found |= {v: watched_with(found.get(v), record) for v, record in records.items()}
        return [whole, *(found[version] for version in sorted(found))]

    def _prune(self) -> None:
        now = self._clock.monotonic()
        if now >= self._prune_at:
            self._prune_at = now + _PRUNE_EVERY_S
            self._store.prune_slices(before=self._clock.now() - _DATA_KEEP, kind=DATA)


def _on_trial(states: Mapping[str, EndpointState]) -> dict[str, int]:
    return {name: s.active.version for name, s in states.items() if s.active is not None}


def _served(states: Mapping[str, EndpointState]) -> dict[str, frozenset[int]]:
    return {name: frozenset(state.split.versions) for name, state in states.items()}


def _window(one: Judged) -> Window:
    return Window(
        version=one.version,
        end=one.report.span.end,
        psi={column.name: column.effect for column in one.report.drift.features},
    )
