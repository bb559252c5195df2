"""Vectors of Arrow columns: lists of numbers of one length, and texts such as ``[0.1, 2]``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.tables.values import numpy_of

if TYPE_CHECKING:
    import pyarrow as pa

_LIKELY: Final = 0.9
_MOSTLY: Final = 0.5
_VECTOR: Final = r"^\s*[\[{][^\[\]{}]*[\]}]\s*$"


@dataclass(frozen=True, slots=True)
class Width:
    """How long the lists of a column are.

    Args:
        common: the length that nearly all of them have; None when none is that frequent.
        least, most: of all lists; 0 without any.
        n_other: lists of another length than the common one.
    """

    common: int | None
    least: int
    most: int
    n_other: int


def width_of(lengths: NDArray[np.int64], *, named: bool) -> Width:
    """How long lists are.

    Args:
        lengths: shape (n,), those of missing lists left out.
        named: whether somebody said that they are vectors: then most of them decide, else they
            must nearly all agree.
    """
    if not len(lengths):
        return Width(None, 0, 0, 0)
    found, counts = np.unique(lengths, return_counts=True)
    most = int(counts.argmax())
    agree = int(counts[most]) > (_MOSTLY if named else _LIKELY) * len(lengths)
    common = int(found[most]) if agree and found[most] else None
    n_other = len(lengths) - int(counts[most])
    return Width(common, int(found[0]), int(found[-1]), n_other)


def lengths_of(array: pa.Array) -> NDArray[np.int64]:
    """Of lists, none missing."""
    import pyarrow as pa

    if pa.types.is_fixed_size_list(array.type):
        return np.full(len(array), array.type.list_size, np.int64)
    lengths: NDArray[np.int64] = numpy_of(array.value_lengths().cast(pa.int64()))
    return lengths


def lists_of_texts(array: pa.Array) -> tuple[pa.Array, int, str | None]:
    """Texts such as ``[0.1, 2]`` as lists of float32: JSON, and what PostgreSQL and pgvector write.

    Returns: as many lists, missing where the text is missing or no list of numbers; how many are
        no list; the first of them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    array = array.cast(pa.large_string())
    fits = pc.match_substring_regex(array, _VECTOR).fill_null(fill_value=False)
    kept = pc.if_else(fits, array, pa.scalar(None, pa.large_string()))
    bare = pc.replace_substring_regex(kept, r"[\[\]{}\s]", "")
    parts = pc.split_pattern(bare, ",")
    try:
        lists = parts.cast(pa.large_list(pa.float32()))
    except pa.ArrowInvalid:  # a null, an empty list, or no number
        lists = pa.array(map(_numbers, kept.to_pylist()), pa.large_list(pa.float32()))
    wrong = pc.and_(array.is_valid(), lists.is_null())
    n_wrong = int(pc.sum(wrong).as_py() or 0)
    example = array.filter(wrong)[0].as_py() if n_wrong else None
    return lists, n_wrong, example


def _numbers(text: str | None) -> list[float | None] | None:
    if text is None:
        return None
    try:
        found = json.loads(text.replace("{", "[").replace("}", "]").replace("NULL", "null"))
    except ValueError:
        return None
    if not all(v is None or (isinstance(v, int | float) and v is not True) for v in found):
        return None
    return [None if v is None else float(v) for v in found]
