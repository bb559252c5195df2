"""Rows at the ends of what numbers can be: where float32 ends and float64 does not. Pure.

A client may send any finite number. What an exported graph must not do there is answer with no
number where the original has one, so one feature after the other is set to numbers that overflow or
vanish in float32 but not in float64, and whole rows are multiplied, as a wrong unit would do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from seatrial.packaging.elements import Element, elements, with_values
from seatrial.registry.signature import Batch, Column, Dtype, Signature, concatenate, n_rows, take

_FLOAT: Final = (1e6, 1e12, 1e20, 1e30, 3e38)
MAGNITUDES: Final[Mapping[Dtype, tuple[float, ...]]] = {
    Dtype.FLOAT32: (1e-40, *_FLOAT),
    Dtype.FLOAT64: (1e-300, 1e-46, 1e-40, *_FLOAT, 1e39, 1e100, 1e154, 1e300),
    Dtype.INT64: (2.0**24, 2.0**31, 2.0**53, 2.0**62),
    Dtype.FLOAT16: (6e-8, 1e-4, 256.0, 6e4),
    Dtype.INT8: (2.0**7 - 1,),
    Dtype.INT16: (2.0**7, 2.0**15 - 1),
    Dtype.UINT8: (0.0, 255.0),
    Dtype.UINT16: (0.0, 2.0**8, 2.0**16 - 1),
}
"""Sizes of the numbers tried, by dtype: around the least and the largest of float32 (1e-45 and
3.4e38), where squares leave float64 (1e154) and float16 (256), and for whole numbers where floats
lose the units and where their type ends."""

MULTIPLES: Final = (1e3, 1e6, 1e9, 1e12)
MAX_FEATURES: Final = 64


def range_rows(signature: Signature, rows: Batch, *, most: int = 1 << 20) -> Batch | None:
    """Copies of the first row with numbers at the ends of their range, small ones first.

    Rows of one size stand together: where a model fails on one, it mostly fails on its neighbours.

    Args:
        signature: of the model.
        rows: valid rows, at least one.
        most: how many to give, >= 1; spread over all of them.
    Returns: None where no feature takes any number.
    """
    few = elements(signature, MAX_FEATURES)
    if not few:
        return None
    multiples = list(_multiples(signature, rows))
    changes = list(_single(few))
    n_single = min(len(changes), max(1, most - sum(map(n_rows, multiples))))
    changes = [changes[k] for k in np.linspace(0, len(changes) - 1, n_single).astype(int)]
    which, values = zip(*changes, strict=True)
    first = take(rows, np.zeros(len(changes), np.intp))
    single = with_values(first, which, np.asarray(values), signature)
    return concatenate([single, *multiples])


def _single(few: Sequence[Element]) -> Iterator[tuple[Element, float]]:
    for size in sorted({m for one in few for m in MAGNITUDES[one.dtype]}):
        for sign in (1.0, -1.0):
            for one in few:
                if size in MAGNITUDES[one.dtype] and (sign > 0 or not _unsigned(one.dtype)):
                    yield one, sign * size


def _unsigned(dtype: Dtype) -> bool:
    return dtype.whole and dtype.bounds[0] == 0


def _multiples(signature: Signature, rows: Batch) -> Iterator[Batch]:
    """The first rows, every number multiplied, as far as it then lies within its range."""
    some = take(rows, slice(4))
    for factor in MULTIPLES:
        if isinstance(some, dict):
            yield {
                f.name: _multiplied(some[f.name], f.dtype, factor)
                if f.dtype.numeric and f.categories is None
                else some[f.name]
                for f in signature.features
            }
        else:
            yield _multiplied(some, signature.features[0].dtype, factor)


def _multiplied(values: Column, dtype: Dtype, factor: float) -> Column:
    many = values.astype(np.float64) * factor
    inside = np.abs(many) <= MAGNITUDES[dtype][-1]
    return np.where(inside, many, values).astype(values.dtype)
