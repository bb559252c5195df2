"""Weaviate, by a double of its API."""

from dataclasses import replace
from random import Random

import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate_double import running

from seatrial.adapters.vectors.remote import VectorsUnavailable
from seatrial.adapters.vectors.weaviate import WeaviateVectors
from seatrial.adapters.vectors.weaviate_schema import settings
from seatrial.rag.index.failures import Unsupported
from seatrial.testing.hybrid_vectors_suite import HybridVectorStoreSuite
from seatrial.testing.index_corpus import DIMENSIONS, unit_vectors
from seatrial.testing.vector_points import ALL, keys_of, point

VECTOR = unit_vectors(Random(0), 1)[0]


class TestWeaviate(HybridVectorStoreSuite):
    @pytest.fixture
    def vectors(self):
        with running() as (url, port):
            store = WeaviateVectors(url, "ship", DIMENSIONS, grpc_port=port)
            yield store
            store.drop()
            store.close()


@pytest.mark.parametrize("version", ["1.27.0", "1.34.0", "1.38.0"])
def test_words_are_compared_as_they_are(version: str) -> None:
    """Whatever is in them, and by whichever fields the client asks a server of its version."""
    hostile = ["c++", "a b", "A\u3000b", "x" * 100_000, "'", "", "_", "\ud800", "the", "图书"]
    with running(version) as (url, port):
        store = WeaviateVectors(url, "ship", DIMENSIONS, grpc_port=port)
        store.upsert(
            [
                point(Random(key), key, words=[word, "deck"], readers=None)
                for key, word in enumerate([*hostile, "c", "a", "b", "The", "x", "图"])
            ]
        )
        for key, word in enumerate(hostile):
            hits = store.hybrid(VECTOR, [word], 20, ALL, dense_weight=0)
            assert hits.keys.tolist() == [key], word
        store.close()


def older(url: str, port: int) -> None:
    """Make a collection as it was before words were copied."""
    old = settings()
    old["properties"] = [one for one in old["properties"] if one.name != "words"]
    old["properties"].append(Property(name="body", data_type=DataType.TEXT))
    old["inverted_index_config"] = Configure.inverted_index()
    host, rest = url.removeprefix("http://").split(":")
    with weaviate.connect_to_local(host, int(rest), port, skip_init_checks=True) as client:
        client.collections.create("Seatrial_ship", **old)


def test_a_collection_from_before_words_were_copied_takes_them() -> None:
    """What lies there is found by its vector, and by words when it is written again."""
    with running() as (url, port):
        older(url, port)
        store = WeaviateVectors(url, "ship", DIMENSIONS, grpc_port=port)
        said = [point(Random(n), n, words=[word], readers=None) for n, word in enumerate("abc")]
        store.upsert([replace(one, words=[]) for one in said])
        assert len(store.hybrid(VECTOR, ["b"], 3, ALL, dense_weight=0.5)) == 3
        assert len(store.hybrid(VECTOR, ["b"], 3, ALL, dense_weight=0)) == 0
        store.upsert(said)
        assert store.hybrid(VECTOR, ["b"], 3, ALL, dense_weight=0).keys.tolist() == [1]
        store.close()


def test_who_may_not_add_properties_searches_by_vectors() -> None:
    with running(is_fixed=True) as (url, port):
        older(url, port)
        store = WeaviateVectors(url, "ship", DIMENSIONS, grpc_port=port)
        store.upsert([point(Random(n), n, metadata={}, readers=None) for n in range(10)])
        assert keys_of(store) == list(range(10))
        assert len(store.search(VECTOR, 5, ALL)) == 5
        with pytest.raises(Unsupported, match="Seatrial_ship"):
            store.hybrid(VECTOR, ["keel"], 3, ALL, dense_weight=0.5)
        store.close()


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(VectorsUnavailable, match="Weaviate at"):
        WeaviateVectors("http://127.0.0.1:1", "ship", DIMENSIONS, grpc_port=2)
