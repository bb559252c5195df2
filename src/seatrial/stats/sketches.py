"""Latencies as counts on fixed edges: small, mergeable, exact to one percent.

The edges are the same for every sketch, so adding counts merges sketches and no order or partition
of the data matters. Each value lies within 1 % of the one reported for its bucket (relative error
of the DDSketch family: Masson, Rim, Lee 2019, PVLDB 12:2195). Counts are exact integers, so the
share of slow requests has no sampling error of its own: what an edge cannot decide is told apart
by `n_over` and `n_surely_over`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.kernel.errors import Invalid
from seatrial.stats.counts import BadStatistic

RELATIVE_ERROR = 0.01
LOWEST_S, HIGHEST_S = 1e-6, 1e3
_GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_N_EDGES = math.ceil(math.log(HIGHEST_S / LOWEST_S) / math.log(_GROWTH)) + 1
_EDGES = LOWEST_S * _GROWTH ** np.arange(_N_EDGES)
_EDGES.flags.writeable = False
_N_BUCKETS = _N_EDGES + 1
_VERSION = 1
_MOST = 2**53


class BadSketch(Invalid):
    """Bytes that are not a latency sketch this version can read."""

    code = "stats.bad_sketch"


class LatencySketch:
    """How many latencies fell into each bucket. Immutable.

    Bucket b holds ``edge[b-1] < x <= edge[b]``; the first holds everything up to 1 microsecond and
    the last everything over 1,000 seconds.

    Args:
        counts: shape (n_buckets,), int64, >= 0; taken over, not copied.

    Example:
        >>> sketch = LatencySketch.of([0.010, 0.020]) + LatencySketch.of([0.500])
        >>> sketch.n, sketch.n_over(0.1), round(sketch.quantile(0.5), 3)
        (3, 1, 0.02)
    """

    __slots__ = ("_counts", "n")

    n: int
    """Number of latencies."""

    def __init__(self, counts: NDArray[np.int64]) -> None:
        counts.flags.writeable = False
        self._counts = counts
        self.n = int(counts.sum())

    @classmethod
    def empty(cls) -> LatencySketch:
        """A sketch of nothing: the neutral element of ``+``."""
        return cls(np.zeros(_N_BUCKETS, dtype=np.int64))

    @classmethod
    def of(cls, values_s: ArrayLike) -> LatencySketch:
        """A sketch of latencies.

        Args: seconds, any shape, finite and >= 0; outside 1 us to 1,000 s they count at the end.
        Raises: BadStatistic.
        """
        values = np.asarray(values_s, dtype=np.float64).ravel()
        if not np.all((values >= 0) & np.isfinite(values)):
            wrong = values[~((values >= 0) & np.isfinite(values))][0]
            raise BadStatistic(
                f"A latency of {float(wrong)!r} s is impossible.",
                remedy="Measure durations with a monotonic clock, in seconds.",
            )
        buckets = np.searchsorted(_EDGES, values, side="left")
        return cls(np.bincount(buckets, minlength=_N_BUCKETS).astype(np.int64, copy=False))

    @classmethod
    def of_histogram(cls, at_most: Sequence[tuple[float, int]]) -> LatencySketch:
        """A sketch of latencies of which only the bucket is known.

        Each counts as slow as the upper edge of its bucket, so what is asked about such an edge is
        answered exactly, and anything else not too well.

        Args: at_most: upper edge in seconds, > 0, the last may be infinite; how many are not above
            it, >= 0. Both ascending.
        """
        counts = np.zeros(_N_BUCKETS, dtype=np.int64)
        before = 0
        for edge_s, n in at_most:
            bucket = int(np.searchsorted(_EDGES, edge_s, side="right")) - 1
            counts[_N_EDGES if math.isinf(edge_s) else max(bucket, 0)] += n - before
            before = n
        return cls(counts)

    def __add__(self, other: LatencySketch) -> LatencySketch:
        return LatencySketch(self._counts + other._counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LatencySketch) and np.array_equal(self._counts, other._counts)

    def __hash__(self) -> int:
        return hash(self._counts.tobytes())

    def __repr__(self) -> str:
        return f"LatencySketch(n={self.n})"

    def merge(self, other: LatencySketch) -> LatencySketch:
        """The sketch of both; the same as ``+``."""
        return self + other

    def quantile(self, q: float) -> float | None:
        """The latency in seconds that a share ``q`` in [0, 1] of requests does not exceed.

        Returns: within 1 % of the order statistic of rank ceil(q n); None without data.
        """
        if not self.n:
            return None
        rank = max(1, math.ceil(q * self.n))
        bucket = int(np.searchsorted(self._counts.cumsum(), rank, side="left"))
        if bucket == 0:
            return LOWEST_S
        if bucket == _N_EDGES:
            return HIGHEST_S
        return float(_EDGES[bucket]) * 2 / (1 + _GROWTH)

    def n_over(self, limit_s: float) -> int:
        """How many may have been over the limit: those in the limit's own bucket count as over."""
        return int(self._counts[np.searchsorted(_EDGES, limit_s, side="right") :].sum())

    def n_surely_over(self, limit_s: float) -> int:
        """How many were certainly over the limit."""
        return int(self._counts[np.searchsorted(_EDGES, limit_s, side="left") + 1 :].sum())

    def edge_with_at_most_over(self, n_over: int) -> float:
        """The smallest edge in seconds with at most so many latencies over it; inf if none has."""
        over = self.n - self._counts.cumsum()
        edge = int(np.searchsorted(-over, -n_over, side="left"))
        return float(_EDGES[edge]) if edge < _N_EDGES else math.inf

    def edge_with_at_least_over(self, n_over: int) -> float:
        """The largest edge in seconds with at least so many latencies over it; 0 if none has."""
        over = self.n - self._counts.cumsum()
        edge = int(np.searchsorted(-over[:_N_EDGES], -n_over, side="right")) - 1
        return float(_EDGES[edge]) if edge >= 0 else 0.0

    def encode(self) -> bytes:
        """Compact bytes: version, gaps between the buckets in use, their counts."""
        used = np.flatnonzero(self._counts)
        gaps = np.diff(used, prepend=0).tolist()
        return msgspec.msgpack.encode((_VERSION, gaps, self._counts[used].tolist()))

    @classmethod
    def decode(cls, data: bytes) -> LatencySketch:
        """The sketch that was encoded.

        Raises: BadSketch: not the bytes of a sketch, or of a version this code does not know.
        """
        try:
            version, gaps, values = msgspec.msgpack.decode(
                data, type=tuple[int, list[int], list[int]]
            )
        except msgspec.DecodeError as error:
            raise _bad(str(error)) from error
        if version != _VERSION:
            raise _bad(f"version {version} is unknown")
        used = list(accumulate(gaps))
        if len(gaps) != len(values):
            raise _bad(f"{len(gaps)} buckets but {len(values)} counts")
        if used and (used[0] < 0 or used[-1] >= _N_BUCKETS or min(gaps[1:], default=1) < 1):
            raise _bad("its buckets are out of order or out of range")
        if min(values, default=1) < 1 or sum(values) > _MOST:
            raise _bad("its counts are not positive or too large")
        counts = np.zeros(_N_BUCKETS, dtype=np.int64)
        counts[used] = values
        return cls(counts)


def _bad(why: str) -> BadSketch:
    return BadSketch(
        f"The stored latency sketch cannot be read: {why}.",
        remedy="Read it with the version of seatrial that wrote it, or drop the slice.",
    )
