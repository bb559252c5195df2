"""Rows in this process's memory, as plain values: for tests and examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.columns import Columns, Kind
from seatrial.monitoring.rows.source import Chunk, SourceProblem, place_of, rows_per_chunk
from seatrial.monitoring.rows.table import BadTable, Coded, Column, Table

_KIND = "memory"


class MemorySource:
    """`monitoring.source.TableSource` over lists; passes the same suite as the others.

    Args:
        rows: columns by name, as long as each other: numbers, booleans, texts or aware times, None
            where a value is missing.
        columns: roles as asked for.
        max_rows: of a chunk, >= 1; None for `rows_per_chunk`.
    """

    def __init__(
        self,
        rows: Mapping[str, Sequence[object]],
        columns: Columns | None = None,
        *,
        max_rows: int | None = None,
    ) -> None:
        self._rows = {name: list(values) for name, values in rows.items()}
        self._asked = columns or Columns()
        self._max_rows = max_rows

    @property
    def name(self) -> str:
        """See TableSource."""
        return "memory"

    def add(self, rows: Mapping[str, Sequence[object]]) -> None:
        """More rows, of the same columns."""
        for name, values in rows.items():
            self._rows[name] += values

    def chunks(self, *, after: str | None = None) -> Iterator[Chunk]:
        """See TableSource."""
        row = place_of(after, _KIND).get("row", 0)
        columns = self._asked.among(tuple(self._rows))
        size = self._max_rows or rows_per_chunk(len(columns.read))
        n = len(next(iter(self._rows.values()), ()))
        first = after is None
        while row < n or first:
            end = min(n, row + size)
            table, problems = self._table(columns, row, end)
            place = {"of": _KIND, "row": end}
            yield Chunk(table=table, columns=columns, place=place, problems=problems)
            row, first = end, False

    def _table(
        self, columns: Columns, start: int, end: int
    ) -> tuple[Table, tuple[SourceProblem, ...]]:
        found: dict[str, Column] = {}
        problems: list[SourceProblem] = []
        for name in columns.read:
            if name == columns.at:
                continue
            values, kind = self._rows[name][start:end], columns.kind_of(name)
            found[name], n_bad = _column(values, kind or self._kind(name))
            if n_bad:
                message = f"{n_bad} values of {name!r} are no number; counted as missing."
                problems.append(
                    SourceProblem(flaw="value", where=_KIND, column=name, n=n_bad, message=message)
                )
        at = None if columns.at is None else _times(self._rows[columns.at][start:end])
        return Table(columns=found, n=end - start, at=at), tuple(problems)

    def _kind(self, name: str) -> Kind:
        return "name" if any(isinstance(v, str) for v in self._rows[name]) else "number"


def _column(values: Sequence[object], kind: Kind) -> tuple[Column, int]:
    if kind == "name":
        texts = [None if v is None else _name(v) for v in values]
        known = {text: i for i, text in enumerate(dict.fromkeys(t for t in texts if t is not None))}
        codes = [-1 if text is None else known[text] for text in texts]
        return Coded(np.array(codes, np.int32), tuple(known)), 0
    numbers = [_number(v) for v in values]
    n_bad = sum(n is None for n in numbers)
    if values and all(type(v) is bool for v in values):
        return np.array(values, bool), 0
    return np.array([np.nan if n is None else n for n in numbers], np.float64), n_bad


def _name(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _number(value: object) -> float | None:
    """A value as a number, NaN when it is missing, None when it is none."""
    if value is None:
        return np.nan
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _times(values: Sequence[object]) -> NDArray[np.datetime64]:
    naive = []
    for value in values:
        if not isinstance(value, datetime | None) or (value and value.tzinfo is None):
            raise BadTable(
                f"{value!r} is no time with a zone.", remedy="Give aware times.", column="at"
            )
        naive.append(None if value is None else value.astimezone(UTC).replace(tzinfo=None))
    return np.array(naive, "datetime64[us]")
