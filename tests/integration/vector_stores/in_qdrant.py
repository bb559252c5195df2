"""Qdrant, by its client's local mode."""

from pathlib import Path
from random import Random

import numpy as np
import pytest
from fused_journey import fused_by_the_store
from qdrant_client import QdrantClient, models

from seatrial.adapters.vectors.qdrant import QdrantVectors
from seatrial.adapters.vectors.remote import VectorsUnavailable
from seatrial.rag.index.failures import Unsupported
from seatrial.testing.hybrid_vectors_suite import HybridVectorStoreSuite
from seatrial.testing.index_corpus import DIMENSIONS
from seatrial.testing.vector_points import ALL, keys_of, point


class TestQdrant(HybridVectorStoreSuite):
    @pytest.fixture
    def vectors(self, tmp_path: Path):
        store = QdrantVectors(f"path:{tmp_path}", "ship", DIMENSIONS)
        yield store
        store.drop()
        store.close()


def test_documents_are_found_by_what_the_store_fuses(tmp_path: Path) -> None:
    """Once: a folder of the local mode can be opened by one client at a time."""
    vectors = {"kind": "qdrant", "url": f"path:{tmp_path / 'vectors'}"}
    fused_by_the_store(tmp_path, vectors, again=False)


def test_a_collection_from_before_there_were_words_gets_a_place_for_them(tmp_path: Path) -> None:
    client = QdrantClient(path=str(tmp_path))
    cosine = models.VectorParams(size=DIMENSIONS, distance=models.Distance.COSINE)
    client.create_collection("ship", vectors_config=cosine)
    client.upsert("ship", [models.PointStruct(id=3, vector=np.eye(1, DIMENSIONS)[0].tolist())])
    client.close()
    store = QdrantVectors(f"path:{tmp_path}", "ship", DIMENSIONS)
    assert keys_of(store) == [3]
    first, second = np.eye(2, DIMENSIONS, dtype=np.float32)
    store.upsert([point(Random(1), 4, vector=second, words=["anchor"], readers=None, metadata={})])
    found = store.hybrid(first, ["anchor"], 3, ALL, dense_weight=0.1)
    assert found.keys.tolist() == [4, 3]
    np.testing.assert_allclose(store.vectors([3, 4]), [first, second], atol=1e-6)
    store.close()


def test_a_server_that_gives_no_place_for_words_is_asked_for_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one from before 1.18."""
    client = QdrantClient(path=str(tmp_path))
    cosine = models.VectorParams(size=DIMENSIONS, distance=models.Distance.COSINE)
    client.create_collection("ship", vectors_config=cosine)
    client.close()
    monkeypatch.delattr(QdrantClient, "create_vector_name")
    store = QdrantVectors(f"path:{tmp_path}", "ship", DIMENSIONS)
    store.upsert([point(Random(1), 4, readers=None)])
    first = np.eye(1, DIMENSIONS, dtype=np.float32)[0]
    assert store.search(first, 3, ALL).keys.tolist() == [4]
    with pytest.raises(Unsupported, match="convex"):
        store.hybrid(first, ["anchor"], 3, ALL, dense_weight=0.5)
    store.close()


def test_a_server_that_is_not_there_is_told_by_its_address() -> None:
    with pytest.raises(VectorsUnavailable, match=r"Qdrant at http://127\.0\.0\.1:1 "):
        QdrantVectors("http://user:secret@127.0.0.1:1", "ship", DIMENSIONS)
