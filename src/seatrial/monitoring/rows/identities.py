"""What identifies each row, by the columns that say so."""

from __future__ import annotations

from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.table import Coded, Table


def ids_of(table: Table, columns: Columns) -> tuple[str | None, ...] | None:
    """The identity of every row as text, parts joined by ``/``; None when no column says.

    A row of which a part is missing has none.
    """
    parts = [table.columns.get(name) for name in columns.id]
    if not parts or not all(isinstance(part, Coded) for part in parts):
        return None
    texts = [_texts(part) for part in parts if isinstance(part, Coded)]
    if len(texts) == 1:
        return tuple(texts[0])
    return tuple(
        None if None in row else "/".join(part for part in row if part is not None)
        for row in zip(*texts, strict=True)
    )


def _texts(column: Coded) -> list[str | None]:
    values = (*column.values, None)  # a code of -1 is the last place
    return [values[code] for code in column.codes.tolist()]
