"""Silences: who wants to hear nothing of what, until when, and why; and how alerts are matched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.kernel.events import Draft, Fact
from seatrial.monitoring.alerts.alert import Alert
from seatrial.monitoring.alerts.facts import at_of, unknown
from seatrial.monitoring.alerts.finding import check_zone, storable

STREAM = "silences"
SCHEMA = 1
KINDS = ("silence.added", "silence.ended")

NAMES = ("endpoint", "kind", "version", "feature", "segment", "severity")
"""What a matcher may ask for."""

_MAX_WHY = 500


class BadMatcher(Invalid):
    """A matcher asks for a label that alerts do not have."""

    code = "monitoring.bad_matcher"


class UnknownSilence(NotFound):
    """No silence has this id."""

    code = "monitoring.unknown_silence"


@dataclass(frozen=True, slots=True)
class Matcher:
    """Which alerts are meant.

    Args:
        patterns: by label of `NAMES`, the patterns of which one must fit, with ``*`` and ``?`` as
            in file names; a label without patterns may be anything. Nothing at all fits all alerts.
    Raises: BadMatcher.
    """

    patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.patterns:
            if name not in NAMES:
                raise BadMatcher(
                    f"A matcher asks for {name!r}, which alerts do not have.",
                    remedy=f"Use one of: {', '.join(NAMES)}.",
                    field=name,
                )

    def fits(self, alert: Alert) -> bool:
        """Whether an alert is meant. A label the alert does not have fits only ``*``."""
        labels = {**alert.labels.as_dict(), "severity": alert.severity.value}
        return all(
            any(fnmatchcase(str(labels.get(name, "")), pattern) for pattern in patterns)
            for name, patterns in self.patterns.items()
        )

    def as_record(self) -> dict[str, object]:
        """JSON-able."""
        return {name: list(patterns) for name, patterns in self.patterns.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Nobody is told of some alerts for a while.

    Args:
        id: unique.
        matcher: which alerts.
        until: when it ends, aware.
        since: when it begins, aware; None for at once.
        by: who wanted it.
        why: the reason, for whoever wonders.
    Raises: Invalid: a time without a zone.
    """

    id: str
    matcher: Matcher
    until: datetime
    since: datetime | None = None
    by: str = ""
    why: str = ""

    def __post_init__(self) -> None:
        for at in (self.since, self.until):
            if at is not None:
                check_zone(at, f"The silence {self.id}")

    def holds(self, alert: Alert, now: datetime) -> bool:
        """Whether it keeps people from being told of ``alert`` at ``now``."""
        begun = self.since is None or self.since <= now
        return begun and now < self.until and self.matcher.fits(alert)

    @property
    def reason(self) -> str:
        """The silence in a sentence."""
        why = f": {self.why}" if self.why else ""
        until = f"{self.until:%Y-%m-%d %H:%M %Z}"
        return f"silenced by {self.by or 'the configuration'} until {until}{why}"


Silences = Mapping[str, Silence]
"""By id; one that was ended before its time has the time it was ended at."""


def add(silence: Silence, *, now: datetime) -> list[Draft]:
    """The fact that begins a silence.   Raises: Invalid: it would be over already."""
    if silence.until <= now:
        raise Invalid(
            f"The silence would end at {silence.until}, which is past.",
            remedy="Give a time to come.",
            field="until",
        )
    data = {
        "id": silence.id,
        "at": now.isoformat(),
        "match": silence.matcher.as_record(),
        "since": silence.since.isoformat() if silence.since else None,
        "until": silence.until.isoformat(),
        "why": storable(silence.why, _MAX_WHY),
    }
    return [Draft(kind="silence.added", data=data, schema=SCHEMA, by=silence.by)]


def end(silences: Silences, id: str, *, by: str, now: datetime) -> list[Draft]:  # noqa: A002
    """The fact that ends a silence before its time.   Raises: UnknownSilence."""
    if id not in silences:
        raise UnknownSilence(
            f"There is no silence {id!r}.",
            remedy="Look at the list of silences; one of the configuration file is ended there.",
            id=id,
        )
    data = {"id": id, "at": now.isoformat()}
    return [Draft(kind="silence.ended", data=data, schema=SCHEMA, by=by)]


def fold(silences: Silences, facts: Sequence[Fact]) -> Silences:
    """The silences after more facts.   Raises: UnknownFact."""
    after = dict(silences)
    for fact in facts:
        data: Mapping[str, Any] = fact.data
        if fact.schema != SCHEMA or fact.kind not in KINDS:
            raise unknown(fact.kind, fact.schema, why="is in the stream of silences")
        if fact.kind == "silence.ended":
            ended = after[data["id"]]
            after[ended.id] = replace(ended, until=min(ended.until, at_of(data)))
            continue
        since = data["since"]
        after[data["id"]] = Silence(
            id=data["id"],
            matcher=Matcher({name: tuple(many) for name, many in data["match"].items()}),
            since=datetime.fromisoformat(since) if since else None,
            until=datetime.fromisoformat(data["until"]),
            by=fact.by,
            why=data["why"],
        )
    return after


def living(silences: Iterable[Silence], now: datetime) -> list[Silence]:
    """Those that are not over, the first to end first."""
    return sorted((s for s in silences if now < s.until), key=lambda s: (s.until, s.id))
