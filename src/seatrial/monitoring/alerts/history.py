"""What became of alerts: every episode that fired, who cared and how it ended.

`alert_book` holds where each alert stands now; this is the fold of the same facts for whoever looks
back. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from seatrial.kernel.events import Fact
from seatrial.monitoring.alerts.facts import at_of
from seatrial.monitoring.alerts.finding import Level, Phrase

KEPT = 100
"""Episodes that are kept of an endpoint, the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One time that an alert fired.

    Args:
        key: of the alert.
        labels: what it is about, see `finding.Labels.as_dict`.
        number: 1 for the first time.
        severity: the worst it was.
        what: what was said when it was worst.
        fired_at: when it began to fire.
        acknowledged_by: who said they care; None when nobody did.
        acknowledged_at: when they did.
        note: what they said.
        resolved_at: when it ended; None while it lasts.
        resolved_by: who ended it by hand, or ``monitor``.
        reason: why it ended.
    """

    key: str
    labels: Mapping[str, Any]
    number: int
    severity: Level
    what: Phrase
    fired_at: datetime
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    note: str = ""
    resolved_at: datetime | None = None
    resolved_by: str = ""
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """A JSON-able record."""
        return {
            "key": self.key,
            "labels": dict(self.labels),
            "number": self.number,
            "severity": self.severity.value,
            "what": self.what.as_record(),
            "fired_at": self.fired_at.isoformat(),
            "acknowledged_by": self.acknowledged_by,
            "acknowledged_at": _iso(self.acknowledged_at),
            "note": self.note,
            "resolved_at": _iso(self.resolved_at),
            "resolved_by": self.resolved_by,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The episodes of an endpoint.

    Args:
        episodes: the oldest first, at most `KEPT`.
        labels: of every alert that was raised, by key.
        counts: how often each fired.
    """

    episodes: tuple[Episode, ...] = ()
    labels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


def fold(history: History, facts: Sequence[Fact]) -> History:
    """The history after more facts of the endpoint's stream of alerts; other kinds change nothing.

    What can follow what is `alert_book.fold`'s to check, which reads the same facts.
    """
    episodes, labels = list(history.episodes), dict(history.labels)
    counts = dict(history.counts)
    for fact in facts:
        data: Mapping[str, Any] = fact.data
        key = data["key"]
        if fact.kind == "alert.raised":
            labels[key] = dict(data["labels"])
        elif fact.kind == "alert.fired":
            counts[key] = counts.get(key, 0) + 1
            episodes.append(_fired(key, labels.get(key, {}), counts[key], data))
        else:
            place = _last(episodes, key)
            if place is not None:
                episodes[place] = _after(episodes[place], fact)
    return History(episodes=tuple(episodes[-KEPT:]), labels=labels, counts=counts)


def _fired(key: str, labels: Mapping[str, Any], number: int, data: Mapping[str, Any]) -> Episode:
    return Episode(
        key=key,
        labels=labels,
        number=number,
        severity=Level(data["level"]),
        what=Phrase(**data["finding"]["what"]),
        fired_at=at_of(data),
    )


def _last(episodes: Sequence[Episode], key: str) -> int | None:
    places = (i for i in reversed(range(len(episodes))) if episodes[i].key == key)
    return next(places, None)


def _after(episode: Episode, fact: Fact) -> Episode:
    data: Mapping[str, Any] = fact.data
    match fact.kind:
        case "alert.escalated":
            return replace(
                episode,
                severity=Level(data["level"]),
                what=Phrase(**data["finding"]["what"]),
                acknowledged_by=None,
                acknowledged_at=None,
                note="",
            )
        case "alert.acknowledged":
            return replace(
                episode,
                acknowledged_by=data["who"],
                acknowledged_at=at_of(data),
                note=data["note"],
            )
        case "alert.resolved":
            return replace(
                episode, resolved_at=at_of(data), resolved_by=fact.by, reason=data["reason"]
            )
        case _:
            return episode


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
