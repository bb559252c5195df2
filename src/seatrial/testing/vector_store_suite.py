"""What every store of vectors must do; see `rag.index.vector_store.VectorStore`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.rag.index.conditions import And, Equals, In, Not, Or, Range
from seatrial.rag.index.failures import Unsupported
from seatrial.rag.index.mirror import MirroredIndex, copy_vectors
from seatrial.rag.index.reading import Scope
from seatrial.rag.index.vector_store import VectorStore
from seatrial.testing import index_corpus as corpus
from seatrial.testing.memory_index_store import MemoryIndexStore
from seatrial.testing.memory_vectors import MemoryVectors
from seatrial.testing.vector_points import ALL, keys_of, point, points


class VectorStoreSuite:
    """Subclass it as ``Test...`` with a fixture ``vectors``: a new collection of vectors of
    `index_corpus.DIMENSIONS` numbers; or subclass `HybridVectorStoreSuite`, where the store
    searches words too.

    Args:
        tolerance: how far its scores may lie from the true ones.
        rich: whether it keeps every kind of value that metadata may have; without, conditions are
            made of short texts, small whole numbers, decimals and booleans alone.
    """

    tolerance = 1e-5
    rich = True

    def test_a_new_collection_holds_nothing(self, vectors: VectorStore) -> None:
        """And finds nothing."""
        assert keys_of(vectors) == []
        assert len(vectors.search(corpus.unit_vectors(Random(0), 1)[0], 5, ALL)) == 0
        vectors.delete([1, 2])
        assert vectors.vectors([]).shape == (0, corpus.DIMENSIONS)

    def test_what_was_written_is_found_at_once(self, vectors: VectorStore) -> None:
        """The nearest first, by cosine."""
        made = points(Random(1), 30)
        vectors.upsert(made)
        assert keys_of(vectors) == [point.key for point in made]
        query = corpus.unit_vectors(Random(2), 1)[0]
        hits = vectors.search(query, 10, ALL)
        cosines = {point.key: float(point.vector @ query) for point in made}
        expected = sorted(cosines, key=lambda key: -cosines[key])[:10]
        assert hits.keys.tolist() == expected
        assert hits.scores.tolist() == pytest.approx(
            [cosines[key] for key in expected], abs=self.tolerance
        )
        assert hits.keys.dtype.name == "int64"
        assert hits.scores.dtype.name == "float32"
        held = vectors.vectors([7, 3])
        np.testing.assert_allclose(held, [made[7].vector, made[3].vector], atol=self.tolerance)

    def test_a_key_written_again_is_replaced(self, vectors: VectorStore) -> None:
        """Its vector, its metadata and its readers."""
        one, other = corpus.unit_vectors(Random(3), 2)
        first = point(Random(4), 5, vector=one, metadata={"tag": "a"}, readers=None)
        vectors.upsert([first])
        vectors.upsert([replace(first, vector=other, metadata={"tag": "b"})])
        assert keys_of(vectors) == [5]
        tagged = [Scope(where=Equals("tag", tag), readers=None) for tag in "ab"]
        assert [len(vectors.search(one, 5, scope)) for scope in tagged] == [0, 1]
        np.testing.assert_allclose(vectors.vectors([5])[0], other, atol=self.tolerance)
        vectors.upsert([replace(first, readers=frozenset({"staff"}))])
        assert len(vectors.search(one, 5, Scope())) == 0
        assert len(vectors.search(one, 5, Scope(readers=frozenset({"staff", "x"})))) == 1

    def test_what_was_deleted_is_not_found(self, vectors: VectorStore) -> None:
        """Unknown keys do nothing."""
        vectors.upsert(points(Random(5), 10))
        vectors.delete([2, 4, 99, 4])
        assert keys_of(vectors) == [0, 1, 3, 5, 6, 7, 8, 9]
        hits = vectors.search(corpus.unit_vectors(Random(6), 1)[0], 100, ALL)
        assert sorted(hits.keys.tolist()) == keys_of(vectors)
        with pytest.raises(NotFound):
            vectors.vectors([1, 2])

    @pytest.mark.parametrize("k", [0, 1, 100])
    def test_never_more_than_asked_for_and_never_more_than_there_is(
        self, vectors: VectorStore, k: int
    ) -> None:
        """Whatever is asked."""
        vectors.upsert(points(Random(7), 10))
        hits = vectors.search(corpus.unit_vectors(Random(8), 1)[0], k, ALL)
        assert len(hits) == min(k, 10)

    @pytest.mark.parametrize(
        ("where", "keys"),
        [
            (Equals("year", 2021), [1]),
            (Equals("year", 2021.0), [1]),
            (Equals("year", "2021"), [3]),
            (Equals("year", 0.5), [4]),
            (Equals("flag", value=True), [1]),
            (Equals("flag", 1), [2]),
            (Equals("tags", "blue"), [0, 1]),
            (Equals("absent", 1), []),
            (In("year", (2020, "2021", 7)), [0, 3]),
            (In("year", ()), []),
            (Range(field="year", gte=2020), [0, 1]),
            (Range(field="year", gt=2020, lte=2021), [1]),
            (Range(field="year", lt=2020), [4]),
            (Range(field="year", gte="2020", lt="2022"), [3]),
            (Range(field="when", gte="2024-01-01", lt="2024-06-01T00:00:00Z"), [0]),
            (Not(Equals("year", 2021)), [0, 2, 3, 4]),
            (Not(Range(field="when", gt="2024-06-01")), [0, 2, 3, 4]),
            (And((Equals("tags", "blue"), Equals("flag", value=True))), [1]),
            (And(()), [0, 1, 2, 3, 4]),
            (Or((Equals("flag", 1), Equals("year", 0.5))), [2, 4]),
            (Or(()), []),
            (Not(Or((Equals("tags", "red"), Not(Equals("year", 2020))))), []),
            (Equals("语言", "中文"), [2]),
        ],
    )
    def test_a_filter_means_what_the_definition_says(
        self, vectors: VectorStore, where: object, keys: list[int]
    ) -> None:
        """Before the best are chosen: all that satisfy it are found."""
        metadata = [
            {"year": 2020, "tags": ("red", "blue"), "when": "2024-03-01T10:00:00Z"},
            {"year": 2021, "tags": ("blue",), "flag": True, "when": "2024-09-01"},
            {"flag": 1, "语言": "中文", "tags": ()},
            {"year": "2021", "flag": False},
            {"year": 0.5},
        ]
        vectors.upsert(
            [
                point(Random(key), key, metadata=fields, readers=None)
                for key, fields in enumerate(metadata)
            ]
        )
        scope = Scope(where=where, readers=None)  # type: ignore[arg-type]
        hits = vectors.search(corpus.unit_vectors(Random(9), 1)[0], 10, scope)
        assert sorted(hits.keys.tolist()) == keys

    @pytest.mark.parametrize("seed", range(4))
    def test_searches_find_what_looking_at_all_finds(self, vectors: VectorStore, seed: int) -> None:
        """Whatever the condition, and whoever asks."""
        random = Random(seed)
        made = points(random, 60, rich=self.rich)
        oracle = MemoryVectors(corpus.DIMENSIONS)
        for store in (vectors, oracle):
            store.upsert(made[:40])
            store.upsert(made[20:])
            store.delete([1, 30, 59])
        for _ in range(60):
            scope = corpus.scope(random, rich=self.rich)
            query, k = corpus.unit_vectors(random, 1)[0], random.choice([1, 5, 100])
            found, expected = (store.search(query, k, scope) for store in (vectors, oracle))
            assert found.scores.tolist() == pytest.approx(
                expected.scores.tolist(), abs=self.tolerance
            )
            if k == 100:
                assert set(found.keys.tolist()) == set(expected.keys.tolist())

    def test_who_is_on_no_list_finds_what_is_for_everybody(self, vectors: VectorStore) -> None:
        """An empty list lets nobody in; without readers asked for, no list holds."""
        lists: list[frozenset[str] | None] = [None, frozenset(), frozenset({"a"}), frozenset("ab")]
        vectors.upsert(
            [point(Random(key), key, readers=readers) for key, readers in enumerate(lists)]
        )
        query = corpus.unit_vectors(Random(10), 1)[0]
        for readers, expected in (
            (frozenset[str](), [0]),
            (frozenset("x"), [0]),
            (frozenset("a"), [0, 2, 3]),
            (frozenset("bx"), [0, 3]),
            (None, [0, 1, 2, 3]),
        ):
            hits = vectors.search(query, 10, Scope(readers=readers))
            assert sorted(hits.keys.tolist()) == expected

    @pytest.mark.parametrize(
        "vector",
        [
            np.zeros(corpus.DIMENSIONS, np.float32),
            np.full(corpus.DIMENSIONS, np.nan, np.float32),
            np.eye(1, corpus.DIMENSIONS + 1, dtype=np.float32)[0],
        ],
    )
    def test_a_vector_that_cannot_be_compared_is_refused(
        self, vectors: VectorStore, vector: np.ndarray[tuple[int], np.dtype[np.float32]]
    ) -> None:
        """With all of the call, and as a question."""
        with pytest.raises(Invalid):
            vectors.upsert([point(Random(0), 0), point(Random(1), 1, vector=vector)])
        assert keys_of(vectors) == []
        with pytest.raises(Invalid):
            vectors.search(vector, 1, ALL)

    def test_words_and_vectors_are_searched_at_once_or_it_is_said_that_they_are_not(
        self, vectors: VectorStore
    ) -> None:
        """`HybridVectorStoreSuite` says how; who does not say so raises, with a way out."""
        with pytest.raises(Unsupported, match="convex"):
            vectors.hybrid(corpus.unit_vectors(Random(0), 1)[0], ["a"], 1, ALL, dense_weight=1)

    def test_a_version_finds_its_own_though_newer_ones_were_copied(
        self, vectors: VectorStore
    ) -> None:
        """One collection serves all versions: what one does not have is left out for it."""
        store = store_of_versions(7)
        indexes = [store.open("ship", version) for version in (1, 2, 3)]
        for index in indexes:
            copy_vectors(index, vectors)
        query = corpus.unit_vectors(Random(3), 1)[0]
        for index in indexes:
            hits = MirroredIndex(index, vectors).dense(query, 1000, ALL)
            assert sorted(hits.keys.tolist()) == index.keys().tolist()

    def test_a_collection_that_was_dropped_is_as_new(self, vectors: VectorStore) -> None:
        """Dropping it twice is no error."""
        vectors.upsert(points(Random(11), 5))
        vectors.drop()
        vectors.drop()
        vectors.upsert(points(Random(12), 2))
        assert keys_of(vectors) == [0, 1]

    def test_many_write_and_ask_at_once(self, vectors: VectorStore) -> None:
        """Nothing is lost, and every search sees what was there before it."""
        made = points(Random(13), 80)
        vectors.upsert(made[:10])
        query = corpus.unit_vectors(Random(14), 1)[0]

        def write(start: int) -> int:
            vectors.upsert(made[start : start + 10])
            return len(vectors.search(query, 100, ALL))

        with ThreadPoolExecutor(8) as threads:
            sizes = list(threads.map(write, range(10, 80, 10)))
        assert min(sizes) >= 20
        assert keys_of(vectors) == list(range(80))


def store_of_versions(seed: int) -> MemoryIndexStore:
    """Three versions, each with some documents of the one before, changed ones and new ones."""
    store = MemoryIndexStore(corpus.PLAIN_WORDS)
    for version in range(3):
        draft = store.draft("ship", corpus.RECIPE)
        draft.put(corpus.documents(Random(seed + version), 12, prefix=f"p{version}"))
        draft.put(corpus.documents(Random(seed + 50 + version), 4))
        draft.remove([f"p{version - 1}-{n}" for n in range(5)])
        draft.publish()
    return store
