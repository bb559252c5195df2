"""The performance of one version by segment: kept in the version's ledger, changed with it.

Its sums are per window of the version's performance. A look at what scores say is taken when a
window is complete, one at what labels say when enough new ones have come; each look is one chance
of a false alarm, and findings are made at looks only.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import numpy as np

from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.performance.labels import Joined, Ledger, Scored
from seatrial.monitoring.performance.record import unreadable
from seatrial.monitoring.performance.segment_findings import segment_performance_finding
from seatrial.monitoring.performance.segment_judge import (
    LOOK_LABELS,
    SegmentRules,
    SegmentVerdict,
    judge_segments,
)
from seatrial.monitoring.performance.segment_reference import SegmentReference
from seatrial.monitoring.performance.segment_sums import WIDTH, SegmentSums
from seatrial.monitoring.performance.served_reference import Origin, ServedReference
from seatrial.monitoring.performance.state import MAX_WINDOWS
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.segments import Splits

_LOOKED = "segments"
_WINDOW = "segments/"


class _Looked(msgspec.Struct, kw_only=True):
    """What was looked at.

    Args:
        window: index of the newest window whose estimate was.
        labels: labels that had come at the last look at them.
        n_labels: labels that have come, corrections too.
    """

    window: int = -1
    labels: int = 0
    n_labels: int = 0


class _Window(msgspec.Struct, frozen=True, kw_only=True):
    index: int
    sums: str


class SegmentPerformance:
    """Counts the rows of one version by segment and judges them. Not thread-safe.

    Its methods change the ledger within the transaction they are called in, which `undone`
    encloses.

    Args:
        ledger: of the version.
        splits: the segments of a row.
        known: the reference by segment; of the same segments.
        served: the reference of the whole.
        rules: when a drop is one.
        endpoint: its name.
        version: its number.
        window_rows: of a window of the version's performance.
        steps_per_window: steps of such a window.
    Raises: BadPerformanceRecord: a ledger that cannot be read.
    """

    def __init__(
        self,
        ledger: Ledger,
        splits: Splits,
        known: SegmentReference,
        served: ServedReference,
        rules: SegmentRules,
        *,
        endpoint: str,
        version: int,
        window_rows: int,
        steps_per_window: int,
    ) -> None:
        self._ledger = ledger
        self._splits = splits
        self._known = known
        self._served = served
        self._rules = rules
        self._endpoint = endpoint
        self._version = version
        self._window_rows = window_rows
        self._steps = steps_per_window
        self._looked, self._windows = self._read()

    @property
    def columns(self) -> tuple[str, ...]:
        """What rows are split by."""
        return self._splits.names

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What is counted within counts no more when it raises, as the ledger forgets it then."""
        looked, windows = msgspec.structs.replace(self._looked), dict(self._windows)
        try:
            yield
        except BaseException:
            self._looked, self._windows = looked, windows
            raise

    def observe(
        self, rows: Scored, table: Table, ids: Sequence[str | None], *, n_seen: int, trusted: bool
    ) -> list[Finding]:
        """Count predictions that were taken in.

        Args:
            rows: as they were kept, each with its step.
            table: the logged rows, with the columns to split by; ``ids`` are theirs.
            n_seen: predictions of the version so far, these included.
            trusted: whether scores may be believed: labels do not contradict them.
        """
        codes = self._splits.codes(table).tolist()
        by_id = dict(zip(reversed(ids), reversed(codes), strict=True))
        mine = np.array([by_id[key] for key in rows.ids], np.int64)
        self._ledger.set_segments(rows.ids, mine)
        expected, _ = self._served.reference.expected(rows.predicted, rows.score)
        self._count(rows.step, mine, expected)
        n_complete = n_seen // self._window_rows
        if n_complete - 1 <= self._looked.window:
            return []
        self._looked.window = n_complete - 1
        self._keep_looked()
        complete = {index: sums for index, sums in self._windows.items() if index < n_complete}
        return [self._told(self._judged(complete, labels=False), labels=False, trusted=trusted)]

    def learn(self, joined: Joined) -> list[Finding]:
        """Count labels that met their predictions."""
        rows, before = joined.rows, joined.before
        known = self._ledger.segments(rows.ids)
        mine = np.flatnonzero([key in known for key in rows.ids])
        if not len(mine):
            return []
        some, before = rows.some(mine), before[mine]
        codes = np.array([known[key] for key in some.ids], np.int64)
        reference = self._served.reference
        self._label(some.step, codes, reference.outcome(some.predicted, some.label), sign=1)
        again = np.flatnonzero(~np.isnan(before))
        if len(again):
            old = some.some(again)
            outcome = reference.outcome(old.predicted, before[again])
            self._label(old.step, codes[again], outcome, sign=-1)
        self._looked.n_labels += len(mine)
        found = []
        if self._looked.n_labels - self._looked.labels >= LOOK_LABELS:
            self._looked.labels = self._looked.n_labels
            found.append(
                self._told(self._judged(self._windows, labels=True), labels=True, trusted=True)
            )
        self._keep_looked()
        return found

    def estimated(self) -> tuple[SegmentVerdict, ...]:
        """What scores say of each segment now, the worst first."""
        return self._judged(self._windows, labels=False)

    def measured(self) -> tuple[SegmentVerdict, ...]:
        """What labels say of each segment, the worst first."""
        return self._judged(self._windows, labels=True)

    def _judged(
        self, windows: dict[int, SegmentSums], *, labels: bool
    ) -> tuple[SegmentVerdict, ...]:
        return judge_segments(
            windows,
            self._known,
            self._served.reference,
            self._rules,
            labels=labels,
            chance=self._rules.chance(labels=labels, window_rows=self._window_rows),
        )

    def _told(self, verdicts: Sequence[SegmentVerdict], *, labels: bool, trusted: bool) -> Finding:
        return segment_performance_finding(
            verdicts,
            endpoint=self._endpoint,
            version=self._version,
            metric=self._served.reference.main.name,
            labels=labels,
            trusted=trusted,
            flatters=self._served.origin is Origin.SAMPLE,
            budget_windows=self._rules.budget_windows,
        )

    def _count(self, step: np.ndarray, codes: np.ndarray, expected: np.ndarray) -> None:
        n = len(self._splits.pairs) + 1
        for index, at in _by_window(step, self._steps):
            news = SegmentSums.of(self._places(codes[at]), expected[at], n_segments=n)
            self._set(index, self._windows.get(index, SegmentSums.empty(n)) + news)
        for index in sorted(self._windows)[:-MAX_WINDOWS]:
            del self._windows[index]

    def _label(
        self, step: np.ndarray, codes: np.ndarray, outcome: np.ndarray, *, sign: int
    ) -> None:
        n = len(self._splits.pairs) + 1
        for index, at in _by_window(step, self._steps):
            if index in self._windows:
                news = SegmentSums.labelled(self._places(codes[at]), outcome[at], n_segments=n)
                sums = self._windows[index]
                self._set(index, sums + news if sign > 0 else sums - news)

    def _places(self, codes: np.ndarray) -> np.ndarray:
        """Segments of rows, and the whole, which every row is in."""
        return np.column_stack(
            [self._splits.segments_of(codes), np.full(len(codes), self._known.whole)]
        )

    def _set(self, index: int, sums: SegmentSums) -> None:
        self._windows[index] = sums
        packed = b64encode(sums.sums.astype("<f8").tobytes()).decode()
        kept = _Window(index=index, sums=packed)
        # The place of a window that is kept no more is taken by a newer one.
        self._ledger.set_note(f"{_WINDOW}{index % MAX_WINDOWS}", msgspec.json.encode(kept).decode())

    def _keep_looked(self) -> None:
        self._ledger.set_note(_LOOKED, msgspec.json.encode(self._looked).decode())

    def _read(self) -> tuple[_Looked, dict[int, SegmentSums]]:
        windows: dict[int, SegmentSums] = {}
        shape = (len(self._splits.pairs) + 1, WIDTH)
        try:
            said = self._ledger.note(_LOOKED)
            looked = msgspec.json.decode(said, type=_Looked) if said is not None else _Looked()
            for place in range(MAX_WINDOWS):
                text = self._ledger.note(f"{_WINDOW}{place}")
                if text is not None:
                    kept = msgspec.json.decode(text, type=_Window)
                    sums = np.frombuffer(b64decode(kept.sums), "<f8").reshape(shape)
                    windows[kept.index] = SegmentSums(sums)
        except (msgspec.DecodeError, ValueError) as problem:
            raise unreadable(f"its segments: {problem}") from problem
        newest = sorted(windows)[-MAX_WINDOWS:]
        return looked, {index: windows[index] for index in newest}


def _by_window(step: np.ndarray, steps_per_window: int) -> list[tuple[int, np.ndarray]]:
    """Each window with the places of its rows."""
    window = step // steps_per_window
    return [(int(i), np.flatnonzero(window == i)) for i in np.unique(window).tolist()]
