"""The port of an index that is asked: one version, which never changes while it is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.conditions import Condition
from seatrial.rag.index.passage import NO_HITS, Candidates, Hits, Passage
from seatrial.rag.text.document import Document, Outline


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which chunks a search may find.

    Args:
        where: a condition on metadata; None: all.
        readers: groups and users the asker belongs to: documents with an access list are found
            only where one of these is on it. None: whoever asks may read everything.
    """

    where: Condition | None = None
    readers: frozenset[str] | None = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFacts:
    """What a version is made of.

    Args:
        languages: share of the chunks per language (ISO 639-1; ``""`` where it is unknown); the
            shares sum to 1.
        embedder: name of the embedder; None for an index without vectors.
    """

    name: str
    version: int
    n_documents: int
    n_chunks: int
    languages: dict[str, float]
    embedder: str | None
    chunker: str


class Index(Protocol):
    """One version of an index. All methods may be called from several threads at once."""

    @property
    def facts(self) -> IndexFacts:
        """What it is made of."""
        ...

    def dense(self, vector: NDArray[np.float32], k: int, scope: Scope) -> Hits:
        """The k chunks nearest to a unit vector (dimensions,) by cosine; fewer where fewer are
        in the scope."""
        ...

    def lexical(
        self,
        text: str,
        k: int,
        scope: Scope,
        *,
        also: NDArray[np.int64] = NO_HITS.keys,
        within: int = 0,
    ) -> Hits:
        """The k chunks with the highest BM25 for the words of a text, each above 0. The words of a
        chunk are those of its document's title and its own.

        Args:
            also: keys (n,), each once: those of them that are not among the k, but among so many
                with the highest as `within` says, follow, in the same order.
        """
        ...

    def both(
        self, vector: NDArray[np.float32], text: str, k: int, scope: Scope, *, within: int
    ) -> Candidates:
        """What `dense` finds for a vector, and `lexical` for a text and also for what that found,
        with the cosine of each, and BM25 where it is known. There may be others, of which both are
        told.

        Args: k: of each, >= 1; within: see `lexical`, >= k.
        """
        ...

    def hybrid(
        self,
        vector: NDArray[np.float32],
        text: str,
        k: int,
        scope: Scope,
        *,
        dense_weight: float,
    ) -> Hits | None:
        """The best k by a unit vector and by the words of a text, fused by the store that holds a
        copy of the vectors; None where no store does, or it has no such search.

        Args:
            dense_weight: share of the vector, in [0, 1].
        """
        ...

    def idf(self, words: Sequence[str]) -> NDArray[np.float64]:
        """The inverse document frequency (n,) of words, as its analysis gives them, > 0: how much
        each tells in all of the index, whoever asks; the most, where no chunk has it."""
        ...

    def passages(self, keys: Sequence[int]) -> list[Passage]:
        """In the order of `keys`. Raises: NotFound."""
        ...

    def vectors(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """Vectors (n, dimensions) of chunks, in the order of `keys`. Raises: NotFound."""
        ...

    def keys(self) -> NDArray[np.int64]:
        """The keys of all its chunks, rising."""
        ...

    def outline(self, key: int) -> Outline:
        """Sections and pages of the document that a chunk is of. Raises: NotFound."""
        ...

    def document(self, name: str) -> Document:
        """One document, whole, by its id. Raises: NotFound."""
        ...

    def documents(self) -> Iterable[str]:
        """The ids of all documents, sorted."""
        ...
