"""Pinecone, by a double of its data plane."""

import pytest
from pinecone_double import running

from seatrial.adapters.vectors.pinecone import PineconeVectors
from seatrial.adapters.vectors.remote import VectorsUnavailable
from seatrial.testing.index_corpus import DIMENSIONS
from seatrial.testing.vector_store_suite import VectorStoreSuite


class TestPinecone(VectorStoreSuite):
    @pytest.fixture
    def vectors(self):
        with running(DIMENSIONS) as url:
            store = PineconeVectors(url, "ship", DIMENSIONS, api_key="secret")
            yield store
            store.drop()
            store.close()


def test_a_key_that_is_refused_is_told() -> None:
    with running(DIMENSIONS) as url:
        store = PineconeVectors(url, "ship", DIMENSIONS, api_key="wrong")
        with pytest.raises(VectorsUnavailable, match="Invalid API Key"):
            list(store.keys())
        store.close()
