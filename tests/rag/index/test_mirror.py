"""A copy of vectors elsewhere finds what the index itself finds, in every version that is kept."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest

from seatrial.rag.index.mirror import MirroredIndex, copy_vectors, drop_unused, held_by
from seatrial.rag.index.passage import Hits
from seatrial.rag.index.reading import Index
from seatrial.rag.index.vector_store import Idf, Point
from seatrial.rag.index.words import WORDS
from seatrial.testing import index_corpus as corpus
from seatrial.testing.index_corpus import DIMENSIONS
from seatrial.testing.memory_vectors import MemoryVectors
from seatrial.testing.vector_points import ALL
from seatrial.testing.vector_store_suite import store_of_versions


def same_everywhere(index: Index, mirrored: Index, seed: int) -> None:
    random = Random(seed)
    for _ in range(60):
        vector = corpus.unit_vectors(random, 1)[0]
        scope, k = corpus.scope(random), random.choice([0, 1, 5, 1000])
        expected, found = index.dense(vector, k, scope), mirrored.dense(vector, k, scope)
        assert found.keys.tolist() == expected.keys.tolist()
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_version_is_searched_in_one_collection(seed: int) -> None:
    store, vectors = store_of_versions(seed), MemoryVectors(DIMENSIONS)
    indexes = [store.open("ship", version) for version in (1, 2, 3)]
    for index in indexes:
        copy_vectors(index, vectors)
        assert copy_vectors(index, vectors) == 0
    for index in indexes:
        same_everywhere(index, MirroredIndex(index, vectors), seed)


class CountsNothing(MemoryVectors):
    """A store that has to be told how rare words are."""

    def hybrid(self, *args: Any, idf: Idf | None = None, **named: Any) -> Hits:
        assert idf is not None
        self.told = idf(["ship", "nowhere"])
        return super().hybrid(*args, **named)


def test_a_store_is_told_what_words_tell_in_the_version_that_is_asked() -> None:
    store, vectors = store_of_versions(5), CountsNothing(DIMENSIONS)
    query = corpus.unit_vectors(Random(1), 1)[0]
    for version in (1, 3):
        index = store.open("ship", version)
        copy_vectors(index, vectors)
        MirroredIndex(index, vectors).hybrid(query, "ship", 3, ALL, dense_weight=0.5)
        np.testing.assert_array_equal(vectors.told, index.idf(["ship", "nowhere"]))


def test_keys_that_are_said_to_be_there_are_not_copied_again() -> None:
    index, vectors = store_of_versions(6).open("ship"), MemoryVectors(DIMENSIONS)
    keys = index.keys()
    assert copy_vectors(index, vectors, held=keys[:2]) == len(keys) - 2
    assert copy_vectors(index, vectors, held=keys[:0]) == len(keys)
    assert held_by(vectors).tolist() == keys.tolist()


def test_words_are_those_of_the_title_and_the_chunk() -> None:
    index, vectors = store_of_versions(8).open("ship"), Written(DIMENSIONS)
    copy_vectors(index, vectors)
    for passage in index.passages(index.keys().tolist()):
        expected = WORDS.words(f"{passage.title}. {passage.text}")
        assert vectors.points[passage.key].words == expected


class Written(MemoryVectors):
    """What came."""

    def upsert(self, points: Sequence[Point]) -> None:
        self.points = getattr(self, "points", {}) | {one.key: one for one in points}
        super().upsert(points)


def test_what_no_version_has_is_taken_out_and_nothing_else() -> None:
    store, vectors = store_of_versions(9), MemoryVectors(DIMENSIONS)
    first, last = store.open("ship", 1), store.open("ship", 3)
    for index in (first, last):
        copy_vectors(index, vectors)
    n_dead = len(np.setdiff1d(first.keys(), last.keys()))
    assert n_dead
    assert drop_unused([first, last], vectors) == 0
    assert drop_unused([last], vectors) == n_dead
    same_everywhere(last, MirroredIndex(last, vectors), 9)


def test_a_copy_that_broke_off_goes_on() -> None:
    store, vectors = store_of_versions(4), MemoryVectors(DIMENSIONS)
    index = store.open("ship")
    keys = index.keys()
    told: list[tuple[int, int]] = []
    copy_vectors(index, vectors)
    vectors.delete(keys[::2].tolist())
    n = copy_vectors(index, vectors, told=lambda done, whole: told.append((done, whole)))
    assert n == len(keys[::2])
    assert told == [(n, n)]
    same_everywhere(index, MirroredIndex(index, vectors), 4)


def test_all_else_comes_from_the_index() -> None:
    index = store_of_versions(5).open("ship")
    mirrored = MirroredIndex(index, MemoryVectors(DIMENSIONS))
    keys = index.keys()[:3].tolist()
    assert mirrored.passages(keys) == index.passages(keys)
    assert mirrored.outline(keys[0]) == index.outline(keys[0])
    assert (mirrored.vectors(keys) == index.vectors(keys)).all()
    assert mirrored.facts == index.facts
    assert list(mirrored.documents()) == list(index.documents())
    name = next(iter(index.documents()))
    assert mirrored.document(name) == index.document(name)
