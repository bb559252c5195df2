"""The cosine of texts that have nothing to do with each other."""

import numpy as np
import pytest

from seatrial.rag.retrieval.baseline import Baseline
from seatrial.rag.retrieval.unrelated import UNRELATED
from seatrial.rag.text.language import language_of


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
    assert not Baseline(Narrow()).apart("zh")
    assert Baseline(Narrow()).apart("en")


class English(Narrow):
    """Tells texts of ASCII letters apart, and hardly those of others, yet alike."""

    def embed_queries(self, texts):
        share = 0.1 if all(text.isascii() for text in texts) else 0.7
        own = np.eye(len(texts)) * np.sqrt(1 - share)
        return np.hstack([np.full((len(texts), 1), np.sqrt(share)), own]).astype(np.float32)

    embed_documents = embed_queries


@pytest.mark.parametrize("language", ["ja", "fa", "ta", "uk"])
def test_a_language_whose_texts_are_lumped_together_is_not_told_apart(language):
    baseline = Baseline(English())
    assert not baseline.apart(language)
    assert baseline.cosine(language) == 0


def test_a_language_that_none_speaks_for_is_judged_by_english():
    assert Baseline(English()).apart("eo")
    assert Baseline(English()).cosine("eo") == pytest.approx(0.1)


@pytest.mark.parametrize("language", UNRELATED)
def test_its_sentences_are_in_their_language(language):
    texts = UNRELATED[language]
    assert len(set(texts)) == 8
    assert language_of(" ".join(texts)) == language


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
