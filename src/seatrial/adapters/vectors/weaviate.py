"""Vectors in Weaviate (1.27 or later)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import reduce
from operator import and_, or_
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

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
    kept_satisfies,
    name_of,
    number,
    shown,
    typed_name,
)
from seatrial.adapters.vectors.weaviate_schema import (
    FACTS,
    WORDS,
    alpha_of,
    number_property,
    properties_of,
    settings,
    text_of,
    words_property,
)
from seatrial.kernel.errors import MissingExtra
from seatrial.rag.index.conditions import And, Condition, Equals, In, Or, Range, Scalar
from seatrial.rag.index.failures import Unsupported
from seatrial.rag.index.passage import Hits
from seatrial.rag.index.reading import Scope
from seatrial.rag.index.vector_store import Idf, Point, in_order, query_of, rows_of, sorted_hits
from seatrial.rag.index.weaken import EVERYTHING, NOTHING, best, weakened

_BATCH = 200
_PAGE = 1_000
_MOST = 10_000


class WeaviateVectors:
    """One collection of Weaviate; see `VectorStore`.

    Texts and booleans of metadata lie together as ``field=value``, so that any field may come and
    one field may hold values of several kinds; numbers have a property of their own each. Words lie
    together as one text, cut at its spaces and else left as it is.

    Args:
        url: ``http://host:8080`` of REST.
        collection: its name; ``Seatrial_`` goes before it. Made if it is not there.
        dimensions: of the vectors.
        grpc_port: on the same host.
        api_key: of the server; None for none.
    Raises: MissingExtra; VectorsUnavailable.
    """

    def __init__(
        self,
        url: str,
        collection: str,
        dimensions: int,
        *,
        grpc_port: int = 50051,
        api_key: str | None = None,
    ) -> None:
        try:
            import weaviate
        except ImportError as error:
            raise MissingExtra("weaviate", "weaviate") from error
        parts = urlsplit(url)
        secure, host = parts.scheme == "https", parts.hostname or "localhost"
        self._name, self._dimensions = f"Seatrial_{name_of(collection)[2:]}", dimensions
        self._where = f"Weaviate at {shown(url)}"
        self._lock = threading.Lock()
        self._made: Any = None
        self._known: set[str] = set()
        with answering(self._where):
            self._client: Any = weaviate.connect_to_custom(
                http_host=host,
                http_port=parts.port or (443 if secure else 80),
                http_secure=secure,
                grpc_host=host,
                grpc_port=grpc_port,
                grpc_secure=secure,
                auth_credentials=None if api_key is None else weaviate.auth.Auth.api_key(api_key),
                skip_init_checks=True,
            )
            try:
                self._make()
            except BaseException:
                self.close()
                raise

    def _make(self) -> None:
        if not self._client.collections.exists(self._name):
            self._client.collections.create(self._name, **settings())
        self._made = self._client.collections.get(self._name)
        self._known = self._properties()
        if WORDS not in self._known:  # it was made before words were copied
            with suppress(Exception):  # whoever may not, searches by vectors
                self._made.config.add_property(words_property())
                self._known.add(WORDS)

    @property
    def _rows(self) -> Any:
        """The collection, made anew where it was dropped."""
        if self._made is None:
            self._make()
        return self._made

    def _properties(self) -> set[str]:
        """The properties that there are, others' included."""
        return {one.name for one in self._made.config.get(simple=True).properties}

    def upsert(self, points: Sequence[Point]) -> None:
        """See VectorStore; batches are whole, not all of the points together."""
        from weaviate.classes.data import DataObject

        rows = rows_of(points, self._dimensions)
        with answering(self._where):
            has_words = self._has(WORDS)
        made = [
            DataObject(
                properties=properties_of(point, with_words=has_words),
                uuid=UUID(int=point.key),
                vector=row.tolist(),
            )
            for point, row in zip(points, rows, strict=True)
        ]
        with answering(self._where):
            self._add_numbers(made)
            for start in range(0, len(made), _BATCH):
                done = self._rows.data.insert_many(made[start : start + _BATCH])
                if done.has_errors:
                    first = next(iter(done.errors.values()))
                    raise VectorsUnavailable(
                        f"{self._where} refused {len(done.errors)} vectors: {first.message}.",
                        remedy="Look into the server's log.",
                    )

    def _add_numbers(self, made: Sequence[Any]) -> None:
        """A property for each field of numbers that is new."""
        named = {name for one in made for name in one.properties if name.startswith("n")}
        with self._lock:
            for name in sorted(named - self._known):
                self._rows.config.add_property(number_property(name))
                self._known.add(name)

    def delete(self, keys: Sequence[int]) -> None:
        """See VectorStore."""
        from weaviate.classes.query import Filter

        with answering(self._where):
            for start in range(0, len(keys), _PAGE):
                ids = [UUID(int=int(key)) for key in keys[start : start + _PAGE]]
                self._rows.data.delete_many(where=Filter.by_id().contains_any(ids))

    def search(self, vector: NDArray[np.float32], k: int, scope: Scope) -> Hits:
        """See VectorStore."""
        from weaviate.classes.query import MetadataQuery

        query = query_of(vector, self._dimensions)

        def near(n: int, where: Any, held: list[str]) -> list[Any]:
            found = self._rows.query.near_vector(
                query,
                limit=n,
                filters=where,
                return_properties=held,
                return_metadata=MetadataQuery(distance=True),
            )
            objects: list[Any] = found.objects
            return objects

        chosen = self._best(near, k, scope)
        return sorted_hits(((one.uuid.int, 1 - float(one.metadata.distance)) for one in chosen), k)

    def hybrid(
        self,
        vector: NDArray[np.float32],
        words: Sequence[str],
        k: int,
        scope: Scope,
        *,
        dense_weight: float,
        idf: Idf | None = None,  # noqa: ARG002 - see port
    ) -> Hits:
        """See VectorStore: Weaviate's cosines and BM25; see `alpha_of`."""
        from weaviate.classes.query import HybridFusion, MetadataQuery

        query, asked = query_of(vector, self._dimensions), text_of(words)
        with answering(self._where):
            if asked and not self._has(WORDS):
                raise Unsupported(
                    f"The collection {self._name} of {self._where} has no property for words.",
                    remedy="Delete it, or name another, and build the index again; or set "
                    "retrieval.fusion to convex.",
                    collection=self._name,
                )

        def both(n: int, where: Any, held: list[str]) -> list[Any]:
            found = self._rows.query.hybrid(
                asked or None,
                alpha=alpha_of(dense_weight) if asked else 1,
                vector=query,
                query_properties=[WORDS],
                fusion_type=HybridFusion.RELATIVE_SCORE,
                limit=n,
                filters=where,
                return_properties=held,
                return_metadata=MetadataQuery(score=True),
            )
            objects: list[Any] = found.objects
            return objects

        chosen = self._best(both, k, scope)
        return sorted_hits(((one.uuid.int, float(one.metadata.score)) for one in chosen), k)

    def _best(self, ask: Any, k: int, scope: Scope) -> Sequence[Any]:
        asked, same = (EVERYTHING, True) if scope.where is None else weakened(scope.where, can_flat)
        if asked == NOTHING or k < 1:
            return ()
        with answering(self._where):
            where = self._filter(asked, scope)

        def find(n: int) -> list[Any]:
            with answering(self._where):
                found: list[Any] = ask(n, where, [] if same else [META])
            return found

        if same:
            return find(min(k, _MOST))
        return best(find, k, lambda one: kept_satisfies(one.properties[META], scope), most=_MOST)

    def keys(self) -> Iterator[NDArray[np.int64]]:
        """See VectorStore."""
        found: list[int] = []
        with answering(self._where):
            for one in self._rows.iterator(return_properties=[], cache_size=_PAGE):
                found.append(one.uuid.int)
                if len(found) == _PAGE:
                    yield np.array(found, np.int64)
                    found = []
        if found:
            yield np.array(found, np.int64)

    def vectors(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """See VectorStore."""
        wanted = list(map(int, keys))
        held: dict[int, Sequence[float]] = {}
        with answering(self._where):
            for start in range(0, len(wanted), _PAGE):
                ids = [UUID(int=key) for key in wanted[start : start + _PAGE]]
                found = self._rows.query.fetch_objects_by_ids(
                    ids, limit=_PAGE, include_vector=True, return_properties=[]
                )
                held |= {one.uuid.int: one.vector["default"] for one in found.objects}
        return in_order(held, wanted, self._dimensions)

    def drop(self) -> None:
        """See VectorStore."""
        with answering(self._where):
            self._client.collections.delete(self._name)
            self._made, self._known = None, set()

    def close(self) -> None:
        """See VectorStore."""
        with suppress(Exception):  # whatever it says, nobody waits for it any more
            self._client.close()

    def _filter(self, asked: Condition, scope: Scope) -> Any:
        from weaviate.classes.query import Filter

        parts = [] if asked == EVERYTHING else [self._where_of(asked)]
        if scope.readers is not None:
            reads = Filter.by_property(OPEN).equal(val=True)
            if scope.readers:
                reads = reads | Filter.by_property(BY).contains_any(sorted(scope.readers))
            parts.append(reads)
        return reduce(and_, parts) if parts else None

    def _where_of(self, condition: Condition) -> Any:
        match condition:
            case Equals(field, value):
                return self._any_of(field, (value,))
            case In(field, values):
                return self._any_of(field, values)
            case Range():
                return self._between(condition)
            case And(parts):
                return reduce(and_, map(self._where_of, parts))
            case Or(parts):
                return reduce(or_, map(self._where_of, parts))
            case _:
                raise AssertionError("complements are not asked of Weaviate")

    def _between(self, condition: Range) -> Any:
        from weaviate.classes.query import Filter

        name = typed_name(condition.field, 0.0)
        if not self._has(name):
            return _never()
        held = Filter.by_property(name)
        ask: dict[str, Any] = {
            "gt": held.greater_than,
            "gte": held.greater_or_equal,
            "lt": held.less_than,
            "lte": held.less_or_equal,
        }
        return reduce(and_, [ask[sign](b) for sign, b in bounds_of(condition).items()])

    def _any_of(self, field: str, values: Sequence[Scalar]) -> Any:
        from weaviate.classes.query import Filter

        facts = [f"{typed_name(field, v)}={v}" for v in values if isinstance(v, str | bool)]
        parts: list[Any] = [Filter.by_property(FACTS).contains_any(facts)] if facts else []
        name = typed_name(field, 0.0)
        numbers = [number(v) for v in values if not isinstance(v, str | bool)]
        if numbers and self._has(name):
            parts += [Filter.by_property(name).equal(one) for one in numbers]
        return reduce(or_, parts) if parts else _never()

    def _has(self, name: str) -> bool:
        """Whether there is such a property: Weaviate refuses to compare one that is not there."""
        if name not in self._known:
            self._rows  # noqa: B018 - it is there before its properties are
            self._known |= self._properties()
        return name in self._known


def _never() -> Any:
    """What no point satisfies."""
    from weaviate.classes.query import Filter

    return Filter.by_property(FACTS).contains_any(["-"])
