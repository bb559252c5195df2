"""Notifications to Prometheus' Alertmanager, for those who have their routes there already.

Alertmanager identifies an alert by its labels, ends it at ``endsAt`` and expects to be told again
before that; the sink's ``repeat`` and `_LIVES` see to it. The severity is a label, as its routes
expect, so an alert that changes severity ends under the old one.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from seatrial.adapters.http.post import checked_url, post
from seatrial.kernel.clock import Clock, SystemClock
from seatrial.monitoring.alerts.alert import Alert, Phase
from seatrial.monitoring.alerts.finding import Level
from seatrial.monitoring.alerts.notify import Notification, Receipt
from seatrial.monitoring.alerts.wording import about, kind_name, steps_of

_PATH = "/api/v2/alerts"
_LIVES = 4
"""A firing alert stands for so many repeats without word from us, as with Prometheus itself."""

_OTHER = {Level.WARNING: Level.CRITICAL, Level.CRITICAL: Level.WARNING}


class AlertmanagerNotifier:
    """`monitoring.notify.Notifier` for an Alertmanager.

    Args:
        url: of the Alertmanager, such as ``http://alertmanager:9093``, with its path prefix.
        language: of the annotations, ``en`` or ``zh``.
        link: address of the console: where ``generatorURL`` leads.
        timeout_s: for one attempt, in seconds > 0.
        proxy: http address of a proxy to go through; empty for none.
        clock: alerts live from the time they are sent, not from the time they were queued.
    Raises: SinkInvalid.
    """

    def __init__(
        self,
        url: str,
        *,
        language: str = "en",
        link: str = "http://localhost:8080",
        timeout_s: float = 10.0,
        proxy: str = "",
        clock: Clock | None = None,
    ) -> None:
        checked_url(url)
        checked_url(link)
        if proxy:
            checked_url(proxy)
        self._proxy = proxy
        self._url = url.rstrip("/") + _PATH
        self._language = language
        self._link = link.rstrip("/")
        self._timeout_s = timeout_s
        self._clock = clock or SystemClock()

    def send(self, notification: Notification) -> Receipt:
        """See Notifier."""
        body = json.dumps(self.alerts(notification), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"}
        timeout_s, proxy = self._timeout_s, self._proxy
        reply = post(self._url, body, headers, timeout_s=timeout_s, proxy=proxy)
        return Receipt(detail=f"status {reply.status}")

    def alerts(self, notification: Notification) -> list[dict[str, object]]:
        """The body: the newest episode of every alert, and its end under a former severity."""
        newest: dict[str, Alert] = {}
        for alert in notification.alerts:
            if alert.key not in newest or newest[alert.key].episode < alert.episode:
                newest[alert.key] = alert
        lives = timedelta(seconds=_LIVES * notification.repeat_s)
        posted = []
        for alert in newest.values():
            firing = alert.told_as is Phase.FIRING
            now = self._clock.now()
            ends = now + lives if firing else alert.resolved_at or now
            posted.append(self._alert(alert, alert.severity, ends))
            if alert.severity_at != alert.fired_at and alert.severity_at is not None:
                posted.append(self._alert(alert, _OTHER[alert.severity], alert.severity_at))
        return posted

    def _alert(self, alert: Alert, severity: Level, ends: datetime) -> dict[str, object]:
        starts = alert.fired_at or ends
        labels = {name: str(value) for name, value in alert.labels.as_dict().items()}
        name = "Seatrial" + "".join(
            part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", alert.labels.kind)
        )
        endpoint = quote(alert.labels.endpoint, safe="")
        return {
            "labels": {"alertname": name, "severity": severity.value, **labels},
            "annotations": self._annotations(alert),
            "startsAt": _time(min(starts, ends)),
            "endsAt": _time(ends),
            "generatorURL": f"{self._link}/endpoints/{endpoint}#alert-{alert.key}",
        }

    def _annotations(self, alert: Alert) -> dict[str, str]:
        finding = alert.finding
        said = {"summary": about(alert, self._language)}
        if finding is not None:
            said |= {
                "description": finding.what.text(self._language),
                "confidence": finding.sure.text(self._language),
                "features": ", ".join(finding.features),
                "segments": ", ".join(finding.segments),
            }
        steps = steps_of(alert, self._language)
        said["next"] = "\n".join(f"{i}. {step}" for i, step in enumerate(steps, 1))
        said["kind"] = kind_name(alert.labels.kind, self._language)
        return {name: text for name, text in said.items() if text}


def _time(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
