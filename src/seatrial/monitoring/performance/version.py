"""The performance of one served version: logged predictions and labels in, findings out.

All that is known is in one ledger: the predictions that wait for labels, how far the log was read,
and the sums. They change together, so a process that is killed has either taken something in or
not, and never half of it or twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

import msgspec
import numpy as np

from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.performance.findings import estimated_finding, measured_finding
from seatrial.monitoring.performance.judge import estimated, measured, trust_in_scores
from seatrial.monitoring.performance.labels import Keeping, Ledger, Scored, join, keep
from seatrial.monitoring.performance.record import state_from_dict, state_to_dict, unreadable
from seatrial.monitoring.performance.rows import scored_rows
from seatrial.monitoring.performance.segments import SegmentPerformance
from seatrial.monitoring.performance.served_reference import Origin, ServedReference, named
from seatrial.monitoring.performance.state import (
    MAX_WINDOWS,
    PerformanceState,
    audit,
    learn,
    observe,
    start,
    steps_by_count,
    steps_of_window,
)
from seatrial.monitoring.performance.verdict import (
    Estimated,
    Level,
    Measured,
    PerformanceRules,
    Trust,
)
from seatrial.monitoring.rows.label_values import label_values
from seatrial.monitoring.rows.scores import ScoreColumns
from seatrial.monitoring.rows.served import CLASS, NUMBER, PROBABILITIES
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.triggers.rule import Measured as Metric
from seatrial.monitoring.triggers.rule import Window
from seatrial.stats.fusion import COVERED_SHARE

STATE, PROGRESS, CLASSES = "state", "progress", "classes"
PLACE = "place/"
"""Names of notes; that of a place goes on with what it is in."""

_TROUBLE = frozenset({Level.WARNING.value, Level.CRITICAL.value})


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a window when its newest complete step came; never changed afterwards.

    Args:
        window: its index.
        start_us, end_us: of its predictions, microseconds since 1970.
        n: predictions the estimate spoke of.
    """

    window: int
    start_us: int
    end_us: int
    n: int
    value: float | None
    lower: float | None
    upper: float | None
    label_free: float | None
    level: str
    trust: str


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a version has come.

    Args:
        window_rows: of a window, as when it began.
        n_seen: predictions taken in.
        watermark_us: predictions before it wait no more.
        n_labelled: predictions that got a label.
        n_corrected: labels that replaced another.
        told: index of the newest window whose real performance triggers were told.
        points: by window, ascending, the newest MAX_WINDOWS.
    """

    window_rows: int
    n_seen: int = 0
    watermark_us: int | None = None
    n_labelled: int = 0
    n_corrected: int = 0
    told: int = -1
    points: tuple[Point, ...] = ()
    schema: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of something that was taken in.

    Args:
        findings: in order.
        windows: whose real performance is known now, for triggers.
    """

    findings: tuple[Finding, ...] = ()
    windows: tuple[Window, ...] = ()

    def __add__(self, other: Told) -> Told:
        return Told(findings=self.findings + other.findings, windows=self.windows + other.windows)


class Logged(Protocol):
    """Rows of the prediction log that were not read before."""

    @property
    def rows(self) -> Table:
        """Answers under the names of `monitoring.served`, and what the expected error needs."""

    @property
    def ids(self) -> Sequence[str | None]:
        """Of the predictions, as labels will carry them; None where there is none."""

    @property
    def place(self) -> tuple[str, str]:
        """A part of the log, and how far it was read."""


class VersionPerformance:
    """Judges one version. Not thread-safe.

    Args:
        ledger: what is kept of it; nobody else writes there.
        served: what it is held against.
        endpoint: its name.
        version: its number.
        rules: when a drop is one.
        keeping: how long predictions wait.
        window_rows: of a window, if this is a new ledger, >= 1.
        segments: makes what counts by segment, of a window's rows and steps; None without any.
    Raises: BadPerformanceRecord, stats.fusion_record.BadFusion: a ledger that cannot be read.
    """

    def __init__(
        self,
        ledger: Ledger,
        served: ServedReference,
        *,
        endpoint: str,
        version: int,
        rules: PerformanceRules,
        keeping: Keeping,
        window_rows: int,
        segments: Callable[[int, int], SegmentPerformance] | None = None,
    ) -> None:
        self._ledger = ledger
        self.served = served
        self.endpoint = endpoint
        self.version = version
        self.rules = rules
        self._keeping = keeping
        kept = kept_of(ledger)
        if kept is None:
            per_window = steps_of_window(window_rows)
            kept = (
                start(served.reference, steps_per_window=per_window),
                Progress(window_rows=window_rows),
            )
        self.state, self.progress = kept
        self.segments = (
            segments(self.progress.window_rows, self.state.steps_per_window) if segments else None
        )
        classes = msgspec.json.encode(served.reference.classes).decode()
        if ledger.note(CLASSES) != classes:
            ledger.set_note(CLASSES, classes)

    def place(self, part: str) -> str | None:
        """How far a part of the log was read; None when it was not."""
        return self._ledger.note(PLACE + part)

    def take(self, logged: Logged) -> Told:
        """Take in predictions. A prediction whose id is known already counts once.

        Raises: BadScores, BadExpectedLoss: rows that cannot be judged; StoreUnavailable, StoreFull.
            Nothing is changed then.
        """
        with self._ledger.at_once():
            rows = self._new(logged)
            state, progress, said = self._observed(rows)
            kept = keep(self._ledger, rows, self._keeping, watermark_us=progress.watermark_us)
            progress = msgspec.structs.replace(progress, watermark_us=kept.watermark_us)
            if self.segments is not None:
                believed = trust_in_scores(state, self.served.reference, self.rules).trust
                said += self.segments.observe(
                    rows,
                    logged.rows,
                    logged.ids,
                    n_seen=progress.n_seen,
                    trusted=believed is not Trust.CONTRADICTED,
                )
            self._ledger.set_note(PLACE + logged.place[0], logged.place[1])
            self._keep(state, progress)
        self.state, self.progress = state, progress
        return Told(findings=tuple(said))

    def has_answers(self, logged: Logged) -> bool:
        """Whether some rows can have an answer: there is none to requests that all failed."""
        column = NUMBER if self.served.reference.classes is None else CLASS
        return logged.rows.n > 0 and column in logged.rows.columns

    def pass_over(self, logged: Logged) -> None:
        """Note that rows were read, though nothing could be made of them."""
        self._ledger.set_note(PLACE + logged.place[0], logged.place[1])

    def known(self, ids: Sequence[str]) -> dict[str, str]:
        """See `meanings`."""
        return meanings(self._ledger, ids)

    def label(self, ids: Sequence[str], texts: Sequence[str]) -> Told:
        """Take in labels.

        Args: ids of kept predictions; labels as `label_values.label_text` gives them.
        Raises: StoreUnavailable, StoreFull: nothing is changed then.
        """
        values = label_values(texts, self.served.reference.classes)
        with self._ledger.at_once():
            joined = join(self._ledger, ids, values)
            if not len(joined.rows):
                return Told()
            state = learn(self.state, self.served.reference, joined)
            progress = msgspec.structs.replace(
                self.progress,
                n_labelled=self.progress.n_labelled + len(joined.rows) - joined.n_corrected,
                n_corrected=self.progress.n_corrected + joined.n_corrected,
            )
            windows, progress = self._windows(state, progress)
            by_segment = self.segments.learn(joined) if self.segments is not None else []
            self._keep(state, progress)
        self.state, self.progress = state, progress
        found, said = self.measured(), [self._estimated(self.estimated()), *by_segment]
        if found is not None:
            since = self.span_of(found.window)
            said.append(
                measured_finding(
                    found,
                    endpoint=self.endpoint,
                    version=self.version,
                    since=None if since is None else since[0],
                )
            )
        return Told(findings=tuple(said), windows=windows)

    def audit(self, ids: Sequence[str]) -> None:
        """Note that predictions were chosen for labelling by chance alone."""
        with self._ledger.at_once():
            rows = self._ledger.find(ids)
            rows = rows.some(np.flatnonzero(~rows.audited))
            state = audit(self.state, self.served.reference, rows)
            self._ledger.mark_audited(rows.ids)
            self._keep(state, self.progress)
        self.state = state

    def estimated(self) -> Estimated:
        """The performance of the newest window."""
        return estimated(self.state, self.served.reference, self.rules)

    def measured(self, window: int | None = None) -> Measured | None:
        """The real performance of a window; see `performance_judge.measured`."""
        return measured(self.state, self.served.reference, self.rules, window=window)

    def span_of(self, window: int) -> tuple[datetime, datetime] | None:
        """When a window was; None when that is not kept."""
        found = next((p for p in self.progress.points if p.window == window), None)
        return None if found is None else (_at(found.start_us), _at(found.end_us))

    def _new(self, logged: Logged) -> Scored:
        """The predictions that were not taken in before, each with its step."""
        table = named(logged.rows, logged.rows.columns)
        reference = self.served.reference
        columns = (
            ScoreColumns(prediction=NUMBER)
            if reference.classes is None
            else ScoreColumns(prediction=CLASS, probabilities=PROBABILITIES)
        )
        rows = scored_rows(table, reference, columns, step=np.zeros(table.n, np.int64))
        ids = [logged.ids[int(place)] for place in rows.ids]
        known = set(self._ledger.find([key for key in ids if key is not None]).ids)
        first: dict[str, int] = {}
        for place, key in enumerate(ids):
            if key is not None and key not in known:
                first.setdefault(key, place)
        kept = replace(
            rows.some(np.array(list(first.values()), np.intp)),
            ids=tuple(first),
        )
        step = steps_by_count(
            self.progress.n_seen,
            len(kept),
            window_rows=self.progress.window_rows,
            steps_per_window=self.state.steps_per_window,
        )
        return replace(kept, step=step)

    def _observed(self, rows: Scored) -> tuple[PerformanceState, Progress, list[Finding]]:
        state, progress = self.state, self.progress
        said: list[Finding] = []
        for index in np.unique(rows.step).tolist():
            some = rows.some(np.flatnonzero(rows.step == index))
            state = observe(state, self.served.reference, some)
            n_seen = progress.n_seen + len(some)
            found = estimated(state, self.served.reference, self.rules)
            progress = msgspec.structs.replace(
                progress, n_seen=n_seen, points=self._pointed(progress, state, some, found)
            )
            # A step that is still filling says nothing: its few rows would be looked at too often.
            if n_seen * state.steps_per_window // progress.window_rows > index:
                said.append(self._estimated(found, progress))
        return state, progress, said

    def _pointed(
        self, progress: Progress, state: PerformanceState, rows: Scored, found: Estimated
    ) -> tuple[Point, ...]:
        window = int(rows.step[0]) // state.steps_per_window
        start_us, end_us = int(rows.at_us.min()), int(rows.at_us.max())
        earlier = progress.points
        if earlier and earlier[-1].window == window:
            start_us = min(start_us, earlier[-1].start_us)
            end_us = max(end_us, earlier[-1].end_us)
            earlier = earlier[:-1]
        point = Point(
            window=window,
            start_us=start_us,
            end_us=end_us,
            n=found.n,
            value=found.value,
            lower=found.interval.lower if found.interval else None,
            upper=found.interval.upper if found.interval else None,
            label_free=found.label_free,
            level=found.level.value,
            trust=found.trust.trust.value,
        )
        return (*earlier, point)[-MAX_WINDOWS:]

    def _estimated(self, found: Estimated, progress: Progress | None = None) -> Finding:
        return estimated_finding(
            found,
            endpoint=self.endpoint,
            version=self.version,
            since=_since((progress or self.progress).points),
            flatters=self.served.origin is Origin.SAMPLE,
        )

    def _windows(
        self, state: PerformanceState, progress: Progress
    ) -> tuple[tuple[Window, ...], Progress]:
        """The windows whose labels have nearly all come, each once; with those that were passed."""
        found: list[Window] = []
        told = progress.told
        ends = {point.window: point.end_us for point in progress.points}
        for index, sums in sorted(state.windows.items()):
            covered = sums.labelled.n >= COVERED_SHARE * sums.n
            full = sums.n >= progress.window_rows
            if index <= told or not covered or not full or index not in ends:
                continue
            one = measured(state, self.served.reference, self.rules, window=index)
            if one is not None:
                found.append(_window(one, self.version, _at(ends[index])))
                told = index
        return tuple(found), msgspec.structs.replace(progress, told=told)

    def _keep(self, state: PerformanceState, progress: Progress) -> None:
        self._ledger.set_note(STATE, msgspec.json.encode(state_to_dict(state)).decode())
        self._ledger.set_note(PROGRESS, msgspec.json.encode(progress).decode())


def kept_of(ledger: Ledger) -> tuple[PerformanceState, Progress] | None:
    """What a ledger says of a version; None before anything was taken in.

    Raises: BadPerformanceRecord, stats.fusion_record.BadFusion.
    """
    state, progress = ledger.note(STATE), ledger.note(PROGRESS)
    if state is None or progress is None:
        return None
    try:
        return (
            state_from_dict(msgspec.json.decode(state)),
            msgspec.json.decode(progress, type=Progress),
        )
    except msgspec.DecodeError as problem:
        raise unreadable(str(problem)) from problem


def meanings(ledger: Ledger, ids: Sequence[str]) -> dict[str, str]:
    """The kept predictions that ids mean, by id. The only row of a request bears the request's id,
    and ``<request>/0`` means it too.
    """
    stripped = {key: key.removesuffix("/0") for key in ids}
    found = set(ledger.find([*stripped, *stripped.values()]).ids)
    meant = {key: key if key in found else other for key, other in stripped.items()}
    return {key: other for key, other in meant.items() if other in found}


def _since(points: Sequence[Point]) -> datetime | None:
    """Begin of the first of the newest windows that are all in trouble."""
    start_us = None
    for point in reversed(points):
        if point.level not in _TROUBLE:
            break
        start_us = point.start_us
    return None if start_us is None else _at(start_us)


def _window(found: Measured, version: int, end: datetime) -> Window:
    return Window(
        version=version,
        end=end,
        performance={
            metric.name: Metric(
                value=metric.value,
                low=metric.interval.lower if metric.interval else None,
                high=metric.interval.upper if metric.interval else None,
            )
            for metric in found.metrics
        },
    )


def _at(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1e6, UTC)
