"""Rows of several segments one after another: places in that line, and the keys of chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.ranking import joined


class Stretch(NamedTuple):
    """Rows of one segment.

    Args:
        first_key: the key of row 0.
        n: how many they are.
        rows: which, rising; None: 0, 1, ..., n - 1.
    """

    first_key: int
    n: int
    rows: NDArray[np.intp] | None


def keys_at(stretches: Sequence[Stretch], at: NDArray[np.intp]) -> NDArray[np.int64]:
    """The keys (n,) at some places of a line, which rise."""
    keys: list[NDArray[np.int64]] = []
    start = first = 0
    for first_key, n, rows in stretches:
        end = start + n
        last = len(at) if len(stretches) == 1 else int(at.searchsorted(end))
        here = at[first:last]
        if rows is not None:
            keys.append(rows[here - start if start else here] + first_key)
        else:
            keys.append(here + (first_key - start))
        start, first = end, last
    return joined(keys)


def places_of(stretches: Sequence[Stretch], keys: NDArray[np.int64]) -> NDArray[np.intp]:
    """The places in a line of those of some keys that are in it."""
    places: list[NDArray[np.intp]] = []
    start = 0
    for first_key, n, rows in stretches:
        asked = keys - first_key
        if rows is not None:
            at = rows.searchsorted(asked)
            at = at[rows.take(at, mode="clip") == asked] if n else at[:0]
        else:
            at = asked[asked.view(np.uint64) < n]  # of which those below 0 are not
        places.append(at + start if start else at)
        start += n
    return joined(places)
