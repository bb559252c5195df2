"""What searches of an index must find, and for whom."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.kernel.errors import NotFound
from seatrial.rag.index.reading import Index, Scope
from seatrial.rag.index.writing import IndexStore
from seatrial.testing import index_corpus as corpus
from seatrial.testing.index_contents import ALL, build, read
from seatrial.testing.index_corpus import PLAIN_WORDS, RECIPE
from seatrial.testing.memory_index_store import MemoryIndexStore


class IndexSearchSuite:
    """A part of `index_store_suite.IndexStoreSuite`."""

    @pytest.mark.parametrize("seed", range(6))
    def test_searches_find_what_looking_at_all_finds(self, store: IndexStore, seed: int) -> None:
        """Whatever is asked, of whom, and after whatever was put and taken out."""
        random = Random(seed)
        oracle = MemoryIndexStore(PLAIN_WORDS)
        for number in range(3):
            made = corpus.documents(random, 25, prefix=f"doc-{number % 2}")
            gone = [f"doc-{random.randrange(2)}-{random.randrange(25)}" for _ in range(5)]
            for one in (store, oracle):
                draft = one.draft("ship", RECIPE)
                for start in range(0, len(made), 7):
                    draft.put(made[start : start + 7])
                draft.remove(gone)
                draft.publish()
        index, model = store.open("ship"), oracle.open("ship")
        assert sorted(read(index)) == sorted(read(model))
        for _ in range(150):
            scope, k = corpus.scope(random), random.choice([0, 1, 3, 10, 1000])
            vector = corpus.unit_vectors(random, 1)[0]
            text = corpus.question(random)
            assert_same(index, model, "dense", vector, k=k, scope=scope)
            assert_same(index, model, "lexical", text, k=k, scope=scope)
            assert_deeper(index, text, k=max(k, 1), scope=scope, seed=random.randrange(1000))
            assert_both(index, vector, text, k=max(k, 1), scope=scope)
            words = [*PLAIN_WORDS.words(text), "nowhere"]
            assert index.idf(words).tolist() == pytest.approx(model.idf(words).tolist())
        assert index.idf([]).shape == (0,)

    def test_who_is_on_no_list_finds_what_is_for_everybody(self, store: IndexStore) -> None:
        """An empty list lets nobody in; without readers asked for, no list holds."""
        lists: list[frozenset[str] | None] = [None, frozenset(), frozenset({"a"}), frozenset("ab")]
        made = [corpus.document(Random(40 + number), f"doc-{number}") for number in range(40)]
        made = [one for one in made if one.chunks][:4]
        made = [
            replace(one, document=replace(one.document, id=f"list-{number}", readers=readers))
            for number, (one, readers) in enumerate(zip(made, lists, strict=True))
        ]
        build(store, made)
        index = store.open("ship")
        for readers, expected in (
            (frozenset[str](), {0}),
            (frozenset("x"), {0}),
            (frozenset("a"), {0, 2, 3}),
            (frozenset("bx"), {0, 3}),
            (None, {0, 1, 2, 3}),
        ):
            hits = index.dense(corpus.unit_vectors(Random(0), 1)[0], 100, Scope(readers=readers))
            found = {passage.document for passage in index.passages(hits.keys.tolist())}
            assert found == {f"list-{number}" for number in expected}
            hits = index.lexical("the sea trial ship hull keel", 100, Scope(readers=readers))
            found = {passage.document for passage in index.passages(hits.keys.tolist())}
            assert found <= {f"list-{number}" for number in expected}

    def test_a_chunk_leads_to_the_sections_and_pages_of_its_document(
        self, store: IndexStore
    ) -> None:
        """By its key; unknown keys are NotFound."""
        build(store, corpus.documents(Random(8), 20))
        index = store.open("ship")
        for key in index.keys().tolist():
            (passage,) = index.passages([key])
            assert index.outline(key) == index.document(passage.document).outline
        with pytest.raises(NotFound):
            index.outline(10**9)

    @pytest.mark.parametrize("text", ["", "   ", "?!", "nowhere", "\ud83d", "sea " * 25_000])
    def test_any_question_has_an_answer(self, store: IndexStore, text: str) -> None:
        """Of its words; maybe none."""
        build(store, corpus.documents(Random(8), 20))
        index = store.open("ship")
        assert len(index.lexical(text, 5, ALL)) == (5 if "sea" in text else 0)
        for k in (1, 5, 1000):
            assert_both(index, corpus.unit_vectors(Random(9), 1)[0], text, k=k, scope=ALL)


def assert_same(
    index: Index, model: Index, search: str, asked: object, *, k: int, scope: Scope
) -> None:
    """Both find the same chunks in the same order, but for scores that are as good as equal."""
    found = [_found(one, search, asked, k, scope) for one in (index, model)]
    scores = [[score for _, score in hits] for hits in found]
    assert scores[0] == pytest.approx(scores[1], abs=2e-6, rel=1e-5)
    clear = [
        {name for name, score in hits if not scores[1] or score > scores[1][-1] + 1e-5}
        for hits in found
    ]
    assert clear[0] == clear[1]


def assert_deeper(index: Index, text: str, *, k: int, scope: Scope, seed: int) -> None:
    """Chunks that are asked for by key are found with those that are best, if not too far down."""
    within = k + seed % 7
    keys = np.random.default_rng(seed).permutation(index.keys())
    also = np.append(keys[: len(keys) // 3], np.iinfo(np.int64).max)
    deep = index.lexical(text, within, scope)
    wanted = (np.arange(len(deep)) < k) | np.isin(deep.keys, also)
    found = index.lexical(text, k, scope, also=also, within=within)
    assert found.keys.tolist() == deep.keys[wanted].tolist()
    assert found.scores.tolist() == deep.scores[wanted].tolist()


def assert_both(
    index: Index, vector: NDArray[np.float32], text: str, *, k: int, scope: Scope
) -> None:
    """What either leg finds is found by both at once, and true scores are told of all."""
    found = index.both(vector, text, k, scope, within=2 * k)
    keys = found.keys.tolist()
    assert keys == sorted(set(keys))
    cosines, bm25 = found.scores
    np.testing.assert_allclose(cosines, index.vectors(keys) @ vector, atol=2e-6)
    dense = index.dense(vector, k, scope)
    lexical = index.lexical(text, k, scope, also=dense.keys, within=2 * k)
    assert {*dense.keys.tolist(), *lexical.keys.tolist()} <= set(keys)
    everything = len(index.keys())
    assert set(keys) <= set(index.dense(vector, everything, scope).keys.tolist())
    deep = index.lexical(text, everything, scope)
    known = dict(zip(deep.keys.tolist(), deep.scores.tolist(), strict=True))
    told = {key: score for key, score in zip(keys, bm25.tolist(), strict=True) if score > 0}
    assert told == pytest.approx({key: known[key] for key in told}, rel=1e-5)
    assert set(lexical.keys.tolist()) <= set(told)


def _found(
    index: Index, search: str, asked: object, k: int, scope: Scope
) -> list[tuple[tuple[str, int], float]]:
    hits = getattr(index, search)(asked, k, scope)
    pairs = list(zip(hits.keys.tolist(), hits.scores.tolist(), strict=True))
    assert pairs == sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
    passages = index.passages(hits.keys.tolist())
    return [
        ((one.document, one.span.start), score)
        for one, (_, score) in zip(passages, pairs, strict=True)
    ]
