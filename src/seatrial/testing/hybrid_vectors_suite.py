"""What a store of vectors must do that searches by words and vectors at once."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.rag.index.conditions import Equals
from seatrial.rag.index.mirror import MirroredIndex, copy_vectors
from seatrial.rag.index.passage import Hits
from seatrial.rag.index.reading import Scope
from seatrial.rag.index.vector_store import Point, VectorStore
from seatrial.rag.index.words import WORDS
from seatrial.testing import index_corpus as corpus
from seatrial.testing.memory_vectors import MemoryVectors
from seatrial.testing.vector_points import ALL, point, points
from seatrial.testing.vector_store_suite import VectorStoreSuite, store_of_versions

_AXES = np.eye(corpus.DIMENSIONS, dtype=np.float32)
_HOSTILE = [
    "'",
    "''",
    "\\",
    "a'b",
    'a"b',
    "a\0b",
    "\0",
    "a:1 & !b | (c)",
    "x" * 5_000,
    "\ud800",
    " ",
]


class HybridVectorStoreSuite(VectorStoreSuite):
    """All of `VectorStoreSuite`, and the search by words and vectors. What one store makes of a
    word's rarity another does not, so orders are tested where all agree."""

    def test_words_and_vectors_are_searched_at_once_or_it_is_said_that_they_are_not(
        self, vectors: VectorStore
    ) -> None:
        """What only its words tell of comes, and what only its vector tells of."""
        made = [_said(key, f"a harbour {key}", _AXES[key % 3]) for key in range(2, 60)]
        vectors.upsert([*made, _said(0, "of anchors", -_AXES[0]), _said(1, "of ropes", _AXES[7])])
        hits = _ask(vectors, _AXES[7], "anchor", 3)
        assert {0, 1} <= set(hits.keys.tolist())
        assert hits.scores.tolist() == sorted(hits.scores.tolist(), reverse=True)
        assert (hits.scores >= 0).all()
        assert hits.keys.dtype.name == "int64"
        assert hits.scores.dtype.name == "float32"

    @pytest.mark.parametrize(("share", "first"), [(1.0, 1), (0.0, 0)])
    def test_the_share_of_vectors_counts(
        self, vectors: VectorStore, share: float, first: int
    ) -> None:
        """All of it, and none of it."""
        made = [_said(key, "harbour", _AXES[3]) for key in range(2, 9)]
        vectors.upsert([*made, _said(0, "anchors", _AXES[0]), _said(1, "ropes", _AXES[7])])
        found = _ask(vectors, _AXES[7], "anchor", 3, share=share)
        assert found.keys[0] == first

    @pytest.mark.parametrize(("rare", "usual"), [("anchor", "ship"), ("ship", "anchor")])
    def test_a_word_that_few_have_tells_more(
        self, vectors: VectorStore, rare: str, usual: str
    ) -> None:
        """Whether the store counts those who have it, or is told."""
        made = [
            _said(key, f"the {rare if key == 7 else usual} of may", _AXES[0]) for key in range(20)
        ]
        vectors.upsert(made)

        def idf(words: Sequence[str]) -> NDArray[np.float64]:
            return np.array([2.6 if word == rare else 0.1 for word in words])

        words = WORDS.words(f"{usual} {rare}")
        hits = vectors.hybrid(_AXES[0], words, 9, ALL, dense_weight=0.1, idf=idf)
        assert hits.keys[0] == 7

    def test_words_are_chinese_too(self, vectors: VectorStore) -> None:
        """Whatever the store's own analysis makes of such a text."""
        texts = ["船舶在海上试航", "合同的争议由法院管辖", "The keel of a ship"]
        vectors.upsert([_said(key, text, _AXES[0]) for key, text in enumerate(texts)])
        assert _ask(vectors, _AXES[0], "谁管辖争议", 1, share=0.1).keys.tolist() == [1]
        assert _ask(vectors, _AXES[0], "Keels", 1, share=0.1).keys.tolist() == [2]

    def test_the_scope_holds_for_both(self, vectors: VectorStore) -> None:
        """Nothing outside comes by its words or by its vector, however few are asked for."""
        inside = _said(0, "sails", -_AXES[0], metadata={"tag": "in"})
        vectors.upsert(
            [
                inside,
                *(_said(key, "anchor", _AXES[0], metadata={"tag": "out"}) for key in range(1, 40)),
                _said(50, "anchor", _AXES[0], metadata={"tag": "in"}, readers=frozenset({"a"})),
            ]
        )
        tagged, everybody = Equals("tag", "in"), frozenset[str]()
        for scope, expected in (
            (Scope(where=tagged, readers=everybody), [0]),
            (Scope(where=tagged, readers=frozenset({"a"})), [50, 0]),
        ):
            hits = vectors.hybrid(_AXES[0], WORDS.words("anchor"), 5, scope, dense_weight=0.5)
            assert hits.keys.tolist() == expected

    @pytest.mark.parametrize("seed", range(3))
    def test_words_and_vectors_find_what_looking_at_all_finds(
        self, vectors: VectorStore, seed: int
    ) -> None:
        """Whatever the condition, and whoever asks."""
        random = Random(seed)
        made, oracle = points(random, 60, rich=self.rich), MemoryVectors(corpus.DIMENSIONS)
        for store in (vectors, oracle):
            store.upsert(made[:40])
            store.upsert(made[20:])
            store.delete([1, 30, 59])
        for _ in range(30):
            scope, k = corpus.scope(random, rich=self.rich), random.choice([1, 5, 100])
            query, text = corpus.unit_vectors(random, 1)[0], random.choice(["ship", "海试 the", ""])
            found, all_of_it = (
                store.hybrid(query, WORDS.words(text), n, scope, dense_weight=0.6)
                for store, n in ((vectors, k), (oracle, 100))
            )
            assert len(found) == min(k, len(all_of_it))
            assert set(found.keys.tolist()) <= set(all_of_it.keys.tolist())

    def test_without_words_the_vector_alone_tells(self, vectors: VectorStore) -> None:
        """Whatever its share."""
        vectors.upsert(points(Random(1), 30))
        query = corpus.unit_vectors(Random(2), 1)[0]
        nearest = vectors.search(query, 10, ALL).keys.tolist()
        for share in (0.0, 0.5, 1.0):
            hits = vectors.hybrid(query, [], 10, ALL, dense_weight=share)
            assert hits.keys.tolist() == nearest

    def test_what_was_written_again_or_deleted_has_no_old_words(self, vectors: VectorStore) -> None:
        """Words go with their point."""
        vectors.upsert([_said(key, "anchor", _AXES[key]) for key in range(3)])
        vectors.upsert([_said(0, "ropes", _AXES[0]), _said(1, "", _AXES[1])])
        vectors.delete([2])
        vectors.upsert([_said(5, "anchor", _AXES[5])])
        hits = _ask(vectors, _AXES[0], "anchor", 10, share=0.01)
        assert hits.keys[0] == 5
        assert sorted(hits.keys.tolist()) == [0, 1, 5]

    @pytest.mark.parametrize("k", [0, 1, 100])
    def test_no_more_come_than_are_asked_for(self, vectors: VectorStore, k: int) -> None:
        """And each once, though words and vectors both find it."""
        vectors.upsert([_said(key, "anchor anchor", _AXES[key % 8]) for key in range(10)])
        hits = _ask(vectors, _AXES[0], "anchor anchor", k)
        assert len(set(hits.keys.tolist())) == len(hits) == min(k, 10)

    def test_no_word_is_more_than_a_word(self, vectors: VectorStore) -> None:
        """Quotes, operators, NUL, halves of pairs and 5,000 letters; and very many of them."""
        made = [_said(key, "", _AXES[0], words=[word]) for key, word in enumerate(_HOSTILE)]
        many = _said(99, "", -_AXES[0], words=[f"w{n}" for n in range(3_000)] * 2)
        vectors.upsert([*made, many])
        for key, word in enumerate(_HOSTILE):
            hits = vectors.hybrid(-_AXES[0], [word], 100, ALL, dense_weight=0.0)
            assert key in hits.keys.tolist()
        asked = [f"w{n}" for n in range(2_000)]
        hits = vectors.hybrid(_AXES[0], asked, 100, ALL, dense_weight=0.0)
        assert hits.keys[0] == 99

    def test_a_collection_without_anything_finds_nothing(self, vectors: VectorStore) -> None:
        """New, and when it was dropped."""
        assert len(_ask(vectors, _AXES[0], "anchor", 5)) == 0
        vectors.upsert(points(Random(1), 3))
        vectors.drop()
        assert len(_ask(vectors, _AXES[0], "anchor", 5)) == 0

    def test_a_vector_that_cannot_be_compared_is_refused_with_words_too(
        self, vectors: VectorStore
    ) -> None:
        """As a question."""
        with pytest.raises(Invalid):
            _ask(vectors, np.full(corpus.DIMENSIONS, np.nan, np.float32), "anchor", 5)

    def test_a_version_finds_its_own_by_words_and_vectors(self, vectors: VectorStore) -> None:
        """Though newer ones were copied into the same collection."""
        store = store_of_versions(7)
        indexes = [store.open("ship", version) for version in (1, 2, 3)]
        for index in indexes:
            copy_vectors(index, vectors)
        query = corpus.unit_vectors(Random(3), 1)[0]
        for index in indexes:
            mirrored = MirroredIndex(index, vectors)
            hits = mirrored.hybrid(query, "the ship", 1000, ALL, dense_weight=0.5)
            assert hits is not None
            assert sorted(hits.keys.tolist()) == index.keys().tolist()


def _said(
    key: int, text: str, vector: np.ndarray[tuple[int], np.dtype[np.float32]], **given: object
) -> Point:
    values = {
        "words": WORDS.words(text),
        "readers": None,
        "metadata": {},
        "vector": vector,
        **given,
    }
    return point(Random(key), key, **values)


def _ask(
    vectors: VectorStore,
    query: np.ndarray[tuple[int], np.dtype[np.float32]],
    text: str,
    k: int,
    *,
    share: float = 0.5,
) -> Hits:
    return vectors.hybrid(query, WORDS.words(text), k, ALL, dense_weight=share)
