"""Compares some data with a reference, once: what `seatrial monitor report` shows."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from seatrial.monitoring.batch import BatchVerdict, RuleName, Thumb, thumb, verdict
from seatrial.monitoring.columns import Columns
from seatrial.monitoring.counting import Summariser
from seatrial.monitoring.log_rows import answers_of, features_of
from seatrial.monitoring.report_record import report_record
from seatrial.monitoring.source import SourceProblem
from seatrial.monitoring.summary import Summary
from seatrial.monitoring.table import Table
from seatrial.monitoring.watch import Span, Watch, WindowReport
from seatrial.monitoring.watch_file import MonitoringFile
from seatrial.stats.divergence import Divergence
from seatrial.wiring.log_reference import (
    Known,
    known_reference,
    log_columns,
    names_in,
    read_all,
)
from seatrial.wiring.workspace import Workspace

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
    asked, split_by = file.data.columns.columns(), file.split_by
    known = known_reference(
        file.reference, columns=asked, segments=split_by, folder=folder, workspace=workspace
    )
    names = names_in(file.data, folder=folder)
    table, chunks = read_all(file.data, log_columns(asked, known, names, split_by), folder)
    roles = next((c.columns for c in chunks if c.columns.features is not None), Columns())
    summary, exact = _measured(known, table, roles, split_by)
    watch = Watch(known.profile, file.rules(), segments=known.segments)
    _, report = watch.step(watch.start(), summary, _span(summary, now), exact=exact)
    found = thumb(known.profile, summary, report, rules)
    return Compared(
        known=known,
        source=file.data.source,
        report=report,
        thumb=found,
        verdict=verdict(report, found, rules),
        problems=tuple(problem for chunk in chunks for problem in chunk.problems),
    )


def _measured(
    known: Known, table: Table, roles: Columns, segments: tuple[str, ...]
) -> tuple[Summary, dict[str, Divergence]]:
    features = features_of(table, roles, segments=segments)
    answers = answers_of(table, roles, known.profile)
    if known.sample is not None:
        return known.sample.measure(features, answers)
    return Summariser(known.profile).summarise(features, answers), {}


def _span(summary: Summary, now: datetime) -> Span:
    if summary.first_us is None or summary.last_us is None:
        return Span(start=now, end=now)
    first, last = (timedelta(microseconds=us) for us in (summary.first_us, summary.last_us))
    return Span(start=_EPOCH + first, end=_EPOCH + last)
