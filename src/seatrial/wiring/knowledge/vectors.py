"""Vectors that are searched elsewhere: which store, and which versions it has a whole copy of."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.rag.index.failures import IndexUnavailable
from seatrial.rag.index.mirror import MirroredIndex, copy_vectors, drop_unused, held_by
from seatrial.rag.index.reading import Index, Scope
from seatrial.rag.index.vector_store import VectorStore
from seatrial.rag.index.words import WORDS
from seatrial.rag.index.writing import IndexStore
from seatrial.rag.knowledge.config import VectorsConfig

_NEEDS_KEY = frozenset({"pinecone"})


class VectorsKeyMissing(NotFound):
    """An environment variable that should hold the key of a vector store is not set."""

    code = "rag.vectors_key_missing"


class VectorsInvalid(Invalid):
    """A vector store is configured without what it needs."""

    code = "rag.vectors_invalid"


def vector_store_of(
    config: VectorsConfig,
    name: str,
    dimensions: int,
    *,
    environment: Mapping[str, str] = os.environ,
) -> VectorStore:
    """The store of a configuration that names one.

    Args:
        name: of the index.
        dimensions: of its vectors.
    Raises: VectorsInvalid, VectorsKeyMissing, MissingExtra, VectorsUnavailable.
    """
    if not config.url:
        raise VectorsInvalid(
            f"The vectors of {name!r} shall be in {config.kind}, and its address is not said.",
            remedy=f"Set knowledge.{name}.vectors.url.",
            field=f"knowledge.{name}.vectors.url",
        )
    key = _key(config, name, environment)
    collection = config.collection or f"seatrial_{name}"
    match config.kind:
        case "qdrant":
            from seatrial.adapters.vectors.qdrant import QdrantVectors

            return QdrantVectors(config.url, collection, dimensions, api_key=key)
        case "chroma":
            from seatrial.adapters.vectors.chroma import ChromaVectors

            return ChromaVectors(config.url, collection, dimensions, token=key)
        case "pgvector":
            from seatrial.adapters.vectors.pgvector import PgVectors

            return PgVectors(config.url, collection.replace("-", "_"), dimensions)
        case "weaviate":
            from seatrial.adapters.vectors.weaviate import WeaviateVectors

            return WeaviateVectors(
                config.url, collection, dimensions, grpc_port=config.grpc_port, api_key=key
            )
        case "pinecone":
            from seatrial.adapters.vectors.pinecone import PineconeVectors

            return PineconeVectors(config.url, collection, dimensions, api_key=key or "")
        case "embedded":
            raise AssertionError("embedded vectors are where the index is")


def _key(config: VectorsConfig, name: str, environment: Mapping[str, str]) -> str | None:
    variable = config.api_key_env
    if variable is None:
        if config.kind in _NEEDS_KEY:
            raise VectorsInvalid(
                f"The vectors of {name!r} shall be in {config.kind}, which needs a key.",
                remedy=f"Name a variable that holds it: knowledge.{name}.vectors.api_key_env.",
                field=f"knowledge.{name}.vectors.api_key_env",
            )
        return None
    key = environment.get(variable, "")
    if not key:
        raise VectorsKeyMissing(
            f"The environment variable {variable}, with the key of the vectors of {name!r}, is "
            "not set.",
            remedy=f"Set {variable}.",
            variable=variable,
        )
    return key


class Copies:
    """Which versions of an index have all their vectors in the store that is configured, and
    whether their words are there, too.

    Args:
        folder: where that is written down, one file for each index.
        fused: whether the store is asked by words and vectors at once.
    """

    def __init__(
        self, folder: Path, name: str, config: VectorsConfig, *, fused: bool = False
    ) -> None:
        self._path = folder / f"{name}.json"
        self._name, self._config, self._fused = name, config, fused
        self._place = f"{config.kind} {config.url} {config.collection}"

    def check(self, dimensions: int) -> None:
        """Ask the store what it will be asked, before anything is built.

        Raises: Unsupported, and as `vector_store_of`.
        """
        if self._fused:
            with closing(vector_store_of(self._config, self._name, dimensions)) as vectors:
                vectors.hybrid(
                    np.eye(1, dimensions, dtype=np.float32)[0], ["a"], 1, Scope(), dense_weight=0.5
                )

    def whole(self) -> set[int]:
        """The versions; none where another store is configured than was copied to."""
        return self._read()[0]

    def make(self, store: IndexStore, version: int, *, told: Callable[[int, int], None]) -> int:
        """Copy what the store lacks of a version, and take out what no kept version has.

        Returns: how many vectors were copied.   Raises: as `vector_store_of`.
        """
        kept = [one.version for one in store.versions(self._name)]
        whole = (self.whole() | {version}) & set(kept)
        with closing(self._open(store, version)) as vectors:
            if not len(held_by(vectors)):
                whole = {version}
                self._write(())  # all that comes has words: a copy that breaks off goes on
            indexes = {one: store.open(self._name, one) for one in sorted(whole)}
            if self._read()[1]:
                n_copied = copy_vectors(indexes[version], vectors, told=told)
            else:
                n_copied = _copied_anew(indexes.values(), vectors, told)
            self._write(whole)
            drop_unused(indexes.values(), vectors)
        return n_copied

    def over(self, store: IndexStore, index: Index) -> Index:
        """The index, searched in the store where that has all of its vectors."""
        facts, (whole, has_words) = index.facts, self._read()
        if facts.embedder is None or facts.version not in whole:
            return index
        return MirroredIndex(index, self._open(store, facts.version), has_words=has_words)

    def _read(self) -> tuple[set[int], bool]:
        """The versions, and whether the store has words as they are compared now."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(self._path.read_text("utf-8"))
            if told["place"] == self._place:
                return set(map(int, told["versions"])), told.get("words") == WORDS.name
        return set(), False

    def _open(self, store: IndexStore, version: int) -> VectorStore:
        recipes = {one.version: one.recipe for one in store.versions(self._name)}
        return vector_store_of(self._config, self._name, recipes[version].dimensions)

    def _write(self, versions: Iterable[int]) -> None:
        told: dict[str, Any] = {
            "place": self._place,
            "words": WORDS.name,
            "versions": sorted(versions),
        }
        new = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(told), "utf-8")
            new.replace(self._path)
        except OSError as error:
            raise IndexUnavailable(
                f"Which vectors were copied cannot be written to {self._path} ({error.strerror}).",
                remedy="Make room on its drive, and build again.",
            ) from error


def _copied_anew(
    indexes: Iterable[Index], vectors: VectorStore, told: Callable[[int, int], None]
) -> int:
    """Write all of these versions again: what was copied before points had words has none."""
    done, n_copied = np.empty(0, np.int64), 0
    for index in indexes:
        n_copied += copy_vectors(index, vectors, held=done, told=told)
        done = np.union1d(done, index.keys())
    return n_copied
