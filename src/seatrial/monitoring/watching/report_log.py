"""Reports of the windows of a server, kept in its store: for pages, and to go on after a restart.

With each report goes what the watch remembers and how far it has read, in one record: so a process
that was killed has either judged a window or not, and never judges one twice.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import REPORT, Slice, Slices
from seatrial.monitoring.watching import report_record
from seatrial.monitoring.watching.watch import Span

SCHEMA = 1
WORKER = "monitor"

_PAGE = 200
_MAX_SERIES = 500
_MAX_BYTES = 64 << 20


class ReportUnreadable(Invalid):
    """A kept report that this version cannot read."""

    code = "monitoring.report_unreadable"


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    schema: int
    position: int
    state: bytes
    record: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A window in figures, for a line over time.

    Args:
        end: of the window.
        n: rows.
        severity: the worst of any column, this window alone.
        alarm: what was said over the windows so far.
        log_evidence: natural log of the evidence of drift.
        effects: bias-corrected PSI by column; None where rows were too few.
    """

    end: datetime
    n: int
    severity: str
    alarm: str
    log_evidence: float
    effects: Mapping[str, float | None]


@dataclass(slots=True)
class VersionLog:
    """What is kept of one version.

    Args:
        position: of the last slice that was judged.
        state: what the watch remembers.
        newest: the report of the newest window.
        series: the windows before it too, the oldest first; bounded.
    """

    position: int
    state: bytes
    newest: Mapping[str, Any]
    series: deque[Point] = field(default_factory=lambda: deque(maxlen=_MAX_SERIES))


class ReportLog:
    """The reports of one endpoint.

    Args:
        slices: where they are kept.
        endpoint: its name.
    """

    def __init__(self, slices: Slices, endpoint: str) -> None:
        self._slices = slices
        self._endpoint = endpoint
        self._position = 0
        self._versions: dict[int, VersionLog] = {}
        self._unreadable: list[ReportUnreadable] = []

    def refresh(self) -> Mapping[int, VersionLog]:
        """Read what was kept since the last call; all that is known, by version.

        A report that cannot be read is passed over; see `unreadable`. One of a window that was
        kept before, as by a monitor that was thought to be dead, changes nothing.
        Raises: StoreUnavailable and its kin.
        """
        while page := self._slices.read_slices(
            self._endpoint, kind=REPORT, after=self._position, limit=_PAGE
        ):
            for position, piece in page:
                self._position = position
                try:
                    self._take(piece.version, _decode(piece.summary))
                except ReportUnreadable as problem:
                    self._unreadable.append(problem)
        return self._versions

    def unreadable(self) -> list[ReportUnreadable]:
        """What was passed over since the last call of this."""
        found, self._unreadable = self._unreadable, []
        return found

    def append(
        self, version: int, record: Mapping[str, Any], span: Span, *, state: bytes, position: int
    ) -> None:
        """Keep a report with what goes with it.   Raises: StoreUnavailable, RecordTooLarge."""
        kept = _Kept(SCHEMA, position, state, dict(record))
        width_s = max(0.0, (span.end - span.start).total_seconds())
        self._slices.add_slices(
            [
                Slice(
                    endpoint=self._endpoint,
                    version=version,
                    revision=0,
                    worker=WORKER,
                    start=span.start,
                    width_s=width_s,
                    summary=zlib.compress(msgspec.msgpack.encode(kept)),
                    kind=REPORT,
                )
            ]
        )

    def _take(self, version: int, kept: _Kept) -> None:
        point = _point(kept.record)
        known = self._versions.get(version)
        if known is None:
            known = self._versions[version] = VersionLog(kept.position, kept.state, kept.record)
        elif kept.position <= known.position:
            return
        else:
            known.position, known.state, known.newest = kept.position, kept.state, kept.record
        known.series.append(point)


def _decode(data: bytes) -> _Kept:
    try:
        reader = zlib.decompressobj()
        raw = reader.decompress(data, _MAX_BYTES)
        if not reader.eof:
            raise _unreadable("it is longer than any report")
        kept = msgspec.msgpack.decode(raw, type=_Kept)
    except (zlib.error, msgspec.DecodeError) as error:
        raise _unreadable(str(error)) from error
    if kept.schema != SCHEMA:
        raise _unreadable(f"its schema {kept.schema} is unknown")
    if kept.record.get("schema") != report_record.SCHEMA:
        raise _unreadable(f"schema {kept.record.get('schema')} of its record is unknown")
    return kept


def _point(record: Mapping[str, Any]) -> Point:
    try:
        return Point(
            end=datetime.fromisoformat(record["end"]),
            n=record["n"],
            severity=record["severity"],
            alarm=record["alarm"]["outcome"],
            log_evidence=record["alarm"]["log_evidence"],
            effects={
                column["name"]: column["effect"]
                for column in (*record["features"], *record["predictions"])
            },
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(f"its record is not whole: {error!r}") from error


def _unreadable(why: str) -> ReportUnreadable:
    return ReportUnreadable(
        f"A kept report cannot be read: {why}.",
        remedy="Read it with the version of seatrial that wrote it; other windows are unharmed.",
    )
