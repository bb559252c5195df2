"""Cells of numbers around the middle one of some edges.

Each value gets a cell from the leading bits of its shifted float32: fine near the middle edge,
coarser further out, 1,024 cells for every doubling of the distance. Cells rise with the values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.histogram import Edges, Floats

N_CELLS = 65_536
"""Half of them below the middle edge, half above."""

HALF = N_CELLS // 2
_MANTISSA_BITS_LEFT = 13
_CAP = np.float32(2.0**-95 * (1 - 2.0**-12))


def factor_of(edges: Edges) -> np.float32:
    """A power of two that puts the farthest edge near the outermost cells, and never beyond."""
    farthest = float(np.abs(edges.offsets).max()) or 1.0
    exponent = int(np.frexp(farthest)[1])
    return np.float32(2.0 ** np.clip(-95 - 4 - exponent, -149, 127))


def cells_of(offsets: NDArray[np.float32], factor: np.float32) -> NDArray[np.uint32]:
    """The cell of each: bits of its magnitude, and above them one for its sign."""
    scaled = offsets * factor
    return cells_of_scaled(scaled, np.empty(scaled.shape, np.uint32))


def cells_of_scaled(scaled: NDArray[np.float32], signs: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """`cells_of` offsets times their factor; written over both arguments, of any one shape."""
    np.clip(scaled, -_CAP, _CAP, out=scaled)
    bits = scaled.view(np.uint32)
    bits >>= np.uint32(_MANTISSA_BITS_LEFT)
    # The sign stands three bits above the magnitude, whose exponent has five bits in use.
    np.right_shift(bits, np.uint32(3), out=signs)
    signs &= np.uint32(HALF)
    bits &= np.uint32(HALF - 1)
    bits |= signs
    return bits


def cell_ends(edges: Floats) -> Floats:
    """Edges moved up to the ends of their cells: under 0.1 % of their distance from the middle.

    Counting between them needs no comparison any more. Which values share a bin hardly changes; an
    edge that cannot be moved exactly stays where it is.
    """
    made = Edges(edges)
    if not made.narrow:
        return edges
    factor = factor_of(made)
    ends = _ends(cells_of(made.offsets.astype(np.float32), factor), factor)
    moved = ends.astype(np.float64) + made.middle
    exact = (made.shifted(moved) == ends) & np.isfinite(moved)
    moved = np.where(exact, moved, edges)
    middle = len(edges) // 2
    moved[middle] = edges[middle]  # all offsets are measured from it
    return np.unique(moved)


def ends_cell(edges: Edges, factor: np.float32) -> NDArray[np.bool_]:
    """Whether each edge is the end of its cell."""
    offsets = edges.offsets.astype(np.float32)
    ends: NDArray[np.bool_] = _ends(cells_of(offsets, factor), factor) == offsets
    return ends


def _ends(cells: NDArray[np.uint32], factor: np.float32) -> NDArray[np.float32]:
    """The largest offset of each cell; what is nearest to the middle for a negative one."""
    magnitude = (cells & np.uint32(HALF - 1)) << np.uint32(_MANTISSA_BITS_LEFT)
    negative = cells >= HALF
    magnitude[~negative] |= np.uint32((1 << _MANTISSA_BITS_LEFT) - 1)
    scaled = magnitude.view(np.float32) / factor
    return np.where(negative, -scaled, scaled)


def ends_of_places(places: NDArray[np.intp], factor: np.float32) -> NDArray[np.float32]:
    """The largest offset of each cell, by its place."""
    cells = np.where(places >= HALF, places - HALF, N_CELLS - 1 - places)
    # Below the middle come the negative offsets alone: 0 is above it, and -0 is no offset.
    least = -np.finfo(np.float32).smallest_subnormal
    return np.where(places == HALF - 1, least, _ends(cells.astype(np.uint32), factor))


def places_of(cells: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Where cells stand in ascending order: negative values downwards, then positive ones."""
    cells = cells.astype(np.intp)
    return np.where(cells >= HALF, N_CELLS - 1 - cells, cells + HALF)
