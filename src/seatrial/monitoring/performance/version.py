"""The performance of one served version: logged predictions and labels in, findings out.

All that is known is in one ledger: the predictions that wait for labels, how far the log was read,
the sums, and what is still to be told of them. They change together, so a process that is killed
has either taken something in or not, and never half of it or twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import msgspec
import numpy as np

from seatrial.kernel.errors import Conflict
from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.performance import untold
from seatrial.monitoring.performance.findings import estimated_finding, measured_finding
from seatrial.monitoring.performance.judge import estimated, measured
from seatrial.monitoring.performance.labels import Keeping, Ledger, Scored, join, keep
from seatrial.monitoring.performance.progress import (
    CLASSES,
    PLACE,
    PROGRESS,
    STATE,
    UNTOLD,
    Point,
    Progress,
    kept_of,
    meanings,
    micros,
    moment,
    since_trouble,
)
from seatrial.monitoring.performance.record import state_to_dict
from seatrial.monitoring.performance.rows import scored_rows
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
from seatrial.monitoring.performance.untold import Told
from seatrial.monitoring.performance.verdict import (
    Estimated,
    Measured,
    PerformanceRules,
    Trust,
)
from seatrial.monitoring.rows.label_values import label_values
from seatrial.monitoring.rows.scores import ScoreColumns
from seatrial.monitoring.rows.served import CLASS, NUMBER, PROBABILITIES
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.triggers.rule import Evidence, Window
from seatrial.monitoring.triggers.rule import Measured as Metric
from seatrial.stats.counts import Interval
from seatrial.stats.fusion import COVERED_SHARE

_EVIDENCE: Mapping[Trust, Evidence | None] = {
    Trust.CONFIRMED: Evidence.CONFIRMED,
    Trust.UNVERIFIED: Evidence.UNVERIFIED,
    Trust.CONTRADICTED: None,
}
"""What an estimate is worth to triggers; None for nothing."""


class LedgerChanged(Conflict):
    """Another process has written what this one believed to be its own."""

    code = "monitoring.ledger_changed"
    retryable = True


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
    Raises: BadPerformanceRecord, stats.fusion_record.BadFusion, UntoldUnreadable: a ledger that
        cannot be read.
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
        self._mark = ledger.note(STATE), ledger.note(PROGRESS)
        self._untold = untold.decode(ledger.note(UNTOLD) or "")
        classes = msgspec.json.encode(served.reference.classes).decode()
        if ledger.note(CLASSES) != classes:
            ledger.set_note(CLASSES, classes)

    def place(self, part: str) -> str | None:
        """How far a part of the log was read; None when it was not."""
        return self._ledger.note(PLACE + part)

    def tell(self, tell: Callable[[Told], None]) -> None:
        """Hand on what was found, at least once: it is forgotten when ``tell`` returns.

        Raises: StoreUnavailable and its kin: the rest is told by the next call, also of a process
            that starts anew.
        """
        while self._untold:
            tell(self._untold[0])
            rest = self._untold[1:]
            with self._changing():
                self._ledger.set_note(UNTOLD, untold.encode(rest))
            self._untold = rest

    def take(self, logged: Logged, *, latest: datetime | None = None) -> None:
        """Take in predictions. A prediction whose id is known already counts once.

        Args: latest: no prediction can be later; one that says so lets no other be forgotten. None
            believes any time.
        Raises: BadScores, BadExpectedLoss: rows that cannot be judged; LedgerChanged;
            StoreUnavailable and its kin. Nothing is changed then.
        """
        with self._changing():
            rows = self._new(logged)
            state, progress, told = self._observed(rows)
            kept = keep(
                self._ledger,
                rows,
                self._keeping,
                watermark_us=progress.watermark_us,
                latest_us=None if latest is None else micros(latest),
            )
            progress = msgspec.structs.replace(progress, watermark_us=kept.watermark_us)
            self._ledger.set_note(PLACE + logged.place[0], logged.place[1])
            after = self._keep(state, progress, told)
        self._became(state, progress, after)

    def has_answers(self, logged: Logged) -> bool:
        """Whether some rows can have an answer: there is none to requests that all failed."""
        column = NUMBER if self.served.reference.classes is None else CLASS
        return logged.rows.n > 0 and column in logged.rows.columns

    def pass_over(self, logged: Logged) -> None:
        """Note that rows were read, though nothing could be made of them."""
        with self._changing():
            self._ledger.set_note(PLACE + logged.place[0], logged.place[1])

    def known(self, ids: Sequence[str]) -> dict[str, str]:
        """See `meanings`."""
        return meanings(self._ledger, ids)

    def label(self, ids: Sequence[str], texts: Sequence[str]) -> None:
        """Take in labels.

        Args: ids of kept predictions; labels as `label_values.label_text` gives them.
        Raises: LedgerChanged; StoreUnavailable and its kin: nothing is changed then.
        """
        values = label_values(texts, self.served.reference.classes)
        with self._changing():
            joined = join(self._ledger, ids, values)
            if not len(joined.rows):
                return
            state = learn(self.state, self.served.reference, joined)
            progress = msgspec.structs.replace(
                self.progress,
                n_labelled=self.progress.n_labelled + len(joined.rows) - joined.n_corrected,
                n_corrected=self.progress.n_corrected + joined.n_corrected,
            )
            windows, progress = self._windows(state, progress)
            said = self._said(state, progress)
            after = self._keep(state, progress, Told(findings=said, windows=windows))
        self._became(state, progress, after)

    def audit(self, ids: Sequence[str]) -> None:
        """Note that predictions were chosen for labelling by chance alone.

        Raises: LedgerChanged; StoreUnavailable and its kin: nothing is changed then.
        """
        with self._changing():
            rows = self._ledger.find(ids)
            rows = rows.some(np.flatnonzero(~rows.audited))
            state = audit(self.state, self.served.reference, rows)
            self._ledger.mark_audited(rows.ids)
            after = self._keep(state, self.progress, Told())
        self._became(state, self.progress, after)

    def estimated(self) -> Estimated:
        """The performance of the newest window."""
        return estimated(self.state, self.served.reference, self.rules)

    def measured(self, window: int | None = None) -> Measured | None:
        """The real performance of a window; see `performance_judge.measured`."""
        return measured(self.state, self.served.reference, self.rules, window=window)

    def span_of(self, window: int) -> tuple[datetime, datetime] | None:
        """When a window was; None when that is not kept."""
        found = next((p for p in self.progress.points if p.window == window), None)
        return None if found is None else (moment(found.start_us), moment(found.end_us))

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

    def _observed(self, rows: Scored) -> tuple[PerformanceState, Progress, Told]:
        state, progress = self.state, self.progress
        said: list[Finding] = []
        windows: list[Window] = []
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
                window = self._estimated_window(index, found, progress)
                windows += [] if window is None else [window]
        return state, progress, Told(findings=tuple(said), windows=tuple(windows))

    def _estimated_window(self, step: int, found: Estimated, progress: Progress) -> Window | None:
        """What triggers are told when the last step of a window is complete."""
        window, place = divmod(step, self.state.steps_per_window)
        evidence = _EVIDENCE[found.trust.trust]
        last = place == self.state.steps_per_window - 1
        if not last or found.value is None or evidence is None:
            return None
        metric = _figure(found.value, found.interval, evidence)
        if metric is None:
            return None
        return Window(
            version=self.version,
            end=moment(progress.points[-1].end_us),
            index=window,
            performance={found.metric: metric},
        )

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

    def _estimated(self, found: Estimated, progress: Progress) -> Finding:
        return estimated_finding(
            found,
            endpoint=self.endpoint,
            version=self.version,
            since=since_trouble(progress.points),
            flatters=self.served.origin is Origin.SAMPLE,
        )

    def _said(self, state: PerformanceState, progress: Progress) -> tuple[Finding, ...]:
        """What labels say: of the estimate, and of the real performance."""
        said = [self._estimated(estimated(state, self.served.reference, self.rules), progress)]
        found = measured(state, self.served.reference, self.rules)
        if found is not None:
            point = next((p for p in progress.points if p.window == found.window), None)
            said.append(
                measured_finding(
                    found,
                    endpoint=self.endpoint,
                    version=self.version,
                    since=None if point is None else moment(point.start_us),
                )
            )
        return tuple(said)

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
                found.append(_window(one, self.version, moment(ends[index])))
                told = index
        return tuple(found), msgspec.structs.replace(progress, told=told)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Changes the ledger at once, unless somebody else has done so."""
        with self._ledger.at_once():
            if (self._ledger.note(STATE), self._ledger.note(PROGRESS)) != self._mark:
                raise LedgerChanged(
                    f"The labels of {self.endpoint} version {self.version} were taken in by "
                    "another process meanwhile.",
                    remedy="Run one server on this home; the ledger is read anew.",
                )
            yield

    def _keep(
        self, state: PerformanceState, progress: Progress, told: Told
    ) -> tuple[tuple[str, str], tuple[Told, ...]]:
        mark = (
            msgspec.json.encode(state_to_dict(state)).decode(),
            msgspec.json.encode(progress).decode(),
        )
        rounds = (*self._untold, *untold.rounds_of(told))
        self._ledger.set_note(STATE, mark[0])
        self._ledger.set_note(PROGRESS, mark[1])
        if told:
            self._ledger.set_note(UNTOLD, untold.encode(rounds))
        return mark, rounds

    def _became(
        self,
        state: PerformanceState,
        progress: Progress,
        kept: tuple[tuple[str, str], tuple[Told, ...]],
    ) -> None:
        """What the ledger holds now."""
        self.state, self.progress = state, progress
        self._mark, self._untold = kept


def _window(found: Measured, version: int, end: datetime) -> Window:
    figures = {m.name: _figure(m.value, m.interval, Evidence.LABELS) for m in found.metrics}
    return Window(
        version=version,
        end=end,
        index=found.window,
        performance={name: one for name, one in figures.items() if one is not None},
    )


def _figure(value: float, interval: Interval | None, evidence: Evidence) -> Metric | None:
    """A metric as triggers take it; None where it is no number."""
    if not math.isfinite(value):
        return None
    return Metric(
        value=float(value),
        low=None if interval is None else float(interval.lower),
        high=None if interval is None else float(interval.upper),
        evidence=evidence,
    )
