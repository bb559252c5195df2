"""The performance of one served version: logged predictions and labels in, findings out.

All that is known is in one ledger: the predictions that wait for labels, how far the log was read,
the sums, and what is still to be told of them. They change together, so a process that is killed
has either taken something in or not, and never half of it or twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.performance.arrivals import Logged, arrivals
from seatrial.monitoring.performance.findings import estimated_finding, measured_finding
from seatrial.monitoring.performance.judge import estimated, measured
from seatrial.monitoring.performance.labels import Joined, Keeping, join, keep
from seatrial.monitoring.performance.ledger_notes import meanings
from seatrial.monitoring.performance.pending import Ledger
from seatrial.monitoring.performance.progress import (
    Advanced,
    Progress,
    advance,
    micros,
    moment,
    since_trouble,
)
from seatrial.monitoring.performance.rows import has_answers, part_id
from seatrial.monitoring.performance.scored import Scored
from seatrial.monitoring.performance.segment_baseline import SegmentBaseline
from seatrial.monitoring.performance.segments import SegmentPerformance
from seatrial.monitoring.performance.served_reference import ServedReference
from seatrial.monitoring.performance.state import PerformanceState, audit, learn, steps_by_count
from seatrial.monitoring.performance.trigger_windows import estimated_window, measured_window
from seatrial.monitoring.performance.trust import trust_in_scores
from seatrial.monitoring.performance.untold import Told
from seatrial.monitoring.performance.verdict import Estimated, Measured, PerformanceRules, Trust
from seatrial.monitoring.performance.version_ledger import Change, VersionLedger
from seatrial.monitoring.rows.label_values import label_values, label_vectors
from seatrial.monitoring.triggers.rule import Window
from seatrial.stats.fusion import COVERED_SHARE


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
        segments: what its segments are held against; None without any.
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
        segments: SegmentBaseline | None = None,
    ) -> None:
        self._kept = VersionLedger(
            ledger, served.reference, of=f"{endpoint} version {version}", window_rows=window_rows
        )
        self._ledger = ledger
        self.served = served
        self.endpoint = endpoint
        self.version = version
        self.rules = rules
        self._keeping = keeping
        self.segments = None
        if segments is not None:
            self.segments = SegmentPerformance(
                ledger,
                segments,
                endpoint=endpoint,
                version=version,
                window_rows=self.progress.window_rows,
                steps_per_window=self.state.steps_per_window,
            )

    @property
    def state(self) -> PerformanceState:
        """By window, as of the last change."""
        return self._kept.state

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        return self._kept.progress

    def place(self, part: str) -> str | None:
        """How far a part of the log was read; None when it was not."""
        return self._kept.place(part)

    def tell(self, tell: Callable[[Told], None]) -> None:
        """See VersionLedger."""
        self._kept.tell(tell)

    def take(self, logged: Logged, *, latest: datetime | None = None) -> None:
        """Take in predictions. A prediction whose id is known already counts once.

        Args: latest: no prediction can be later; one that says so lets no other be forgotten. None
            believes any time.
        Raises: BadScores, BadExpectedLoss: rows that cannot be judged; LedgerChanged;
            StoreUnavailable and its kin. Nothing is changed then.
        """
        with self._changing() as change:
            came = arrivals(self._ledger, logged, self.served.reference)
            rows = came.new.at_steps(
                steps_by_count(
                    self.progress.n_seen,
                    len(came.new),
                    window_rows=self.progress.window_rows,
                    steps_per_window=self.state.steps_per_window,
                )
            )
            found = advance(self.state, self.progress, self.served.reference, self.rules, rows)
            state, progress = found.state, found.progress
            joined = join(self._ledger, came.again.ids, came.again.label)
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
            said += self._observed_by_segment(logged, rows, came.places, state, progress)
            said += self._learned_by_segment(joined)
            if progress.n_labelled > self.progress.n_labelled or len(came.again):
                said += self._measured(state, progress)
            # A window whose labels came with its rows is told by those alone.
            by_labels = {window.index for window in windows}
            by_scores = [
                one for one in self._estimated_windows(found) if one.index not in by_labels
            ]
            change.state, change.progress = state, progress
            change.told = Told(findings=tuple(said), windows=(*by_scores, *windows))
            change.places = dict([logged.place])

    def has_answers(self, logged: Logged) -> bool:
        """Whether some rows can have an answer: there is none to requests that all failed."""
        return has_answers(logged.rows, self.served.reference)

    def pass_over(self, logged: Logged) -> None:
        """Note that rows were read, though nothing could be made of them."""
        with self._changing() as change:
            change.places = dict([logged.place])

    def known(self, ids: Sequence[str]) -> dict[str, str]:
        """See `meanings`."""
        return meanings(self._ledger, ids)

    def label(self, ids: Sequence[str], texts: Sequence[str]) -> None:
        """Take in labels.

        Args: ids of kept predictions; labels as `label_values.label_text` gives them.
        Raises: LedgerChanged; StoreUnavailable and its kin: nothing is changed then.
        """
        ids, values = self._values(ids, texts)
        with self._changing() as change:
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
            change.state, change.progress = state, progress
            change.told = Told(findings=tuple(said), windows=windows)

    def audit(self, ids: Sequence[str]) -> None:
        """Note that predictions were chosen for labelling by chance alone.

        Raises: LedgerChanged; StoreUnavailable and its kin: nothing is changed then.
        """
        with self._changing() as change:
            rows = self._ledger.find(ids)
            rows = rows.some(np.flatnonzero(~rows.audited))
            change.state = audit(self.state, self.served.reference, rows)
            change.progress = self.progress
            self._ledger.mark_audited(rows.ids)

    def estimated(self) -> Estimated:
        """The performance of the newest window."""
        return estimated(self.state, self.served.reference, self.rules)

    def measured(self, window: int | None = None) -> Measured | None:
        """The real performance of a window; see `performance_judge.measured`."""
        return measured(self.state, self.served.reference, self.rules, window=window)

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
        self,
        logged: Logged,
        rows: Scored,
        places: NDArray[np.intp],
        state: PerformanceState,
        progress: Progress,
    ) -> list[Finding]:
        if self.segments is None:
            return []
        believed = trust_in_scores(state, self.served.reference, self.rules).trust
        trusted = believed is not Trust.CONTRADICTED
        return self.segments.observe(rows, logged, places, n_seen=progress.n_seen, trusted=trusted)

    def _learned_by_segment(self, joined: Joined) -> list[Finding]:
        if self.segments is None or not len(joined.rows):
            return []
        return self.segments.learn(joined)

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
    def _changing(self) -> Iterator[Change]:
        """Changes what is kept at once, and with it what is counted by segment."""
        with ExitStack() as stack:
            if self.segments is not None:
                stack.enter_context(self.segments.undone())
            yield stack.enter_context(self._kept.changing())


def _span_of(progress: Progress, window: int) -> tuple[datetime, datetime] | None:
    found = next((p for p in progress.points if p.window == window), None)
    return None if found is None else (moment(found.start_us), moment(found.end_us))
