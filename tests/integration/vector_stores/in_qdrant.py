"""Qdrant, by its client's local mode."""

from pathlib import Path

import pytest

from seatrial.adapters.vectors.qdrant import QdrantVectors
from seatrial.adapters.vectors.remote import VectorsUnavailable
from seatrial.testing.hybrid_vectors_suite import HybridVectorStoreSuite
from seatrial.testing.index_corpus import DIMENSIONS


class TestQdrant(HybridVectorStoreSuite):
    @pytest.fixture
    def vectors(self, tmp_path: Path):
        store = QdrantVectors(f"path:{tmp_path}", "ship", DIMENSIONS)
        yield store
        store.drop()
        store.close()


def test_a_server_that_is_not_there_is_told_by_its_address() -> None:
    with pytest.raises(VectorsUnavailable, match=r"Qdrant at http://127\.0\.0\.1:1 "):
        QdrantVectors("http://user:secret@127.0.0.1:1", "ship", DIMENSIONS)
