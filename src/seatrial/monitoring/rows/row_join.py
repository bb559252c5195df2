"""Chunks of rows put together, for what needs all of them at once: a reference's quantiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from seatrial.monitoring.rows.naming import coded
from seatrial.monitoring.rows.table import BadTable, Coded, Column, Table


def together(tables: Sequence[Table]) -> Table:
    """The rows of all tables in order; a column that some of them lack is missing there.

    Names and numbers in one column become names.
    Raises: BadTable: vectors of different lengths, or vectors and something else.
    """
    names = dict.fromkeys(name for table in tables for name in table.columns if table.n)
    if not names:
        names = dict.fromkeys(name for table in tables for name in table.columns)
    timed = any(table.at is not None for table in tables)
    return Table(
        columns={name: _column(name, tables) for name in names},
        n=sum(table.n for table in tables),
        at=np.concatenate([_times(table) for table in tables]) if timed else None,
    )


_ONCE_GONE_BYTES: Final = 4 << 20


class Room:
    """Memory for one array after the other: the next takes the place of the last.

    Arrays of millions of rows that come and go would leave holes in memory, and take time.
    """

    def __init__(self) -> None:
        # Until an array of some size has gone once, glibc gets each such from the system anew and
        # hands it back, page by page. This one is never written to, so it costs nothing.
        np.empty(_ONCE_GONE_BYTES, np.uint8)
        self._bytes = np.empty(0, np.uint8)

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array with anything in it; what was here before is overwritten."""
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        if n_bytes > len(self._bytes):
            self._bytes = np.empty(n_bytes, np.uint8)
        return self._bytes[:n_bytes].view(dtype).reshape(shape)


class Joining:
    """Puts parts of one column together as they come.

    Args:
        n: rows of all parts.
        room: where to put them.
    """

    def __init__(self, n: int, room: Room | None = None) -> None:
        self._n = n
        self._room = room or Room()
        self._numbers: NDArray[np.generic] | None = None
        self._names: _Names | None = None
        self._filled = 0
        self._n_lacking = 0

    def add(self, part: Column | None) -> None:
        """Take in a part; None for one that cannot be read as the others."""
        if part is None:
            self._n_lacking += 1
        elif isinstance(part, Coded):
            self._names = self._names or _Names(self._n, self._room)
            self._names.add(part)
        else:
            self._add_numbers(part)

    def column(self, name: str) -> Column | None:
        """All parts; None when none could be read.

        Raises: BadTable: names and numbers, vectors of different lengths, or parts that lack it.
        """
        kinds = (self._numbers is not None, self._names is not None, bool(self._n_lacking))
        if sum(kinds) > 1 or self._filled > self._n:
            raise _differ(name)
        return self._numbers if self._names is None else self._names.coded()

    def _add_numbers(self, part: NDArray[np.generic]) -> None:
        if len(part) == self._n:
            self._numbers, self._filled = part, self._n
            return
        whole, end = self._numbers, self._filled + len(part)
        if whole is None:
            whole = self._room.empty((self._n, *part.shape[1:]), part.dtype)
        if whole.shape[1:] != part.shape[1:] or end > self._n:
            self._filled = self._n + 1
            return
        if whole.dtype != part.dtype:
            whole = whole.astype(np.result_type(whole.dtype, part.dtype))
        whole[self._filled : end] = part
        self._numbers, self._filled = whole, end


def _times(table: Table) -> NDArray[np.datetime64]:
    if table.at is not None:
        return table.at
    return np.full(table.n, np.datetime64("NaT", "us"))


def _column(name: str, tables: Sequence[Table]) -> Column:
    held = [(table.columns.get(name), table.n) for table in tables]
    parts = [part for part, n in held if part is not None and n]
    parts = parts or [part for part, _ in held if part is not None]
    if any(isinstance(part, Coded) for part in parts):
        return _names(name, held)
    parts = [part for part in parts if not _is_blank(part)] or parts
    shapes = {part.shape[1:] for part in parts if isinstance(part, np.ndarray)}
    if len(shapes) > 1:
        raise _differ(name)
    arrays = [_filled(part, n, shapes) for part, n in held if n or any(part is p for p in parts)]
    return np.concatenate(arrays) if arrays else np.empty(0)


def _is_blank(part: Column) -> bool:
    """Whether nothing is there, as in a part of the data in which every vector is missing."""
    return (
        isinstance(part, np.ndarray)
        and part.ndim == 1
        and part.dtype.kind == "f"
        and bool(np.isnan(part).all())
    )


def _filled(part: Column | None, n: int, shapes: set[tuple[int, ...]]) -> NDArray[np.generic]:
    if isinstance(part, np.ndarray) and part.shape[1:] in shapes:
        return part
    shape = next(iter(shapes), ())
    return np.full((n, *shape), np.nan, np.float32 if shape else np.float64)


def _names(name: str, held: Sequence[tuple[Column | None, int]]) -> Coded:
    joined = _Names(sum(n for _, n in held), Room())
    for part, n in held:
        if isinstance(part, np.ndarray) and part.ndim != 1:
            raise _differ(name)
        joined.add(Coded(np.full(n, -1, np.int32), ()) if part is None else coded(part))
    return joined.coded()


class _Names:
    """Names put together: codes of every part become places among all values so far."""

    def __init__(self, n: int, room: Room) -> None:
        self._codes = room.empty((n,), np.int32)
        self._places: dict[str, int] = {}
        self._values: tuple[str, ...] = ()
        self._filled = 0

    def add(self, part: Coded) -> None:
        end = self._filled + len(part)
        if part.values == self._values:  # as in most parts of a file
            self._codes[self._filled : end] = part.codes
            self._filled = end
            return
        own = [self._places.setdefault(value, len(self._places)) for value in part.values]
        self._values = tuple(self._places)
        to = np.array([*own, -1], np.int32)  # a code of -1 is the last place
        np.take(to, part.codes, out=self._codes[self._filled : end], mode="wrap")
        self._filled = end

    def coded(self) -> Coded:
        return Coded(self._codes[: self._filled], self._values)


def _differ(name: str) -> BadTable:
    return BadTable(
        f"The column {name!r} holds vectors of different lengths, or something else too.",
        remedy="Write vectors of one length in all rows, or leave the column out.",
        column=name,
    )
