"""The performance of one served version: logged predictions and labels in, findings out.

All that is known is in one ledger: the predictions that wait for labels, how far the log was read,
the sums, and what is still to be told of them. They change together, so a process that is killed
has either taken something in or not, and never half of it or twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Conflict
from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.performance import untold
from seatrial.monitoring.performance.findings import estimated_finding, measured_finding
from seatrial.monitoring.performance.judge import estimated, measured, trust_in_scores
from seatrial.monitoring.performance.labels import Joined, Keeping, Ledger, Scored, join, keep
from seatrial.monitoring.performance.ledger_notes import (
    CLASSES,
    PLACE,
    PROGRESS,
    STATE,
    UNTOLD,
    WIDTH,
    kept_of,
    meanings,
)
from seatrial.monitoring.performance.progress import (
    Advanced,
    Progress,
    advance,
    micros,
    moment,
    since_trouble,
)
from seatrial.monitoring.performance.record import state_to_dict
from seatrial.monitoring.performance.rows import has_answers, part_id, served_rows
from seatrial.monitoring.performance.segments import SegmentPerformance
from seatrial.monitoring.performance.served_reference import ServedReference, named
from seatrial.monitoring.performance.state import (
    PerformanceState,
    audit,
    learn,
    start,
    steps_by_count,
    steps_of_window,
)
from seatrial.monitoring.performance.trigger_windows import estimated_window, measured_window
from seatrial.monitoring.performance.untold import Told
from seatrial.monitoring.performance.verdict import Estimated, Measured, PerformanceRules, Trust
from seatrial.monitoring.rows.label_values import label_values, label_vectors
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.triggers.rule import Window
from seatrial.stats.fusion import COVERED_SHARE


class LedgerChanged(Conflict):
    """Another process has written what this one believed to be its own."""

    code = "monitoring.ledger_changed"
    retryable = True


class Logged(Protocol):
    """Rows of the prediction log that were not read before."""

    @property
    def rows(self) -> Table:
        """Answers under the names of `rows/served.py`, and what the expected error needs; and what
        came true, where that is known already."""

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
        self._mark = ledger.note(STATE), ledger.note(PROGRESS)
        self._untold = untold.decode(ledger.note(UNTOLD) or "")
        self.segments = (
            segments(self.progress.window_rows, self.state.steps_per_window) if segments else None
        )
        for name, held in ((CLASSES, served.reference.classes), (WIDTH, served.reference.width)):
            text = msgspec.json.encode(held).decode()
            if ledger.note(name) != text:
                ledger.set_note(name, text)

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
            rows, again = self._new(logged)
            found = advance(self.state, self.progress, self.served.reference, self.rules, rows)
            state, progress = found.state, found.progress
            joined = join(self._ledger, again.ids, again.label)
            state, progress = self._joined(state, progress, joined)
            kept = keep(
                self._ledger,
                rows,
                self._keeping,
                watermark_us=progress.watermark_us,
                latest_us=None if latest is None else micros(latest),
            )
            progress = msgspec.structs.replace(progress, watermark_us=kept.watermark_us)
            windows, progress = self._windows(state, progress)
            said = [self._estimated(one.estimate, one.since) for one in found.steps]
            said += self._observed_by_segment(logged, rows, state, progress)
            said += self._learned_by_segment(joined)
            if progress.n_labelled > self.progress.n_labelled or len(again):
                said += self._measured(state, progress)
            self._ledger.set_note(PLACE + logged.place[0], logged.place[1])
            # A window whose labels came with its rows is told by those alone.
            by_labels = {window.index for window in windows}
            by_scores = [
                one for one in self._estimated_windows(found) if one.index not in by_labels
            ]
            told = Told(findings=tuple(said), windows=(*by_scores, *windows))
            after = self._keep(state, progress, told)
        self._became(state, progress, after)

    def has_answers(self, logged: Logged) -> bool:
        """Whether some rows can have an answer: there is none to requests that all failed."""
        return has_answers(logged.rows, self.served.reference)

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
        ids, values = self._values(ids, texts)
        with self._changing():
            joined = join(self._ledger, ids, values)
            state, progress = self._joined(self.state, self.progress, joined)
            if state is self.state:
                return
            windows, progress = self._windows(state, progress)
            estimate = estimated(state, self.served.reference, self.rules)
            said = [
                self._estimated(estimate, since_trouble(progress.points)),
                *self._learned_by_segment(joined),
                *self._measured(state, progress),
            ]
            after = self._keep(state, progress, Told(findings=tuple(said), windows=windows))
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
        return _span_of(self.progress, window)

    def _values(
        self, ids: Sequence[str], texts: Sequence[str]
    ) -> tuple[Sequence[str], NDArray[np.float64]]:
        """What labels say, by the ids that predictions are kept under."""
        reference = self.served.reference
        if reference.width == 1:
            return ids, label_values(texts, reference.classes)
        parts = range(reference.width)
        each = [part_id(key, part) for key in ids for part in parts]
        return each, label_vectors(texts, reference.width).ravel()

    def _joined(
        self, state: PerformanceState, progress: Progress, joined: Joined
    ) -> tuple[PerformanceState, Progress]:
        if not len(joined.rows):
            return state, progress
        return learn(state, self.served.reference, joined), msgspec.structs.replace(
            progress,
            n_labelled=progress.n_labelled + len(joined.rows) - joined.n_corrected,
            n_corrected=progress.n_corrected + joined.n_corrected,
        )

    def _observed_by_segment(
        self, logged: Logged, rows: Scored, state: PerformanceState, progress: Progress
    ) -> list[Finding]:
        if self.segments is None:
            return []
        believed = trust_in_scores(state, self.served.reference, self.rules).trust
        return self.segments.observe(
            rows,
            logged.rows,
            logged.ids,
            n_seen=progress.n_seen,
            trusted=believed is not Trust.CONTRADICTED,
        )

    def _learned_by_segment(self, joined: Joined) -> list[Finding]:
        if self.segments is None or not len(joined.rows):
            return []
        return self.segments.learn(joined)

    def _new(self, logged: Logged) -> tuple[Scored, Scored]:
        """The predictions that were not taken in before, each with its step; and those that were
        and bear a label now, as where a log is written anew with what came true.
        """
        table = named(logged.rows, logged.rows.columns)
        reference = self.served.reference
        rows = served_rows(table, reference, step=np.zeros(table.n, np.int64))
        ids = [_id_of(place, logged.ids) for place in rows.ids]
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
        again = {
            key: place
            for place, key in enumerate(ids)
            if key in known and np.isfinite(rows.label[place])
        }
        labelled = rows.some(np.array(list(again.values()), np.intp))
        return kept.at_steps(step), replace(labelled, ids=tuple(str(key) for key in again))

    def _estimated(self, found: Estimated, begin: datetime | None) -> Finding:
        return estimated_finding(
            found,
            endpoint=self.endpoint,
            version=self.version,
            since=begin,
            flatters=self.served.flatters,
        )

    def _measured(self, state: PerformanceState, progress: Progress) -> list[Finding]:
        found = measured(state, self.served.reference, self.rules)
        if found is None:
            return []
        span = _span_of(progress, found.window)
        return [
            measured_finding(
                found,
                endpoint=self.endpoint,
                version=self.version,
                since=None if span is None else span[0],
            )
        ]

    def _estimated_windows(self, found: Advanced) -> tuple[Window, ...]:
        """What triggers are told of windows whose last step is complete."""
        windows: list[Window] = []
        for one in found.steps:
            index, place = divmod(one.step, self.state.steps_per_window)
            if place == self.state.steps_per_window - 1:
                window = estimated_window(one.estimate, self.version, index=index, end=one.end)
                windows += [] if window is None else [window]
        return tuple(windows)

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
                found.append(measured_window(one, self.version, end=moment(ends[index])))
                told = index
        return tuple(found), msgspec.structs.replace(progress, told=told)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Changes the ledger at once, unless somebody else has done so."""
        with ExitStack() as stack:
            if self.segments is not None:
                stack.enter_context(self.segments.undone())
            stack.enter_context(self._ledger.at_once())
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


def _id_of(place: str, ids: Sequence[str | None]) -> str | None:
    """The id of a row, from its place and which of several numbers of an answer it is."""
    row, _, part = place.partition("#")
    key = ids[int(row)]
    return None if key is None else part_id(key, int(part or 0))


def _span_of(progress: Progress, window: int) -> tuple[datetime, datetime] | None:
    found = next((p for p in progress.points if p.window == window), None)
    return None if found is None else (moment(found.start_us), moment(found.end_us))
