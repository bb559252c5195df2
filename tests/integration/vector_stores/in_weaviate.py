"""Weaviate, by a double of its API."""

import pytest
from weaviate_double import running

from seatrial.adapters.vectors.remote import VectorsUnavailable
from seatrial.adapters.vectors.weaviate import WeaviateVectors
from seatrial.testing.index_corpus import DIMENSIONS
from seatrial.testing.vector_store_suite import VectorStoreSuite


class TestWeaviate(VectorStoreSuite):
    @pytest.fixture
    def vectors(self):
        with running() as (url, port):
            store = WeaviateVectors(url, "ship", DIMENSIONS, grpc_port=port)
            yield store
            store.drop()
            store.close()


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(VectorsUnavailable, match="Weaviate at"):
        WeaviateVectors("http://127.0.0.1:1", "ship", DIMENSIONS, grpc_port=2)
