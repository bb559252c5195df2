"""Copies, and results that are not all alike."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.retrieval.diversity import distinct, mmr

EAST, NORTH = [1.0, 0.0], [0.0, 1.0]


def test_the_second_of_two_copies_is_dropped():
    texts = ["the keel was laid in May", "the mast came later", "the keel was laid in May"]
    assert distinct(None, texts, cosine=0.95, shared=0.9) == [0, 1]


def test_one_number_makes_another_short_sentence():
    texts = ["the keel was laid in 1901", "the keel was laid in 1902"]
    vectors = np.array([EAST, EAST], np.float32)
    assert distinct(vectors, texts, cosine=0.95, shared=0.9) == [0, 1]


def test_a_word_more_in_a_long_passage_is_a_copy():
    words = [f"word{n}" for n in range(40)]
    texts = [" ".join(words), " ".join([*words, "more"])]
    assert distinct(None, texts, cosine=0.95, shared=0.9) == [0]


def test_vectors_that_differ_save_the_look():
    texts = ["same words", "same words"]
    vectors = np.array([EAST, NORTH], np.float32)
    assert distinct(vectors, texts, cosine=0.95, shared=0.9) == [0, 1]


def test_a_part_of_a_passage_is_no_copy_of_it():
    words = [f"word{n}" for n in range(40)]
    assert distinct(None, [" ".join(words), " ".join(words[:20])], cosine=0.9, shared=0.9) == [0, 1]


def test_mmr_takes_the_unlike_before_the_alike():
    scores = np.array([1.0, 0.9, 0.8])
    vectors = np.array([EAST, EAST, NORTH], np.float32)
    assert mmr(scores, vectors, k=3, relevance=0.5) == [0, 2, 1]


@given(st.lists(st.integers(0, 100), min_size=1, max_size=12, unique=True), st.integers(1, 12))
def test_mmr_by_relevance_alone_is_the_order_of_scores(values, k):
    scores = np.array(values) / 100
    vectors = np.tile(np.array(EAST, np.float32), (len(scores), 1))
    assert mmr(scores, vectors, k=k, relevance=1.0) == np.argsort(-scores).tolist()[:k]


def test_mmr_counts_what_was_picked_last_only_where_it_is_nearest():
    """The likeness is to the nearest of all picked, not to the last one."""
    vectors = np.array([EAST, NORTH, EAST, NORTH], np.float32)
    picked = mmr(np.array([1.0, 0.9, 0.8, 0.79]), vectors, k=4, relevance=0.5)
    assert picked == [0, 1, 2, 3]
