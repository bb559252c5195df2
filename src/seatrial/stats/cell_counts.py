"""Many numbers counted between edges, and their exact Kolmogorov-Smirnov distance, without a sort.

Counting cells (`stats/cells.py`) is one table look-up a value, and all is exact but inside the few
cells that an edge cuts or where the largest distance may lie: only their values are sorted.

Sorting all takes 5 to 30 ns a value, depending on the processor; this takes 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.cells import (
    HALF,
    N_CELLS,
    cells_of,
    ends_cell,
    ends_of_places,
    factor_of,
    places_of,
)
from seatrial.stats.divergence import Divergence, ks_from_values, ks_of_distance
from seatrial.stats.histogram import Counted, Edges, Floats

MANY = 32_768
"""From so many values on the 65,536 cells are worth their while."""

_CHUNK = 32_768
_COUNTED = 8 * _CHUNK
_TOO_MANY = 4
"""When more than one value in so many lies in cells that must be sorted, sort all at once."""

_NEAR = 64
_FEW = 4
"""Runs of cells that are looked for by comparing, and how far apart cells of one run may be."""

_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")

_T = TypeVar("_T", bound=np.generic)

Ordered = NDArray[np.generic]
"""Ascending and finite, shape (n,)."""


@dataclass(frozen=True, slots=True)
class _Celled:
    """Values with their cells, in the order of memory, and how many are in each, ascending."""

    cells: NDArray[np.uint16]
    counts: NDArray[np.int64]
    n_missing: int


def count_many(
    edges: Edges, values: NDArray[np.generic], reference: Ordered | None = None
) -> tuple[Counted, Divergence | None]:
    """Count numbers as `Edges.count` does; and their exact distance to a reference, if given.

    Args:
        edges: any.
        values: shape (m,), in any order.
        reference: what the edges were made of; its distance is None when a side is empty.
    """
    found = None
    if edges.narrow and len(edges.values) and len(values) >= MANY:
        found = _by_cells(edges, values, reference)
    if found is None:
        return _by_sorting(edges, values, reference)
    return found


def _by_sorting(
    edges: Edges, values: NDArray[np.generic], reference: Ordered | None
) -> tuple[Counted, Divergence | None]:
    counted = edges.count(values)
    if reference is None or len(reference) == 0 or counted.counts.sum() == 0:
        return counted, None
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values.copy()
    finite.sort()
    return counted, ks_from_values(reference, finite)


def _by_cells(
    edges: Edges, values: NDArray[np.generic], reference: Ordered | None
) -> tuple[Counted, Divergence | None] | None:
    """The same by cells; None where they do not help: infinities, or few but frequent values."""
    factor = factor_of(edges)
    lowest, highest = values.min(), values.max()
    celled = _celled(edges, values, factor, gaps=bool(np.isnan(lowest)))
    counts = celled.counts
    m = len(values) - celled.n_missing
    if m == 0 or counts[0] or counts[-1]:  # far out, or infinite
        return None
    up_to = np.concatenate([[0], np.cumsum(counts)])
    cells_of_edges = places_of(cells_of(edges.offsets.astype(np.float32), factor))
    n_edges = np.bincount(cells_of_edges, minlength=N_CELLS)
    sort = n_edges > 1
    steps = None
    if reference is not None and len(reference):
        steps = _Steps.of(edges, reference, factor, up_to, cells_of_edges)
        sort[steps.cells] = True
    sort &= counts > 0
    once = (n_edges == 1) & ~sort & (counts > 0)
    once[cells_of_edges[ends_cell(edges, factor)]] = False
    if counts[sort].sum() * _TOO_MANY > len(values):
        return None
    rows = _rows_in(celled.cells, sort | once, counts)
    cells, found = celled.cells[rows], values[rows]
    inside = found[np.take(_by_cell(sort), cells)]
    inside.sort()
    before = np.concatenate([[0], np.cumsum(np.where(sort, counts, 0))])
    upto_edges = (
        up_to[cells_of_edges]
        + edges.shifted(inside).searchsorted(edges.offsets, side="right")
        - before[cells_of_edges]
    )
    # Where an edge ends its cell, all of that cell lies up to it.
    whole = (n_edges[cells_of_edges] == 1) & ~(sort | once)[cells_of_edges]
    upto_edges += np.where(whole, counts[cells_of_edges], 0)
    if once.any():
        upto_edges += _upto(edges, cells_of_edges, once, cells, found)[cells_of_edges]
    # An edge in a cell without values: nothing was taken out there, so both sides agree.
    counted = Counted(
        counts=np.diff(upto_edges, prepend=0, append=m),
        n_missing=celled.n_missing,
        lowest=float(np.fmin.reduce(values) if celled.n_missing else lowest),
        highest=float(np.fmax.reduce(values) if celled.n_missing else highest),
    )
    if steps is None or reference is None:
        return counted, None
    distance = steps.largest(reference, inside, up_to, before, m)
    return counted, ks_of_distance(distance, len(reference), m)


@dataclass(frozen=True, slots=True)
class _Steps:
    """Where the two distribution functions may lie farthest apart.

    Args:
        at_ends: the largest distance at the ends of cells.
        cells: places of those inside which it may be larger, ascending.
        first, last: which reference values are in each; the last is not.
    """

    at_ends: float
    cells: NDArray[np.intp]
    first: NDArray[np.intp]
    last: NDArray[np.intp]

    @classmethod
    def of(
        cls,
        edges: Edges,
        reference: Ordered,
        factor: np.float32,
        up_to: NDArray[np.int64],
        cells_of_edges: NDArray[np.intp],
    ) -> _Steps:
        """Compare the reference with the current counts up to each cell, shape (cells + 1,).

        First from edge to edge, then cell by cell where more may lie between two of them.
        """
        shifted, n, m = edges.shifted(reference), len(reference), up_to[-1]

        def ref_up_to(places: NDArray[np.intp]) -> NDArray[np.intp]:
            found = shifted.searchsorted(ends_of_places(places, factor), side="right")
            found[places == N_CELLS - 1] = n
            return found

        ends = np.unique(np.append(cells_of_edges, N_CELLS - 1))
        ref, current = ref_up_to(ends) / n, up_to[ends + 1] / m
        best = float(np.abs(ref - current).max())
        more = _most(ref, current) > best
        starts = np.concatenate([[0], ends[:-1] + 1])
        inside = _ranges(starts[more], (ends - starts + 1)[more])
        last = ref_up_to(inside)
        first = np.where(inside > 0, ref_up_to(inside - 1), 0)
        ref, current = last / n, up_to[inside + 1] / m
        best = max(best, float(np.abs(ref - current).max(initial=0.0)))
        # Inside a cell one side may have all its values before the other has any.
        most = np.maximum(ref - up_to[inside] / m, current - first / n)
        kept = (most > best) & (last > first)
        return cls(best, inside[kept], first[kept], last[kept])

    def largest(
        self,
        reference: Ordered,
        inside: Ordered,
        up_to: NDArray[np.int64],
        before: NDArray[np.int64],
        m: int,
    ) -> float:
        """The largest distance anywhere: at the ends of cells, and inside those it may lie in."""
        filled = before[self.cells + 1] > before[self.cells]
        cells, first, last = self.cells[filled], self.first[filled], self.last[filled]
        if len(cells) == 0:
            return self.at_ends
        sizes = last - first
        points = reference[_ranges(first, sizes)]
        base = np.repeat(up_to[cells] - before[cells], sizes)
        found = self.at_ends
        n = len(reference)
        for side in _SIDES:
            ref = np.searchsorted(reference, points, side=side) / n
            current = (base + np.searchsorted(inside, points, side=side)) / m
            found = max(found, float(np.abs(ref - current).max()))
        return found


def _most(ref: Floats, current: Floats) -> Floats:
    """How far the functions may lie apart before each of some points, where they are known."""
    ref_before, before = np.append(0.0, ref[:-1]), np.append(0.0, current[:-1])
    most: Floats = np.maximum(ref - before, current - ref_before)
    return most


def _ranges(firsts: NDArray[np.intp], sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    """The numbers from each first on, so many of them, one range after the other."""
    before = np.cumsum(sizes) - sizes
    return np.repeat(firsts - before, sizes) + np.arange(sizes.sum())


def _celled(
    edges: Edges, values: NDArray[np.generic], factor: np.float32, *, gaps: bool = False
) -> _Celled:
    """The cells of values, of which none is missing unless there are ``gaps``."""
    cells = np.empty(len(values), np.uint16)
    raw = np.zeros(N_CELLS, np.int64)
    n_missing = 0
    for start in range(0, len(values), _CHUNK):
        chunk = edges.shifted(values[start : start + _CHUNK]).astype(np.float32, copy=False)
        if gaps:
            missing = np.isnan(chunk)
            n_missing += int(missing.sum())
            chunk[missing] = np.inf
        cells[start : start + _CHUNK] = cells_of(chunk, factor)
    for start in range(0, len(values), _COUNTED):
        raw += np.bincount(cells[start : start + _COUNTED], minlength=N_CELLS)
    counts = _ascending(raw)
    counts[-1] -= n_missing
    return _Celled(cells, counts, n_missing)


def _rows_in(
    cells: NDArray[np.uint16], wanted: NDArray[np.bool_], counts: NDArray[np.int64]
) -> NDArray[np.intp]:
    """The rows in wanted cells; ``wanted`` and ``counts`` stand in ascending order."""
    flags = _by_cell(wanted)
    places = np.flatnonzero(flags)
    if not len(places):
        return np.empty(0, np.intp)
    # Wanted cells mostly are neighbours, and comparing costs a tenth of looking up.
    borders = np.flatnonzero(np.diff(places) > _NEAR)
    firsts, lasts = places[[0, *(borders + 1)]], places[[*borders, -1]]
    up_to = np.concatenate([[0], np.cumsum(_by_cell(counts))])
    n_near = (up_to[lasts + 1] - up_to[firsts]).sum()
    compare = len(firsts) <= _FEW and n_near * _TOO_MANY <= len(cells)
    spans = list(zip(firsts.tolist(), lasts.tolist(), strict=True)) if compare else []
    found: list[NDArray[np.intp]] = []
    for start in range(0, len(cells), _COUNTED):
        part = cells[start : start + _COUNTED]
        rows = _near(part, spans) if compare else np.flatnonzero(np.take(flags, part))
        if compare:
            rows = rows[np.take(flags, part[rows])]
        found.append(rows + start)
    return np.concatenate(found)


def _near(cells: NDArray[np.uint16], spans: list[tuple[int, int]]) -> NDArray[np.intp]:
    """The rows in any of some spans of cells, ends included."""
    near = np.zeros(len(cells), np.bool_)
    for first, last in spans:
        near |= cells - np.uint16(first) <= np.uint16(last - first)
    return np.flatnonzero(near)


def _ascending(by_cell: NDArray[_T]) -> NDArray[_T]:
    """What stands by cell, in ascending order."""
    return np.concatenate([by_cell[: HALF - 1 : -1], by_cell[:HALF]])


def _by_cell(places: NDArray[_T]) -> NDArray[_T]:
    """What stands in ascending order, by cell."""
    return np.concatenate([places[HALF:], places[:HALF][::-1]])


def _upto(
    edges: Edges,
    cells_of_edges: NDArray[np.intp],
    once: NDArray[np.bool_],
    cells: NDArray[np.uint16],
    values: NDArray[np.generic],
) -> NDArray[np.intp]:
    """How many values of each cell, in ascending order, lie up to the one edge that cuts it."""
    limits = np.full(N_CELLS, -np.inf, np.float32)
    limits[cells_of_edges] = edges.offsets
    limits[~once] = -np.inf
    below = edges.shifted(values) <= np.take(_by_cell(limits), cells)
    return _ascending(np.bincount(cells[below], minlength=N_CELLS))
