"""Every store of indexes against the suite that defines one."""

from pathlib import Path

import pytest

from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.testing.index_corpus import PLAIN_WORDS
from seatrial.testing.index_store_suite import IndexStoreSuite
from seatrial.testing.memory_index_store import MemoryIndexStore


class TestMemoryIndexStore(IndexStoreSuite):
    @pytest.fixture
    def store(self) -> MemoryIndexStore:
        return MemoryIndexStore(PLAIN_WORDS)

    @pytest.fixture
    def again(self, store: MemoryIndexStore) -> MemoryIndexStore:
        return store


class TestEmbeddedIndexStore(IndexStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> EmbeddedIndexStore:
        return EmbeddedIndexStore(tmp_path / "indexes", PLAIN_WORDS)

    @pytest.fixture
    def again(self, tmp_path: Path) -> EmbeddedIndexStore:
        return EmbeddedIndexStore(tmp_path / "indexes", PLAIN_WORDS)


class TestEmbeddedIndexStoreOfSmallSegments(TestEmbeddedIndexStore):
    """Each call fills a segment, so that versions have many and join them."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> EmbeddedIndexStore:
        return EmbeddedIndexStore(tmp_path / "indexes", PLAIN_WORDS, full_bytes=2000)
