"""The performance of one version by segment: kept in the version's ledger, changed with it.

Its sums are per window of the version's performance. A look at what scores say is taken when a
window is complete, one at what labels say when enough new ones have come; each look is one chance
of a false alarm, and findings are made at looks only.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.performance.arrivals import Logged
from seatrial.monitoring.performance.labels import Joined
from seatrial.monitoring.performance.pending import Ledger
from seatrial.monitoring.performance.record import unreadable
from seatrial.monitoring.performance.scored import Scored
from seatrial.monitoring.performance.segment_baseline import SegmentBaseline
from seatrial.monitoring.performance.segment_counter import Codes
from seatrial.monitoring.performance.segment_judge import LOOK_LABELS, SegmentVerdict
from seatrial.monitoring.performance.segment_sums import WIDTH, SegmentSums
from seatrial.monitoring.performance.state import MAX_WINDOWS

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
        baseline: what its segments are held against.
        endpoint: its name.
        version: its number.
        window_rows: of a window of the version's performance.
        steps_per_window: steps of such a window.
    Raises: BadPerformanceRecord: a ledger that cannot be read.
    """

    def __init__(
        self,
        ledger: Ledger,
        baseline: SegmentBaseline,
        *,
        endpoint: str,
        version: int,
        window_rows: int,
        steps_per_window: int,
    ) -> None:
        self._ledger = ledger
        self._baseline = baseline
        self._counter = baseline.counter()
        self._endpoint = endpoint
        self._version = version
        self._window_rows = window_rows
        self._steps = steps_per_window
        self._looked, self._windows = self._read()

    @property
    def columns(self) -> tuple[str, ...]:
        """What rows are split by."""
        return self._baseline.columns

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
        self,
        rows: Scored,
        logged: Logged,
        places: NDArray[np.intp],
        *,
        n_seen: int,
        trusted: bool,
    ) -> list[Finding]:
        """Count predictions that were taken in, and the labels that some of them came with.

        Args:
            rows: as they were kept, each with its step.
            logged: with the columns to split by; ``places`` are the rows that each is of.
            n_seen: predictions of the version so far, these included.
            trusted: whether scores may be believed: labels do not contradict them.
        """
        codes = self._counter.codes(logged.rows, places)
        self._ledger.set_segments(rows.ids, codes)
        for index, at in _by_window(rows.step, self._steps):
            news = self._counter.both(rows.some(at), codes[at])
            self._set(index, self._windows.get(index, self._counter.none()) + news)
        for index in sorted(self._windows)[:-MAX_WINDOWS]:
            del self._windows[index]
        found = []
        n_complete = n_seen // self._window_rows
        if n_complete - 1 > self._looked.window:
            self._looked.window = n_complete - 1
            self._keep_looked()
            complete = {i: sums for i, sums in self._windows.items() if i < n_complete}
            if self._baseline.estimates:
                found.append(self._told(complete, labels=False, trusted=trusted))
        n_labels = int(np.isfinite(rows.label).sum())
        return found + (self._labelled(n_labels) if n_labels else [])

    def learn(self, joined: Joined) -> list[Finding]:
        """Count labels that met their predictions."""
        rows, before = joined.rows, joined.before
        known = self._ledger.segments(rows.ids)
        mine = np.flatnonzero([key in known for key in rows.ids])
        if not len(mine):
            return []
        some, before = rows.some(mine), before[mine]
        codes = np.array([known[key] for key in some.ids], np.int64)
        self._add(some, codes, sign=1)
        again = np.flatnonzero(~np.isnan(before))
        if len(again):
            self._add(replace(some.some(again), label=before[again]), codes[again], sign=-1)
        return self._labelled(len(mine))

    def estimated(self) -> tuple[SegmentVerdict, ...]:
        """What scores say of each segment now, the worst first."""
        return self._judged(self._windows, labels=False)

    def measured(self) -> tuple[SegmentVerdict, ...]:
        """What labels say of each segment, the worst first."""
        return self._judged(self._windows, labels=True)

    def _judged(
        self, windows: dict[int, SegmentSums], *, labels: bool
    ) -> tuple[SegmentVerdict, ...]:
        chance = self._baseline.rules.chance(labels=labels, window_rows=self._window_rows)
        return self._baseline.judged(windows, labels=labels, chance=chance)

    def _told(self, windows: dict[int, SegmentSums], *, labels: bool, trusted: bool) -> Finding:
        return self._baseline.told(
            self._judged(windows, labels=labels),
            endpoint=self._endpoint,
            version=self._version,
            labels=labels,
            trusted=trusted,
        )

    def _labelled(self, n: int) -> list[Finding]:
        """Look at labels when enough of them are new.   Args: how many have just been counted."""
        self._looked.n_labels += n
        found = []
        if self._looked.n_labels - self._looked.labels >= LOOK_LABELS:
            self._looked.labels = self._looked.n_labels
            found.append(self._told(self._windows, labels=True, trusted=True))
        self._keep_looked()
        return found

    def _add(self, rows: Scored, codes: Codes, *, sign: int) -> None:
        """Count labels, or take them out, in the windows that are kept."""
        for index, at in _by_window(rows.step, self._steps):
            if index in self._windows:
                news = self._counter.labelled(rows.some(at), codes[at])
                sums = self._windows[index]
                self._set(index, sums + news if sign > 0 else sums - news)

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
        shape = (self._counter.n_segments, WIDTH)
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


def _by_window(
    step: NDArray[np.int64], steps_per_window: int
) -> list[tuple[int, NDArray[np.intp]]]:
    """Each window with the places of its rows."""
    window = step // steps_per_window
    return [(int(i), np.flatnonzero(window == i)) for i in np.unique(window).tolist()]
