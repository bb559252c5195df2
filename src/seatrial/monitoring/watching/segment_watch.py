"""One served version under watch by segment: its logged predictions in, windows and findings out.

A server counts all rows of a version and keeps none, so which segment they were in is known of the
sampled prediction log alone. Windows are cut from the log by the server's own rule; the one that is
not complete is read again after a restart, so nothing of it has to be kept. What follows from a
window is told before it is kept that it was judged: a kill in between tells it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.drift.segments import SegmentDrift, compare_segments
from seatrial.monitoring.performance.arrivals import Logged
from seatrial.monitoring.performance.pending import Ledger
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.summary import Summary
from seatrial.monitoring.watching.report_record import shown_segments
from seatrial.monitoring.watching.segment_findings import segment_finding
from seatrial.monitoring.watching.slice_windows import WindowRule
from seatrial.monitoring.watching.watch import WatchRules

Record = dict[str, Any]

SCHEMA = 1

_PLACE, _RECORD = "place/", "record"
_EPOCH = datetime.fromtimestamp(0, UTC)


class Read(Protocol):
    """How far each part of the log was read."""

    def place(self, part: str) -> str | None:
        """The place; None when the part was not read."""
        ...


class SegmentLog(Protocol):
    """The prediction log of one version, with the columns that are watched."""

    def new(self, version: Read) -> Iterator[Logged]:
        """Rows that come after the places, in the order in which they were logged.

        Raises: SourceUnavailable, SourceDenied.
        """
        ...


@dataclass(slots=True)
class _Open:
    """A window that is not complete."""

    summary: Summary
    places: dict[str, str]


class SegmentWatch:
    """Cuts windows of one version and compares their segments. Not thread-safe.

    Args:
        notes: a ledger of its own, for how far the log was read and the newest window.
        log: of the version.
        count: the summary of logged rows, with the segments of ``reference``.
        profile: what rows are counted against.
        reference: its sample by segment.
        rule: when a window is complete.
        rules: what is asked of it.
        endpoint: its name.
        version: its number.
        problem: what keeps it from being watched as was asked for, by language; None for nothing.
        unjudged: why the performance of its segments is not known, likewise.
    """

    def __init__(
        self,
        notes: Ledger,
        log: SegmentLog,
        count: Callable[[Logged], Summary],
        *,
        profile: Profile,
        reference: Summary,
        rule: WindowRule,
        rules: WatchRules,
        endpoint: str,
        version: int,
        problem: Mapping[str, str] | None = None,
        unjudged: Mapping[str, str] | None = None,
    ) -> None:
        self._notes = notes
        self._log = log
        self._count = count
        self._profile = profile
        self._reference = reference
        self._rule = rule
        self._rules = rules
        self._endpoint = endpoint
        self._version = version
        self._problem = problem
        self._unjudged = unjudged
        self._open = _Open(Summary(), {})
        kept = notes.note(_RECORD)
        self._newest: Record | None = None if kept is None else msgspec.json.decode(kept)

    def place(self, part: str) -> str | None:
        """See Read."""
        return self._open.places.get(part) or self._notes.note(_PLACE + part)

    def read(self, tell: Callable[[Finding], None]) -> Iterator[None]:
        """Read on, a part of the log at a time.

        Args: tell: told the finding of each window that became complete, at least once.
        Raises: SourceUnavailable, SourceDenied; StoreUnavailable and its kin; what ``tell`` raises:
            the window was not kept, and this watch has to be made anew.
        """
        for logged in self._log.new(self):
            self._open.summary += self._count(logged)
            part, place = logged.place
            self._open.places[part] = place
            if _complete(self._open.summary, self._rule):
                self._judge(tell)
            yield

    def record(self) -> Record:
        """What is known by now, JSON-able; ``segments`` of the newest complete window."""
        newest = self._newest or {"start": None, "end": None, "n": 0, "segments": [], "n_more": 0}
        return {
            "schema": SCHEMA,
            "endpoint": self._endpoint,
            "version": self._version,
            "columns": list(self._reference.segments),
            "problem": None if self._problem is None else dict(self._problem),
            "unjudged": None if self._unjudged is None else dict(self._unjudged),
            "filling": self._open.summary.n,
            **newest,
        }

    def _judge(self, tell: Callable[[Finding], None]) -> None:
        window = self._open
        start, end = _span(window.summary)
        found = compare_segments(
            self._profile,
            window.summary,
            self._reference,
            limits=self._rules.drift,
            quality=self._rules.quality,
            importance=self._profile.importance,
        )
        tell(
            segment_finding(
                found,
                endpoint=self._endpoint,
                version=self._version,
                budget_windows=self._rules.alarm.budget,
                since=start,
            )
        )
        newest = window_record(found, n=window.summary.n, start=start, end=end)
        with self._notes.at_once():
            for part, place in window.places.items():
                self._notes.set_note(_PLACE + part, place)
            self._notes.set_note(_RECORD, msgspec.json.encode(newest).decode())
        self._newest, self._open = newest, _Open(Summary(), {})


def window_record(
    found: tuple[SegmentDrift, ...], *, n: int, start: datetime, end: datetime
) -> Record:
    """A window by segment, JSON-able: the worst segments, and how many more there are."""
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "n": n,
        **shown_segments(found),
    }


def lacking_record(endpoint: str, version: int, lacking: Mapping[str, str]) -> Record:
    """The record of a version that cannot be watched by what was asked for.

    Args: lacking: the sentence for a person, by language.
    """
    return {
        "schema": SCHEMA,
        "endpoint": endpoint,
        "version": version,
        "columns": [],
        "problem": dict(lacking),
        "unjudged": None,
        "filling": 0,
        "start": None,
        "end": None,
        "n": 0,
        "segments": [],
        "n_more": 0,
    }


def _span(summary: Summary) -> tuple[datetime, datetime]:
    """When the rows were: logged ones always bear a time."""
    first, last = summary.first_us or 0, summary.last_us or 0
    return _EPOCH + timedelta(microseconds=first), _EPOCH + timedelta(microseconds=last)


def _complete(summary: Summary, rule: WindowRule) -> bool:
    start, end = _span(summary)
    lasted_s = (end - start).total_seconds()
    enough = summary.n >= rule.least_rows and lasted_s >= rule.every_s
    return summary.n > 0 and (enough or lasted_s >= rule.longest_s)
