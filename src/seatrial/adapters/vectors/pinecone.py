"""Vectors in Pinecone: an index of dense vectors, a namespace for each collection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.vectors.remote import (
    BY,
    META,
    OPEN,
    VectorsUnavailable,
    answering,
    bounds_of,
    can_flat,
    flat,
    kept_satisfies,
    number,
    shown,
    typed_name,
)
from seatrial.adapters.vectors.sparse import ONCE, asked_of, kept_of
from seatrial.kernel.errors import MissingExtra
from seatrial.rag.index.conditions import And, Condition, Equals, In, Or, Range, Scalar
from seatrial.rag.index.failures import Unsupported
from seatrial.rag.index.passage import NO_HITS, Hits
from seatrial.rag.index.reading import Scope
from seatrial.rag.index.vector_store import (
    Idf,
    Point,
    in_order,
    query_of,
    rows_of,
    sorted_hits,
)
from seatrial.rag.index.weaken import EVERYTHING, NOTHING, best, weakened

_BATCH = 50
"""Of vectors with their words and metadata: Pinecone takes 2 MB a request."""

_FETCHED = 100
_DELETED = 1_000
_MOST = 10_000
_MOST_WORDS = 1_000
"""Different ones beside a vector: Pinecone's pages name this in one place, 2,048 in another."""

_LEAST_SHARE = 1e-6
"""Of a vector: Pinecone takes none of zeros alone."""

_NO_SPARSE = "does not support sparse values"
_FRESH_S = 10.0
_AGAIN_S = 0.1


class PineconeVectors:
    """One namespace of an index of Pinecone; see `VectorStore`.

    Pinecone shows a write some time after it took it. Searches wait until they see what this
    process wrote, by the log sequence numbers that replies carry; lists of keys have none. Of
    deletions the client tells none, so what this process deleted is left out here.

    Words lie beside a vector as sparse values where the index takes them: its metric is dotproduct,
    and it was made by Pinecone's API before 2026-07, since when an index is asked by vectors or by
    words.

    Args:
        host: of the index, as Pinecone's console shows it. The index exists, with the metric cosine
            or dotproduct, and the embedder's dimensions.
        collection: the namespace.
        dimensions: of the vectors.
        api_key: of the project.
        timeout_s: of one request.
        now, sleep: monotonic seconds, and waiting.
    Raises: MissingExtra; VectorsUnavailable.
    """

    def __init__(
        self,
        host: str,
        collection: str,
        dimensions: int,
        *,
        api_key: str,
        timeout_s: float = 30.0,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        try:
            from pinecone import Index
        except ImportError as error:
            raise MissingExtra("pinecone", "pinecone") from error
        self._name, self._dimensions = collection, dimensions
        self._where = f"Pinecone at {shown(host)}"
        self._now, self._sleep = now, sleep
        self._lock = threading.Lock()
        self._written = self._settled = 0
        self._gone: frozenset[int] = frozenset()
        self._sparse: bool | None = None
        with answering(self._where):
            self._index: Any = Index(host=host, api_key=api_key, timeout=timeout_s)

    def upsert(self, points: Sequence[Point]) -> None:
        """See VectorStore; batches are whole, not all of the points together."""
        rows = rows_of(points, self._dimensions)
        with self._lock:
            self._gone = self._gone.difference(point.key for point in points)
        for start in range(0, len(points), _BATCH):
            some = points[start : start + _BATCH], rows[start : start + _BATCH]
            with answering(self._where):
                self._wrote(self._upserted(*some))

    def _upserted(self, points: Sequence[Point], rows: NDArray[np.float32]) -> Any:
        """The reply to a batch, which went without its words where the index takes none."""
        from pinecone.errors.exceptions import ApiError

        sparse = self._takes_words()
        batch = [_record(*one, sparse=sparse) for one in zip(points, rows, strict=True)]
        try:
            return self._index.upsert(vectors=batch, namespace=self._name)
        except ApiError as refused:
            if not sparse or _NO_SPARSE not in str(refused):
                raise
            self._sparse = False
            return self._upserted(points, rows)

    def _takes_words(self) -> bool:
        """Whether the index takes sparse values, so far as its metric and its replies tell."""
        if self._sparse is None:
            self._sparse = self._index.describe_index_stats().metric == "dotproduct"
        return self._sparse

    def delete(self, keys: Sequence[int]) -> None:
        """See VectorStore."""
        from pinecone.errors.exceptions import NotFoundError

        self._forget(keys)
        for start in range(0, len(keys), _DELETED):
            ids = [str(int(key)) for key in keys[start : start + _DELETED]]
            with answering(self._where), suppress(NotFoundError):  # nothing was ever written
                self._index.delete(ids=ids, namespace=self._name)

    def search(self, vector: NDArray[np.float32], k: int, scope: Scope) -> Hits:
        """See VectorStore; at most 10,000."""
        return self._best({"vector": query_of(vector, self._dimensions)}, k, scope)

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
        """See VectorStore: the weighted mean of the cosine and of BM25, each as a share of what it
        could be: Pinecone adds up what the numbers of a question were multiplied by."""
        values = query_of(vector, self._dimensions)
        share = max(dense_weight, _LEAST_SHARE) if words else 1.0
        asked: dict[str, Any] = {"vector": [share / 2 * value for value in values]}
        if share < 1:
            asked["sparse_vector"] = asked_of(words, ONCE * (1 - share), _MOST_WORDS, idf)
        with answering(self._where):
            takes = not words or self._takes_words()
        if takes:
            try:
                return self._best(asked, k, scope, above=share / 2)
            except VectorsUnavailable as refused:
                if _NO_SPARSE not in refused.problem:
                    raise
                self._sparse = False
        raise Unsupported(
            f"The index of {self._where} takes no words beside its vectors.",
            remedy="Make one with the metric dotproduct by API 2025-10 of Pinecone, and build the "
            "index again; or set retrieval.fusion to convex.",
        )

    def _best(self, asked: dict[str, Any], k: int, scope: Scope, *, above: float = 0.0) -> Hits:
        where, same = (EVERYTHING, True) if scope.where is None else weakened(scope.where, can_flat)
        if where == NOTHING or k < 1:
            return NO_HITS
        asked |= {"namespace": self._name, "filter": _filter(where, scope)}

        def find(n: int) -> list[Any]:
            found = self._fresh(
                lambda: self._index.query(top_k=n, include_metadata=not same, **asked)
            )
            matches: list[Any] = found.matches
            return matches

        def keep(one: Any) -> bool:
            if int(one.id) in self._gone:
                return False
            return same or kept_satisfies(one.metadata[META], scope)

        chosen = find(min(k, _MOST)) if same and not self._gone else best(find, k, keep, most=_MOST)
        return sorted_hits(((int(one.id), above + float(one.score)) for one in chosen), k)

    def keys(self) -> Iterator[NDArray[np.int64]]:
        """See VectorStore."""
        self._settle()
        token: str | None = None
        while True:
            after = token
            page = self._fresh(
                lambda after=after: self._index.list_paginated(  # type: ignore[misc]
                    namespace=self._name, limit=100, pagination_token=after
                )
            )
            found = [key for one in page.vectors if (key := int(one.id)) not in self._gone]
            if found:
                yield np.array(found, np.int64)
            token = page.pagination.next if page.pagination else None
            if not token:
                return

    def vectors(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """See VectorStore."""
        self._settle()
        wanted = list(map(int, keys))
        held: dict[int, Sequence[float]] = {}
        for start in range(0, len(wanted), _FETCHED):
            ids = [str(key) for key in wanted[start : start + _FETCHED]]
            found = self._fresh(
                lambda ids=ids: self._index.fetch(ids=ids, namespace=self._name)  # type: ignore[misc]
            )
            held |= {int(key): one.values for key, one in found.vectors.items()}
        for key in self._gone.intersection(held):
            del held[key]
        return in_order(held, wanted, self._dimensions)

    def drop(self) -> None:
        """See VectorStore."""
        from pinecone.errors.exceptions import NotFoundError

        self._forget(key for batch in self.keys() for key in batch.tolist())
        with answering(self._where), suppress(NotFoundError):
            self._index.delete(delete_all=True, namespace=self._name)

    def close(self) -> None:
        """See VectorStore."""
        self._index.close()

    def _forget(self, keys: Iterable[int]) -> None:
        gone = frozenset(map(int, keys))
        with self._lock:
            self._gone |= gone

    def _settle(self) -> None:
        """Wait until a search sees what was written, since lists do not tell what they see."""
        if self._settled < self._written:
            first = [1.0, *[0.0] * (self._dimensions - 1)]
            self._fresh(lambda: self._index.query(top_k=1, vector=first, namespace=self._name))

    def _wrote(self, reply: Any) -> None:
        number = getattr(getattr(reply, "response_info", None), "lsn_committed", None)
        if number is not None:
            with self._lock:
                self._written = max(self._written, number)

    def _fresh(self, read: Callable[[], Any]) -> Any:
        """What is read once it shows what was written.   Raises: VectorsUnavailable."""
        until = self._now() + _FRESH_S
        while True:
            with answering(self._where):
                found = read()
            seen = getattr(getattr(found, "response_info", None), "lsn_reconciled", None)
            if seen is None or seen >= self._written:
                if seen is not None:
                    self._settled = seen
                return found
            if self._now() >= until:
                raise VectorsUnavailable(
                    f"{self._where} does not show yet what was written {_FRESH_S:g} s ago.",
                    remedy="Try again.",
                )
            self._sleep(_AGAIN_S)


def _record(point: Point, row: NDArray[np.float32], *, sparse: bool) -> dict[str, Any]:
    made = {"id": str(point.key), "values": row.tolist(), "metadata": flat(point)}
    if sparse and point.words:
        made["sparse_values"] = kept_of(point.words, _MOST_WORDS)
    return made


def _filter(asked: Condition, scope: Scope) -> dict[str, Any] | None:
    parts = [] if asked == EVERYTHING else [_where(asked)]
    if scope.readers is not None:
        reads: list[dict[str, Any]] = [{OPEN: {"$eq": True}}]
        if scope.readers:
            reads.append({BY: {"$in": sorted(scope.readers)}})
        parts.append({"$or": reads})
    return {"$and": parts} if parts else None


def _where(condition: Condition) -> dict[str, Any]:
    match condition:
        case Equals(field, value):
            return _equal(field, value)
        case In(field, values):
            return {"$or": [_equal(field, value) for value in values]} if values else _NEVER
        case Range():
            name = typed_name(condition.field, 0.0)
            return {name: {f"${sign}": bound for sign, bound in bounds_of(condition).items()}}
        case And(parts):
            return {"$and": [_where(part) for part in parts]}
        case Or(parts):
            return {"$or": [_where(part) for part in parts]}
        case _:
            raise AssertionError("complements are not asked of Pinecone")


_NEVER = {OPEN: {"$eq": "never"}}


def _equal(field: str, value: Scalar) -> dict[str, Any]:
    name = typed_name(field, value)
    if isinstance(value, str):
        return {name: {"$in": [value]}}
    return {name: {"$eq": value if isinstance(value, bool) else number(value)}}
