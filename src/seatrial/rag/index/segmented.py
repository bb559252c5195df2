"""A version of an index, made of segments of which some documents count."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.bm25 import Bm25, Searched
from seatrial.rag.index.checking import check_vector
from seatrial.rag.index.codes import Codes, Products
from seatrial.rag.index.columns import documents_holding, readable
from seatrial.rag.index.failures import NotInIndex, Unsupported
from seatrial.rag.index.legs import both_of
from seatrial.rag.index.nearest import Nearest
from seatrial.rag.index.passage import NO_HITS, Candidates, Hits, Passage
from seatrial.rag.index.postings import Analysis
from seatrial.rag.index.ranking import among_best, best, best_and, cosines, joined
from seatrial.rag.index.reading import IndexFacts, Scope
from seatrial.rag.index.segment import Segment
from seatrial.rag.index.whole import MOST, Whole
from seatrial.rag.text.document import Document, Outline

_FEW = 512 * 384
"""Numbers of vectors that are multiplied as they are, out of however many."""

_ALL = 1_536 * 384
"""Numbers of vectors that stay in the processor's cache, and are multiplied as they are; of more,
the codes are looked at first."""


@dataclass(frozen=True, slots=True)
class Part:
    """A segment as one version sees it.

    Args:
        first_key: the key of its chunk 0.
        dead: int32, rising: documents that this version does not have.
    """

    segment: Segment
    first_key: int
    dead: NDArray[np.int32]


class SegmentedIndex:
    """`reading.Index` over segments.

    Dense search finds what all products would find. Of more than a few vectors it computes those
    alone that their codes do not rule out.

    Args:
        products: of codes; None: all products of vectors are computed.
    """

    def __init__(
        self,
        facts: IndexFacts,
        parts: Sequence[Part],
        analysis: Analysis,
        products: Products | None = None,
    ) -> None:
        self._facts = facts
        self._parts = parts
        self._analysis = analysis
        self._products = products
        self._alive = [_alive(part) for part in parts]

    @property
    def facts(self) -> IndexFacts:
        """See Index."""
        return self._facts

    def dense(self, vector: NDArray[np.float32], k: int, scope: Scope) -> Hits:
        """See Index. Raises: VectorInvalid, Unsupported (an index without vectors)."""
        query = self._checked(vector)
        if k < 1 or not self._parts:
            return NO_HITS
        rows = [self._rows(number, scope) for number in range(len(self._parts))]
        if self._n_rows * len(query) <= _ALL:
            return self._best(query, k, rows)
        n = sum(
            part.segment.n_chunks if chosen is None else len(chosen)
            for part, chosen in zip(self._parts, rows, strict=True)
        )
        if n * len(query) <= _FEW:
            return self._best(query, k, rows)
        return self._nearest(query, k, rows)

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
        words = self._analysis.words(text)
        if k < 1 or not words:
            return NO_HITS
        searched: list[tuple[Part, NDArray[np.intp] | None]] = []
        found: list[NDArray[np.float32]] = []
        for number, scores in enumerate(self._bm25.scores(words)):
            if scores is not None:
                rows = self._rows(number, scope)
                searched.append((self._parts[number], rows))
                found.append(scores if rows is None else scores[rows])
        if not found:
            return NO_HITS
        of_all = joined(found)
        at = among_best(of_all, max(k, within), above=0)  # a row without any of the words has 0
        keys: list[NDArray[np.int64]] = []
        start = first = 0
        for (part, rows), held in zip(searched, found, strict=True):
            end = start + len(held)
            last = int(at.searchsorted(end))
            here = at[first:last] - start
            keys.append((here if rows is None else rows[here]) + part.first_key)
            start, first = end, last
        return best_and(joined(keys), of_all[at], k, also, max(k, within))

    def both(
        self, vector: NDArray[np.float32], text: str, k: int, scope: Scope, *, within: int
    ) -> Candidates:
        """See Index. Raises: VectorInvalid, Unsupported (an index without vectors)."""
        whole = self._whole
        if whole is None or k >= self._n_rows or self._rows(0, scope) is not None:
            return both_of(self, vector, text, k, scope, within=within)
        return whole.both(self._checked(vector), self._analysis.words(text), k)

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
        return self._bm25.idf(words)

    def passages(self, keys: Sequence[int]) -> list[Passage]:
        """See Index."""
        if (plain := self._plain_rows(keys)) is not None:
            return self._read(0, plain)
        rows: dict[int, list[int]] = {}
        for key in keys:
            number, row = self._place(key)
            rows.setdefault(number, []).append(row)
        found = {number: self._read(number, some) for number, some in rows.items()}
        if len(found) == 1:
            return found.popitem()[1]
        by_key = {passage.key: passage for some in found.values() for passage in some}
        return [by_key[key] for key in keys]

    def vectors(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """See Index. Raises: Unsupported, of an index without vectors."""
        self._need_vectors()
        if (plain := self._plain_rows(keys)) is not None:
            return self._parts[0].segment.vectors.take(plain, axis=0)
        asked = np.array(keys, np.int64)
        numbers = self._first_keys.searchsorted(asked, side="right") - 1
        vectors = np.empty((len(asked), self._dimensions), np.float32)
        for number in set(numbers.tolist()):
            at = np.flatnonzero(numbers == number)
            vectors[at] = self._parts[number].segment.vectors[self._rows_there(number, asked[at])]
        return vectors

    def keys(self) -> NDArray[np.int64]:
        """See Index."""
        found = [
            np.arange(part.segment.n_chunks, dtype=np.int64)[slice(None) if rows is None else rows]
            + part.first_key
            for part, rows in zip(self._parts, self._alive, strict=True)
        ]
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def outline(self, key: int) -> Outline:
        """See Index."""
        number, row = self._place(key)
        return self._parts[number].segment.outline(row)

    def document(self, name: str) -> Document:
        """See Index."""
        if name not in self._documents:
            raise NotInIndex(
                f"The index {self._facts.name!r} has no document {name!r} in version"
                f" {self._facts.version}.",
                remedy="Ask for one that a search or `documents` names.",
            )
        number, document = self._documents[name]
        return self._parts[number].segment.document(document)

    def documents(self) -> Iterable[str]:
        """See Index."""
        return sorted(self._documents)

    @cached_property
    def _bm25(self) -> Bm25:
        return Bm25(
            [
                Searched(part.segment.postings, rows)
                for part, rows in zip(self._parts, self._alive, strict=True)
            ]
        )

    @cached_property
    def _whole(self) -> Whole | None:
        """Its one segment; None where it has more, or too many chunks to look at all of them."""
        codes = self._codes
        if self._products is None or codes is None or len(self._parts) != 1:
            return None
        (part,) = self._parts
        if part.segment.n_chunks > MOST:
            return None
        return Whole(part.segment.vectors, codes[0], self._products, self._bm25, part.first_key)

    @cached_property
    def _documents(self) -> dict[str, tuple[int, int]]:
        found = {}
        for number, part in enumerate(self._parts):
            dead = set(part.dead.tolist())
            for document, (name, _) in enumerate(part.segment.names):
                if document not in dead:
                    found[name] = (number, document)
        return found

    @cached_property
    def _n_rows(self) -> int:
        return sum(part.segment.n_chunks for part in self._parts)

    @cached_property
    def _firsts(self) -> list[int]:
        return [part.first_key for part in self._parts]

    @cached_property
    def _codes(self) -> list[Codes] | None:
        """Of each part; None where one has none."""
        codes = [held for part in self._parts if (held := part.segment.codes) is not None]
        return codes if len(codes) == len(self._parts) else None

    @cached_property
    def _first_keys(self) -> NDArray[np.int64]:
        return np.array(self._firsts, np.int64)

    @property
    def _dimensions(self) -> int:
        return self._parts[0].segment.vectors.shape[1] if self._parts else 0

    def _rows(self, number: int, scope: Scope) -> NDArray[np.intp] | None:
        """The chunks of a part that are in a scope, in order; None: all."""
        segment = self._parts[number].segment
        alive = self._alive[number]
        documents: NDArray[np.integer[Any]] | None = None
        if scope.where is not None:
            documents = documents_holding(scope.where, segment.column, segment.n_documents)
        if scope.readers is not None and segment.is_restricted:
            may = readable(segment.groups, segment.restricted, scope.readers)
            documents = np.flatnonzero(may) if documents is None else documents[may[documents]]
        if documents is None:
            return None if alive is None else np.flatnonzero(alive)
        rows = segment.rows_of(documents)
        return rows if alive is None else rows[alive[rows]]

    def _nearest(
        self, query: NDArray[np.float32], k: int, chosen: Sequence[NDArray[np.intp] | None]
    ) -> Hits:
        """The same as `_best`, of many."""
        codes = self._codes
        if self._products is None or codes is None:
            return self._best(query, k, chosen)
        nearest = Nearest(query, k, self._products)
        for part, held, rows in zip(self._parts, codes, chosen, strict=True):
            nearest.look(part.segment.vectors, held, part.first_key, rows)
        return nearest.hits()

    def _best(
        self, query: NDArray[np.float32], k: int, chosen: Sequence[NDArray[np.intp] | None]
    ) -> Hits:
        """The best of these rows of each part by all their products; None: of all."""
        keys: list[NDArray[np.int64]] = []
        scores: list[NDArray[np.float32]] = []
        for part, rows in zip(self._parts, chosen, strict=True):
            vectors = part.segment.vectors
            inside = np.arange(len(vectors)) if rows is None else rows
            if 2 * len(inside) > len(vectors):  # faster than to gather most of them
                found = cosines(vectors, query)
                scores.append(found if rows is None else found[rows])
            else:
                scores.append(cosines(vectors.take(inside, axis=0, mode="clip"), query))
            keys.append(inside + part.first_key)
        return best(np.concatenate(keys), np.concatenate(scores), k)

    def _checked(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        self._need_vectors()
        query = np.ascontiguousarray(vector, np.float32)
        if self._parts:
            check_vector(query, self._dimensions)
        return query

    def _need_vectors(self) -> None:
        if self._facts.embedder is None:
            raise Unsupported(
                f"The index {self._facts.name!r} was built without an embedder and has no vectors.",
                remedy="Search its words, or build it with an embedder.",
            )

    def _read(self, number: int, rows: Sequence[int]) -> list[Passage]:
        part = self._parts[number]
        return part.segment.passages(rows, part.first_key)

    def _plain_rows(self, keys: Sequence[int]) -> list[int] | None:
        """The rows of keys, where there is but one part, all of which counts."""
        if not keys or len(self._parts) != 1 or self._alive[0] is not None:
            return None
        first = self._parts[0].first_key
        is_there = first <= min(keys) and max(keys) < first + self._n_rows
        return [key - first for key in keys] if is_there else None

    def _place(self, key: int) -> tuple[int, int]:
        """The part of a key and its row there."""
        number = bisect_right(self._firsts, key) - 1
        if number >= 0:
            part, alive = self._parts[number], self._alive[number]
            row = int(key) - part.first_key
            if row < part.segment.n_chunks and (alive is None or alive[row]):
                return number, row
        raise self._absent(key)

    def _rows_there(self, number: int, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows in a part of keys that are not below its first."""
        if number < 0:
            raise self._absent(keys[0])
        part, alive = self._parts[number], self._alive[number]
        rows = keys - part.first_key
        there = rows < part.segment.n_chunks
        if alive is not None:
            there[there] = alive[rows[there]]
        if not there.all():
            raise self._absent(keys[~there][0])
        return rows

    def _absent(self, key: int) -> NotInIndex:
        return NotInIndex(
            f"The index {self._facts.name!r} has no chunk {key} in version {self._facts.version}.",
            remedy="Ask the version whose search found it.",
        )


def _alive(part: Part) -> NDArray[np.bool_] | None:
    """Which chunks of a part count; None: all."""
    if not len(part.dead):
        return None
    documents = np.ones(part.segment.n_documents, np.bool_)
    documents[part.dead] = False
    return documents[part.segment.chunk_documents]
