import numpy as np
import pytest

from seatrial.kernel.store import StoreUnavailable
from seatrial.rag.embedding.approximate import ApproximateTokenizer
from seatrial.rag.embedding.cache import CachedEmbedder
from seatrial.testing.memory_vector_cache import MemoryVectorCache


class Counted:
    name, dimensions, max_tokens, languages = "counted", 8, 100, None
    tokenizer = ApproximateTokenizer()

    def __init__(self):
        self.asked = []

    def embed_documents(self, texts):
        self.asked += texts
        found = np.array([[len(t) + 1, *([1] * 7)] for t in texts], np.float32).reshape(-1, 8)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def embed_queries(self, texts):
        return -self.embed_documents(texts)


class Broken:
    def get(self, keys):
        raise StoreUnavailable("The file is gone.", remedy="Wait.")

    put = get


def test_a_text_is_embedded_once():
    inner, cache = Counted(), MemoryVectorCache()
    first = CachedEmbedder(inner, cache).embed_documents(["a", "bb", "a"])
    assert inner.asked == ["a", "bb"]
    again = CachedEmbedder(inner, cache).embed_documents(["bb", "ccc", "a", "a\ud800"])
    assert inner.asked == ["a", "bb", "ccc", "a\ud800"]
    assert np.array_equal(again[[2, 0, 2]], first)


def test_what_was_embedded_of_many_texts_is_kept_when_the_rest_fails():
    class FailsLater(Counted):
        def embed_documents(self, texts):
            if self.asked:
                raise KeyboardInterrupt
            return super().embed_documents(texts)

    texts = [f"text {n}" for n in range(2_000)]
    cache, first = MemoryVectorCache(), FailsLater()
    with pytest.raises(KeyboardInterrupt):
        CachedEmbedder(first, cache).embed_documents(texts)
    assert 0 < len(first.asked) <= 512
    second = Counted()
    found = CachedEmbedder(second, cache).embed_documents(texts)
    assert second.asked == texts[len(first.asked) :]
    assert np.array_equal(found, Counted().embed_documents(texts))


def test_no_text_has_no_vector():
    assert CachedEmbedder(Counted(), MemoryVectorCache()).embed_documents([]).shape == (0, 8)


def test_questions_are_kept_apart_and_only_if_asked_for():
    inner, cache = Counted(), MemoryVectorCache()
    for _ in range(2):
        CachedEmbedder(inner, cache).embed_queries(["a"])
    assert inner.asked == ["a", "a"]
    kept = CachedEmbedder(inner, cache, keeps_questions=True)
    document = kept.embed_documents(["a"])
    assert np.array_equal(kept.embed_queries(["a"]), -document)
    kept.embed_queries(["a"])
    assert len(inner.asked) == 4


def test_embedders_do_not_share():
    inner, cache = Counted(), MemoryVectorCache()
    CachedEmbedder(inner, cache).embed_documents(["a"])
    inner.name = "another"
    CachedEmbedder(inner, cache).embed_documents(["a"])
    assert inner.asked == ["a", "a"]


@pytest.mark.parametrize("length", [0, 4, 36])
def test_a_vector_of_another_length_counts_for_none(length):
    inner, cache = Counted(), MemoryVectorCache()
    whole = CachedEmbedder(inner, cache).embed_documents(["a"])
    (key,) = cache._kept
    cache._kept[key] = b"\0" * length
    assert np.array_equal(CachedEmbedder(inner, cache).embed_documents(["a"]), whole)


def test_a_cache_that_fails_is_done_without():
    inner = Counted()
    assert CachedEmbedder(inner, Broken()).embed_documents(["a", "b"]).shape == (2, 8)
