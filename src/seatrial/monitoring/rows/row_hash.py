"""Whole rows as 64 bits, to know which of them repeat another."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.row_join import Room
from seatrial.monitoring.rows.table import Coded, Column, Table, column_of
from seatrial.stats.distinct import Repeats, bound

_CHUNK = 16_384
"""Rows at a time: what is computed between stays in the cache."""

_MISSING = 0x9E3779B97F4A7C15
_MIX = 0xBF58476D1CE4E5B9
_ODD = 0x5851F42D4C957F2D

_FIRST = 3
"""Columns that a row's hash begins with."""

_UPPER = np.uint64(0xFFFFFFFF << 32)

Hashes = NDArray[np.uint64]


def row_repeats(table: Table) -> Repeats:
    """How many rows repeat another in all columns, by name; times do not count."""
    names = {name: _rank(column) for name, column in table.columns.items()}
    first = ((name, [table.columns[name]]) for name in first_columns(names))
    hashing = RowHash(first, table.n)
    for name, column in table.columns.items():
        hashing.add(name, column)
    return hashing.repeats()


def row_hashes(table: Table) -> Hashes:
    """64 bits of every row, shape (n,), the same wherever its columns have these names and values.

    Rows that differ may have equal bits, once in some 10^19 pairs.
    """
    total: Hashes = np.zeros(table.n, np.uint64)
    for name, column in table.columns.items():
        _add(total, name, column)
    _mix(total)
    return total


def first_columns(names: Mapping[str, int]) -> list[str]:
    """The columns that a row's hash begins with.

    Args: of all columns 0 for numbers, 1 for names, 2 for vectors.
    """
    # Numbers first: they differ in more rows. Vectors last: they are the most to read.
    return sorted(names, key=lambda name: (names[name], name))[:_FIRST]


def _rank(column: Column) -> int:
    if isinstance(column, Coded):
        return 1
    return 0 if column.ndim == 1 else 2


class RowHash:
    """Hashes rows whose columns come one after the other, in any order.

    A row's hash begins with that of its first columns. Rows whose beginning is not among the
    smallest cannot be among the smallest, so the other columns are hashed for a few rows only.

    Args:
        first: the `first_columns`, each in parts, rows in order; they are to be added too.
        n: number of rows.
        room: for what is needed while it begins.
    """

    def __init__(
        self, first: Iterable[tuple[str, Iterable[Column]]], n: int, room: Room | None = None
    ) -> None:
        begin = (room or Room()).empty((n,), np.uint64)
        begin[:] = 0
        for name, parts in first:
            start = 0
            for part in parts:
                _add(begin[start : start + len(part)], name, part)
                start += len(part)
        _mix(begin)
        begin &= _UPPER
        self._rows = np.flatnonzero(begin <= bound(begin))
        self._begin = begin[self._rows]
        self._total = np.zeros(len(self._rows), np.uint64)
        self._n = n

    def add(self, name: str, column: Column) -> None:
        """Take in a column of all rows; each once."""
        few = len(self._rows) < self._n
        _add(self._total, name, column_of(column, self._rows) if few else column)

    def repeats(self) -> Repeats:
        """What the columns so far say."""
        whole = self._total.copy()
        _mix(whole)
        return Repeats.of(self._begin | whole >> np.uint64(32))


def _add(total: Hashes, name: str, column: Column) -> None:
    """Add the bits of a column, shape (n,), times an odd number of its name: multilinear."""
    factor = zlib.crc32(name.encode("utf-8", "replace")) << 31 | _ODD
    for part in _parts(column):
        for start in range(0, len(total), _CHUNK):
            rows = slice(start, start + _CHUNK)
            bits = part.bits(rows)
            bits *= np.uint64(factor)
            total[rows] += bits
        factor = factor * _MIX % 2**64 | 1


def _mix(total: Hashes) -> None:
    for start in range(0, len(total), _CHUNK):
        part = total[start : start + _CHUNK]
        part ^= part >> np.uint64(32)
        part *= np.uint64(_MIX)
        part ^= part >> np.uint64(29)


class _NumberBits:
    def __init__(self, column: NDArray[np.generic]) -> None:
        self._column = column

    def bits(self, rows: slice) -> Hashes:
        """As float64, so that a number is the same from every source; 0 and -0 too."""
        numbers = self._column[rows].astype(np.float64)
        numbers += 0.0
        bits = numbers.view(np.uint64)
        # Whole numbers have their bits at the top, where a product would lose them.
        bits ^= bits >> np.uint64(32)
        return bits


class _NameBits:
    def __init__(self, column: Coded) -> None:
        self._of_code = np.full(len(column.values) + 1, _MISSING, np.uint64)
        n = len(column.values)
        used = range(n) if n <= len(column) else np.unique(column.codes).tolist()
        for code in used:
            if code >= 0:
                text = column.values[code].encode("utf-8", "replace")
                self._of_code[code + 1] = zlib.crc32(text) + 1
        self._codes = column.codes

    def bits(self, rows: slice) -> Hashes:
        return self._of_code[self._codes[rows] + 1]


def _parts(column: Column) -> list[_NumberBits | _NameBits]:
    if isinstance(column, Coded):
        return [_NameBits(column)]
    if column.ndim == 1:
        return [_NumberBits(column)]
    return [_NumberBits(part) for part in column.T]
