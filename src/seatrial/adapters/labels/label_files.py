"""Labels in files and request bodies: CSV, Parquet, JSON and JSON Lines, told apart by content.

Ids are texts whatever they look like: 007 is not 7, and 12e4 is no number.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.kernel.errors import Invalid
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.monitoring.rows.label_values import label_text

_ID = ("id", "prediction_id", "request_id", "inference_id")
_LABEL = ("label", "y", "y_true", "target", "ground_truth", "actual", "truth")


class LabelsUnreadable(Invalid):
    """Labels that cannot be read; the fact ``field`` names the column, where one is to blame."""

    code = "labels.unreadable"


def read_labels(
    data: bytes,
    *,
    id_column: str | None = None,
    label_column: str | None = None,
    max_rows: int | None = None,
) -> list[tuple[str, str]]:
    """Pairs of prediction id and label.

    Args:
        data: the whole file.
        id_column, label_column: their columns; None finds them by the usual names.
        max_rows: of Parquet that strangers send, which may stand for more than fits anywhere.
    Raises: LabelsUnreadable.
    """
    try:
        kind = kind_of(data)
        if kind is None:
            raise _unreadable("They are empty.")
        if kind == "parquet":
            return _parquet(data, id_column, label_column, max_rows)
        return _READERS[kind](data, id_column, label_column)
    except (UnicodeDecodeError, ValueError, csv.Error, RecursionError) as error:
        raise _unreadable(f"They cannot be read: {str(error).splitlines()[0][:200]}.") from error


def kind_of(data: bytes) -> str | None:
    """What a file of rows is: ``parquet``, ``json``, ``lines`` or ``csv``; None for nothing."""
    if data.startswith(b"PAR1"):
        return "parquet"
    text = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text:
        return None
    if text.startswith(b"["):
        return "json"
    return "lines" if text.startswith(b"{") else "csv"


def _json(data: bytes, key: str | None, label: str | None) -> list[tuple[str, str]]:
    return _of_objects(json.loads(data.decode("utf-8-sig")), key, label)


def _lines(data: bytes, key: str | None, label: str | None) -> list[tuple[str, str]]:
    text = data.decode("utf-8-sig")
    try:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        rows = [json.loads(text)]  # one object over several lines
    if len(rows) == 1 and isinstance(rows[0], dict) and isinstance(rows[0].get("labels"), list):
        rows = rows[0]["labels"]
    return _of_objects(rows, key, label)


def _of_objects(rows: Any, key: str | None, label: str | None) -> list[tuple[str, str]]:
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            raise _unreadable(f"The label {place} is {type(row).__name__}, not an object.")
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not rows:
        return []
    key, label = _named(names, key, _ID, "id"), _named(names, label, _LABEL, "label")
    return [(_id(row, key, place), _plain(row.get(label), place)) for place, row in enumerate(rows)]


def _csv(data: bytes, key: str | None, label: str | None) -> list[tuple[str, str]]:
    text = data.decode("utf-8-sig")
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names = next(rows)
    k = names.index(_named(names, key, _ID, "id"))
    v = names.index(_named(names, label, _LABEL, "label"))
    found: list[tuple[str, str]] = []
    for place, row in enumerate(rows):
        if len(row) not in (0, len(names)):
            raise _unreadable(
                f"Row {place} has {len(row)} values, the header has {len(names)}.", row=place
            )
        if row:
            found.append((row[k].strip(), row[v].strip()))
    return found


def _parquet(
    data: bytes, key: str | None, label: str | None, max_rows: int | None
) -> list[tuple[str, str]]:
    with ONE_AT_A_TIME:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from seatrial.adapters.tables.parquet_within import parquet_within

    try:
        with pq.ParquetFile(io.BytesIO(data)) as file:
            names = file.schema_arrow.names
        wanted = [_named(names, key, _ID, "id"), _named(names, label, _LABEL, "label")]
        table = parquet_within(data, columns=wanted, max_values=max_rows)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(f"They cannot be read as Parquet: {str(error)[:200]}.") from error
    ids, values = (table.column(name).to_pylist() for name in wanted)
    pairs = enumerate(zip(ids, values, strict=True))
    return [(_id({"id": one}, "id", place), _plain(value, place)) for place, (one, value) in pairs]


_READERS = {"json": _json, "lines": _lines, "csv": _csv}


def _named(names: Sequence[str], asked: str | None, usual: Sequence[str], what: str) -> str:
    if asked is not None and asked in names:
        return asked
    lower = {name.lower(): name for name in reversed(names)}
    found = None if asked is not None else next((lower[n] for n in usual if n in lower), None)
    if found is None:
        shown = ", ".join(map(repr, list(names)[:12]))
        said = "" if asked is None else f" {asked!r}"
        raise _unreadable(f"There is no column{said} for the {what} among {shown}.", field=what)
    return found


def _id(row: Mapping[str, object], key: str, place: int) -> str:
    value = row.get(key)
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _unreadable(f"The label {place} has the id {value!r}.", field="id", row=place)


def _plain(value: object, place: int) -> str:
    if value is None or isinstance(value, str | bool | int | float):
        return label_text(value)
    raise _unreadable(
        f"The label {place} is {type(value).__name__}, not a class or a number.",
        field="label",
        row=place,
    )


def _unreadable(problem: str, **facts: object) -> LabelsUnreadable:
    return LabelsUnreadable(
        f"The labels are no table of ids and labels. {problem}",
        remedy="Give CSV with a header, Parquet, or JSON such as "
        '[{"id": "3f2a", "label": "yes"}]; name other columns.',
        **facts,
    )
