"""Vectors of some keys, copied from the segments that they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Source(NamedTuple):
    """Vectors (n, d) of the keys from `first_key` on."""

    vectors: NDArray[np.float32]
    first_key: int


def gathered(sources: Sequence[Source], keys: NDArray[np.int64]) -> NDArray[np.float32]:
    """The vectors (n, d) of keys that are there and rise.

    Args: sources: one or more, by rising `first_key`.
    """
    if len(sources) == 1:
        vectors, first_key = sources[0]
        return vectors.take(keys - first_key, axis=0, mode="clip")  # which does not look twice
    found = np.empty((len(keys), sources[0].vectors.shape[1]), np.float32)
    ends = keys.searchsorted([source.first_key for source in sources[1:]]).tolist()
    start = 0
    for (vectors, first_key), end in zip(sources, [*ends, len(keys)], strict=True):
        if start < end:
            rows = keys[start:end] - first_key
            vectors.take(rows, axis=0, mode="clip", out=found[start:end])
        start = end
    return found
