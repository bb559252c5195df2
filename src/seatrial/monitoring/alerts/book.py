"""All alerts and silences of a store: the shell that feeds findings to `lifecycle.step`.

Every process that opens the book sees the same, and two that observe the same finding append its
consequences once: each endpoint's alerts are one stream, changed by comparison.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

from seatrial.kernel.errors import NotFound
from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.store import FactLog
from seatrial.monitoring.alerts import lifecycle as life
from seatrial.monitoring.alerts import silence as silencing
from seatrial.monitoring.alerts.alert import KINDS, SCHEMA, Alert, Phase, apply
from seatrial.monitoring.alerts.facts import UnknownFact, unknown
from seatrial.monitoring.alerts.finding import Finding, Labels
from seatrial.monitoring.alerts.lifecycle import Timing
from seatrial.monitoring.alerts.silence import Silence, Silences
from seatrial.monitoring.alerts.stream import Stream

PREFIX = "alerts/"

Alerts: TypeAlias = Mapping[str, Alert]
"""By key."""


class UnknownAlert(NotFound):
    """No alert has this key."""

    code = "monitoring.unknown_alert"


def fold(alerts: Alerts, facts: Sequence[Fact]) -> Alerts:
    """The alerts of an endpoint after more facts of its stream.   Raises: UnknownFact."""
    after = dict(alerts)
    for fact in facts:
        data: Mapping[str, Any] = fact.data
        if fact.schema != SCHEMA or fact.kind not in KINDS:
            raise unknown(fact.kind, fact.schema, why=f"is in the stream {fact.stream!r}")
        known = after.get(data["key"])
        if known is None:
            if fact.kind != "alert.raised":
                raise unknown(fact.kind, fact.schema, why="is of an alert that was never raised")
            known = Alert(labels=Labels(**data["labels"]))
        after[data["key"]] = apply(known, fact.kind, data)
    return after


def gone(labels: Labels, versions: Collection[int] | None) -> str | None:
    """Why what an alert is about is not there any more; None while it is."""
    if versions is None:
        return f"the endpoint {labels.endpoint} is not there any more"
    if labels.version is not None and labels.version not in versions:
        return f"version {labels.version} is not served any more"
    if not versions:
        return f"no version of {labels.endpoint} is served any more"
    return None


class AlertBook:
    """Reads and changes alerts and silences. Thread-safe; calls block on the store.

    Args:
        log: where the facts are.
        timing: how patient alerts of a kind are, by `Labels.kind`.
    """

    def __init__(self, log: FactLog, *, timing: Callable[[str], Timing] = lambda _: Timing()):
        self._log = log
        self._timing = timing
        self._streams: dict[str, Stream[Alerts]] = {}
        self._silences: Stream[Silences] = Stream(
            log, silencing.STREAM, state={}, fold=silencing.fold
        )
        self._head = -1
        self._unreadable: dict[str, UnknownFact] = {}

    def refresh(self) -> None:
        """Read what others appended; cheap when nothing was.

        Raises: StoreUnavailable; UnknownFact: of one stream, after the others were read.
        """
        head = self._log.head()
        if head != self._head:
            unreadable: dict[str, UnknownFact] = {}
            for name in [*self._log.streams(PREFIX), silencing.STREAM]:
                endpoint = name.removeprefix(PREFIX)
                try:
                    if name == silencing.STREAM:
                        self._silences.refresh()
                    else:
                        self._stream(endpoint).refresh()
                except UnknownFact as problem:
                    unreadable[endpoint] = problem
            self._unreadable, self._head = unreadable, head
        for found in self._unreadable.values():
            raise found

    def unreadable(self) -> Mapping[str, UnknownFact]:
        """The endpoints whose alerts cannot be read, as of the last refresh, and why.

        They are what they were before; the stream of silences is among them by its name.
        """
        return dict(self._unreadable)

    def alerts(self, endpoint: str | None = None) -> list[Alert]:
        """All that were ever raised, of one endpoint or of all; the worst and newest first."""
        streams = [self._stream(endpoint)] if endpoint is not None else [*self._streams.values()]
        found = [alert for stream in streams for alert in stream.state.values()]
        return sorted(found, key=_order)

    def find(self, key: str) -> Alert:
        """The alert of a key.   Raises: UnknownAlert."""
        for stream in self._streams.values():
            if key in stream.state:
                return stream.state[key]
        raise UnknownAlert(
            f"There is no alert {key!r}.", remedy="Look at the list of alerts.", key=key
        )

    def observe(self, findings: Iterable[Finding], *, now: datetime) -> None:
        """Let alerts live through findings taken at ``now``.

        Findings about endpoints whose alerts cannot be read change nothing.
        """
        by_endpoint: dict[str, list[Finding]] = defaultdict(list)
        for finding in findings:
            by_endpoint[finding.labels.endpoint].append(finding)
        for endpoint, news in by_endpoint.items():
            if endpoint in self._unreadable:
                continue
            self._stream(endpoint).change(partial(self._steps, findings=news, now=now))

    def retire(self, served: Mapping[str, Collection[int]], *, now: datetime) -> None:
        """End alerts about what is not served any more: no finding will.

        Args: served: the versions that may answer, by endpoint, of all endpoints there are.
        """
        for endpoint in {*served, *self._streams} - self._unreadable.keys():
            retired = partial(_retired, served=served.get(endpoint), now=now)
            self._stream(endpoint).change(retired)

    def mute(self, reasons: Mapping[str, str], *, now: datetime) -> None:
        """Record which firing alerts nobody is told of, by key; all others are told."""
        for endpoint, stream in list(self._streams.items()):
            if endpoint in self._unreadable:
                continue
            stream.change(
                lambda alerts: [
                    draft
                    for alert in alerts.values()
                    for draft in life.mute(alert, reasons.get(alert.key), now)
                ]
            )

    def acknowledge(self, key: str, *, by: str, note: str = "", now: datetime) -> Alert:
        """See `lifecycle.acknowledge`.   Raises: UnknownAlert, AlertConflict."""
        return self._ask(key, lambda alert: life.acknowledge(alert, by=by, note=note, now=now))

    def close(self, key: str, *, by: str, reason: str, now: datetime) -> Alert:
        """See `lifecycle.close`.   Raises: UnknownAlert, AlertConflict."""
        return self._ask(key, lambda alert: life.close(alert, by=by, reason=reason, now=now))

    def silences(self, now: datetime) -> list[Silence]:
        """Those people asked for that are not over; the configuration's are not among them."""
        return silencing.living(self._silences.state.values(), now)

    def silence(self, silence: Silence, *, now: datetime) -> Silence:
        """Begin a silence; an empty id is replaced by the next number.   Raises: Invalid."""

        def begin(known: Silences) -> list[Draft]:
            nonlocal silence
            if not silence.id or silence.id in known:
                numbers = [int(id) for id in known if id.isdecimal()]  # noqa: A001
                silence = replace(silence, id=str(max(numbers, default=0) + 1))
            return silencing.add(silence, now=now)

        self._silences.change(begin)
        return silence

    def end_silence(self, id: str, *, by: str, now: datetime) -> None:  # noqa: A002
        """End a silence before its time.   Raises: UnknownSilence."""
        self._silences.change(lambda known: silencing.end(known, id, by=by, now=now))

    def _stream(self, endpoint: str) -> Stream[Alerts]:
        if endpoint not in self._streams:
            stream: Stream[Alerts] = Stream(self._log, PREFIX + endpoint, state={}, fold=fold)
            stream.refresh()
            self._streams[endpoint] = stream
        return self._streams[endpoint]

    def _steps(self, alerts: Alerts, findings: Sequence[Finding], now: datetime) -> list[Draft]:
        after = dict(alerts)
        drafts: list[Draft] = []
        for finding in findings:
            key = finding.labels.key
            known = after.get(key) or Alert(labels=finding.labels)
            timing = self._timing(finding.labels.kind)
            after[key], news = life.step(known, finding, now, timing=timing)
            drafts += news
        return drafts

    def _ask(self, key: str, wish: Callable[[Alert], list[Draft]]) -> Alert:
        alert = self.find(key)
        stream = self._stream(alert.labels.endpoint)
        return stream.change(lambda alerts: wish(alerts[key]))[key]


_PHASES = (Phase.FIRING, Phase.PENDING, Phase.RESOLVED, Phase.QUIET)


def _retired(alerts: Alerts, served: Collection[int] | None, now: datetime) -> list[Draft]:
    return [
        draft
        for alert in alerts.values()
        if (reason := gone(alert.labels, served)) is not None
        for draft in life.retire(alert, reason=reason, now=now)
    ]


def _order(alert: Alert) -> tuple[int, int, float, str]:
    at = alert.fired_at or alert.pending_at
    newest = -at.timestamp() if at else 0.0
    return _PHASES.index(alert.phase), -alert.severity.rank, newest, alert.key
