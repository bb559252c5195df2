"""Arrays as plain data that msgpack keeps, and back: for states that outlive a process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Packed: TypeAlias = list[tuple[tuple[int, ...], bytes]]
"""Of each array its shape, and its numbers with the least byte first."""


def pack(arrays: Iterable[NDArray[Any]]) -> Packed:
    """Arrays of any shapes."""
    return [(a.shape, a.astype(a.dtype.newbyteorder("<")).tobytes()) for a in arrays]


def unpack(packed: Packed, kinds: Sequence[str]) -> list[NDArray[Any]]:
    """The arrays again, not to be written to.

    Args: ``kinds``: the dtype of each, such as ``<f8``.
    Raises: ValueError: there are others than these, or numbers that are not finite.
    """
    arrays = [
        np.frombuffer(raw, dtype=kind).reshape(shape)
        for kind, (shape, raw) in zip(kinds, packed, strict=True)
    ]
    if not all(np.isfinite(a).all() for a in arrays):
        raise ValueError("it holds numbers that are not finite")
    return arrays
