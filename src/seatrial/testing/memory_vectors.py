"""A collection of vectors in plain memory: every search looks at every vector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.checking import check_metadata, check_vectors
from seatrial.rag.index.failures import NotInIndex
from seatrial.rag.index.passage import Hits
from seatrial.rag.index.reading import Scope
from seatrial.rag.index.vector_store import Idf, Point
from seatrial.testing.memory_index import best_of, may_see


class MemoryVectors:
    """`rag.index.vector_store.VectorStore` in one process.

    Args:
        dimensions: of its vectors, >= 1.
    """

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._points: dict[int, Point] = {}  # replaced as a whole: who searches holds no lock
        self._writing = Lock()

    def upsert(self, points: Sequence[Point]) -> None:
        """See VectorStore."""
        for point in points:
            check_vectors(point.vector[None], self._dimensions)
            check_metadata(point.document, point.metadata)
        with self._writing:
            self._points = self._points | {point.key: point for point in points}

    def delete(self, keys: Sequence[int]) -> None:
        """See VectorStore."""
        gone = set(keys)
        with self._writing:
            self._points = {key: one for key, one in self._points.items() if key not in gone}

    def search(self, vector: NDArray[np.float32], k: int, scope: Scope) -> Hits:
        """See VectorStore."""
        check_vectors(np.atleast_2d(vector), self._dimensions)
        return best_of(
            {
                key: float(np.dot(point.vector.astype(np.float64), vector))
                for key, point in self._points.items()
                if may_see(point.metadata, point.readers, scope)
            },
            k,
        )

    def hybrid(
        self,
        vector: NDArray[np.float32],
        words: Sequence[str],
        k: int,
        scope: Scope,
        *,
        dense_weight: float,
        idf: Idf | None = None,
    ) -> Hits:
        """See VectorStore: the weighted mean of the cosine and of the share that a point has of
        what all words tell."""
        check_vectors(np.atleast_2d(vector), self._dimensions)
        tells = np.ones(len(words)) if idf is None else idf(words)
        share = dense_weight if words else 1.0
        return best_of(
            {
                key: share * (1 + float(np.dot(point.vector.astype(np.float64), vector))) / 2
                + (1 - share) * _told(words, tells, point) / (tells.sum() or 1.0)
                for key, point in self._points.items()
                if may_see(point.metadata, point.readers, scope)
            },
            k,
        )

    def keys(self) -> Iterator[NDArray[np.int64]]:
        """See VectorStore."""
        if self._points:
            yield np.array(sorted(self._points), np.int64)

    def vectors(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """See VectorStore."""
        points = self._points
        for key in keys:
            if key not in points:
                raise NotInIndex(f"There is no vector {key}.", remedy="Name another.")
        rows = [points[key].vector for key in keys]
        return np.array(rows, np.float32).reshape(len(keys), self._dimensions)

    def drop(self) -> None:
        """See VectorStore."""
        self._points = {}

    def close(self) -> None:
        """See VectorStore."""


def _told(words: Sequence[str], tells: NDArray[np.float64], point: Point) -> float:
    held = set(point.words)
    is_held = np.array([word in held for word in words], np.float64)
    return float(is_held @ tells)
