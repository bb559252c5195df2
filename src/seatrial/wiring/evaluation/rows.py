"""The rows that versions are compared on: read, labelled, and held against the training's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.rows.row_hash import row_hashes
from seatrial.monitoring.rows.served import column_of
from seatrial.monitoring.rows.table import Table
from seatrial.packaging.sample import Sample, SampleMismatch, find_label
from seatrial.registry.incoming import chunks_of

MAX_ROWS = 1_000_000
"""Rows read of a holdout; intervals of more would not be narrower by anything that matters."""


class HoldoutIsTraining(Invalid):
    """The rows to evaluate on are the file that the model was trained on."""

    code = "evaluation.holdout_is_training"


def read(data: object) -> Sample:
    """The first rows of a file or a table.   Raises: BadSample."""
    from seatrial.adapters.tables.sample_file import read_sample, sample_of

    if isinstance(data, str | Path):
        return read_sample(Path(data), max_rows=MAX_ROWS)
    return sample_of(data, name="data")


def source(data: object) -> str:
    """What a person calls it."""
    return Path(data).name if isinstance(data, str | Path) else f"a {type(data).__name__}"


def label_of(rows: Sample, label: str | None) -> str:
    """The column of the labels.   Raises: SampleMismatch: it is not there, or not known."""
    found = find_label(rows, None, label)
    if found is None:
        raise SampleMismatch(
            "No column of the rows is recognised as the label.",
            remedy=f"Name it with --label, of: {', '.join(list(rows.columns)[:12])}.",
            field="label",
        )
    return found


def repeated(data: object, rows: Sample, training: Path) -> NDArray[np.bool_]:
    """Which rows were trained on (n,), where those of the training are known.

    Args: data: what the rows were read from.
    Raises: HoldoutIsTraining; as `read`.
    """
    known = read(training)
    if isinstance(data, str | Path) and digest(data) == digest(training):
        raise HoldoutIsTraining(
            f"{source(data)} has the very bytes of the training data {training.name}.",
            remedy="Give rows that were kept from training.",
        )
    shared = [name for name in rows.columns if name in known.columns]
    seen = np.unique(row_hashes(_table(known, shared)))
    return np.isin(row_hashes(_table(rows, shared)), seen)


def _table(rows: Sample, names: Sequence[str]) -> Table:
    return Table(columns={n: column_of(rows.columns[n]) for n in names}, n=rows.n_rows)


def digest(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    found = hashlib.sha256()
    for chunk in chunks_of(Path(path)):
        found.update(chunk)
    return found.hexdigest()


def is_cut(rows: Sample) -> bool:
    """Whether there were more rows than are read."""
    return rows.n_rows == MAX_ROWS and rows.n_total != MAX_ROWS
