"""Sample rows: the data a person gives beside a model. Files are read by `adapters/sample_file`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from seatrial.kernel.errors import Invalid
from seatrial.registry.signature import Column

MAX_ROWS: Final = 10_000
"""Rows kept of a sample unless told otherwise."""

LABEL_NAMES: Final = frozenset({"y", "label", "target", "class", "outcome", "response"})
"""Names, in lower case, that mark a column as the label when nobody says which it is."""


class BadSample(Invalid):
    """The sample data cannot be read, or has nothing in it."""

    code = "sample.bad"


class SampleMismatch(Invalid):
    """The sample data and the model do not belong together."""

    code = "sample.mismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Some rows of the data a model was made for.

    Args:
        columns: by name, in the file's order, each of ``n_rows`` values: float64, int64, bool, or
            object arrays of ``str`` and None. Missing numbers are NaN. Tensors are (n_rows, ...),
            and may be of bytes (uint8) or of other floats.
        n_rows: rows kept, >= 1.
        n_total: rows the file has, >= ``n_rows``; None when it was not read to its end.
    """

    columns: Mapping[str, Column]
    n_rows: int
    n_total: int | None


def find_label(sample: Sample, features: frozenset[str] | None, label: str | None) -> str | None:
    """Which column of ``sample`` is the label.

    Args:
        sample: the rows.
        features: the model's own names of its inputs, or None when it has none.
        label: the name a person gave, or None.
    Returns: a column's name; None when no column is recognised as one.
    Raises: SampleMismatch when ``label`` is no column, or is an input of the model.
    """
    if label is not None:
        if label not in sample.columns:
            raise SampleMismatch(
                f"The sample has no column {label!r}.",
                remedy=f"Name one of its columns as label: {_listed(sample.columns)}.",
                field=label,
            )
        if features is not None and label in features:
            raise SampleMismatch(
                f"The label {label!r} is an input of the model.",
                remedy="Name the column the model predicts.",
                field=label,
            )
        return label
    likely = [
        name
        for name in sample.columns
        if name.lower() in LABEL_NAMES and (features is None or name not in features)
    ]
    return likely[0] if len(likely) == 1 else None


def _listed(names: Mapping[str, Column]) -> str:
    shown = list(names)[:12]
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return ", ".join(map(repr, shown)) + more
