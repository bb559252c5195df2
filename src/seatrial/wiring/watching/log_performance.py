"""What the performance of a log's model needs: its rows, its labels, and where both are kept.

The log is read for it apart from what is counted for drift: only the columns it needs, and with a
place of its own that changes together with the sums. So neither a kill nor a late label lets a
prediction be missing or counted twice.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from seatrial.adapters.labels.sqlite_inbox import SqliteInbox
from seatrial.adapters.labels.sqlite_labels import SqlitePending
from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Store
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.performance.endpoint import TURN_S, Followed
from seatrial.monitoring.performance.inbox import Inbox, Purpose
from seatrial.monitoring.performance.log_answers import log_answers, other_classes
from seatrial.monitoring.performance.monitor import PerformanceMonitor
from seatrial.monitoring.performance.reference import reference_to_dict
from seatrial.monitoring.performance.segment_baseline import SegmentBaseline
from seatrial.monitoring.performance.served_reference import ServedReference
from seatrial.monitoring.performance.version import VersionPerformance
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import (
    Chunk,
    SourceProblem,
    TableSource,
)
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.log_rows import kinds_of
from seatrial.monitoring.watching.log_monitor import TROUBLE
from seatrial.monitoring.watching.log_performance import LogPerformance
from seatrial.monitoring.watching.telling import Telling
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.wiring.watching.by_segment import log_baseline
from seatrial.wiring.watching.folder import WatchChanged, WatchFolder
from seatrial.wiring.watching.late_labels import LateLabelFollower, row_ids
from seatrial.wiring.watching.log_reference import Known, names_in
from seatrial.wiring.watching.performance import LabelFiles
from seatrial.wiring.watching.table_sources import open_source

LABELS = "labels"
"""Folder of predictions that wait and of labels, in that of the watch."""

_LOG = "log"
_BEGAN = "reference"

Say = Callable[[SourceProblem], None]


@dataclass(frozen=True, slots=True)
class LoggedRows:
    """See `monitoring.performance.arrivals.Logged`."""

    rows: Table
    ids: Sequence[str | None]
    place: tuple[str, str]


class LogRows:
    """The rows of a log as answers of a version; see `monitoring.performance.endpoint.LoggedRows`.

    Rows without a prediction id get one of their own, which no late label can name. Labels that
    wait for a row come with it: where a log is read from its beginning, its oldest predictions wait
    no more once the youngest are there.

    Args:
        open_log: makes the source; None while nothing is there to read.
        inbox: where labels wait.
        served: what they are held against.
        name: of the log, for a person.
        say: told what a person should know.
    """

    def __init__(
        self,
        open_log: Callable[[], TableSource | None],
        inbox: Inbox,
        served: ServedReference,
        *,
        name: str,
        say: Say,
    ) -> None:
        self._open = open_log
        self._inbox = inbox
        self._reference = served.reference
        self._name = name
        self._say = say

    def new(self, version: VersionPerformance) -> Iterator[LoggedRows]:
        """See LoggedRows. A log that cannot be read has no rows: the watch of drift tells of it."""
        place = json.loads(version.place(_LOG) or '{"cursor": null, "rows": 0}')
        n_rows = int(place["rows"])
        try:
            source = self._open()
            if source is None:
                return
            for chunk in source.chunks(after=place["cursor"]):
                waiting = self._inbox.find([key for key in row_ids(chunk) if key is not None])
                labels = [(at, one) for at, one in waiting if one.purpose is Purpose.LABEL]
                yield self._part(chunk, n_rows, {one.id: one.value for _, one in labels})
                # Only now that they were taken in with their rows.
                self._inbox.drop([at for at, _ in labels])
                n_rows += chunk.table.n
        except TROUBLE:
            return

    def _part(self, chunk: Chunk, n_before: int, labels: Mapping[str, str]) -> LoggedRows:
        n, known = chunk.table.n, row_ids(chunk)
        truth = ["" if key is None else labels.get(key, "") for key in known] if labels else None
        place = json.dumps({"cursor": chunk.cursor, "rows": n_before + n})
        ids = [f"#{n_before + row}" if key is None else key for row, key in enumerate(known)]
        try:
            answers = log_answers(chunk.table, chunk.columns, self._reference, truth=truth)
        except SeatrialError as problem:
            self._say(SourceProblem(flaw="column", where=self._name, message=problem.problem))
            return LoggedRows(Table(columns={}, n=0), [], (_LOG, place))
        if answers.n_other:
            self._say(other_classes(self._name, answers.n_other))
        return LoggedRows(answers.table, ids, (_LOG, place))


class OpenedLog:
    """Opens what is kept of the one version of a log; see `OpenPerformance`.

    Args:
        file: with the log.
        files: where ledger and inbox are.
        served: what the model is held against.
        segments: and what its segments are; None where rows are not split.
        rows: of the log, whose labels wait in an inbox.
    """

    def __init__(
        self,
        file: MonitoringFile,
        files: LabelFiles,
        served: ServedReference,
        segments: SegmentBaseline | None,
        rows: Callable[[Inbox], LogRows],
    ) -> None:
        self._file = file
        self._files = files
        self._served = served
        self._segments = segments
        self._rows = rows
        self._opened: list[SqlitePending | SqliteInbox] = []

    def versions(self, endpoint: str) -> Collection[int]:
        """See OpenPerformance."""
        return () if endpoint != self._file.endpoint else (self._file.version,)

    def version(self, endpoint: str, version: int) -> Followed | None:
        """See OpenPerformance."""
        ledger = self._files.ledger(endpoint, version)
        self._opened.append(ledger)
        performance = VersionPerformance(
            ledger,
            self._served,
            endpoint=endpoint,
            version=version,
            rules=self._file.performance.rules(),
            keeping=self._file.performance.keeping(),
            window_rows=self._file.performance_rows,
            segments=self._segments,
        )
        return Followed(performance, self._rows(self.inbox(endpoint)))

    def inbox(self, endpoint: str) -> SqliteInbox:
        """See OpenPerformance."""
        inbox = self._files.inbox(endpoint)
        self._opened.append(inbox)
        return inbox

    def close(self, endpoint: str) -> None:  # noqa: ARG002 - there is one only
        """See OpenPerformance."""
        for one in self._opened:
            one.close()
        self._opened.clear()


def log_performance(
    file: MonitoringFile,
    known: Known,
    *,
    folder: Path,
    out: WatchFolder,
    store: Store,
    telling: Telling,
    troubles: Troubles,
    clock: Clock,
    say: Say,
    once: bool,
) -> LogPerformance | None:
    """What watches the performance of a log; None where it is not wanted or cannot be known.

    Args: see `wiring.watching.log_watch.LogWatch`; its folder and store,
        what tells, and the troubles of the watch.
    Raises: WatchChanged: what is kept was held against another reference.
    """
    if known.performance is None or not file.performance.enabled:
        return None
    files = LabelFiles(out.path / LABELS)
    with files.reading(file.endpoint, file.version) as ledger:
        _check_began(ledger, known.performance, files.folder)
    rows = partial(
        LogRows,
        _opener(file, known, known.performance, folder),
        served=known.performance,
        name=file.data.shown if file.data is not None else "",
        say=say,
    )
    late = None
    if file.labels is not None:
        late = LateLabelFollower(
            file.labels,
            endpoint=file.endpoint,
            version=file.version,
            folder=folder,
            files=files,
            clock=clock,
            say=say,
        )
    return LogPerformance(
        endpoint=file.endpoint,
        version=file.version,
        monitor=PerformanceMonitor(
            store,
            clock=clock,
            opened=OpenedLog(file, files, known.performance, log_baseline(file, known), rows),
            wait_s=file.performance.wait,
            every_s=0.0,
            turn_s=math.inf if once else TURN_S,
            troubles=troubles,
        ),
        labels=late,
        telling=telling,
        troubles=troubles,
    )


def _opener(
    file: MonitoringFile, known: Known, served: ServedReference, folder: Path
) -> Callable[[], TableSource | None]:
    """Opens the log with the columns that judging answers needs, also by segment."""
    data = file.data
    assert data is not None
    loss = served.reference.loss
    needed = [] if loss is None else [binning.name for binning in loss.binnings]
    columns: list[Columns] = []

    def opened() -> TableSource | None:
        if not columns:
            names = names_in(data, folder=folder, follow=True)
            if not names:
                return None
            asked = data.columns.columns()
            columns.append(
                replace(
                    asked,
                    features=tuple(name for name in needed if name in names),
                    segments=tuple(name for name in file.split_by if name in names),
                    kinds={**kinds_of(known.profile, names), **asked.kinds},
                )
            )
        return open_source(data, folder=folder, columns=columns[0], follow=True)

    return opened


def _check_began(ledger: SqlitePending, served: ServedReference, folder: Path) -> None:
    """Sums that were held against one reference cannot go on with another."""
    text = json.dumps(reference_to_dict(served.reference), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    began = ledger.note(_BEGAN)
    if began is None:
        ledger.set_note(_BEGAN, digest)
    elif began != digest:
        raise WatchChanged(
            f"The performance in {folder} began with another reference.",
            remedy="Name another folder under out to begin anew, or restore what it began with.",
            out=str(folder),
        )
