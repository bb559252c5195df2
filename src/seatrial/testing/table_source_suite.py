"""What a source of rows must do: the suite for `monitoring.source.TableSource`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np
import pytest

from seatrial.monitoring.rows.columns import Columns, NoSuchColumn
from seatrial.monitoring.rows.source import Chunk, CursorInvalid, TableSource
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.testing.memory_source import MemorySource

Rows: TypeAlias = Mapping[str, Sequence[object]]
Opened: TypeAlias = Callable[..., TableSource]

TYPES: Final[Mapping[str, type]] = {
    "timestamp": datetime,
    "age": float,
    "n visits": int,
    "城市": str,
    "active": bool,
    "note": str,
}
"""Columns of the suite's rows, for sources that must declare them."""

_START = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
_CITIES = ("Ulm", "武汉", None, "O'Brien", "a,b;c|d", 'said "no"', "two\nlines", "Ulm")


def some_rows(n: int, *, first: int = 0) -> dict[str, list[object]]:
    """Rows of every type with missing values in between; those of one number are always alike."""
    numbers = range(first, first + n)
    return {
        "timestamp": [None if i % 11 == 5 else _START + timedelta(minutes=7 * i) for i in numbers],
        "age": [None if i % 5 == 3 else i / 8 - 2 for i in numbers],
        "n visits": [i - 3 for i in numbers],
        "城市": [_CITIES[i % len(_CITIES)] for i in numbers],
        "active": [i % 3 == 0 for i in numbers],
        "note": [str(i) if i % 4 else "none" for i in numbers],
    }


def plain(table: Table) -> dict[str, list[Any]]:
    """A table as lists: numbers as floats, names as texts, None where missing."""
    found: dict[str, list[Any]] = {}
    for name, column in table.columns.items():
        if isinstance(column, Coded):
            assert len(set(column.values)) == len(column.values)
            values = (*column.values, None)
            found[name] = [values[code] for code in column.codes]
        else:
            floats = column.astype(np.float64).tolist()
            found[name] = [None if value != value else value for value in floats]  # noqa: PLR0124
    if table.at is not None:
        assert table.at.dtype == np.dtype("datetime64[us]")
        found["at"] = table.at.tolist()
    return found


def together(chunks: Sequence[Chunk]) -> dict[str, list[Any]]:
    """The rows of several chunks as lists."""
    found: dict[str, list[Any]] = {}
    for chunk in chunks:
        for name, values in plain(chunk.table).items():
            found.setdefault(name, []).extend(values)
    return found


class TableSourceSuite:
    """Subclass it as ``Test...`` with the fixtures ``opened`` and, unless it is a gap, ``grow``.

    ``opened(rows, columns, max_rows=n)`` puts rows, columns of `TYPES` by name, where the source
    reads from, and opens it; called again it replaces them. ``grow(rows)`` adds some.

    Set ``gaps = {"follow"}`` when the source cannot go on after a cursor: then it must refuse to.
    """

    gaps: ClassVar[frozenset[str]] = frozenset()

    def test_rows_come_as_they_are(self, opened: Opened) -> None:
        """Every type, missing values, texts of any kind, times to the microsecond."""
        rows = some_rows(40)
        chunks = list(opened(rows, Columns(kinds={"note": "name"})).chunks())
        wanted = list(MemorySource(rows, Columns(kinds={"note": "name"})).chunks())
        assert together(chunks) == together(wanted)
        assert not any(chunk.problems for chunk in chunks)

    def test_chunks_are_bounded_and_in_order(self, opened: Opened) -> None:
        """No chunk is larger than asked for, and none changes what the rows are."""
        rows = some_rows(50)
        whole = together(list(opened(rows).chunks()))
        for max_rows in (1, 7, 50, 51):
            chunks = list(opened(rows, max_rows=max_rows).chunks())
            assert max(chunk.table.n for chunk in chunks) <= max_rows
            assert together(chunks) == whole

    def test_no_rows_are_one_chunk_that_shows_the_columns(self, opened: Opened) -> None:
        """So that a plan can be shown before the first row is there."""
        (chunk,) = opened(some_rows(0)).chunks()
        assert chunk.table.n == 0
        assert set(chunk.columns.read) == set(TYPES)
        assert chunk.columns.at == "timestamp"

    def test_roles_are_found(self, opened: Opened) -> None:
        """The time is none of the table's columns; what has no other role is a feature."""
        columns = Columns(label="active", segments=("城市",), ignored=("note",))
        chunk = next(iter(opened(some_rows(3), columns).chunks()))
        assert set(chunk.table.columns) == {"age", "n visits", "城市", "active"}
        assert chunk.columns.features == ("age", "n visits", "城市")
        assert chunk.columns.inferred == ("at",)
        assert chunk.table.at is not None

    def test_only_columns_with_a_role_are_read(self, opened: Opened) -> None:
        """Ten thousand others cost nothing."""
        columns = Columns(features=("age",))
        chunk = next(iter(opened(some_rows(3), columns).chunks()))
        assert list(chunk.table.columns) == ["age"]
        assert chunk.table.n == 3

    def test_a_column_that_is_not_there_is_named_with_the_nearest(self, opened: Opened) -> None:
        """Before any row is read."""
        with pytest.raises(NoSuchColumn, match=r"no column 'agee'.*'age'") as caught:
            next(iter(opened(some_rows(3), Columns(label="agee")).chunks()))
        assert caught.value.facts == {"column": "agee", "nearest": "age"}

    def test_kinds_decide_how_a_column_is_read(self, opened: Opened) -> None:
        """Numbers as names; texts as numbers, where what is none is missing and counted."""
        rows = some_rows(12)
        columns = Columns(kinds={"n visits": "name", "note": "number"})
        chunks = list(opened(rows, columns).chunks())
        found = together(chunks)
        assert found["n visits"] == [str(i - 3) for i in range(12)]
        assert found["note"] == [float(i) if i % 4 else None for i in range(12)]
        problems = [p for chunk in chunks for p in chunk.problems if p.flaw == "value"]
        assert {p.column for p in problems} == {"note"}
        assert sum(p.n or 0 for p in problems) == 3

    def test_reading_again_gives_the_same(self, opened: Opened) -> None:
        """A source keeps nothing between calls."""
        source = opened(some_rows(9), max_rows=4)
        assert together(list(source.chunks())) == together(list(source.chunks()))

    def test_every_cursor_goes_on_where_it_was_taken(self, opened: Opened) -> None:
        """As after a restart in the middle: nothing is read twice and nothing is left out."""
        source = opened(some_rows(23), max_rows=5)
        chunks = list(source.chunks())
        for i, chunk in enumerate(chunks):
            if "follow" in self.gaps:
                with pytest.raises(CursorInvalid, match="cannot be followed"):
                    list(source.chunks(after=chunk.cursor))
            else:
                rest = list(source.chunks(after=chunk.cursor))
                assert together(rest) == together(chunks[i + 1 :])

    def test_rows_that_are_added_are_read_once(
        self, opened: Opened, request: pytest.FixtureRequest
    ) -> None:
        """The cursor of the last chunk finds what is new, also when nothing is."""
        if "follow" in self.gaps:
            return
        grow = request.getfixturevalue("grow")
        source = opened(some_rows(10), max_rows=4)
        chunks: list[Chunk] = []
        cursor = None
        for n in (0, 3, 1, 9):
            first = sum(chunk.table.n for chunk in chunks)
            if n:
                grow(some_rows(n, first=first))
            new = list(source.chunks(after=cursor))
            cursor = new[-1].cursor
            assert list(source.chunks(after=cursor)) == []
            chunks += new
        assert together(chunks) == together(list(MemorySource(some_rows(23)).chunks()))

    @pytest.mark.parametrize("cursor", ["", "{", "[]", '{"of":"another","row":3}'])
    def test_a_cursor_of_other_data_is_refused(self, opened: Opened, cursor: str) -> None:
        """Rather than read as a place that it is not."""
        with pytest.raises(CursorInvalid):
            list(opened(some_rows(3)).chunks(after=cursor))

    def test_it_has_a_name(self, opened: Opened) -> None:
        """For messages."""
        assert opened(some_rows(1)).name
