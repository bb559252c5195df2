"""Rows at the ends of what numbers can be: where float32 ends and float64 does not. Pure.

A client may send any finite number. What an exported graph must not do there is answer with no
number where the original has one, so one feature after the other is set to numbers that overflow or
vanish in float32 but not in float64, and whole rows are multiplied, as a wrong unit would do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from seatrial.registry.signature import Batch, Column, Dtype, Signature, n_rows, take

_FLOAT: Final = (1e6, 1e12, 1e20, 1e30, 3e38)
MAGNITUDES: Final[Mapping[Dtype, tuple[float, ...]]] = {
    Dtype.FLOAT32: (1e-40, *_FLOAT),
    Dtype.FLOAT64: (1e-300, 1e-46, 1e-40, *_FLOAT, 1e39, 1e100, 1e154, 1e300),
    Dtype.INT64: (2.0**24, 2.0**31, 2.0**53, 2.0**62),
}
"""Sizes of the numbers tried, by dtype: around the least and the largest of float32 (1e-45 and
3.4e38), where squares leave float64 (1e154), and for whole numbers where floats lose the units."""

MULTIPLES: Final = (1e3, 1e6, 1e9, 1e12)
MAX_FEATURES: Final = 64


def range_rows(signature: Signature, rows: Batch) -> Batch | None:
    """Copies of the first row with numbers at the ends of their range, small ones first.

    Rows of one size stand together: where a model fails on one, it mostly fails on its neighbours.

    Args:
        signature: of the model.
        rows: valid rows, at least one.
    Returns: None where no feature takes any number.
    """
    numeric = [
        j for j, f in enumerate(signature.features) if f.dtype.numeric and f.categories is None
    ]
    if not numeric:
        return None
    chosen = np.unique(
        np.linspace(0, len(numeric) - 1, min(len(numeric), MAX_FEATURES)).astype(int)
    )
    few = [numeric[at] for at in chosen]
    changes = [*_single(signature, few), *_multiples(signature, rows, numeric)]
    return _changed(signature, take(rows, np.zeros(len(changes), np.intp)), changes)


def _single(signature: Signature, features: list[int]) -> Iterator[dict[int, float]]:
    sizes = sorted({m for j in features for m in MAGNITUDES[signature.features[j].dtype]})
    for size in sizes:
        for sign in (1.0, -1.0):
            for j in features:
                if size in MAGNITUDES[signature.features[j].dtype]:
                    yield {j: sign * size}


def _multiples(
    signature: Signature, rows: Batch, features: list[int]
) -> Iterator[dict[int, float]]:
    for at in range(min(n_rows(rows), 4)):
        row = take(rows, slice(at, at + 1))
        for factor in MULTIPLES:
            values = {j: factor * _value(signature, row, j) for j in features}
            top = {j: MAGNITUDES[signature.features[j].dtype][-1] for j in features}
            yield {j: v for j, v in values.items() if abs(v) <= top[j]}


def _value(signature: Signature, row: Batch, j: int) -> float:
    column = row[signature.names[j]] if isinstance(row, dict) else row[:, j]
    return float(column[0])


def _changed(signature: Signature, base: Batch, changes: list[dict[int, float]]) -> Batch:
    if not isinstance(base, dict):
        for at, change in enumerate(changes):
            for j, value in change.items():
                base[at, j] = value
        return base
    columns: dict[str, Column] = {name: base[name].copy() for name in signature.names}
    for at, change in enumerate(changes):
        for j, value in change.items():
            columns[signature.names[j]][at] = value
    return columns
