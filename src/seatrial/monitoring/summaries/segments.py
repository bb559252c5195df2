"""Which segment a row is in: the values of a column, bounded, and what is none of them.

A column of names has a segment for each of its most frequent values in the reference; the others
that the reference knows are summed up in one, as are those it does not know, and rows without a
value. A column of numbers is cut at quantiles of the reference. A row's segment depends on its own
value and the profile alone, so summaries by segment add up exactly however rows are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import LimitExceeded, NotFound
from seatrial.monitoring.rows.naming import coded, name_hash
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.monitoring.summaries.profile import Categorical, Numeric, Profile
from seatrial.stats.coarse import firsts as firsts_of

MAX_SEGMENTS = 20
"""Values of a column watched by themselves: the most frequent ones of the reference."""

MAX_COLUMNS = 8
"""Columns to split by; with more, each row's places would not fit into one 64-bit number."""

N_PARTS = 4
"""Parts of a column of numbers: quarters of the reference, each with rows enough to judge."""

OTHER, MISSING, NEW = "(other)", "(missing)", "(new)"
"""Known values that are too rare to be watched by themselves; rows without a value; values that
the reference does not have. A value that is spelled like one of them is counted with it."""

_COMPARED = ("<= ", "> ")
_PLACES = 32


class NoSuchSegment(NotFound):
    """A column to split by is not in the profile, or cannot be split by."""

    code = "monitoring.no_such_segment"


class TooManySegments(LimitExceeded):
    """More columns to split by than are watched."""

    code = "monitoring.too_many_segments"


class Split:
    """The segments of one column. Immutable.

    Args:
        profile: of the reference.
        name: of a feature that holds names, booleans or numbers.
    Raises: NoSuchSegment.

    Attributes: ``values`` names the segments; those of the column's own values come first, the
        most frequent one leading, or the smallest numbers.
    """

    def __init__(self, profile: Profile, name: str) -> None:
        column = profile.features.get(name)
        self.name = name
        self._edges: NDArray[np.float64] | None = None
        self._known: frozenset[str] = frozenset()
        self._hashes: frozenset[int] = frozenset()
        self._open = False
        match column:
            case Categorical():
                special = (OTHER, MISSING, NEW)
                own = [value for value in column.counts if value not in special][:MAX_SEGMENTS]
                self._known = frozenset(column.counts)
                self._hashes = frozenset(column.others or ())
                self._open = column.others is None
            case Numeric():
                self._edges = _edges(column)
                own = _ranges(self._edges)
            case _:
                raise _not_to_split(profile, name)
        self.values: tuple[str, ...] = (*own, OTHER, MISSING, NEW)
        self._place = {value: place for place, value in enumerate(self.values)}

    def places(self, column: Column) -> NDArray[np.int64]:
        """The place in ``values`` of each row, shape (n,).

        A column of another kind than the reference's has rows of the segments NEW and MISSING.
        """
        if self._edges is not None and isinstance(column, np.ndarray) and column.ndim == 1:
            return self._of_numbers(column, self._edges)
        if isinstance(column, np.ndarray) and column.ndim != 1:
            return np.full(len(column), self._place[NEW], np.int64)
        names = coded(column)
        of_name = [self._of_name(value) for value in names.values]
        # The code of a missing value, -1, is the last place.
        return np.array([*of_name, self._place[MISSING]], np.int64)[names.codes]

    def _of_numbers(
        self, column: NDArray[np.generic], edges: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        numbers = column.astype(np.float64)
        found = np.searchsorted(edges, numbers, side="left").astype(np.int64)
        found[np.isnan(numbers)] = self._place[MISSING]
        return found

    def _of_name(self, value: str) -> int:
        place = self._place.get(value)
        if place is not None:
            return place
        if value in self._known or self._open:
            return self._place[OTHER]
        known = self._hashes and name_hash(value) >> 32 in self._hashes
        return self._place[OTHER if known else NEW]


class Splits:
    """The segments of several columns. Immutable.

    Args:
        profile: of the reference.
        names: columns to split by.
    Raises: NoSuchSegment, TooManySegments.
    """

    def __init__(self, profile: Profile, names: Sequence[str]) -> None:
        if len(names) > MAX_COLUMNS:
            raise TooManySegments(
                f"There are {len(names)} columns to split by; {MAX_COLUMNS} are watched at most.",
                remedy="Name the ones that matter most under segments.",
                limit=MAX_COLUMNS,
            )
        self.columns = tuple(Split(profile, name) for name in names)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(split.name for split in self.columns)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Column and value of every segment there can be."""
        return tuple((split.name, value) for split in self.columns for value in split.values)

    def codes(self, table: Table) -> NDArray[np.int64]:
        """The places of each row in all columns as one number, shape (n,), >= 0.

        A table without one of the columns has no value in it.
        """
        found = np.zeros(table.n, np.int64)
        for k, split in enumerate(self.columns):
            column = table.columns.get(split.name)
            missing = Coded(np.full(table.n, -1, np.int32), ())
            found += split.places(missing if column is None else column) * _PLACES**k
        return found

    def segments_of(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The segments of rows, as places in ``pairs``, shape (n, columns).

        Args: what `codes` gave, shape (n,).
        """
        found = np.empty((len(codes), len(self.columns)), np.int64)
        first = 0
        for k, split in enumerate(self.columns):
            found[:, k] = first + codes // _PLACES**k % _PLACES
            first += len(split.values)
        return found


def segment_name(column: str, value: str) -> str:
    """A segment as people call it, such as ``region=north`` or ``age <= 31``."""
    return f"{column} {value}" if value.startswith(_COMPARED) else f"{column}={value}"


def _edges(column: Numeric) -> NDArray[np.float64]:
    """Where a column of numbers is cut: quantiles of the reference, ascending."""
    counts = np.array(column.counts, np.int64)
    if len(column.edges) <= 2:
        return np.array(column.edges[:1], np.float64)
    firsts = 1 + firsts_of(counts[1:-1], N_PARTS)
    return np.array(column.edges, np.float64)[firsts[1:] - 1]


def _ranges(edges: NDArray[np.float64]) -> list[str]:
    """How parts are called: those with upper edges, and the last one."""
    if not len(edges):
        return ["any number"]
    told = _told(edges.tolist())
    between = [f"{low} to {high}" for low, high in pairwise(told)]
    return [f"<= {told[0]}", *between, f"> {told[-1]}"]


def _told(edges: Sequence[float]) -> list[str]:
    """Numbers in as few digits as tell them apart."""
    for digits in (3, 6):
        told = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(told)) == len(told):
            return told
    return [repr(edge) for edge in edges]


def _not_to_split(profile: Profile, name: str) -> NoSuchSegment:
    known = [n for n, c in profile.features.items() if isinstance(c, Categorical | Numeric)]
    there = "holds texts or vectors" if name in profile.features else "is no column of the rows"
    return NoSuchSegment(
        f"{name!r} {there}; rows can be split by: {', '.join(known) or 'none'}.",
        remedy="Name a column of categories, booleans or numbers under segments.",
        column=name,
    )
