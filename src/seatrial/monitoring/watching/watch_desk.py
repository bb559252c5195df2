"""Where people and programs look at what the watch found, and answer: command, API and console."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from seatrial.kernel.clock import Clock, SystemClock
from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import Store
from seatrial.monitoring.alerts import history as alert_history
from seatrial.monitoring.alerts.alert import Alert, Phase
from seatrial.monitoring.alerts.book import PREFIX, AlertBook
from seatrial.monitoring.alerts.facts import UnknownFact
from seatrial.monitoring.alerts.finding import Level
from seatrial.monitoring.alerts.history import History
from seatrial.monitoring.alerts.silence import Matcher, Silence
from seatrial.monitoring.alerts.stream import Stream
from seatrial.monitoring.alerts.wording import LANGUAGES, stale_text, steps_of
from seatrial.monitoring.performance.view import performance_records
from seatrial.monitoring.service.finding import Level as ServiceLevel
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.triggers.fold import Request
from seatrial.monitoring.watching.report_log import Point, ReportLog
from seatrial.monitoring.watching.segment_monitor import segment_records
from seatrial.monitoring.watching.server_monitor import BEAT
from seatrial.release.projection import Endpoints

_FRESH_S = 30.0
_MAX_SILENCE = timedelta(days=366)

Record = dict[str, Any]


class WatchDesk:
    """Reads and answers over one store. All calls block; thread-safe.

    Args:
        store: stays the caller's to close.
        clock: wall time, for the age of evidence.
    """

    def __init__(self, store: Store, *, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._book = AlertBook(store)
        self._triggers = TriggerBook(store)
        self._endpoints = Endpoints(store)
        self._lock = threading.Lock()
        self._logs: dict[str, ReportLog] = {}
        self._histories: dict[str, Stream[History]] = {}

    def view(self, endpoint: str) -> Record:
        """Everything about an endpoint as a JSON-able record.

        ``versions`` holds the newest report of each (see `report_record`) and a ``series`` of the
        windows before; ``performance`` how well each does (see `performance_view`); ``segments``
        the newest window of each by segment; ``service`` what the service looks like; ``variants``
        the versions that serve side by side (see `variants_record`), None where one does;
        ``filling`` the rows of windows that are not complete; ``watching`` whether a monitor runs,
        and ``troubles`` what of the endpoint it cannot watch.

        Raises: UnknownEndpoint: nothing was released or watched under this name; UnknownFact: its
            alerts cannot be read.
        """
        beat = self._beat()
        alerts = self.alerts(endpoint)
        performance = performance_records(self._store, endpoint)
        with self._lock:
            log = self._logs.setdefault(endpoint, ReportLog(self._store, endpoint))
            versions = {
                str(version): {
                    "report": kept.newest,
                    "series": [_point(one) for one in kept.series],
                }
                for version, kept in sorted(log.refresh().items())
            }
            if not versions and not alerts and not performance:
                del self._logs[endpoint]  # whoever asks for any name is not remembered
                self._endpoints.refresh()
                self._endpoints.get(endpoint)
        return {
            "endpoint": endpoint,
            "watching": beat is not None,
            "troubles": _part(beat, "troubles", endpoint, []),
            "versions": versions,
            "performance": performance,
            "segments": segment_records(self._store, endpoint),
            "service": _part(beat, "service", endpoint, []),
            "variants": _part(beat, "variants", endpoint, None),
            "filling": _part(beat, "filling", endpoint, {}),
            "alerts": alerts,
            "triggers": [request_record(one) for one in self._triggers.requests(endpoint)],
        }

    def alerts(self, endpoint: str | None = None, *, ended: bool = True) -> list[Record]:
        """Alerts of one endpoint or of all, the worst and newest first.

        Args: ended: whether those that do not fire or threaten to are listed too.
        Raises: UnknownFact: they cannot be read; those of other endpoints still can.
        """
        try:
            self._book.refresh()
        except UnknownFact:
            if endpoint is None or endpoint in self._book.unreadable():
                raise
        return self._alerts(endpoint, ended=ended)

    def _alerts(self, endpoint: str | None, *, ended: bool) -> list[Record]:
        live, now = (Phase.FIRING, Phase.PENDING), self._clock.now()
        return [
            alert_record(one, now)
            for one in self._book.alerts()
            if (ended or one.phase in live) and endpoint in (None, one.labels.endpoint)
        ]

    def standings(self) -> dict[str, Record]:
        """How each endpoint stands that something watches or some alert is about, by name.

        ``state`` is the worst severity that fires, else ``clear`` while its service is seen to be
        well, else ``unknown``, as it is while its alerts cannot be read; ``firing`` the alerts,
        the worst first. Cheap: no report is read.
        """
        beat = self._beat()
        service = beat.get("service") if beat is not None else None
        seen = service if isinstance(service, Mapping) else {}
        firing: dict[str, list[Record]] = {name: [] for name in seen}
        with suppress(UnknownFact):
            self._book.refresh()
        unreadable = self._book.unreadable()
        for alert in self._alerts(None, ended=False):
            mine = firing.setdefault(alert["labels"]["endpoint"], [])
            if alert["phase"] == Phase.FIRING:
                mine.append(alert)
        return {
            name: {
                "state": Level.UNKNOWN.value
                if name in unreadable
                else mine[0]["severity"]
                if mine
                else _quietly(seen.get(name, [])),
                "firing": mine,
            }
            for name, mine in firing.items()
        }

    def history(self, endpoint: str) -> list[Record]:
        """Every time an alert of an endpoint fired, the newest first; see `alert_history`."""
        if not self.alerts(endpoint):
            return []
        with self._lock:
            if endpoint not in self._histories:
                self._histories[endpoint] = Stream(
                    self._store, PREFIX + endpoint, state=History(), fold=alert_history.fold
                )
            known = self._histories[endpoint].refresh()
        return [one.as_dict() for one in reversed(known.episodes)]

    def acknowledge(self, key: str, *, by: str, note: str, now: datetime) -> Record:
        """Say that somebody cares for an alert.   Raises: UnknownAlert, AlertConflict."""
        self._book.refresh()
        return alert_record(self._book.acknowledge(key, by=by, note=note, now=now), now)

    def close(self, key: str, *, by: str, reason: str, now: datetime) -> Record:
        """End an alert by hand.   Raises: UnknownAlert, AlertConflict."""
        self._book.refresh()
        return alert_record(self._book.close(key, by=by, reason=reason, now=now), now)

    def silences(self, now: datetime) -> list[Record]:
        """Those that people began and that are not over."""
        self._book.refresh()
        return [_silence_record(one) for one in self._book.silences(now)]

    def silence(
        self,
        patterns: Mapping[str, Sequence[str]],
        *,
        for_s: float,
        why: str,
        by: str,
        now: datetime,
    ) -> Record:
        """Let nobody be told of some alerts for a while.

        Args:
            patterns: by label, as `silence.Matcher` takes them.
            for_s: seconds, in (0, a year].
        Raises: BadMatcher, Invalid.
        """
        if not 0 < for_s <= _MAX_SILENCE.total_seconds():
            raise Invalid(
                f"A silence of {for_s!r} s is impossible.",
                remedy="Give a time over 0 and up to a year, such as 2h.",
                field="for",
            )
        matcher = Matcher({name: tuple(some) for name, some in patterns.items()})
        until = now + timedelta(seconds=for_s)
        wanted = Silence(id="", matcher=matcher, until=until, why=why, by=by)
        self._book.refresh()
        return _silence_record(self._book.silence(wanted, now=now))

    def end_silence(self, id: str, *, by: str, now: datetime) -> None:  # noqa: A002
        """End a silence before its time.   Raises: UnknownSilence."""
        self._book.refresh()
        self._book.end_silence(id, by=by, now=now)

    def requests(self, endpoint: str) -> list[Record]:
        """What the triggers asked for, the oldest first."""
        return [request_record(one) for one in self._triggers.requests(endpoint)]

    def _beat(self) -> Mapping[str, Any] | None:
        found = self._store.present(BEAT, within_s=_FRESH_S)
        return found[0].data if found else None


def alert_record(alert: Alert, now: datetime) -> Record:
    """An alert as a JSON-able record.

    ``seen_at`` is how new its evidence is; ``stale`` says so where that is long ago, else null.
    """
    content = alert.finding.content() if alert.finding is not None else None
    age_s = alert.stale_s(now)
    return {
        "key": alert.key,
        "labels": alert.labels.as_dict(),
        "phase": alert.phase.value,
        "severity": alert.severity.value,
        "episode": alert.episode,
        "pending_at": _iso(alert.pending_at),
        "fired_at": _iso(alert.fired_at),
        "resolved_at": _iso(alert.resolved_at),
        "seen_at": _iso(alert.seen_at),
        "stale": None
        if age_s is None or alert.seen_at is None
        else {one: stale_text(age_s, alert.seen_at, one) for one in LANGUAGES},
        "reason": alert.reason,
        "acknowledged_by": alert.acknowledged_by,
        "muted": alert.muted,
        "finding": content,
        "steps": [
            dict(zip(LANGUAGES, said, strict=True))
            for said in zip(*(steps_of(alert, one) for one in LANGUAGES), strict=True)
        ],
    }


def request_record(request: Request) -> Record:
    """What a trigger asked for as a JSON-able record."""
    return {
        "id": request.id,
        "kind": request.kind,
        "rule": request.rule,
        "version": request.version,
        "reason": request.reason,
        "evidence": dict(request.evidence),
        "at": request.at.isoformat(),
        "evaluation": request.evaluation,
        "worse": request.worse,
    }


def _silence_record(silence: Silence) -> Record:
    return {
        "id": silence.id,
        "match": silence.matcher.as_record(),
        "since": _iso(silence.since),
        "until": silence.until.isoformat(),
        "why": silence.why,
        "by": silence.by,
    }


def _point(point: Point) -> Record:
    return {
        "t": point.end.timestamp(),
        "n": point.n,
        "severity": point.severity,
        "alarm": point.alarm,
        "log_evidence": point.log_evidence,
        "effects": dict(point.effects),
    }


def _quietly(service: Sequence[Mapping[str, Any]]) -> str:
    """How an endpoint without a firing alert stands."""
    well = any(one["level"] == ServiceLevel.OK for one in service)
    return (Level.CLEAR if well else Level.UNKNOWN).value


def _part(beat: Mapping[str, Any] | None, key: str, endpoint: str, nothing: Any) -> Any:
    whole = beat.get(key) if beat is not None else None
    return whole.get(endpoint, nothing) if isinstance(whole, Mapping) else nothing


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
