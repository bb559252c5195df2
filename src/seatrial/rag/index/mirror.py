"""Vectors of an index that are searched in a store elsewhere.

The index keeps its own vectors, and what they are of; the store gets a copy of those that versions
in use need. One collection serves all of them: what it finds that a version does not have is left
out. A version whose copy is not whole is searched in its own vectors, so nothing depends on the
store's state but speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.failures import Unsupported
from seatrial.rag.index.legs import both_of
from seatrial.rag.index.passage import NO_HITS, Candidates, Hits, Passage
from seatrial.rag.index.reading import Index, IndexFacts, Scope
from seatrial.rag.index.vector_store import Point, VectorStore, sorted_hits
from seatrial.rag.index.weaken import best
from seatrial.rag.index.words import WORDS, titled
from seatrial.rag.text.document import Document, Outline

_BATCH = 256
_MOST = 10_000


def copy_vectors(
    index: Index,
    vectors: VectorStore,
    *,
    held: NDArray[np.int64] | None = None,
    told: Callable[[int, int], None] = lambda *_: None,
) -> int:
    """Copy to a store what it lacks of a version.

    Args:
        held: keys that need no copying; None: those that the store has.
        told: hears of progress, as copied and to be copied.
    Returns: how many were copied.   Raises: VectorsUnavailable; what was copied stays.
    """
    missing = np.setdiff1d(index.keys(), held_by(vectors) if held is None else held).tolist()
    for start in range(0, len(missing), _BATCH):
        keys = missing[start : start + _BATCH]
        rows = index.vectors(keys)
        passages = index.passages(keys)
        readers = {one.document: index.document(one.document).readers for one in passages}
        vectors.upsert(
            [
                Point(
                    key=passage.key,
                    vector=row,
                    document=passage.document,
                    words=WORDS.words(titled(passage.title, passage.text)),
                    metadata=passage.metadata,
                    readers=readers[passage.document],
                )
                for passage, row in zip(passages, rows, strict=True)
            ]
        )
        told(min(start + _BATCH, len(missing)), len(missing))
    return len(missing)


def drop_unused(indexes: Iterable[Index], vectors: VectorStore) -> int:
    """Take out of a store what none of these versions has.   Returns: how many."""
    used = [index.keys() for index in indexes]
    unused = np.setdiff1d(held_by(vectors), np.concatenate(used) if used else [])
    vectors.delete(unused.tolist())
    return len(unused)


def held_by(vectors: VectorStore) -> NDArray[np.int64]:
    """The keys of all that a store has."""
    batches = list(vectors.keys())
    return np.concatenate(batches) if batches else np.empty(0, np.int64)


class MirroredIndex:
    """See `reading.Index`: vectors are searched in the store, all else in the index.

    Args:
        index: a version, all of whose vectors the store has.
        has_words: whether the store has their words, too.
    """

    def __init__(self, index: Index, vectors: VectorStore, *, has_words: bool = True) -> None:
        self._index, self._vectors, self._has_words = index, vectors, has_words
        self._keys = index.keys()

    @property
    def facts(self) -> IndexFacts:
        """See Index."""
        return self._index.facts

    def dense(self, vector: NDArray[np.float32], k: int, scope: Scope) -> Hits:
        """See Index.   Raises: VectorsUnavailable, ScopeTooNarrow."""
        if k < 1:
            return NO_HITS

        def find(n: int) -> Sequence[tuple[int, float]]:
            return _pairs(self._vectors.search(vector, n, scope))

        return sorted_hits(best(find, k, lambda one: self._has(one[0]), most=_MOST), k)

    def hybrid(
        self,
        vector: NDArray[np.float32],
        text: str,
        k: int,
        scope: Scope,
        *,
        dense_weight: float,
    ) -> Hits | None:
        """See Index.   Raises: VectorsUnavailable, ScopeTooNarrow."""
        if not self._has_words:
            return None
        if k < 1:
            return NO_HITS
        words = WORDS.words(text)

        def find(n: int) -> Sequence[tuple[int, float]]:
            return _pairs(
                self._vectors.hybrid(
                    vector, words, n, scope, dense_weight=dense_weight, idf=self._index.idf
                )
            )

        try:
            return sorted_hits(best(find, k, lambda one: self._has(one[0]), most=_MOST), k)
        except Unsupported:
            return None

    def lexical(
        self,
        text: str,
        k: int,
        scope: Scope,
        *,
        also: NDArray[np.int64] = NO_HITS.keys,
        within: int = 0,
    ) -> Hits:
        """See Index."""
        return self._index.lexical(text, k, scope, also=also, within=within)

    def both(
        self, vector: NDArray[np.float32], text: str, k: int, scope: Scope, *, within: int
    ) -> Candidates:
        """See Index."""
        return both_of(self, vector, text, k, scope, within=within)

    def idf(self, words: Sequence[str]) -> NDArray[np.float64]:
        """See Index."""
        return self._index.idf(words)

    def passages(self, keys: Sequence[int]) -> list[Passage]:
        """See Index."""
        return self._index.passages(keys)

    def vectors(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """See Index."""
        return self._index.vectors(keys)

    def keys(self) -> NDArray[np.int64]:
        """See Index."""
        return self._keys

    def outline(self, key: int) -> Outline:
        """See Index."""
        return self._index.outline(key)

    def document(self, name: str) -> Document:
        """See Index."""
        return self._index.document(name)

    def documents(self) -> Iterable[str]:
        """See Index."""
        return self._index.documents()

    def _has(self, key: int) -> bool:
        at = int(np.searchsorted(self._keys, key))
        return at < len(self._keys) and self._keys[at] == key


def _pairs(hits: Hits) -> Sequence[tuple[int, float]]:
    return list(zip(hits.keys.tolist(), hits.scores.tolist(), strict=True))
