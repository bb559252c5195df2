"""Compares some data with a reference, once: what `seatrial monitor report` shows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from seatrial.monitoring.rows.row_join import together
from seatrial.monitoring.rows.source import Chunk, SourceProblem
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.log_rows import answers_of, features_of
from seatrial.monitoring.summaries.summary import Summary
from seatrial.monitoring.watching.batch import BatchVerdict, RuleName, Thumb, thumb, verdict
from seatrial.monitoring.watching.data_config import DataConfig
from seatrial.monitoring.watching.report_record import report_record
from seatrial.monitoring.watching.watch import Span, Watch, WindowReport
from seatrial.monitoring.watching.watch_file import MonitoringFile, ReferenceConfig
from seatrial.stats.divergence import Divergence
from seatrial.wiring.column_report import read_by_column
from seatrial.wiring.log_reference import (
    Known,
    known_reference,
    log_columns,
    names_in,
)
from seatrial.wiring.table_sources import open_source
from seatrial.wiring.workspace import Workspace

_MOST_HELD = 20_000_000
"""Values held at once, of a column or of all: 160 MB. Beyond, KS is right to 0.001."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Data beside a reference.

    Args:
        known: the reference.
        source: name of the data.
        report: all that is to be said.
        thumb: what the rules of thumb say.
        verdict: on all of it.
        problems: met while the data were read.
    """

    known: Known
    source: str
    report: WindowReport
    thumb: Thumb
    verdict: BatchVerdict
    problems: tuple[SourceProblem, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "outcome": self.verdict.outcome.value,
            "reason": self.verdict.reason,
            "columns": list(self.verdict.columns),
            "reference": {"source": self.known.name, "rows": self.known.profile.n},
            "current": {"source": self.source, "rows": self.report.n},
            "notes": self.known.notes,
            "problems": [problem.message for problem in (*self.known.problems, *self.problems)],
            "rules": self.thumb.as_dict(),
            "report": report_record(self.report),
        }


def compared(
    file: MonitoringFile,
    *,
    folder: Path,
    workspace: Callable[[], Workspace],
    rules: Collection[RuleName],
    now: datetime,
) -> Compared:
    """Compare all rows of ``file.data`` with ``file.reference``.

    Args:
        file: with both.
        folder: where relative paths begin.
        workspace: for a reference in a bundle.
        rules: to judge by.
        now: when rows are that bear no time.
    Raises: NoReferenceRows, NoSuchSegment; what sources and bundles raise.
    """
    assert file.data is not None
    assert file.reference is not None
    counted = None
    if not file.split_by:
        counted = _by_column(file.reference, file.data, folder=folder, workspace=workspace)
    if counted is None:
        counted = _by_rows(file, folder=folder, workspace=workspace)
    known, summary = counted.known, counted.summary
    watch = Watch(known.profile, file.rules(), segments=known.segments)
    _, report = watch.step(watch.start(), summary, _span(summary, now), exact=counted.exact)
    found = thumb(known.profile, summary, report, rules)
    return Compared(
        known=known,
        source=file.data.source,
        report=report,
        thumb=found,
        verdict=verdict(report, found, rules),
        problems=tuple(counted.problems),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """A reference; the rows counted against it, with exact distances where they are at hand."""

    known: Known
    summary: Summary
    exact: Mapping[str, Divergence]
    problems: Sequence[SourceProblem]


def _by_column(
    reference: ReferenceConfig,
    data: DataConfig,
    *,
    folder: Path,
    workspace: Callable[[], Workspace],
) -> _Counted | None:
    read = read_by_column(reference, data, folder=folder, workspace=workspace, most_rows=_MOST_HELD)
    if read is None:
        return None
    return _Counted(
        known=read.known,
        summary=read.measured.summary,
        exact=read.measured.exact,
        problems=read.problems,
    )


def _by_rows(file: MonitoringFile, *, folder: Path, workspace: Callable[[], Workspace]) -> _Counted:
    assert file.data is not None
    assert file.reference is not None
    asked, split_by = file.data.columns.columns(), file.split_by
    known = known_reference(
        file.reference, columns=asked, segments=split_by, folder=folder, workspace=workspace
    )
    names = names_in(file.data, folder=folder)
    columns = log_columns(asked, known, names, split_by)
    counting = _Counting(known, split_by)
    for chunk in open_source(file.data, folder=folder, columns=columns).chunks():
        counting.add(chunk)
    summary, exact = counting.result()
    return _Counted(known=known, summary=summary, exact=exact, problems=counting.problems)


class _Counting:
    """Counts chunk by chunk; while they are few, rows are held, for distances that are exact.

    Args: the reference; columns to split by.
    """

    def __init__(self, known: Known, segments: tuple[str, ...]) -> None:
        self._known = known
        self._segments = segments
        self._summariser = Summariser(known.profile, segments=segments)
        self._summary = Summary()
        self._held: list[tuple[Table, Table | None]] = []
        self._n_values = 0
        self._exact = known.sample is not None
        self.problems: list[SourceProblem] = []

    def add(self, chunk: Chunk) -> None:
        """Take rows in."""
        self.problems += chunk.problems
        features = features_of(chunk.table, chunk.columns, segments=self._segments)
        answers = answers_of(chunk.table, chunk.columns, self._known.profile)
        self._held.append((features, answers))
        self._n_values += features.n * len(features.columns)
        if not self._exact or self._n_values > _MOST_HELD:
            self._exact = False
            self._flush()

    def result(self) -> tuple[Summary, dict[str, Divergence]]:
        """The summary of all, and exact distances where rows were few enough to be held."""
        if not self._exact or self._known.sample is None:
            self._flush()
            return self._summary, {}
        answers = [one for _, one in self._held if one is not None]
        return self._known.sample.measure(
            together([one for one, _ in self._held]), together(answers) if answers else None
        )

    def _flush(self) -> None:
        for features, answers in self._held:
            self._summary += self._summariser.summarise(features, answers)
        self._held.clear()


def _span(summary: Summary, now: datetime) -> Span:
    if summary.first_us is None or summary.last_us is None:
        return Span(start=now, end=now)
    first, last = (timedelta(microseconds=us) for us in (summary.first_us, summary.last_us))
    return Span(start=_EPOCH + first, end=_EPOCH + last)
