"""Many columns counted between edges at once, batch after batch: 6 ns a value, 8 KB a column.

A table says which edges a value can lie between; one comparison with the edge in question decides.
The counts are those of `Edges.count`, and are added in place: this is the one mutable object here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.cells import N_CELLS, cells_of, cells_of_scaled, factor_of, places_of
from seatrial.stats.histogram import Counted, Edges, Ints

_SHIFT = 2
"""Four cells make one entry of the table: 256 for every doubling, 32 KB a column."""

_N_ENTRIES = N_CELLS >> _SHIFT
_ROWS = 1_024
"""Rows at a time: what is computed between stays in the cache."""

_ENOUGH = 1_024
"""Batches of fewer rows wait for others like them: calling numpy costs as much as 2,000 values."""

_MARK = 1 << 15
"""In an entry: values have more than one edge to pass."""

_MOST_EDGES = 6
"""In one entry. A column with more, of numbers over many magnitudes, is counted by itself."""


class LiveHistograms:
    """Counts of several columns.

    Args:
        edges: of each column.
    """

    def __init__(self, edges: Sequence[Edges]) -> None:
        self._edges = tuple(edges)
        d = len(self._edges)
        self._starts = np.concatenate([[0], np.cumsum([e.n_bins for e in edges])]).astype(np.intp)
        self._middles = np.array([e.middle for e in edges], np.float64)[:, None]
        self._narrow_middles = self._middles.astype(np.float32)
        self._factors = np.ones((d, 1), np.float32)
        self._fast = np.zeros(d, np.bool_)
        # Above the last edge of a column there is none to compare with.
        self._limits = np.full(int(self._starts[-1]), np.inf, np.float32)
        self._table = np.zeros((d, _N_ENTRIES), np.uint16)
        for j, edge in enumerate(self._edges):
            self._prepare(j, edge)
        self._all_fast = bool(self._fast.all())
        self._first_entry = (np.arange(d) * _N_ENTRIES)[:, None]
        # What is computed between is kept, for fresh memory costs more than the computing.
        self._offsets = np.empty(d * _ROWS, np.float32)
        self._wide = np.empty(d * _ROWS, np.float64)
        self._bits = np.empty(d * _ROWS, np.float32)
        self._signs = np.empty(d * _ROWS, np.uint32)
        self._places = np.empty(d * _ROWS, np.intp)
        self._local = np.empty(d * _ROWS, np.uint16)
        self._limit = np.empty(d * _ROWS, np.float32)
        self._zero_bins = self._bins(np.zeros((d, 1), np.float32))[:, 0].copy()
        self.clear()

    def clear(self) -> None:
        """Start again from nothing."""
        d = len(self._edges)
        self._n_waiting = self._n_each = 0  # batches shifted and not yet counted, and their rows
        self._counts = np.zeros(int(self._starts[-1]), np.int64)
        self._n_missing = np.zeros(d, np.int64)
        self._n_infinite = np.zeros(d, np.int64)
        self._lowest = np.full(d, np.inf)
        self._highest = np.full(d, -np.inf)
        self._least = np.full(d, np.inf, np.float32)
        self._most = np.full(d, -np.inf, np.float32)

    def add(self, columns: Sequence[NDArray[np.generic]]) -> None:
        """Count some rows: one array of numbers, shape (n,), for each column, in their order."""
        n = len(columns[0]) if columns else 0
        with np.errstate(over="ignore", invalid="ignore"):
            if n <= _ROWS:
                self._add(columns)
                return
            for start in range(0, n, _ROWS):
                self._add([column[start : start + _ROWS] for column in columns])

    def counted(self, column: int) -> Counted:
        """What was counted of a column so far."""
        self._count_waiting()
        counts: Ints = self._counts[self._starts[column] : self._starts[column + 1]].copy()
        low, high = float(self._lowest[column]), float(self._highest[column])
        return Counted(
            counts=counts,
            n_missing=int(self._n_missing[column]),
            n_infinite=int(self._n_infinite[column]),
            lowest=low if np.isfinite(low) else None,
            highest=high if np.isfinite(high) else None,
        )

    def _prepare(self, j: int, edge: Edges) -> None:
        start = int(self._starts[j])
        if not edge.narrow or not len(edge.values):
            return
        offsets = edge.offsets.astype(np.float32)
        factor = factor_of(edge)
        entries = places_of(cells_of(offsets, factor)) >> _SHIFT
        held = np.bincount(entries, minlength=_N_ENTRIES)
        if held.max() > _MOST_EDGES:
            return
        self._fast[j] = True
        self._factors[j] = factor
        self._limits[start : start + len(offsets)] = offsets
        before = np.concatenate([[0], np.cumsum(held)[:-1]])
        marked = np.where(held > 1, before | _MARK, before)
        half = _N_ENTRIES // 2
        self._table[j] = np.concatenate([marked[half:], marked[:half][::-1]])

    def _add(self, columns: Sequence[NDArray[np.generic]]) -> None:
        n = len(columns[0]) if columns else 0
        if n == 0:
            return
        if n != self._n_each or (self._n_waiting + 1) * n > _ROWS:
            self._count_waiting()
        offsets = self._shifted(columns)
        least, most = offsets.min(axis=1), offsets.max(axis=1)
        # Missing and infinite values spoil these; such columns are counted one by one.
        finite = np.isfinite(most - least)
        alone = ~(self._fast & finite)
        if not self._all_fast or not finite.all():
            for j in np.flatnonzero(alone).tolist():
                self._add_one(j, columns[j])
                # Counted as the middle for now, so that all columns go the same way.
                offsets[j] = 0.0
                self._counts[self._zero_bins[j]] -= n
        self._n_waiting, self._n_each = self._n_waiting + 1, n
        if self._n_waiting * n >= _ENOUGH:
            self._count_waiting()
        wider = (least < self._least) | (most > self._most)
        if not wider.any():
            return
        wider &= ~alone
        for j in np.flatnonzero(wider).tolist():
            self._widen(j, float(columns[j].min()), float(columns[j].max()))
        np.minimum(self._least, least, out=self._least, where=wider)
        np.maximum(self._most, most, out=self._most, where=wider)

    def _count_waiting(self) -> None:
        k, self._n_waiting = self._n_waiting, 0
        if k:
            shape = (k, len(self._edges), self._n_each)
            offsets = self._offsets[: math.prod(shape)].reshape(shape)
            np.add.at(self._counts, self._bins(offsets).reshape(-1), 1)

    def _shifted(self, columns: Sequence[NDArray[np.generic]]) -> NDArray[np.float32]:
        """All columns less their middles, as `Edges.shifted` does it, behind those that wait.

        Returns: shape (d, n).
        """
        size = len(columns) * len(columns[0])
        flat = self._offsets[self._n_waiting * size : (self._n_waiting + 1) * size]
        offsets = flat.reshape(len(columns), -1)
        try:  # one type for all, most often: looking first costs more
            if columns[0].dtype == np.float32:
                np.concatenate(columns, out=flat, casting="no")
                return np.subtract(offsets, self._narrow_middles, out=offsets)
            np.concatenate(columns, out=self._wide[:size], casting="no")
            wide = self._wide[:size].reshape(offsets.shape)
            np.subtract(wide, self._middles, out=wide)
            np.copyto(offsets, wide, casting="same_kind")
        except TypeError:
            for j, column in enumerate(columns):
                offsets[j] = self._edges[j].shifted(column)
        return offsets

    def _bins(self, offsets: NDArray[np.float32]) -> NDArray[np.intp]:
        """The bin of each, among the bins of all columns, to be used at once.

        Args: shape (d, n) or (k, d, n).   Returns: of the same shape.
        """
        size, shape = offsets.size, offsets.shape
        places = self._places[:size].reshape(shape)
        local = self._local[:size].reshape(shape)
        limit = self._limit[:size].reshape(shape)
        scaled = self._bits[:size].reshape(shape)
        signs = self._signs[:size].reshape(shape)
        np.multiply(offsets, self._factors, out=scaled)
        entries = cells_of_scaled(scaled, signs)
        np.right_shift(entries, np.uint32(_SHIFT), out=entries)
        np.add(entries, self._first_entry, out=places)
        # The indices are in range; "clip" only spares numpy a copy to check them first.
        np.take(self._table.reshape(-1), places, out=local, mode="clip")
        marked = np.flatnonzero(local.view(np.int16).reshape(-1) < 0)
        np.bitwise_and(local, _MARK - 1, out=local)
        np.add(local, self._starts[:-1, None], out=places)
        np.take(self._limits, places, out=limit, mode="clip")
        np.add(places, offsets > limit, out=places)
        if len(marked):
            rows = np.unravel_index(marked, local.shape)
            places[rows] = self._passed(places[rows], offsets[rows])
        return places

    def _passed(self, bins: NDArray[np.intp], offsets: NDArray[np.float32]) -> NDArray[np.intp]:
        for _ in range(_MOST_EDGES - 1):
            bins += offsets > self._limits[bins]
        return bins

    def _add_one(self, j: int, column: NDArray[np.generic]) -> None:
        """A column that has missing or infinite values, or edges that the table cannot hold."""
        found = self._edges[j].count(column)
        self._counts[self._starts[j] : self._starts[j + 1]] += found.counts
        self._n_missing[j] += found.n_missing
        self._n_infinite[j] += found.n_infinite
        if found.lowest is not None and found.highest is not None:
            self._widen(j, found.lowest, found.highest)

    def _widen(self, j: int, lowest: float, highest: float) -> None:
        self._lowest[j] = min(self._lowest[j], lowest)
        self._highest[j] = max(self._highest[j], highest)
