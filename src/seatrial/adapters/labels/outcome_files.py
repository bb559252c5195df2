"""Outcomes in files and request bodies: CSV, Parquet, JSON and JSON Lines, told apart by content.

Users and ids are texts whatever they look like: 007 is not 7. What a row must hold is
`experiments.entries`' business.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from seatrial.adapters.labels.label_files import kind_of
from seatrial.experiments.entries import BadOutcomes
from seatrial.kernel.loading import ONE_AT_A_TIME

_TEXTS = ("user", "id")


def read_outcomes(data: bytes, *, max_rows: int | None = None) -> list[Any]:
    """The rows of a whole file, as a JSON document would have them.

    Args: max_rows: of Parquet that strangers send, which may stand for more than fits anywhere.
    Raises: BadOutcomes.
    """
    kind = kind_of(data)
    if kind is None:
        raise _unreadable("They are empty.")
    try:
        return _parquet(data, max_rows) if kind == "parquet" else _READERS[kind](data)
    except (UnicodeDecodeError, ValueError, csv.Error, RecursionError) as error:
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise _unreadable(f"They cannot be read: {said}.") from error


def _json(data: bytes) -> list[Any]:
    rows = json.loads(data.decode("utf-8-sig"))
    assert isinstance(rows, list)  # it begins with a bracket
    return rows


def _lines(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.decode("utf-8-sig").splitlines() if line.strip()]


def _csv(data: bytes) -> list[Any]:
    text = data.decode("utf-8-sig")
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names = [name.strip() for name in next(rows)]
    found: list[Any] = []
    for place, row in enumerate(rows):
        if len(row) not in (0, len(names)):
            raise _unreadable(
                f"Row {place} has {len(row)} values, the header has {len(names)}.", row=place
            )
        if row:
            found.append(_typed(dict(zip(names, row, strict=True))))
    return found


def _typed(row: Mapping[str, str]) -> dict[str, object]:
    """A row of texts, with its value as a number where it is one and without what is empty."""
    typed: dict[str, object] = {key: text.strip() for key, text in row.items() if text.strip()}
    with suppress(ValueError):  # a segment's text, or what is refused where it is known what for
        typed["value"] = float(str(typed.get("value")))
    return typed


def _parquet(data: bytes, max_rows: int | None) -> list[Any]:
    with ONE_AT_A_TIME:
        import pyarrow as pa

        from seatrial.adapters.tables.parquet_within import parquet_within

    try:
        rows: list[Any] = parquet_within(data, max_values=max_rows).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(f"They cannot be read as Parquet: {str(error)[:200]}.") from error
    for row in rows:
        if hasattr(row.get("at"), "isoformat"):
            row["at"] = row["at"].isoformat()
        row.update({k: str(row[k]) for k in _TEXTS if type(row.get(k)) is int})
    return rows


_READERS: Mapping[str, Callable[[bytes], list[Any]]] = {
    "json": _json,
    "lines": _lines,
    "csv": _csv,
}


def _unreadable(problem: str, **facts: object) -> BadOutcomes:
    return BadOutcomes(
        f"The outcomes are no table. {problem}",
        remedy="Give CSV with a header, Parquet, or JSON such as "
        '[{"user": "u1", "metric": "bought", "value": 1, "id": "order-17"}].',
        **facts,
    )
