"""What is kept of many vectors: exact sums of each half, and a fair choice of rows. Both add up.

The halves are of rows by their own value (`whole_vectors.WholeBlock.halves`): what one half shows
can be put to the test on the other, and copies of a row are in the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.whole_vectors import MOST, STEP, Floats, Hashes, WholeBlock

Ints = NDArray[np.int64]

LEVEL, SPREAD = 0, 1
"""The two views of a vector: its coordinates, and their absolute values."""

SAMPLE_BYTES = 2**20
_FEWEST, _MOST_KEPT = 256, 4_096


def capacity(width: int) -> int:
    """Rows kept of vectors of ``width`` numbers: about a megabyte of them, in [256, 4096]."""
    return max(_FEWEST, min(_MOST_KEPT, SAMPLE_BYTES // (2 * max(1, width))))


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over rows.

    Args:
        n: shape (2,), rows of each half.
        sums: shape (2, 2, d), of each half and view, in 1/256 of a unit.
    """

    n: Ints
    sums: Ints

    @classmethod
    def none(cls, width: int) -> Moments:
        """Of no rows."""
        return cls(np.zeros(2, np.int64), np.zeros((2, 2, width), np.int64))

    @classmethod
    def of(cls, block: WholeBlock) -> Moments:
        """Of the rows of a block, at most `whole_vectors.BLOCK`."""
        halves = block.halves
        of_half = np.stack([halves == 0, halves == 1]).astype(np.float32)
        sums = np.stack([of_half @ block.level, of_half @ block.spread], axis=1)
        return cls(np.bincount(halves, minlength=2).astype(np.int64), sums.astype(np.int64))

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.n + other.n, self.sums + other.sums)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Moments)
            and np.array_equal(self.n, other.n)
            and np.array_equal(self.sums, other.sums)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def means(self) -> Floats:
        """Shape (2, 2, d), of each half and view, in units; 0 where a half has no rows."""
        per_row = np.maximum(self.n, 1)[:, None, None] * float(STEP)
        found: Floats = self.sums / per_row
        return found


@dataclass(frozen=True, slots=True, eq=False)
class RowSample:
    """The distinct rows with the smallest hashes, each with how often it was there.

    A row that is among them in the whole is among them in every part it is in, so none of its
    copies is ever left out, and adding parts gives what one pass over all rows gives.

    Args:
        hashes: shape (k,), ascending, distinct, at most `capacity`.
        counts: shape (k,), > 0.
        rows: shape (k, d), int16, as `WholeBlock.level`.
    """

    hashes: Hashes
    counts: Ints
    rows: NDArray[np.int16]

    @classmethod
    def none(cls, width: int) -> RowSample:
        """Of no rows."""
        return cls(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros((0, width), np.int16))

    @classmethod
    def of(cls, block: WholeBlock, *, below: int | None = None) -> RowSample:
        """Of the rows of a block.

        Args: ``below``: leave out rows with a larger hash, which could not be kept anyway.
        """
        some = np.arange(len(block.hashes))
        if below is not None:
            some = np.flatnonzero(block.hashes <= np.uint64(below))
        hashes, first, counts = np.unique(block.hashes[some], return_index=True, return_counts=True)
        kept = slice(capacity(block.level.shape[1]))
        rows = block.level[some[first[kept]]].astype(np.int16)
        return cls(hashes[kept], counts[kept].astype(np.int64), rows)

    @classmethod
    def union(cls, parts: Sequence[RowSample]) -> RowSample:
        """Of the rows of all parts, at least one part."""
        every = np.concatenate([part.hashes for part in parts])
        hashes, first, place = np.unique(every, return_index=True, return_inverse=True)
        counts = np.zeros(len(hashes), np.int64)
        np.add.at(counts, place, np.concatenate([part.counts for part in parts]))
        rows = np.concatenate([part.rows for part in parts])
        kept = slice(capacity(rows.shape[1]))
        return cls(hashes[kept], counts[kept], rows[first[kept]])

    def __add__(self, other: RowSample) -> RowSample:
        return RowSample.union([self, other])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, RowSample)
            and np.array_equal(self.hashes, other.hashes)
            and np.array_equal(self.counts, other.counts)
            and np.array_equal(self.rows, other.rows)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def full(self) -> bool:
        """Whether rows were left out, or the next one may be."""
        return len(self.hashes) >= capacity(self.rows.shape[1])

    def half(self, which: int) -> tuple[Floats, Ints]:
        """Rows of a half in units, shape (k, d), and how often each was there."""
        mine = (self.hashes & np.uint64(1)) == np.uint64(which)
        return self.rows[mine] / float(STEP), self.counts[mine]


def well_formed(moments: Moments, sample: RowSample, width: int) -> bool:
    """Whether stored arrays can be of vectors of this width."""
    k = len(sample.hashes)
    return (
        moments.n.shape == (2,)
        and moments.sums.shape == (2, 2, width)
        and bool((moments.n >= 0).all())
        and bool((np.abs(moments.sums).max(axis=(1, 2)) <= moments.n * MOST * STEP).all())
        and sample.counts.shape == (k,)
        and sample.rows.shape == (k, width)
        and k <= capacity(width)
        and bool((sample.hashes[1:] > sample.hashes[:-1]).all())
        and bool((sample.counts > 0).all())
        and int(sample.counts.sum()) <= int(moments.n.sum())
        and bool((np.abs(sample.rows.astype(np.int64)) <= MOST * STEP).all())
    )
