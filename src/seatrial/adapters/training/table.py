"""Training sets as Parquet: entity rows with their features as of their times, piece by piece."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.adapters.features.entity_table import EntityTable, arrow_type
from seatrial.features.failures import EntityInvalid
from seatrial.features.plan import Column, Plan
from seatrial.features.training_set import Filled, TrainingSet, check_columns
from seatrial.features.view import ValueType
from seatrial.kernel.errors import Invalid

if TYPE_CHECKING:
    import pyarrow as pa

METADATA = b"seatrial.features"
"""The key of what the file says of itself: features by column, TTL, time of writing."""

Join = Callable[["pa.Table"], "pa.Table"]
"""Told keys and ``event_timestamp``; gives one column for each feature of a plan, in its order."""


def write_training_table(
    entities: EntityTable,
    plan: Plan,
    join: Join,
    into: Path,
    *,
    time_column: str,
    described: Mapping[str, object],
    rows_at_once: int,
    told: Callable[[int, int | None], None],
) -> TrainingSet:
    """Join a file of entities piece by piece, and write all of it or nothing.

    Args:
        join: of some rows.
        into: written beside itself first; what was there is replaced at the end.
        described: kept in the file.
        rows_at_once: joined and held in memory, >= 1.
        told: of how many rows are done, and of how many where that is known.
    Raises: EntityInvalid; Invalid: it cannot be written, or a column would be there twice; what
        ``join`` raises.
    """
    from pyarrow import parquet

    check_columns(plan, entities.schema.names, time_column=time_column)
    for left in into.parent.glob(f"{into.name}.*.part"):
        _remove_if_left(left)
    draft = into.with_name(f"{into.name}.{os.getpid()}.part")
    counts = dict.fromkeys((column.name for column in plan.columns), 0)
    n = 0
    writer: Any = None
    try:
        for rows in entities.chunks(rows_at_once):
            whole = _joined(rows, plan, join, time_column, counts)
            if writer is None:
                text = json.dumps(described).encode()
                schema = whole.schema.with_metadata({METADATA: text})
                writer = parquet.ParquetWriter(draft, schema)
            writer.write_table(whole.replace_schema_metadata(writer.schema.metadata))
            n += len(rows)
            told(n, entities.n_rows)
        if writer is None:
            raise EntityInvalid(
                "There are no rows to join.", remedy="Give one row for each entity and time."
            )
        writer.close()
        draft.replace(into)
    except OSError as error:
        raise Invalid(
            f"{into} cannot be written ({error.strerror or error}).",
            remedy="Name a file in a folder that is there and that this user may write.",
            file=str(into),
        ) from error
    finally:
        if writer is not None:
            writer.close()
        draft.unlink(missing_ok=True)
    with into.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    filled = [
        Filled(name=c.name, reference=str(c.selected.reference), n_null=counts[c.name])
        for c in plan.columns
    ]
    return TrainingSet(
        path=into, keys=tuple(plan.keys), n_rows=n, columns=tuple(filled), digest=digest
    )


def _joined(
    rows: pa.Table, plan: Plan, join: Join, time_column: str, counts: dict[str, int]
) -> pa.Table:
    keys = rows.select([*plan.keys, time_column]).rename_columns([*plan.keys, "event_timestamp"])
    found = join(keys)
    for place, column in enumerate(plan.columns):
        values = _values(column, found.column(place))
        counts[column.name] += values.null_count
        if column.default is not None and column.default.value is not None:
            values = values.fill_null(column.default.value)
        rows = rows.append_column(column.name, values)
    return rows


def _values(column: Column, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """In the type the online store has them in: times are whole seconds, NaN is null."""
    import pyarrow as pa
    from pyarrow import compute

    kind = column.selected.field.type
    if pa.types.is_timestamp(values.type):
        values = compute.cast(compute.cast(values, pa.timestamp("s"), safe=False), pa.int64())
    if pa.types.is_floating(values.type):
        values = compute.if_else(compute.is_nan(values), None, values)
    if kind is ValueType.BOOL and pa.types.is_floating(values.type):
        values = compute.cast(values, pa.int8())
    return compute.cast(values, arrow_type(kind), safe=False)


def _remove_if_left(draft: Path) -> None:
    """Remove what a process that was killed left behind."""
    pid = draft.suffixes[-2].removeprefix(".")
    if pid.isdigit():
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            draft.unlink(missing_ok=True)
        except PermissionError:
            pass
