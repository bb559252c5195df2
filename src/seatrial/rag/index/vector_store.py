"""The port of vector stores: vectors under keys, with the metadata that conditions ask about.

The embedded one is the default; others are servers. Documents, chunks and the text index stay with
seatrial in every case, so an answer cites the same spans wherever the vectors lie. The suite
`seatrial.testing.VectorStoreSuite` says what an adapter must do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.passage import Hits
from seatrial.rag.index.reading import Scope
from seatrial.rag.text.document import Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One chunk in a vector store.

    Args:
        key: of the chunk, >= 0; never used again for another.
        vector: unit length, float32 (dimensions,).
        text: of the chunk, for stores that search text themselves.
    """

    key: int
    vector: NDArray[np.float32]
    document: str
    text: str
    metadata: Metadata
    readers: frozenset[str] | None


class VectorStore(Protocol):
    """One collection: the vectors of one version of one index.

    All methods may be called from several threads at once. What a method wrote is found by the
    next search of the same process.
    """

    def upsert(self, points: Sequence[Point]) -> None:
        """Write or replace; all or none of them where the store can. Durable on return.

        Raises: Unavailable, Invalid (a vector of another length, NaN).
        """
        ...

    def delete(self, keys: Sequence[int]) -> None:
        """Forget; unknown keys are no error."""
        ...

    def search(self, vector: NDArray[np.float32], k: int, scope: Scope) -> Hits:
        """The nearest by cosine within the scope: conditions and access lists hold inside the
        store, before the k best are chosen."""
        ...

    def search_text(self, text: str, k: int, scope: Scope) -> Hits:
        """The store's own text search. Raises: Unsupported, where it has none."""
        ...

    def keys(self) -> Iterator[NDArray[np.int64]]:
        """All keys, in batches: what an audit compares."""
        ...

    def vectors(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """Vectors (n, dimensions) in the order of `keys`. Raises: NotFound."""
        ...

    def drop(self) -> None:
        """Remove the collection; one that is not there is no error."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...
