"""Every store of vectors against the suite that defines one."""

import pytest

from seatrial.testing.index_corpus import DIMENSIONS
from seatrial.testing.memory_vectors import MemoryVectors
from seatrial.testing.vector_store_suite import VectorStoreSuite


class TestMemoryVectors(VectorStoreSuite):
    has_hybrid = True

    @pytest.fixture
    def vectors(self) -> MemoryVectors:
        return MemoryVectors(DIMENSIONS)
