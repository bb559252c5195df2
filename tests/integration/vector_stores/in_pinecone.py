"""Pinecone, by a double of its data plane."""

from random import Random

import numpy as np
import pytest
from pinecone_double import running

from seatrial.adapters.vectors.pinecone import PineconeVectors
from seatrial.adapters.vectors.remote import VectorsUnavailable
from seatrial.rag.index.failures import Unsupported
from seatrial.testing.hybrid_vectors_suite import HybridVectorStoreSuite
from seatrial.testing.index_corpus import DIMENSIONS, unit_vectors
from seatrial.testing.vector_points import ALL, keys_of, point, points
from seatrial.testing.vector_store_suite import VectorStoreSuite

VECTOR = unit_vectors(Random(0), 1)[0]


class TestPinecone(HybridVectorStoreSuite):
    """An index by dotproduct, which takes words beside vectors."""

    @pytest.fixture
    def vectors(self):
        yield from in_index("dotproduct")


class TestPineconeByCosine(VectorStoreSuite):
    @pytest.fixture
    def vectors(self):
        yield from in_index("cosine")


def in_index(metric):
    with running(DIMENSIONS, metric) as url:
        store = PineconeVectors(url, "ship", DIMENSIONS, api_key="secret", sleep=lambda _: None)
        yield store
        store.drop()
        store.close()


@pytest.mark.parametrize(("metric", "has_schema"), [("cosine", False), ("dotproduct", True)])
def test_an_index_that_takes_no_words_is_searched_by_vectors(metric: str, has_schema: bool) -> None:
    """By cosine, as ever; what was asked of it by words is refused before anything was written,
    and after."""
    with running(DIMENSIONS, metric, has_schema=has_schema) as url:
        store = PineconeVectors(url, "ship", DIMENSIONS, api_key="secret")
        with pytest.raises(Unsupported, match="dotproduct"):
            store.hybrid(VECTOR, ["keel"], 3, ALL, dense_weight=0.5)
        store.close()
        store = PineconeVectors(url, "ship", DIMENSIONS, api_key="secret")
        store.upsert(points(Random(1), 150))
        assert keys_of(store) == list(range(150))
        assert len(store.search(VECTOR, 5, ALL)) == 5
        with pytest.raises(Unsupported, match="dotproduct"):
            store.hybrid(VECTOR, ["keel"], 3, ALL, dense_weight=0.5)
        store.close()


@pytest.mark.parametrize(("told", "order"), [((3.0, 0.1), [0, 1]), ((0.1, 3.0), [1, 0])])
def test_what_a_word_tells_is_what_the_index_says(
    told: tuple[float, float], order: list[int]
) -> None:
    """The service counts no words."""
    with running(DIMENSIONS) as url:
        store = PineconeVectors(url, "ship", DIMENSIONS, api_key="secret")
        words = ["keel", "mast"]
        store.upsert([point(Random(n), n, words=[words[n]], readers=None) for n in range(2)])
        hits = store.hybrid(VECTOR, words, 2, ALL, dense_weight=0, idf=lambda _: np.array(told))
        assert hits.keys.tolist() == order
        store.close()


def test_of_a_chunk_of_very_many_words_the_commonest_are_kept() -> None:
    with running(DIMENSIONS) as url:
        store = PineconeVectors(url, "ship", DIMENSIONS, api_key="secret")
        many = [*(f"word{n}" for n in range(3_000)), "keel", "keel"]
        store.upsert([point(Random(1), 1, words=many, readers=None), point(Random(2), 2)])
        hits = store.hybrid(VECTOR, ["keel"], 1, ALL, dense_weight=0)
        assert hits.keys.tolist() == [1]
        assert len(store.hybrid(VECTOR, many, 2, ALL, dense_weight=0.5)) == 2
        store.upsert([point(Random(n), n, words=many) for n in range(60)])
        store.close()


def test_a_key_that_is_refused_is_told() -> None:
    with running(DIMENSIONS) as url:
        store = PineconeVectors(url, "ship", DIMENSIONS, api_key="wrong")
        with pytest.raises(VectorsUnavailable, match="Invalid API Key"):
            list(store.keys())
        store.close()
