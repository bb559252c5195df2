"""Vectors kept in plain memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock


class MemoryVectorCache:
    """`rag.embedding.cache.VectorCache` in one process.

    Args:
        max_bytes: of all vectors, >= 1.
    """

    def __init__(self, *, max_bytes: int = 2**24) -> None:
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._kept: dict[bytes, bytes] = {}

    def get(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """See VectorCache."""
        with self._lock:
            return {key: self._kept[key] for key in keys if key in self._kept}

    def put(self, vectors: Mapping[bytes, bytes]) -> None:
        """See VectorCache."""
        with self._lock:
            for key, value in vectors.items():
                self._kept.setdefault(key, value)
            while sum(map(len, self._kept.values())) > self._max_bytes:
                del self._kept[next(iter(self._kept))]
