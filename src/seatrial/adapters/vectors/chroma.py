"""Vectors in a Chroma server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.vectors.remote import (
    BY,
    META,
    OPEN,
    Flat,
    answering,
    bounds_of,
    can_flat,
    flat,
    kept_satisfies,
    number,
    shown,
    typed_name,
)
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

_BATCH = 500
_PAGE = 5_000
_MOST = 10_000
_GRAPH = {"space": "cosine", "ef_construction": 400, "ef_search": 400, "max_neighbors": 48}
"""Richer than Chroma makes it by itself: what is replaced and deleted leaves holes in a graph."""


class ChromaVectors:
    """One collection of Chroma; see `VectorStore`.

    Args:
        url: ``http://host:8000``; or ``path:FOLDER`` for the engine in this process.
        collection: its name, 3 to 512 characters of letters, digits, dots and dashes; made if it
            is not there.
        dimensions: of the vectors.
        token: sent as a bearer token; None for none.
    Raises: MissingExtra; VectorsUnavailable.
    """

    def __init__(
        self, url: str, collection: str, dimensions: int, *, token: str | None = None
    ) -> None:
        try:
            import chromadb
        except ImportError as error:
            raise MissingExtra("chromadb", "chroma") from error
        self._name, self._dimensions = collection, dimensions
        self._where = f"Chroma at {shown(url)}"
        settings = chromadb.config.Settings(anonymized_telemetry=False)
        path = url.removeprefix("path:")
        with answering(self._where):
            if path != url:
                self._client: Any = chromadb.PersistentClient(path=path, settings=settings)
            else:
                parts = urlsplit(url)
                self._client = chromadb.HttpClient(
                    host=parts.hostname or "localhost",
                    port=parts.port or (443 if parts.scheme == "https" else 8000),
                    ssl=parts.scheme == "https",
                    headers={} if token is None else {"Authorization": f"Bearer {token}"},
                    settings=settings,
                )
            self._made: Any = None
            self._rows  # noqa: B018 - made now, and its faults told now

    @property
    def _rows(self) -> Any:
        """The collection, made anew where it was dropped."""
        if self._made is None:
            self._made = self._client.get_or_create_collection(
                self._name,
                embedding_function=None,
                configuration={"hnsw": _GRAPH},
            )
        return self._made

    def upsert(self, points: Sequence[Point]) -> None:
        """See VectorStore; batches are whole, not all of the points together."""
        rows = rows_of(points, self._dimensions)
        with answering(self._where):
            for start in range(0, len(points), _BATCH):
                batch = {str(one.key): _single(one) for one in points[start : start + _BATCH]}
                self._rows.upsert(
                    ids=list(batch),
                    embeddings=rows[start : start + _BATCH],
                    metadatas=self._without_old(batch),
                )

    def _without_old(self, batch: Mapping[str, Flat]) -> list[dict[str, object]]:
        """Metadata that takes away what these ids had before: Chroma adds fields to those."""
        kept: dict[str, dict[str, object]] = {key: dict(meta) for key, meta in batch.items()}
        found = self._rows.get(ids=list(batch), include=["metadatas"])
        for key, old in zip(found["ids"], found["metadatas"], strict=True):
            kept[key] = dict.fromkeys(old or ()) | kept[key]
        return list(kept.values())

    def delete(self, keys: Sequence[int]) -> None:
        """See VectorStore."""
        with answering(self._where):
            for start in range(0, len(keys), _BATCH):
                ids = {str(int(key)) for key in keys[start : start + _BATCH]}
                self._rows.delete(ids=sorted(ids))

    def search(self, vector: NDArray[np.float32], k: int, scope: Scope) -> Hits:
        """See VectorStore."""
        query = query_of(vector, self._dimensions)
        asked, same = (EVERYTHING, True) if scope.where is None else weakened(scope.where, can_flat)
        if asked == NOTHING or k < 1:
            return NO_HITS
        where = _filter(asked, scope)
        included = ["distances"] if same else ["distances", "metadatas"]

        def find(n: int) -> list[tuple[int, float, str]]:
            with answering(self._where):
                found = self._rows.query(
                    query_embeddings=[query], n_results=n, where=where, include=included
                )
            held = found["metadatas"][0] if not same else [{META: ""}] * len(found["ids"][0])
            return [
                (int(key), 1 - distance, str(kept[META]))
                for key, distance, kept in zip(
                    found["ids"][0], found["distances"][0], held, strict=True
                )
            ]

        chosen = (
            find(k)
            if same
            else best(find, k, lambda one: kept_satisfies(one[2], scope), most=_MOST)
        )
        return sorted_hits(((key, score) for key, score, _ in chosen), k)

    def hybrid(
        self,
        vector: NDArray[np.float32],  # noqa: ARG002 - see port
        words: Sequence[str],  # noqa: ARG002
        k: int,  # noqa: ARG002
        scope: Scope,  # noqa: ARG002
        *,
        dense_weight: float,  # noqa: ARG002
        idf: Idf | None = None,  # noqa: ARG002
    ) -> Hits:
        """See VectorStore: Chroma finds texts, but ranks by vectors alone."""
        raise Unsupported(
            "Chroma has no search by words and vectors of its own.",
            remedy="Set retrieval.fusion to convex.",
        )

    def keys(self) -> Iterator[NDArray[np.int64]]:
        """See VectorStore."""
        at = 0
        while True:
            with answering(self._where):
                found = self._rows.get(limit=_PAGE, offset=at, include=[])["ids"]
            if not found:
                return
            at += len(found)
            yield np.array([int(key) for key in found], np.int64)

    def vectors(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """See VectorStore."""
        wanted = list(map(int, keys))
        held: dict[int, Any] = {}
        with answering(self._where):
            for start in range(0, len(wanted), _BATCH):
                ids = [str(key) for key in wanted[start : start + _BATCH]]
                found = self._rows.get(ids=ids, include=["embeddings"])
                held |= zip(map(int, found["ids"]), found["embeddings"], strict=True)
        return in_order(held, wanted, self._dimensions)

    def drop(self) -> None:
        """See VectorStore."""
        with answering(self._where):
            if self._name in {one.name for one in self._client.list_collections()}:
                self._client.delete_collection(self._name)
            self._made = None

    def close(self) -> None:
        """See VectorStore."""
        self._client.close()


def _single(point: Point) -> Flat:
    """What is kept with a vector, each value of a list as a field of its own.

    Lists of Chroma 1.5 outlive what they belonged to: a vector that is written later may find those
    of one that was deleted, and readers whom it never had.
    """
    kept: Flat = {}
    for name, value in flat(point).items():
        if isinstance(value, list):
            kept |= {f"{name}={one}": True for one in value}
        else:
            kept[name] = value
    return kept


def _filter(asked: Condition, scope: Scope) -> dict[str, Any] | None:
    parts = [] if asked == EVERYTHING else [_where(asked)]
    if scope.readers is not None:
        reads: list[dict[str, Any]] = [{OPEN: {"$eq": True}}]
        reads += [{f"{BY}={one}": {"$eq": True}} for one in sorted(scope.readers)]
        parts.append(_joined("$or", reads))
    return _joined("$and", parts) if parts else None


def _where(condition: Condition) -> dict[str, Any]:
    match condition:
        case Equals(field, value):
            return _equal(field, value)
        case In(field, values):
            return _joined("$or", [_equal(field, value) for value in values])
        case Range():
            name = typed_name(condition.field, 0.0)
            bounds = bounds_of(condition).items()
            return _joined("$and", [{name: {f"${sign}": bound}} for sign, bound in bounds])
        case And(parts):
            return _joined("$and", [_where(part) for part in parts])
        case Or(parts):
            return _joined("$or", [_where(part) for part in parts])
        case _:
            raise AssertionError("complements are not asked of Chroma")


def _equal(field: str, value: Scalar) -> dict[str, Any]:
    name = typed_name(field, value)
    if isinstance(value, str):
        return {f"{name}={value}": {"$eq": True}}
    return {name: {"$eq": value if isinstance(value, bool) else number(value)}}


def _joined(word: str, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Chroma joins two at least; nothing equals a value that is never kept."""
    if not parts:
        return {OPEN: {"$eq": "never"}}
    return parts[0] if len(parts) == 1 else {word: list(parts)}
