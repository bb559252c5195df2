"""How many rows repeat an earlier one, from hashes: small, and whole however rows are cut.

Of all distinct hashes the smallest are kept, each with its exact number of rows. A hash that is
among the smallest of the whole is among the smallest of every part it is in, so its count is never
short of one, and adding parts gives what one pass over all rows gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

KEPT = 1_024
"""Distinct hashes kept: a share of repeats of 5 % is known to about 1 point."""

Hashes = NDArray[np.uint64]


def _none_u() -> Hashes:
    return np.empty(0, np.uint64)


def _none_i() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Repeats:
    """The smallest hashes of some rows; the neutral element of ``+`` without arguments.

    Args:
        hashes: ascending, distinct, at most `KEPT`.
        counts: rows with each.
    """

    hashes: Hashes = field(default_factory=_none_u)
    counts: NDArray[np.int64] = field(default_factory=_none_i)

    @classmethod
    def of(cls, hashes: Hashes) -> Repeats:
        """Of rows with these hashes, shape (n,), evenly spread over 64 bits."""
        # Most rows cannot be among the smallest: leave them out before sorting.
        hashes = hashes[hashes <= bound(hashes)]
        distinct, counts = np.unique(hashes, return_counts=True)
        return cls(hashes=distinct[:KEPT], counts=counts[:KEPT].astype(np.int64))

    def __add__(self, other: Repeats) -> Repeats:
        distinct, places = np.unique(
            np.concatenate([self.hashes, other.hashes]), return_inverse=True
        )
        counts = np.zeros(len(distinct), np.int64)
        np.add.at(counts, places, np.concatenate([self.counts, other.counts]))
        return Repeats(hashes=distinct[:KEPT], counts=counts[:KEPT])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Repeats)
            and np.array_equal(self.hashes, other.hashes)
            and np.array_equal(self.counts, other.counts)
        )

    def __hash__(self) -> int:
        return hash((self.hashes.tobytes(), self.counts.tobytes()))

    @property
    def share(self) -> float:
        """Share of rows that repeat an earlier one, in [0, 1]; exact up to `KEPT` distinct rows."""
        n = int(self.counts.sum())
        return 1 - len(self.hashes) / n if n else 0.0


def bound(hashes: Hashes) -> np.uint64:
    """A number up to which at least `KEPT` distinct hashes lie, and not many more; or all."""
    most = 2.0**64
    # Evenly spread distinct hashes would need this share; repeats need more.
    share = 4 * KEPT / max(1, len(hashes))
    while share < 1:
        limit = np.uint64(int(most * share))
        if len(np.unique(hashes[hashes <= limit])) >= KEPT:
            return limit
        share *= 4
    return np.uint64(2**64 - 1)
