"""Indexes in plain memory: every search looks at every chunk, so that others can be compared."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.checking import check_vectors
from seatrial.rag.index.conditions import satisfies
from seatrial.rag.index.failures import NotInIndex, Unsupported
from seatrial.rag.index.legs import both_of
from seatrial.rag.index.passage import NO_HITS, Candidates, Hits, Passage
from seatrial.rag.index.postings import Analysis
from seatrial.rag.index.reading import IndexFacts, Scope
from seatrial.rag.index.words import searched_text
from seatrial.rag.index.writing import IndexedDocument, VersionFacts
from seatrial.rag.text.document import Document, Metadata, Outline


@dataclass(frozen=True, slots=True)
class Kept:
    """A document with the key of its first chunk."""

    indexed: IndexedDocument
    first_key: int


@dataclass(frozen=True, slots=True)
class _Row:
    """A chunk."""

    key: int
    document: Document
    chunk: Chunk
    vector: NDArray[np.float32] | None
    words: Sequence[str]

    @property
    def text(self) -> str:
        return self.document.text[self.chunk.span.start : self.chunk.span.end]


class MemoryIndex:
    """`rag.index.reading.Index` in memory."""

    def __init__(
        self, name: str, facts: VersionFacts, kept: Mapping[str, Kept], analysis: Analysis
    ) -> None:
        self._analysis = analysis
        self._documents = {name: one.indexed.document for name, one in kept.items()}
        self._rows = {row.key: row for one in kept.values() for row in _rows(one, analysis)}
        self._recipe = facts.recipe
        counts = Counter(row.document.language or "" for row in self._rows.values())
        self.facts = IndexFacts(
            name=name,
            version=facts.version,
            n_documents=facts.n_documents,
            n_chunks=facts.n_chunks,
            languages={language: n / len(self._rows) for language, n in counts.items()},
            embedder=facts.recipe.embedder,
            chunker=facts.recipe.chunker,
        )

    def dense(self, vector: NDArray[np.float32], k: int, scope: Scope) -> Hits:
        """See Index."""
        self._need_vectors()
        check_vectors(np.atleast_2d(vector), self._recipe.dimensions)
        return best_of(
            {
                row.key: float(np.dot(row.vector.astype(np.float64), vector))
                for row in self._rows.values()
                if row.vector is not None and _in_scope(row, scope)
            },
            k,
        )

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
        scores = bm25(
            {key: row.words for key, row in self._rows.items()}, self._analysis.words(text)
        )
        hits = best_of(
            {
                key: score
                for key, score in scores.items()
                if score > 0 and _in_scope(self._rows[key], scope)
            },
            max(k, within),
        )
        at = np.flatnonzero((np.arange(len(hits)) < k) | np.isin(hits.keys, also))
        return Hits(hits.keys[at], hits.scores[at])

    def both(
        self, vector: NDArray[np.float32], text: str, k: int, scope: Scope, *, within: int
    ) -> Candidates:
        """See Index."""
        return both_of(self, vector, text, k, scope, within=within)

    def hybrid(
        self,
        vector: NDArray[np.float32],
        text: str,
        k: int,
        scope: Scope,
        *,
        dense_weight: float,
    ) -> None:
        """See Index: its vectors are its own."""

    def idf(self, words: Sequence[str]) -> NDArray[np.float64]:
        """See Index."""
        rows = [row.words for row in self._rows.values()]
        return np.array([_idf(len(rows), sum(word in one for one in rows)) for word in words])

    def passages(self, keys: Sequence[int]) -> list[Passage]:
        """See Index."""
        return [_passage(self._row(key)) for key in keys]

    def vectors(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """See Index."""
        self._need_vectors()
        rows = [self._row(key).vector for key in keys]
        return np.array(rows, np.float32).reshape(len(keys), self._recipe.dimensions)

    def keys(self) -> NDArray[np.int64]:
        """See Index."""
        return np.array(sorted(self._rows), np.int64)

    def outline(self, key: int) -> Outline:
        """See Index."""
        return self._row(key).document.outline

    def document(self, name: str) -> Document:
        """See Index."""
        if name not in self._documents:
            raise NotInIndex(f"There is no document {name!r}.", remedy="Name another.")
        return self._documents[name]

    def documents(self) -> Iterable[str]:
        """See Index."""
        return sorted(self._documents)

    def _row(self, key: int) -> _Row:
        if key not in self._rows:
            raise NotInIndex(f"There is no chunk {key}.", remedy="Name another.")
        return self._rows[key]

    def _need_vectors(self) -> None:
        if self._recipe.embedder is None:
            raise Unsupported("This index has no vectors.", remedy="Search its words.")


def bm25(texts: Mapping[int, Sequence[str]], query: Sequence[str]) -> dict[int, float]:
    """The score of each text, by the formula that `rag.index.bm25` names."""
    n_words = sum(map(len, texts.values()))
    scores = dict.fromkeys(texts, 0.0)
    for word in query:
        having = {key: words.count(word) for key, words in texts.items() if word in words}
        idf = _idf(len(texts), len(having))
        for key, f in having.items():
            length = len(texts[key]) * len(texts) / n_words
            scores[key] += idf * f * 2.2 / (f + 1.2 * (0.25 + 0.75 * length))
    return scores


def _idf(n: int, n_having: int) -> float:
    return math.log(1 + (n - n_having + 0.5) / (n_having + 0.5))


def best_of(scores: Mapping[int, float], k: int) -> Hits:
    """The k highest, equal ones by rising key."""
    ranked = sorted(scores.items(), key=lambda pair: (-np.float32(pair[1]), pair[0]))[: max(k, 0)]
    if not ranked:
        return NO_HITS
    keys, values = zip(*ranked, strict=True)
    return Hits(np.array(keys, np.int64), np.clip(np.array(values, np.float32), -1, None))


def may_see(metadata: Metadata, readers: frozenset[str] | None, scope: Scope) -> bool:
    """Whether a document is in a scope."""
    if scope.where is not None and not satisfies(metadata, scope.where):
        return False
    return readers is None or scope.readers is None or bool(readers & scope.readers)


def _rows(kept: Kept, analysis: Analysis) -> Iterable[_Row]:
    document, vectors = kept.indexed.document, kept.indexed.vectors
    for number, chunk in enumerate(kept.indexed.chunks):
        words = analysis.words(searched_text(document, chunk))
        vector = None if vectors is None else vectors[number]
        yield _Row(kept.first_key + number, document, chunk, vector, words)


def _in_scope(row: _Row, scope: Scope) -> bool:
    return may_see(row.document.metadata, row.document.readers, scope)


def _passage(row: _Row) -> Passage:
    document, chunk = row.document, row.chunk
    return Passage(
        key=row.key,
        document=document.id,
        title=document.title,
        source=document.source,
        language=document.language,
        metadata=document.metadata,
        span=chunk.span,
        text=row.text,
        parent=chunk.parent,
        parent_text=document.text[chunk.parent.start : chunk.parent.end],
        n_tokens=chunk.n_tokens,
        section=chunk.section,
        page=chunk.page,
    )
