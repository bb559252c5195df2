"""Every store of vectors against the suite that defines one."""

import pytest

from seatrial.testing.hybrid_vectors_suite import HybridVectorStoreSuite
from seatrial.testing.index_corpus import DIMENSIONS
from seatrial.testing.memory_vectors import MemoryVectors


class TestMemoryVectors(HybridVectorStoreSuite):
    @pytest.fixture
    def vectors(self) -> MemoryVectors:
        return MemoryVectors(DIMENSIONS)
