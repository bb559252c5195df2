"""The cosine of texts that have nothing to do with each other."""

import numpy as np
import pytest

from seatrial.rag.retrieval.baseline import Baseline


class Narrow:
    """Cosines of different texts are 0.8; those of Chinese ones are anything from 0 to 1."""

    n_calls = 0

    def embed_queries(self, texts):
        self.n_calls += 1
        own = np.eye(len(texts)) * np.sqrt(0.2)
        vectors = np.hstack([np.full((len(texts), 1), np.sqrt(0.8)), own])
        if texts[0] > "\u4000":
            vectors[::2] = np.roll(vectors[::2], 1, axis=1)
        return vectors.astype(np.float32)

    embed_documents = embed_queries


def test_it_is_measured_once_and_without_what_a_text_has_with_itself():
    embedder = Narrow()
    baseline = Baseline(embedder)
    assert baseline.cosine("en") == pytest.approx(0.8)
    assert baseline.cosine(None) == pytest.approx(0.8)
    assert embedder.n_calls == 2


def test_cosines_that_scatter_are_taken_as_they_are():
    """As those of an English model are for Chinese texts."""
    assert Baseline(Narrow()).cosine("zh") == 0


class Alike(Narrow):
    def embed_queries(self, texts):
        return np.ones((len(texts), 1), np.float32)

    embed_documents = embed_queries


class Apart(Narrow):
    def embed_queries(self, texts):
        n = len(texts)
        return (n * np.eye(n) - 1).astype(np.float32) / np.sqrt(n * (n - 1))

    embed_documents = embed_queries


@pytest.mark.parametrize("embedder", [Alike(), Apart()])
def test_texts_that_are_all_one_or_opposed_have_no_baseline(embedder):
    assert Baseline(embedder).cosine("en") == 0
