"""Tables from what is in memory already: DataFrames of pandas and polars, and Arrow's own tables.

Numbers of pandas are taken where they lie. Whatever speaks Arrow's C stream interface is a frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.tables.arrow import arrow, of_objects, places, to_table
from seatrial.monitoring.rows.columns import Columns, Kind
from seatrial.monitoring.rows.source import (
    Chunk,
    SourceProblem,
    SourceUnreadable,
    place_of,
    rows_per_chunk,
)
from seatrial.monitoring.rows.table import Column, Table

_Read: TypeAlias = tuple[Table, tuple[SourceProblem, ...]]

_KIND: Final = "frame"
_TEXTS: Final = frozenset({"string", "mixed", "mixed-integer"})


class FrameSource:
    """See TableSource.

    Args:
        frame: a DataFrame of pandas or polars, or any object with ``__arrow_c_stream__``. It must
            stay as it is while it is read.
        columns: roles as asked for.
        name: what a person calls it.
        max_rows: of a chunk, >= 1; None for `rows_per_chunk`.
    Raises: SourceUnreadable, MissingExtra.
    """

    def __init__(
        self,
        frame: object,
        columns: Columns | None = None,
        *,
        name: str = "the frame",
        max_rows: int | None = None,
    ) -> None:
        self._frame: Any = frame
        self._pandas = hasattr(frame, "iloc") and hasattr(frame, "columns")
        if not self._pandas:
            if not hasattr(frame, "__arrow_c_stream__"):
                raise SourceUnreadable(
                    f"{name} is a {type(frame).__name__}, not a frame.",
                    remedy="Give a DataFrame of pandas or polars, or a table of Arrow.",
                )
            self._frame = _valid(arrow().table(frame), name)
        self._asked = columns or Columns()
        self._names = _names(frame) if self._pandas else frozenset()
        self._name = name
        self._max_rows = max_rows

    @property
    def name(self) -> str:
        """See TableSource."""
        return self._name

    def chunks(self, *, after: str | None = None) -> Iterator[Chunk]:
        """See TableSource."""
        row = place_of(after, _KIND).get("row", 0)
        if self._pandas:
            names = tuple(str(name) for name in self._frame.columns)
        else:
            names = tuple(place.name for place in places(self._frame.schema))
        columns = self._asked.among(names)
        size = self._max_rows or rows_per_chunk(len(columns.read))
        read = self._of_pandas if self._pandas else self._of_arrow
        empty = after is None
        for table, problems in read(columns, row, size):
            row += table.n
            place = {"of": _KIND, "row": row}
            yield Chunk(table=table, columns=columns, place=place, problems=problems)
            empty = False
        if empty:
            table, problems = self._nothing(columns)
            place = {"of": _KIND, "row": 0}
            yield Chunk(table=table, columns=columns, place=place, problems=problems)

    def _of_arrow(self, columns: Columns, start: int, size: int) -> Iterator[_Read]:
        # Batches end where those of the frame do: joining them would be a copy.
        for batch in self._frame.slice(start).to_batches(max_chunksize=size):
            if len(batch):
                yield to_table(batch, columns, self._name)

    def _of_pandas(self, columns: Columns, start: int, size: int) -> Iterator[_Read]:
        plain = self._plain(columns)
        for row in range(start, len(self._frame), size):
            yield self._rows_of_pandas(columns, plain, row, min(row + size, len(self._frame)))

    def _nothing(self, columns: Columns) -> _Read:
        if self._pandas:
            return self._rows_of_pandas(columns, self._plain(columns), 0, 0)
        batch = arrow().RecordBatch.from_pylist([], schema=self._frame.schema)
        return to_table(batch, columns, self._name)

    def _plain(self, columns: Columns) -> dict[str, NDArray[np.generic]]:
        """Whole columns of plain numbers of pandas, where they lie."""
        wanted = frozenset(columns.read)
        return {
            str(label): self._frame.iloc[:, i].to_numpy()
            for i, (label, dtype) in enumerate(self._frame.dtypes.items())
            if _is_plain(dtype)
            and str(label) in wanted
            and str(label) != columns.at
            and columns.kind_of(str(label)) != "name"
        }

    def _rows_of_pandas(
        self, columns: Columns, plain: dict[str, NDArray[np.generic]], start: int, end: int
    ) -> _Read:
        """Plain numbers as they are, everything else by way of Arrow."""
        wanted = frozenset(columns.read).difference(plain)
        others = {
            str(label): _arrow_of(self._frame.iloc[start:end, i])
            for i, label in enumerate(self._frame.columns)
            if str(label) in wanted
        }
        found: dict[str, Column] = {name: column[start:end] for name, column in plain.items()}
        at = None
        problems: tuple[SourceProblem, ...] = ()
        if others:
            batch = arrow().RecordBatch.from_arrays(list(others.values()), names=list(others))
            texts: dict[str, Kind] = dict.fromkeys(self._names & wanted, "name")
            kinds = texts | dict(columns.kinds)
            table, problems = to_table(batch, replace(columns, kinds=kinds), self._name)
            found, at = found | dict(table.columns), table.at
        ordered = {name: found[name] for name in columns.read if name in found}
        return Table(columns=ordered, n=end - start, at=at), problems


def _valid(table: Any, name: str) -> Any:
    # What Arrow does not check it trusts: polars up to 1.30 at least hands out slices of
    # structs whose fields are shorter than they are, and reading those ends the process.
    try:
        table.validate()
    except arrow().ArrowException as error:
        raise SourceUnreadable(
            f"{name} is damaged as its library hands it out: {error}.",
            remedy="Use a newer release of that library, or save the frame as Parquet.",
        ) from error
    return table


def _arrow_of(series: Any) -> Any:
    """A column of pandas, of any type, as an array of Arrow."""
    pa = arrow()
    if series.dtype == np.dtype(object):
        return of_objects(series.tolist())
    try:
        array = pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):  # a type that Arrow does not know
        dense = np.asarray(series)
        return pa.array(dense) if _is_plain(dense.dtype) else of_objects(dense.tolist())
    return array.combine_chunks() if hasattr(array, "chunks") else array


def _names(frame: Any) -> frozenset[str]:
    """Columns of objects that hold texts: a chunk without any would not show it."""
    from pandas.api.types import infer_dtype

    return frozenset(
        str(label)
        for i, label in enumerate(frame.columns)
        if frame.dtypes.iloc[i] == np.dtype(object)
        and infer_dtype(frame.iloc[:, i], skipna=True) in _TEXTS
    )


def _is_plain(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind in "fiub"
