"""Compares some data with a reference, once: what `seatrial monitor report` shows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from seatrial.kernel.errors import SeatrialError
from seatrial.monitoring.performance.batch import BatchPerformance
from seatrial.monitoring.performance.log_answers import log_answers, other_classes
from seatrial.monitoring.performance.rows import has_answers
from seatrial.monitoring.performance.verdict import Level
from seatrial.monitoring.performance.view import performance_record
from seatrial.monitoring.rows.row_join import together
from seatrial.monitoring.rows.source import Chunk, SourceProblem
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.log_rows import answers_of, features_of
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
from seatrial.wiring.watching.by_segment import log_baseline
from seatrial.wiring.watching.column_report import read_by_column
from seatrial.wiring.watching.late_labels import LabelTable, label_table, row_ids
from seatrial.wiring.watching.log_reference import (
    Known,
    known_reference,
    log_columns,
    names_in,
)
from seatrial.wiring.watching.table_sources import OpenSource, open_source
from seatrial.wiring.workspace import Workspace

_MOST_HELD = 20_000_000
"""Values held at once, of a column or of all: 160 MB. Beyond, KS is right to 0.001."""

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
        most_rows=_MOST_HELD,
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
    counting = _Counting(known, split_by)
    with ExitStack() as stack:
        judging = _Judging(file, known, folder=folder, stack=stack)
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


class _Judging:
    """Judges answers chunk by chunk, where the reference says how well the model did.

    Args: where relative paths begin; what closes the labels that are looked up.
    """

    def __init__(
        self, file: MonitoringFile, known: Known, *, folder: Path, stack: ExitStack
    ) -> None:
        self.problems: list[SourceProblem] = []
        self.unmeasured = known.unmeasured if file.performance.enabled else ""
        self.performance: BatchPerformance | None = None
        self._labels: LabelTable | None = None
        self._n_other = 0
        self._name = file.data.shown if file.data is not None else ""
        if known.performance is None or not file.performance.enabled:
            return
        self.performance = BatchPerformance(
            known.performance,
            endpoint=file.endpoint,
            version=file.version,
            rules=file.performance.rules(),
            window_rows=file.performance_rows,
            segments=log_baseline(file, known),
        )
        if file.labels is not None:
            self._labels, problems = stack.enter_context(label_table(file.labels, folder=folder))
            self.problems += problems

    @property
    def levels(self) -> tuple[tuple[Level, str], ...]:
        """What all rows together mean, by labels and by the estimate, each with its reason."""
        if self.performance is None:
            return ()
        real, said = self.performance.measured(), self.performance.estimated()
        return (*(((real.level, real.reason),) if real else ()), (said.level, said.reason))

    @property
    def by_segment(self) -> tuple[tuple[Level, str], ...]:
        """The same of segments, with those that do worse."""
        found = self.performance.found_by_segment() if self.performance is not None else ()
        return tuple((Level(one.level.value), one.what.en.rstrip(".")) for one in found)

    def add(self, chunk: Chunk) -> None:
        """Take rows in. Rows that cannot be judged end the judging, with the reason."""
        if self.performance is None or not chunk.table.n:
            return
        truth = None if self._labels is None else self._labels.of(row_ids(chunk))
        reference = self.performance.served.reference
        try:
            answers = log_answers(chunk.table, chunk.columns, reference, truth=truth)
            if has_answers(answers.table, reference):
                self.performance.add(answers.table)
        except SeatrialError as problem:
            self.performance, self.unmeasured = None, problem.problem
            return
        self._n_other += answers.n_other

    def record(self) -> dict[str, Any] | None:
        """All that is known; None where nothing was answered."""
        if self.performance is None:
            return None
        if not self.performance.progress.n_seen:
            self.unmeasured = "The rows have no predictions."
            return None
        if self._n_other:
            self.problems.append(other_classes(self._name, self._n_other))
        record = performance_record(self.performance) | {"whole": True}
        if _overlap(record["series"]):
            self.problems.append(_unordered(self._name))
        return record


def _overlap(series: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a window begins before the middle of the one before it."""
    return any(
        after["start"] < (before["start"] + before["end"]) / 2 for before, after in pairwise(series)
    )


def _unordered(name: str) -> SourceProblem:
    return SourceProblem(
        flaw="order",
        where=name,
        message=f"The rows of {name} are not in the order of their times: the performance of all "
        "together holds, that of windows does not say when it changed. Sort them by time.",
    )


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
        self._n_values += sum(map(_n_values, features.columns.values()))
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


def _n_values(column: Column) -> int:
    return len(column) if isinstance(column, Coded) else int(column.size)


def _span(summary: Summary, now: datetime) -> Span:
    if summary.first_us is None or summary.last_us is None:
        return Span(start=now, end=now)
    first, last = (timedelta(microseconds=us) for us in (summary.first_us, summary.last_us))
    return Span(start=_EPOCH + first, end=_EPOCH + last)
