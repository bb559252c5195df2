"""The rows of a batch report, chunk by chunk: counted, and judged where answers can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
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
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.stats.divergence import Divergence
from seatrial.wiring.watching.by_segment import log_baseline
from seatrial.wiring.watching.late_labels import LabelTable, label_table, row_ids
from seatrial.wiring.watching.log_reference import Known

MOST_HELD = 20_000_000
"""Values held at once, of a column or of all: 160 MB. Beyond, KS is right to 0.001."""


class Judging:
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


class Counting:
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
        if not self._exact or self._n_values > MOST_HELD:
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
