"""Whole rows as 64 bits, to know which of them repeat another."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.table import Coded, Column, Table, rows_of
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
    """How many rows repeat another in all columns, by name; times do not count.

    A row's hash begins with that of its first columns. Rows whose beginning is not among the
    smallest cannot be among the smallest, so the other columns are read for a few rows only.
    """
    # Numbers first: they differ in more rows. Vectors last: they are the most to read.
    names = sorted(table.columns, key=lambda name: (_rank(table.columns[name]), name))
    first = _sums(table, names[:_FIRST])
    first &= _UPPER
    rows = np.flatnonzero(first <= bound(first))
    whole = _sums(rows_of(table, rows), names) if len(rows) < table.n else _sums(table, names)
    return Repeats.of(first[rows] | whole >> np.uint64(32))


def _rank(column: Column) -> int:
    if isinstance(column, Coded):
        return 1
    return 0 if column.ndim == 1 else 2


def _sums(table: Table, names: Sequence[str]) -> Hashes:
    """A hash a row of some columns, shape (n,).

    A sum of products with an odd number per column, mixed at the end: multilinear hashing.
    """
    total = np.zeros(table.n, np.uint64)
    for name in names:
        factor = zlib.crc32(name.encode("utf-8", "replace")) << 31 | _ODD
        for part in _parts(table.columns[name]):
            for start in range(0, table.n, _CHUNK):
                rows = slice(start, start + _CHUNK)
                bits = part.bits(rows)
                bits *= np.uint64(factor)
                total[rows] += bits
            factor = factor * _MIX % 2**64 | 1
    total ^= total >> np.uint64(32)
    total *= np.uint64(_MIX)
    total ^= total >> np.uint64(29)
    return total


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
        of_values = [zlib.crc32(v.encode("utf-8", "replace")) + 1 for v in column.values]
        self._of_code = np.array([_MISSING, *of_values], np.uint64)
        self._codes = column.codes

    def bits(self, rows: slice) -> Hashes:
        return self._of_code[self._codes[rows] + 1]


def _parts(column: Column) -> list[_NumberBits | _NameBits]:
    if isinstance(column, Coded):
        return [_NameBits(column)]
    if column.ndim == 1:
        return [_NumberBits(column)]
    return [_NumberBits(part) for part in column.T]
