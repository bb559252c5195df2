"""Planned predictions with what was asked, as a sheet for the person who labels them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.kernel.store import FactLog
from seatrial.monitoring.performance.label_desk import Planned
from seatrial.monitoring.rows.table import Coded, Column
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import get
from seatrial.wiring.watching.late_labels import row_ids
from seatrial.wiring.watching.performance import version_log
from seatrial.wiring.watching.table_sources import open_source
from seatrial.wiring.workspace import Workspace

ID, LABEL = "id", "label"


def sheet(workspace: Workspace, log: FactLog, endpoint: str, planned: Planned) -> str:
    """CSV with the id of each planned prediction, an empty label, and its features.

    What is in the log no more has no features. `labels add` reads it back once labels are in.
    Raises: VersionUnknown, BundleNotFound and their kin; SourceUnavailable.
    """
    digest = get(log, endpoint, planned.version).digest
    bundle = Bundle.open(workspace.bundles / digest, digest=digest)
    names = bundle.signature.names
    logged = version_log(workspace, endpoint, planned.version, bundle, features=True)
    rows: dict[str, Mapping[str, Any]] = {}
    for day in _days(planned.rows.at_us):
        for part in logged.of_day(day):
            wanted = {key: place for place, key in enumerate(part.ids) if key is not None}
            for key in wanted.keys() & set(planned.rows.ids):
                rows[key] = _row(part.rows.columns, names, wanted[key])
    return _written(planned.rows.ids, names, rows)


def log_sheet(file: MonitoringFile, *, folder: Path, planned: Planned) -> str:
    """The same of another server's log, which is read to its end for the features.

    Args: relative paths begin in ``folder``.   Raises: what sources raise.
    """
    assert file.data is not None
    wanted, rows = set(planned.rows.ids), {}
    names: tuple[str, ...] = ()
    for chunk in open_source(file.data, folder=folder).chunks():
        names = names or chunk.columns.features_of(chunk.table)
        for place, key in enumerate(row_ids(chunk)):
            if key in wanted:
                rows[key] = _row(chunk.table.columns, names, place)
    return _written(planned.rows.ids, names, rows)


def _written(
    ids: Sequence[str], names: Sequence[str], rows: Mapping[str, Mapping[str, Any]]
) -> str:
    text = io.StringIO()
    # A feature may be called id or label: the first two columns are the sheet's own.
    taken = {ID, LABEL}
    heads = [f"features.{name}" if name in taken else name for name in names]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([ID, LABEL, *heads])
    for key in ids:
        row = rows.get(key, {})
        writer.writerow([key, "", *(row.get(name, "") for name in names)])
    return text.getvalue()


def _days(at_us: Any) -> Iterator[str]:
    """The days of the log that hold these times; UTC, as its folders are named."""
    if not len(at_us):
        return
    day = datetime.fromtimestamp(int(at_us.min()) / 1e6, UTC).date()
    last = datetime.fromtimestamp(int(at_us.max()) / 1e6, UTC).date()
    while day <= last:
        yield day.isoformat()
        day += timedelta(days=1)


def _row(columns: Mapping[str, Column], names: Sequence[str], place: int) -> dict[str, Any]:
    return {name: _value(columns[name], place) for name in names if name in columns}


def _value(column: Column, place: int) -> Any:
    if isinstance(column, Coded):
        code = int(column.codes[place])
        return "" if code < 0 else column.values[code]
    value = column[place].item()
    return "" if isinstance(value, float) and np.isnan(value) else value
