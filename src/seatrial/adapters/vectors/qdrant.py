"""Vectors in Qdrant: a server, or the client's own local mode for trials."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.vectors.remote import (
    BY,
    META,
    OPEN,
    answering,
    bounds_of,
    can_complement,
    flat,
    kept_satisfies,
    number,
    shown,
    typed_name,
)
from seatrial.adapters.vectors.sparse import ONCE, asked_of, kept_of
from seatrial.kernel.errors import MissingExtra
from seatrial.rag.index.conditions import And, Condition, Equals, In, Not, Or, Range
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

_BATCH = 256
_PAGE = 4096
_MOST = 10_000
_WORDS = "words"
_MOST_WORDS = 10_000


class QdrantVectors:
    """One collection of Qdrant; see `VectorStore`.

    Args:
        url: ``http://host:6333``, or ``path:FOLDER`` for the client's local mode, which is for
            trials: it reads all vectors at every question.
        collection: its name; made if it is not there.
        dimensions: of the vectors.
        api_key: of the server; None for none.
        timeout_s: of one request.
    Raises: MissingExtra; VectorsUnavailable.
    """

    def __init__(
        self,
        url: str,
        collection: str,
        dimensions: int,
        *,
        api_key: str | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        try:
            from qdrant_client import QdrantClient, models
        except ImportError as error:
            raise MissingExtra("qdrant_client", "qdrant") from error
        self._models: Any = models
        self._name, self._dimensions = collection, dimensions
        self._where = f"Qdrant at {shown(url)}"
        path = url.removeprefix("path:")
        with answering(self._where):
            self._client: Any = (
                QdrantClient(path=path)
                if path != url
                else QdrantClient(
                    url=url,
                    api_key=api_key,
                    timeout=max(1, round(timeout_s)),
                    check_compatibility=False,
                )
            )
            self._make()
        # Its local mode is one connection to SQLite, which one thread at a time may use.
        self._alone: AbstractContextManager[object] = Lock() if path != url else nullcontext()

    def _make(self) -> None:
        models = self._models
        if not self._client.collection_exists(self._name):
            cosine = models.VectorParams(size=self._dimensions, distance=models.Distance.COSINE)
            self._client.create_collection(
                self._name,
                vectors_config=cosine,
                sparse_vectors_config={_WORDS: models.SparseVectorParams()},
            )
        self._has_words = self._is_worded() or self._add_words()
        self._is_made = True

    def _is_worded(self) -> bool:
        held = self._client.get_collection(self._name).config.params.sparse_vectors
        return _WORDS in (held or {})

    def _add_words(self) -> bool:
        """Give a collection from before there were words a place for them, where the server can: it
        is asked for vectors as before where not."""
        models = self._models
        with suppress(Exception):  # of servers and clients from before 1.18
            place = models.SparseVectorNameConfig(sparse=models.SparseVectorConfig())
            self._client.create_vector_name(self._name, _WORDS, place)
        return self._is_worded()

    def upsert(self, points: Sequence[Point]) -> None:
        """See VectorStore; all of a batch or none of it."""
        rows = rows_of(points, self._dimensions)
        with self._asked():
            made = [self._point(*pair) for pair in zip(points, rows, strict=True)]
            for start in range(0, len(made), _BATCH):
                self._client.upsert(self._name, made[start : start + _BATCH], wait=True)

    def _point(self, point: Point, row: NDArray[np.float32]) -> Any:
        vector: Any = row.tolist()
        if self._has_words and point.words:
            words = self._models.SparseVector(**kept_of(point.words, _MOST_WORDS))
            vector = {"": vector, _WORDS: words}
        return self._models.PointStruct(id=point.key, vector=vector, payload=flat(point))

    def delete(self, keys: Sequence[int]) -> None:
        """See VectorStore."""
        if keys:
            chosen = self._models.PointIdsList(points=list(map(int, keys)))
            with self._asked():
                self._client.delete(self._name, chosen, wait=True)

    def search(self, vector: NDArray[np.float32], k: int, scope: Scope) -> Hits:
        """See VectorStore."""
        query = query_of(vector, self._dimensions)

        def near(n: int, filtered: Any) -> dict[str, Any]:
            return {"query": query, "query_filter": filtered, "limit": n}

        return self._best(near, k, scope)

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
        """See VectorStore: the cosine, and BM25 of sparse vectors as a share of what it could be,
        each by its weight in a formula, which Qdrant has from 1.14 on."""
        models, share = self._models, dense_weight if words else 1.0
        legs: list[dict[str, Any]] = [{"query": query_of(vector, self._dimensions)}]
        if share < 1:
            asked = asked_of(words, ONCE * (1 - share), _MOST_WORDS, idf)
            legs.append({"query": models.SparseVector(**asked), "using": _WORDS})
        near = models.SumExpression(sum=[1.0, "$score[0]"])
        fusion = models.FormulaQuery(
            formula=models.SumExpression(
                sum=[models.MultExpression(mult=[share / 2, near]), "$score[1]"]
            ),
            defaults={"$score[0]": 0.0, "$score[1]": 0.0},  # of what the other leg found
        )

        def fused(n: int, filtered: Any) -> dict[str, Any]:
            prefetch = [models.Prefetch(**leg, filter=filtered, limit=n) for leg in legs]
            return {"prefetch": prefetch, "query": fusion, "limit": n}

        return self._best(fused, k, scope, by_words=True)

    def _best(
        self,
        ask: Callable[[int, Any], dict[str, Any]],
        k: int,
        scope: Scope,
        *,
        by_words: bool = False,
    ) -> Hits:
        """The best k of what a query finds within the scope."""
        asked, same = (
            (EVERYTHING, True) if scope.where is None else weakened(scope.where, can_complement)
        )
        filtered = self._filter(asked, scope)

        def find(n: int) -> list[Any]:
            with self._asked():
                if by_words:
                    self._need_words()
                found = self._client.query_points(
                    self._name, **ask(n, filtered), with_payload=not same, with_vectors=False
                )
            points: list[Any] = found.points
            return points

        if asked == NOTHING or k < 1:
            return NO_HITS
        if same:
            found = find(k)
        else:
            found = best(find, k, lambda one: kept_satisfies(one.payload[META], scope), most=_MOST)
        return sorted_hits(((int(one.id), float(one.score)) for one in found), k)

    def _need_words(self) -> None:
        if not self._has_words:
            raise Unsupported(
                f"The collection {self._name!r} of {self._where} has no place for words.",
                remedy="Delete it, or name another, and build the index again; or set "
                "retrieval.fusion to convex.",
                collection=self._name,
            )

    def keys(self) -> Iterator[NDArray[np.int64]]:
        """See VectorStore."""
        after: Any = None
        while True:
            with self._asked():
                found, after = self._client.scroll(
                    self._name, limit=_PAGE, offset=after, with_payload=False, with_vectors=False
                )
            if found:
                yield np.array([int(one.id) for one in found], np.int64)
            if after is None:
                return

    def vectors(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """See VectorStore."""
        wanted = list(map(int, keys))
        found: dict[int, Sequence[float]] = {}
        with self._asked():
            for start in range(0, len(wanted), _PAGE):
                for one in self._client.retrieve(
                    self._name, wanted[start : start + _PAGE], with_payload=False, with_vectors=True
                ):
                    held = one.vector
                    found[int(one.id)] = held[""] if isinstance(held, dict) else held
        return in_order(found, wanted, self._dimensions)

    def drop(self) -> None:
        """See VectorStore."""
        with self._asked():
            self._client.delete_collection(self._name)
            self._is_made = False

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Around each request: the collection is there, made anew where it was dropped."""
        with answering(self._where), self._alone:
            if not self._is_made:
                self._make()
            yield

    def close(self) -> None:
        """See VectorStore."""
        self._client.close()

    def _filter(self, asked: Condition, scope: Scope) -> Any:
        must = [] if asked == EVERYTHING else [self._condition(asked)]
        if scope.readers is not None:
            models = self._models
            reads = [self._field(OPEN, True)]  # noqa: FBT003 - as above
            if scope.readers:
                anyone = models.MatchAny(any=sorted(scope.readers))
                reads.append(models.FieldCondition(key=BY, match=anyone))
            must.append(models.Filter(should=reads))
        return self._models.Filter(must=must) if must else None

    def _condition(self, condition: Condition) -> Any:
        models = self._models
        match condition:
            case Not(part):
                found = models.Filter(must_not=[self._condition(part)])
            case And(parts):
                found = models.Filter(must=[self._condition(part) for part in parts])
            case Or(parts):
                found = models.Filter(should=[self._condition(part) for part in parts])
            case In(_, values) if not values:
                found = models.HasIdCondition(has_id=[])
            case In(field, values):
                found = models.Filter(should=[self._condition(Equals(field, v)) for v in values])
            case Equals(field, value) if isinstance(value, bool | str):
                found = self._field(typed_name(field, value), value)
            case Equals(field, (int() | float()) as value):
                found = self._between(field, {"gte": number(value), "lte": number(value)})
            case Range():
                found = self._between(condition.field, bounds_of(condition))
        return found

    def _between(self, field: str, bounds: Mapping[str, object]) -> Any:
        name = typed_name(field, 0.0)
        return self._models.FieldCondition(key=name, range=self._models.Range(**bounds))

    def _field(self, name: str, value: str | bool) -> Any:  # noqa: FBT001 - a value among others
        match = self._models.MatchValue(value=value)
        return self._models.FieldCondition(key=name, match=match)
