"""The rows of a sample that a signature accepts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.packaging.sample import Sample, SampleMismatch, find_label
from seatrial.registry.signature import Batch, Column, Dtype, Feature, Signature, take

Mask: TypeAlias = NDArray[np.bool_]


def labelled_rows(
    signature: Signature, sample: Sample, *, label: str | None
) -> tuple[Batch, Column]:
    """The rows of further data that a signature accepts, with their labels.

    Args: label: the column that the model predicts; recognised when None, if it can be.
    Raises: SampleMismatch naming the column.
    """
    found = find_label(sample, frozenset(signature.names), label)
    absent = [name for name in signature.names if name not in sample.columns]
    if found is None or absent:
        what = f"the column {absent[0]!r}" if absent else "a column that is its label"
        raise SampleMismatch(
            f"The labelled rows lack {what}.",
            remedy="Give the columns of the sample, and name the label with --label.",
            field=absent[0] if absent else "label",
        )
    batch, keep = as_batch(signature.features, dict(sample.columns), matrix=signature.matrix)
    return take(batch, np.flatnonzero(keep)), sample.columns[found][keep]


def accepted_rows(signature: Signature, sample: Sample, *, label: str) -> tuple[Batch, Mask]:
    """Further rows as a batch, and which of them a signature accepts, shape (n,).

    Rows are taken by the names of their columns; for a model that knows no names, and does not find
    those it was given, by the order of the columns besides the label.

    Raises: SampleMismatch naming the column.
    """
    columns = dict(sample.columns)
    absent = [name for name in signature.names if name not in columns]
    others = [name for name in columns if name != label]
    if absent and not signature.named and len(others) == len(signature.names):
        columns = {
            name: columns[other] for name, other in zip(signature.names, others, strict=True)
        }
        absent = []
    if absent:
        raise SampleMismatch(
            f"The rows lack the column {absent[0]!r} that the model takes.",
            remedy="Give rows with its columns: " + ", ".join(map(repr, absent[:12])) + ".",
            field=absent[0],
        )
    for feature in signature.features:
        _check_kind(feature, columns[feature.name])
    return as_batch(signature.features, columns, matrix=signature.matrix)


def _check_kind(feature: Feature, column: Column) -> None:
    """Refuse texts where a model takes numbers.   Raises: SampleMismatch."""
    if feature.dtype is Dtype.STRING or column.dtype != object:
        return
    example = next((v for v in column.tolist() if v is not None), None)
    raise SampleMismatch(
        f"The model takes {feature.dtype.value} for {feature.name!r}; the rows have strings such "
        f"as {example!r}.",
        remedy="Save the rows with the same column types as at training.",
        field=feature.name,
    )


def as_batch(
    features: Sequence[Feature], columns: dict[str, Column], *, matrix: bool
) -> tuple[Batch, Mask]:
    """The sample as a batch, and which of its rows the signature accepts."""
    cast = {f.name: _cast(columns[f.name], f) for f in features}
    keep = np.ones(len(next(iter(cast.values()))), dtype=np.bool_)
    for feature in features:
        keep &= valid(cast[feature.name], feature)
        if feature.dtype.whole and feature.dtype.narrow:
            same = cast[feature.name] == columns[feature.name]
            keep &= same.reshape(len(keep), -1).all(axis=1)
    if matrix:
        return np.column_stack(list(cast.values())), keep
    return cast, keep


def _cast(column: Column, feature: Feature) -> Column:
    if feature.dtype is not Dtype.STRING:
        whole = feature.dtype.whole and column.dtype.kind == "f"
        with np.errstate(over="ignore", invalid="ignore"):  # what a type cannot hold is left out
            return (np.nan_to_num(column) if whole else column).astype(feature.dtype.numpy)
    if column.dtype == object:
        return column
    text = np.empty(column.size, dtype=object)
    text[:] = [None if _nan(v) else str(v) for v in column.reshape(-1).tolist()]
    return text.reshape(column.shape)


def _nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def valid(column: Column, feature: Feature) -> Mask:
    """Which rows of a column the feature accepts, (n,)."""
    if feature.shape:
        one = valid(column.reshape(-1), replace(feature, shape=()))
        return np.asarray(one.reshape(len(column), -1).all(axis=1), np.bool_)
    values = column.tolist()
    missing = np.array([v is None or _nan(v) for v in values], dtype=np.bool_)
    present = ~missing
    if feature.categories is not None:
        known = frozenset(feature.categories)
        present &= np.array([v in known for v in values], dtype=np.bool_)
    elif column.dtype.kind == "f":
        present &= np.isfinite(column.astype(np.float64))
    return present | missing if feature.nullable else present


def why_none(features: Sequence[Feature], columns: dict[str, Column]) -> str:
    """A value for which no row was accepted, for people."""
    for feature in features:
        column = _cast(columns[feature.name], feature)
        fits = valid(column, feature)
        if not fits.any():
            shown = str(column.tolist()[0])[:80] if feature.shape else column.tolist()[0]
            return f"{feature.name!r} has {shown!r}, for example."
    return "each row has one in some column."
