"""Every cache of vectors against the suite that defines one."""

import pytest

from seatrial.adapters.vectors.sqlite import SqliteVectors
from seatrial.testing.memory_vector_cache import MemoryVectorCache
from seatrial.testing.vector_cache_suite import VectorCacheSuite


class TestMemory(VectorCacheSuite):
    @pytest.fixture
    def cache(self):
        return MemoryVectorCache(max_bytes=65_536)


class TestSqlite(VectorCacheSuite):
    @pytest.fixture
    def cache(self, tmp_path):
        cache = SqliteVectors(tmp_path / "vectors.db", max_bytes=65_536)
        yield cache
        cache.close()
