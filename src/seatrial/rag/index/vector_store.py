"""The port of vector stores: vectors under keys, with the metadata that conditions ask about.

By default an index searches its own vectors (`Index.dense`) and needs none; stores are servers that
hold a copy of them (`mirror`). Documents, chunks and the text index stay with
seatrial in every case, so an answer cites the same spans wherever the vectors lie. The suite
`seatrial.testing.VectorStoreSuite` says what an adapter must do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.checking import check_metadata, check_vectors
from seatrial.rag.index.failures import NotInIndex
from seatrial.rag.index.passage import Hits
from seatrial.rag.index.reading import Scope
from seatrial.rag.text.document import Metadata

Idf: TypeAlias = Callable[[Sequence[str]], NDArray[np.float64]]
"""The inverse document frequency of each of some words; see `reading.Index.idf`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One chunk in a vector store.

    Args:
        key: of the chunk, >= 0; never used again for another.
        vector: unit length, float32 (dimensions,).
        words: of the document's title and the chunk, as `words.WORDS` compares them, each as often
            as it occurs: stores search these, whatever their own analysis would make of a text.
    """

    key: int
    vector: NDArray[np.float32]
    document: str
    words: Sequence[str]
    metadata: Metadata
    readers: frozenset[str] | None


class VectorStore(Protocol):
    """One collection: the vectors of one version of one index.

    All methods may be called from several threads at once. What a method wrote is found by the
    next search of the same process.
    """

    def upsert(self, points: Sequence[Point]) -> None:
        """Write or replace; all or none of them where the store can. Durable on return.

        Raises: VectorInvalid, Unavailable.
        """
        ...

    def delete(self, keys: Sequence[int]) -> None:
        """Forget; unknown keys are no error."""
        ...

    def search(self, vector: NDArray[np.float32], k: int, scope: Scope) -> Hits:
        """The nearest by cosine within the scope: conditions and access lists hold inside the
        store, before the k best are chosen."""
        ...

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
        """The best by vector and by words, fused by the store in one request. The scope holds
        inside the store for both, before the k best are chosen; without words it is `search`, but
        for its scores.

        Args:
            words: of a question, as those of a point; what is spelt alike is the same word.
            dense_weight: share of the vector in the fusion, in [0, 1].
            idf: how much words tell, > 0, for stores that cannot count how many chunks have one;
                None: all alike, there.
        Returns: scores fall, are >= 0 and have no unit.
        Raises: Unsupported, where the store or the collection has no such search.
        """
        ...

    def keys(self) -> Iterator[NDArray[np.int64]]:
        """All keys, in batches: what an audit compares."""
        ...

    def vectors(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """Vectors (n, dimensions) in the order of `keys`. Raises: NotInIndex."""
        ...

    def drop(self) -> None:
        """Remove the collection; one that is not there is no error."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


def rows_of(points: Sequence[Point], dimensions: int) -> NDArray[np.float32]:
    """The vectors of points (n, dimensions), checked with what is kept beside them.

    Raises: VectorInvalid, DocumentRefused.
    """
    rows = np.empty((len(points), dimensions), np.float32)
    for row, point in zip(rows, points, strict=True):
        check_vectors(point.vector[None], dimensions)
        check_metadata(point.document, point.metadata)
        row[:] = point.vector
    return rows


def query_of(vector: NDArray[np.float32], dimensions: int) -> list[float]:
    """The vector of a question, checked, as clients send it.   Raises: VectorInvalid."""
    check_vectors(np.atleast_2d(vector), dimensions)
    numbers: list[float] = vector.tolist()
    return numbers


def sorted_hits(found: Iterable[tuple[int, float]], k: int) -> Hits:
    """The best k of keys and scores, in the order that `Hits` has."""
    best = sorted(found, key=lambda one: (-one[1], one[0]))[:k]
    keys = np.array([key for key, _ in best], np.int64)
    return Hits(keys, np.array([score for _, score in best], np.float32))


def in_order(
    found: Mapping[int, Sequence[float] | NDArray[np.float32]], keys: Sequence[int], dimensions: int
) -> NDArray[np.float32]:
    """Vectors (n, dimensions) in the order of keys.   Raises: NotInIndex."""
    lost = [key for key in keys if key not in found]
    if lost:
        raise NotInIndex(
            f"The vector store lacks {len(lost)} of {len(keys)} vectors, that of chunk {lost[0]} "
            "among them.",
            remedy="Audit the index, and build it anew.",
            keys=lost[:20],
        )
    rows = np.empty((len(keys), dimensions), np.float32)
    for row, key in zip(rows, keys, strict=True):
        row[:] = found[key]
    return rows
