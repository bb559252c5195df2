"""Whole numbers in no more bytes than a segment's numbers need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NARROW: Mapping[str, type[np.integer[Any]]] = {
    "spans": np.int32,
    "byte_spans": np.int32,
    "n_tokens": np.int32,
    "pages": np.int32,
    "word_rows": np.uint16,
    "word_counts": np.uint8,
}
"""What the large arrays of most segments fit in."""


def narrowed(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The same arrays; those that may be narrow are, where that holds each of their numbers."""
    return {
        name: array.astype(_NARROW[name]) if name in _NARROW and _fits(array, name) else array
        for name, array in arrays.items()
    }


def _fits(array: NDArray[Any], name: str) -> bool:
    limits = np.iinfo(_NARROW[name])
    return not array.size or bool(array.min() >= limits.min and array.max() <= limits.max)
