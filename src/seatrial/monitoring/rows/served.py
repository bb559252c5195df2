"""Batches and answers of a model as tables, in the names a profile uses."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from seatrial.monitoring.rows.naming import name_of
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.registry import signature as served
from seatrial.registry.signature import Batch, Prediction, Signature, n_rows
from seatrial.registry.tensor_summary import summary_of, watched_columns

LABEL = "label"

CLASS, PROBABILITIES, NUMBER = "outputs.label", "outputs.probabilities", "outputs.prediction"
"""Answers as the prediction log names them, so that no feature has the same name."""

TRUTH = "outputs.truth"
"""What came true, beside them."""


def features_table(signature: Signature, batch: Batch) -> Table:
    """The rows of a batch, by feature; of a tensor what `watched_columns` says of it.

    Args: the model's signature; n >= 0 rows that fit it.
    """
    return Table(
        columns={
            name: column_of(values) for name, values in watched_columns(signature, batch).items()
        },
        n=n_rows(batch),
    )


def predictions_table(signature: Signature, prediction: Prediction) -> Table:
    """A model's answers: an answer of several values is a column per class or position.

    Example: ``label``, ``probabilities.no``, ``probabilities.yes``.
    """
    columns: dict[str, Column] = {}
    n = 0
    for name, values in prediction.items():
        n = len(values)
        if values.ndim == 1:
            columns[name] = column_of(values)
            continue
        if values.ndim > 2:
            columns |= summary_of(name, values)
            continue
        classes = next((o.classes for o in signature.outputs if o.name == name), None)
        keys = classes if classes is not None else range(values.shape[1])
        columns |= {f"{name}.{key}": values[:, k] for k, key in enumerate(keys)}
    return Table(columns=columns, n=n)


def answered_table(signature: Signature, batch: Batch, prediction: Prediction) -> Table:
    """Rows with the answers they got, in the names of the prediction log."""
    rows = features_table(signature, batch)
    outputs = {
        f"outputs.{name}": column_of(values if values.ndim < 3 else values.reshape(len(values), -1))
        for name, values in prediction.items()
    }
    return Table(columns={**rows.columns, **outputs}, n=rows.n)


def categorical_names(signature: Signature) -> Collection[str]:
    """The columns of both tables whose numbers are names of classes."""
    return {feature.name for feature in signature.features if feature.categories} | {LABEL}


def column_of(values: served.Column) -> Column:
    """One column, shape (n,): numbers and booleans as they are, anything else by name."""
    if values.dtype.kind in "fiub":
        return values
    places: dict[str, int] = {}
    codes = np.empty(len(values), np.int32)
    for row, value in enumerate(values.tolist()):
        missing = value is None or value != value  # noqa: PLR0124 - NaN is missing
        codes[row] = -1 if missing else places.setdefault(name_of(value), len(places))
    return Coded(codes, tuple(places))
