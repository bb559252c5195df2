"""Predictions that wait for their labels, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.performance.scored import Scored, rows_as_tuples, scored_from_tuples


class MemoryPending:
    """`Ledger` in this process: some 300 bytes a prediction, lost when it ends."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, int, float, float, bool, float]] = {}
        self._notes: dict[str, str] = {}
        self._segments: dict[str, int] = {}
        self._by_age: list[tuple[int, str]] = []  # a heap, so that each batch drops only its own

    def add(self, rows: Scored) -> int:
        """See Pending."""
        before = len(self._rows)
        for key, row in zip(rows.ids, rows_as_tuples(rows), strict=True):
            if key not in self._rows:
                self._rows[key] = row
                heappush(self._by_age, (row[0], key))
        return len(self._rows) - before

    def find(self, ids: Sequence[str]) -> Scored:
        """See Pending."""
        kept = [key for key in dict.fromkeys(ids) if key in self._rows]
        return scored_from_tuples(kept, [self._rows[key] for key in kept])

    def set_labels(self, ids: Sequence[str], labels: NDArray[np.float64]) -> None:
        """See Pending."""
        for key, label in zip(ids, labels.tolist(), strict=True):
            self._rows[key] = (*self._rows[key][:5], label)

    def since(self, step: int) -> Scored:
        """See Pending."""
        kept = [key for key, row in self._rows.items() if row[1] >= step]
        return scored_from_tuples(kept, [self._rows[key] for key in kept])

    def forget_before(self, at_us: int) -> int:
        """See Pending."""
        before = len(self._rows)
        while self._by_age and self._by_age[0][0] < at_us:
            self._drop_oldest()
        return before - len(self._rows)

    def keep_newest(self, n: int) -> int:
        """See Pending."""
        surplus = max(0, len(self._rows) - n)
        for _ in range(surplus):
            self._drop_oldest()
        return surplus

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """See Ledger."""
        before = dict(self._rows), list(self._by_age), dict(self._notes), dict(self._segments)
        try:
            yield
        except BaseException:
            self._rows, self._by_age, self._notes, self._segments = before
            raise

    def note(self, name: str) -> str | None:
        """See Ledger."""
        return self._notes.get(name)

    def set_note(self, name: str, text: str) -> None:
        """See Ledger."""
        self._notes[name] = text

    def mark_audited(self, ids: Sequence[str]) -> None:
        """See Ledger."""
        for key in ids:
            if key in self._rows:
                row = self._rows[key]
                self._rows[key] = (*row[:4], True, row[5])

    def set_segments(self, ids: Sequence[str], codes: NDArray[np.int64]) -> None:
        """See Ledger."""
        known = zip(ids, codes.tolist(), strict=True)
        self._segments.update((key, code) for key, code in known if key in self._rows)

    def segments(self, ids: Sequence[str]) -> dict[str, int]:
        """See Ledger."""
        return {key: self._segments[key] for key in ids if key in self._segments}

    def _drop_oldest(self) -> None:
        key = heappop(self._by_age)[1]
        del self._rows[key]
        self._segments.pop(key, None)
