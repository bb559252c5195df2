"""Compares some data with a reference, once: what `seatrial monitor report` shows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from seatrial.monitoring.performance.verdict import Level
from seatrial.monitoring.rows.source import SourceProblem
from seatrial.monitoring.summaries.summary import Summary
from seatrial.monitoring.watching.batch import (
    BatchVerdict,
    RuleName,
    Thumb,
    thumb,
    verdict,
    with_performance,
)
from seatrial.monitoring.watching.report_record import report_record
from seatrial.monitoring.watching.watch import Span, Watch, WindowReport
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.stats.divergence import Divergence
from seatrial.wiring.watching.batch_rows import MOST_HELD, Counting, Judging
from seatrial.wiring.watching.column_report import read_by_column
from seatrial.wiring.watching.log_reference import Known, known_reference, log_columns, names_in
from seatrial.wiring.watching.table_sources import OpenSource, open_source
from seatrial.wiring.workspace import Workspace

_TOLD = 12
"""Problems that a report tells at most."""

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
        performance: how well the model did, see `performance_record`; None where that is not known.
        unmeasured: why not; empty where nobody asked.
    """

    known: Known
    source: str
    report: WindowReport
    thumb: Thumb
    verdict: BatchVerdict
    problems: tuple[SourceProblem, ...]
    performance: dict[str, Any] | None = None
    unmeasured: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "outcome": self.verdict.outcome.value,
            "reason": self.verdict.reason,
            "columns": list(self.verdict.columns),
            "reference": {"source": self.known.name, "rows": self.known.profile.n},
            "current": {"source": self.source, "rows": self.report.n},
            "notes": self.known.notes,
            "importance": {
                "origin": self.known.importance.origin.value,
                "explained": self.known.importance.explained,
                "given": list(self.known.importance.given),
                "said": self.known.importance.said,
            },
            "problems": [problem.message for problem in (*self.known.problems, *self.problems)],
            "rules": self.thumb.as_dict(),
            "report": report_record(self.report),
            "performance": self.performance,
            "unmeasured": self.unmeasured,
            "told": self.told,
        }

    @property
    def told(self) -> list[dict[str, str]]:
        """What the reader of the report should know beside it, by language."""
        lacking = f"The performance is not known: {self.unmeasured}" if self.unmeasured else ""
        met = [lacking, *(problem.message for problem in (*self.known.problems, *self.problems))]
        return [*self.known.told, *({"en": one, "zh": one} for one in met[:_TOLD] if one)]


def compared(
    file: MonitoringFile,
    *,
    folder: Path,
    workspace: Callable[[], Workspace],
    rules: Collection[RuleName],
    now: datetime,
    opened: OpenSource = open_source,
) -> Compared:
    """Compare all rows of ``file.data`` with ``file.reference``.

    Args:
        file: with both.
        folder: where relative paths begin.
        workspace: for a reference in a bundle.
        rules: to judge by.
        now: when rows are that bear no time.
        opened: opens both.
    Raises: NoReferenceRows, NoSuchSegment; what sources and bundles raise.
    """
    assert file.data is not None
    assert file.reference is not None
    counted = None
    if not file.split_by and opened is open_source:
        counted = _by_column(file, folder=folder, workspace=workspace)
    if counted is None:
        counted = _by_rows(file, folder=folder, workspace=workspace, opened=opened)
    known, summary = counted.known.weighed(file.importance), counted.summary
    rules_of_file = file.rules()
    quality = replace(rules_of_file.quality, max_age=file.age)
    watch = Watch(known.profile, replace(rules_of_file, quality=quality), segments=known.segments)
    _, report = watch.step(
        watch.start(), summary, _span(summary, now), now=now, exact=counted.exact
    )
    found = thumb(known.profile, summary, report, rules)
    judged = verdict(report, found, rules)
    if RuleName.DEFAULT in rules and counted.performance is not None:
        judged = with_performance(judged, counted.levels, counted.by_segment)
    return Compared(
        known=known,
        source=file.data.shown,
        report=report,
        thumb=found,
        verdict=judged,
        problems=tuple(counted.problems),
        performance=counted.performance,
        unmeasured=counted.unmeasured,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """A reference; the rows counted against it, with exact distances where they are at hand."""

    known: Known
    summary: Summary
    exact: Mapping[str, Divergence]
    problems: Sequence[SourceProblem]
    performance: dict[str, Any] | None = None
    levels: tuple[tuple[Level, str], ...] = ()
    by_segment: tuple[tuple[Level, str], ...] = ()
    unmeasured: str = ""


def _by_column(
    file: MonitoringFile, *, folder: Path, workspace: Callable[[], Workspace]
) -> _Counted | None:
    assert file.data is not None
    assert file.reference is not None
    read = read_by_column(
        file.reference,
        file.data,
        folder=folder,
        workspace=workspace,
        most_rows=MOST_HELD,
        judged=file.performance.enabled,
    )
    if read is None:
        return None
    return _Counted(
        known=read.known,
        summary=read.measured.summary,
        exact=read.measured.exact,
        problems=read.problems,
        unmeasured=read.known.unmeasured if file.performance.enabled else "",
    )


def _by_rows(
    file: MonitoringFile,
    *,
    folder: Path,
    workspace: Callable[[], Workspace],
    opened: OpenSource,
) -> _Counted:
    assert file.data is not None
    assert file.reference is not None
    asked, split_by = file.data.columns.columns(), file.split_by
    known = known_reference(
        file.reference,
        columns=asked,
        segments=split_by,
        folder=folder,
        workspace=workspace,
        opened=opened,
    )
    names = names_in(file.data, folder=folder, opened=opened)
    columns = log_columns(asked, known, names, split_by)
    counting = Counting(known, split_by)
    with ExitStack() as stack:
        judging = Judging(file, known, folder=folder, stack=stack)
        for chunk in opened(file.data, folder=folder, columns=columns).chunks():
            counting.add(chunk)
            judging.add(chunk)
    summary, exact = counting.result()
    performance = judging.record()
    return _Counted(
        known=known,
        summary=summary,
        exact=exact,
        problems=(*counting.problems, *judging.problems),
        performance=performance,
        levels=judging.levels,
        by_segment=judging.by_segment,
        unmeasured=judging.unmeasured,
    )


def _span(summary: Summary, now: datetime) -> Span:
    if summary.first_us is None or summary.last_us is None:
        return Span(start=now, end=now)
    first, last = (timedelta(microseconds=us) for us in (summary.first_us, summary.last_us))
    return Span(start=_EPOCH + first, end=_EPOCH + last)
