"""Every endpoint of a server under watch, one tick at a time: the shell around all that judges.

It reads what workers counted and measured, lets alerts live through what follows, asks the triggers
and says how things are in its beat. All it remembers between ticks can be lost. Two of them on one
store do no harm: one lease.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from seatrial.kernel.clock import Clock
from seatrial.kernel.store import DATA, Lease, Store, StoreUnavailable
from seatrial.monitoring.alerts.alarms import Alarms
from seatrial.monitoring.alerts.alert import Alert, Phase
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.alerts.troubles import NOT_KEPT, LeaseLost, Troubles
from seatrial.monitoring.lookups.watch import LookupWatch
from seatrial.monitoring.performance.monitor import PerformanceMonitor
from seatrial.monitoring.performance.untold import Told
from seatrial.monitoring.performance.view import watched_with
from seatrial.monitoring.service.alarms import service_findings
from seatrial.monitoring.service.exposition import Watched, exposition
from seatrial.monitoring.service.finding import ServiceFinding
from seatrial.monitoring.service.history import ServiceHistory
from seatrial.monitoring.service.judge import judge_service, look
from seatrial.monitoring.service.saturation import Readings, judge_saturation, reading
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.triggers.config import named_endpoints, rules_of
from seatrial.monitoring.watching.config import MonitoringConfig
from seatrial.monitoring.watching.endpoint_monitor import EndpointMonitor, OpenWatch
from seatrial.monitoring.watching.gauges import watched_of
from seatrial.monitoring.watching.segment_monitor import SegmentMonitor
from seatrial.monitoring.watching.telling import Situation, Telling
from seatrial.monitoring.watching.variants import variants_record
from seatrial.monitoring.watching.watch_findings import watch_finding
from seatrial.monitoring.watching.window_judge import Judged
from seatrial.release.endpoint import EndpointState
from seatrial.release.projection import Endpoints
from seatrial.release.rollout import MODEL

LEASE = "monitor"
BEAT = "monitor"
WORKERS = "worker/"

_LEASE_TTL_S = 20.0
_SERVICE_EVERY_S = 10.0
_PRUNE_EVERY_S = 3600.0
_DATA_KEEP = timedelta(days=1)
"""How long counts of rows are kept once they are judged; reports stay as long as measurements."""

STORE = "the store"
"""What trouble is about that no endpoint has by itself."""

_TROUBLE_S = 60.0
"""How long something must keep an endpoint from being watched before people are told."""


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
        troubles: of the watch itself; shared with ``performance`` and ``segments``.
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
        troubles: Troubles,
        performance: PerformanceMonitor | None = None,
        segments: SegmentMonitor | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._named = named_endpoints(config.triggers)  # a schedule trains a first version too
        self._open_watch = open_watch
        self._book = book
        self._holder = holder
        self._performance = performance
        self._segments = segments
        self._lease: Lease | None = None
        self._endpoints = Endpoints(store)
        self._monitors: dict[str, EndpointMonitor] = {}
        self._histories: dict[str, ServiceHistory] = {}
        self._troubles = troubles
        self._telling = Telling(
            alarms,
            TriggerBook(store),
            rules=lambda endpoint: rules_of(config.triggers, endpoint),
            clock=clock,
            troubles=troubles,
        )
        self._readings = Readings()
        self._lookups = LookupWatch(config.lookups)
        self._service: dict[str, tuple[ServiceFinding, ...]] = {}
        self._variants: dict[str, dict[str, object] | None] = {}
        self._service_at = self._prune_at = self._renew_at = 0.0

    def tick(self) -> bool:
        """Look at everything once, if this monitor holds the lease; says whether it does.

        Whatever goes wrong is said and tried again with the next tick: nothing that was found is
        kept as done before it was told.
        """
        try:
            self._held()
            self._look()
        except LeaseLost:
            self._leave()
        except Exception as problem:  # noqa: BLE001 - a border: the watch does not end
            self._troubles.met(STORE, "nothing is watched", problem)
        else:
            self._troubles.over(STORE, "nothing is watched")
        return self._lease is not None

    def _look(self) -> None:
        self._endpoints.refresh()
        states = {name: self._endpoints.get(name) for name in self._endpoints.names()}
        served = _served(states)
        self._telling.situation = Situation(on_trial=_on_trial(states), served=served)
        for name in states:
            self._judge(name)
        models = {name: served[name] for name, state in states.items() if state.kind == MODEL}
        if self._performance is not None:
            self._performance.turn(models, self._tell_performance)
        if self._segments is not None:
            self._segments.turn(models, self._tell_segments)
        self._renew()
        due = self._clock.monotonic() >= self._service_at
        service = self._service_findings(states) if due else []
        self._telling.pass_on([*service, *self._own(served)])
        if due:
            self._service_at = self._clock.monotonic() + _SERVICE_EVERY_S
        for name in sorted({*states, *self._named}):
            n_labelled = self._performance.n_labelled(name) if self._performance else None
            self._telling.ask(name, n_labelled=n_labelled)
        self._say(states)
        self._prune()

    def _held(self) -> None:
        """Take or renew the lease.   Raises: LeaseLost; StoreUnavailable and its kin."""
        now_s = self._clock.monotonic()
        self._lease = self._store.acquire(LEASE, self._holder, ttl_s=_LEASE_TTL_S)
        self._renew_at = now_s + _LEASE_TTL_S / 4
        if self._lease is None:
            raise LeaseLost("Another monitor watches this store.", remedy="Leave it to that one.")

    def _leave(self) -> None:
        """Forget all: another monitor watches."""
        self._monitors.clear()
        if self._performance is not None:
            self._performance.close()
        if self._segments is not None:
            self._segments.close()

    def _tell(self, endpoint: str, judged: Judged) -> None:
        self._renew()
        self._telling.tell(endpoint, judged.findings, [judged.window])

    def _tell_performance(self, endpoint: str, told: Told) -> None:
        self._renew()
        self._telling.tell(endpoint, told.findings, told.windows)

    def _tell_segments(self, finding: Finding) -> None:
        self._renew()
        self._telling.tell(finding.labels.endpoint, [finding])

    def _renew(self) -> None:
        """A long turn must not outlast the lease."""
        if self._clock.monotonic() >= self._renew_at:
            self._held()

    def close(self) -> None:
        """Give the lease back, so that another can go on at once."""
        if self._lease is not None:
            try:
                self._store.forget(BEAT)
                self._store.release(self._lease)
            except StoreUnavailable as problem:
                self._troubles.met(STORE, "the lease, which will expire", problem)
        if self._performance is not None:
            self._performance.close()
        if self._segments is not None:
            self._segments.close()

    def _judge(self, name: str) -> None:
        try:
            if name not in self._monitors:
                self._monitors[name] = EndpointMonitor(
                    self._store,
                    name,
                    rule=self._config.windows.rule(),
                    open_watch=self._open_watch,
                    tell=partial(self._tell, name),
                    troubles=self._troubles,
                    clock=self._clock,
                )
            self._monitors[name].turn(self._clock.now())
        except NOT_KEPT:
            # What was cut but not kept is cut again from the store.
            self._monitors.pop(name, None)
            raise
        except Exception as problem:  # noqa: BLE001 - a border: other endpoints are watched
            self._troubles.met(name, "drift", problem)
        else:
            self._troubles.over(name, "drift")

    def _service_findings(self, states: Mapping[str, EndpointState]) -> list[Finding]:
        now_s = self._clock.monotonic()
        beats = self._store.present(WORKERS)
        news = [said for beat in beats if (said := reading(beat, at_s=now_s)) is not None]
        self._readings.add(news, now_s=now_s)
        saturation = judge_saturation(self._readings.all(), self._config.service, now_s=now_s)
        findings: list[Finding] = []
        for name, state in states.items():
            try:
                found = (*self._served(name, state), *saturation)
            except NOT_KEPT:
                raise
            except Exception as problem:  # noqa: BLE001 - a border: other endpoints are watched
                self._troubles.met(name, "service", problem)
                continue
            self._troubles.over(name, "service")
            self._service[name] = found
            findings += service_findings(found, endpoint=name)
        looked_up = self._lookups.turn(beats, now_s=self._clock.now().timestamp())
        findings += [finding for finding in looked_up if finding.labels.endpoint in states]
        return findings

    def _served(self, name: str, state: EndpointState) -> Sequence[ServiceFinding]:
        now, config = self._clock.now(), self._config.service
        if state.kind != MODEL:
            config = config.of_others()
        history = self._histories.setdefault(name, ServiceHistory(self._store, name))
        history.refresh(now)
        self._variants[name] = variants_record(
            history, state.split.versions, stable=state.stable, now=now
        )
        return judge_service(look(history, config, now=now), config)

    def _own(self, served: Mapping[str, Collection[int]]) -> list[Finding]:
        """What the watch has to say of itself."""
        return [
            watch_finding(name, self._troubles.lasting(name, _TROUBLE_S, served=versions))
            for name, versions in served.items()
        ]

    def _say(self, states: Mapping[str, EndpointState]) -> None:
        alerts = self._book.alerts()
        watched = [one for name in states for one in self._gauges(name, alerts)]
        self._store.beat(
            BEAT,
            {
                "holder": self._holder,
                "metrics": exposition(watched),
                "troubles": {
                    name: [one.as_dict() for one in self._troubles.lasting(name, 0.0)]
                    for name in states
                },
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

    def _gauges(self, name: str, alerts: Sequence[Alert]) -> list[Watched]:
        try:
            found = self._watched(name, alerts)
        except NOT_KEPT:
            raise
        except Exception as problem:  # noqa: BLE001 - a border: others have their gauges
            self._troubles.met(name, "gauges", problem)
            return []
        self._troubles.over(name, "gauges")
        return found

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
        """Drop counts that are judged and old; those of windows that are not complete are not."""
        now = self._clock.monotonic()
        if now < self._prune_at:
            return
        self._prune_at = now + _PRUNE_EVERY_S
        filling = [one.filling_since() for one in self._monitors.values()]
        old = self._clock.now() - _DATA_KEEP
        self._store.prune_slices(
            before=min([old, *(since for since in filling if since is not None)]), kind=DATA
        )


def _on_trial(states: Mapping[str, EndpointState]) -> dict[str, int]:
    return {name: s.active.version for name, s in states.items() if s.active is not None}


def _served(states: Mapping[str, EndpointState]) -> dict[str, frozenset[int]]:
    return {name: frozenset(state.split.versions) for name, state in states.items()}
