"""Vectors are made once for each text: an embedder over a cache by content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.store import StoreDamaged, StoreDenied, StoreFull, StoreUnavailable
from seatrial.rag.embedding.embedder import Embedder, Tokenizer

TROUBLE = (StoreDamaged, StoreDenied, StoreFull, StoreUnavailable)
"""What a cache fails with, which is then done without."""
_EMPTY: Mapping[bytes, bytes] = {}
_AT_ONCE = 512
"""Texts that are embedded and kept together: of a document of many chunks a process that was killed
does no more than so many again, and holds no copy of all their vectors."""


class VectorCache(Protocol):
    """Keeps vectors by key, for all threads and processes; bounded, the oldest go first.

    The suite `seatrial.testing.VectorCacheSuite` says what an adapter must do.
    """

    def get(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Those that are there.   Raises: the kinds of kernel.store."""
        ...

    def put(self, vectors: Mapping[bytes, bytes]) -> None:
        """Keep, durably; those that are there already stay.   Raises: as `get`."""
        ...


class CachedEmbedder:
    """Is the embedder that it wraps, and asks it for texts only that were never embedded by it.

    A cache that fails is done without.

    Args:
        keeps_questions: whether vectors of questions are kept, too: where they cost more than
            looking them up.
    """

    def __init__(
        self, embedder: Embedder, cache: VectorCache, *, keeps_questions: bool = False
    ) -> None:
        self._embedder = embedder
        self._cache = cache
        self._keeps_questions = keeps_questions

    @property
    def name(self) -> str:
        """See Embedder."""
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        """See Embedder."""
        return self._embedder.dimensions

    @property
    def max_tokens(self) -> int:
        """See Embedder."""
        return self._embedder.max_tokens

    @property
    def languages(self) -> frozenset[str] | None:
        """See Embedder."""
        return self._embedder.languages

    @property
    def tokenizer(self) -> Tokenizer:
        """See Embedder."""
        return self._embedder.tokenizer

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Embedder."""
        return self._found("document", texts, self._embedder.embed_documents)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Embedder."""
        if not self._keeps_questions:
            return self._embedder.embed_queries(texts)
        return self._found("query", texts, self._embedder.embed_queries)

    def _found(
        self, use: str, texts: Sequence[str], embed: Callable[[Sequence[str]], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for start in range(0, len(texts), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            vectors[some] = self._some(use, texts[some], embed)
        return vectors

    def _some(
        self, use: str, texts: Sequence[str], embed: Callable[[Sequence[str]], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        keys = [content_key(self.name, use, text) for text in texts]
        kept: Mapping[bytes, bytes] = _EMPTY
        with suppress(*TROUBLE):
            kept = self._cache.get(list(dict.fromkeys(keys)))
        size = self.dimensions * 4
        known = {key: value for key, value in kept.items() if len(value) == size}
        asked = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if asked:
            vectors = embed(list(asked.values()))
            made = {
                key: vector.astype("<f4").tobytes()
                for key, vector in zip(asked, vectors, strict=True)
            }
            with suppress(*TROUBLE):
                self._cache.put(made)
            known |= made
        joined = b"".join(known[key] for key in keys)
        return np.frombuffer(joined, "<f4").reshape(len(keys), self.dimensions)


def content_key(embedder: str, use: str, text: str) -> bytes:
    """SHA-256 of what decides a vector (32 bytes)."""
    content = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return hashlib.sha256(f"{embedder}\0{use}\0".encode() + content).digest()
