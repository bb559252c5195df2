"""The cosine of texts that have nothing to do with each other."""

import numpy as np
import pytest

from seatrial.rag.retrieval.baseline import Baseline


class Narrow:
    """All cosines of different texts are 0.8, of Chinese ones 1."""

    n_calls = 0

    def embed_queries(self, texts):
        self.n_calls += 1
        if texts[0] > "\u4000":
            return np.ones((len(texts), 1), np.float32)
        own = np.eye(len(texts)) * np.sqrt(0.2)
        return np.hstack([np.full((len(texts), 1), np.sqrt(0.8)), own]).astype(np.float32)

    embed_documents = embed_queries


def test_it_is_measured_once_and_without_what_a_text_has_with_itself():
    embedder = Narrow()
    baseline = Baseline(embedder)
    assert baseline.cosine("en") == pytest.approx(0.8)
    assert baseline.cosine(None) == pytest.approx(0.8)
    assert embedder.n_calls == 2


def test_texts_that_are_all_one_leave_room_above():
    assert Baseline(Narrow()).cosine("zh") == 0.99
