"""What every store of indexes must do; see `rag.index.writing.IndexStore`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.kernel.errors import Conflict, Invalid, NotFound
from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.conditions import Equals
from seatrial.rag.index.failures import DocumentRefused, Unsupported, VectorInvalid
from seatrial.rag.index.reading import Index, Scope
from seatrial.rag.index.writing import IndexedDocument, IndexStore, Recipe
from seatrial.rag.text.document import Span
from seatrial.testing import index_corpus as corpus
from seatrial.testing.index_corpus import PLAIN_WORDS, RECIPE
from seatrial.testing.memory_index import MemoryIndexStore

ALL = Scope(readers=None)
_OF_CHUNK = ("span", "parent", "n_tokens", "section", "page")


class IndexStoreSuite:
    """Subclass it as ``Test...`` with two fixtures: ``store``, an empty store that analyses words
    as `index_corpus.PLAIN_WORDS`, and ``again``, the same store as another process opens it."""

    def test_a_new_store_holds_nothing(self, store: IndexStore) -> None:
        """And says so of any name."""
        assert list(store.names()) == []
        for name in ("ship", "../ship", "", "a/b", "x\0"):
            with pytest.raises(NotFound, match="index"):
                store.live(name)
            with pytest.raises(NotFound):
                store.open(name)
            with pytest.raises(NotFound):
                store.versions(name)

    @pytest.mark.parametrize("name", ["", "../ship", "a/b", ".hidden", "x\0", "n" * 300])
    def test_a_name_that_could_not_be_kept_is_refused(self, store: IndexStore, name: str) -> None:
        """Before anything is built."""
        with pytest.raises(Invalid):
            store.draft(name, RECIPE)

    @pytest.mark.parametrize("name", ["ship", "海试-1", "a_b"])
    def test_what_was_put_is_read(self, store: IndexStore, again: IndexStore, name: str) -> None:
        """Documents as they were, and each passage cut out of its text."""
        made = corpus.documents(Random(1), 20)
        assert build(store, made, name=name) == 1
        assert list(again.names()) == [name]
        index = again.open(name)
        assert list(index.documents()) == sorted(one.document.id for one in made)
        for one in made:
            assert index.document(one.document.id) == one.document
        hits = index.dense(corpus.unit_vectors(Random(2), 1)[0], 10_000, ALL)
        passages = index.passages(hits.keys.tolist())
        assert sorted(read(index)) == sorted(written(made))
        assert len(passages) == index.facts.n_chunks == sum(len(one.chunks) for one in made)
        for passage in passages:
            document = index.document(passage.document)
            assert passage.text == document.text[passage.span.start : passage.span.end]
            assert passage.parent_text == document.text[passage.parent.start : passage.parent.end]
            assert (passage.title, passage.source) == (document.title, document.source)
            assert (passage.language, passage.metadata) == (document.language, document.metadata)

    def test_what_a_version_is_made_of_is_told(self, store: IndexStore) -> None:
        """With the share of its chunks in each language."""
        made = corpus.documents(Random(3), 30)
        build(store, made)
        facts = store.open("ship").facts
        n_chunks = sum(len(one.chunks) for one in made)
        assert (facts.name, facts.version, facts.n_documents) == ("ship", 1, 30)
        assert (facts.embedder, facts.chunker) == (RECIPE.embedder, RECIPE.chunker)
        for language in ("en", "zh", None):
            n = sum(len(one.chunks) for one in made if one.document.language == language)
            assert facts.languages[language or ""] == pytest.approx(n / n_chunks)
        (version,) = store.versions("ship")
        assert (version.recipe, version.n_chunks, version.live) == (RECIPE, n_chunks, True)
        assert version.created.tzinfo is not None
        assert abs((datetime.now(UTC) - version.created).total_seconds()) < 3600

    def test_a_draft_is_not_seen_before_it_is_published(
        self, store: IndexStore, again: IndexStore
    ) -> None:
        """And an open version does not change when it is."""
        build(store, corpus.documents(Random(4), 5))
        before = again.open("ship")
        seen = read(before)
        draft = store.draft("ship", RECIPE)
        draft.put(corpus.documents(Random(5), 5, prefix="new"))
        draft.remove(["doc-0"])
        assert (again.live("ship"), len(list(again.open("ship").documents()))) == (1, 5)
        assert draft.publish() == 2
        draft.close()
        assert (again.live("ship"), len(list(again.open("ship").documents()))) == (2, 9)
        assert read(before) == seen
        assert read(again.open("ship", 1)) == seen

    def test_a_document_put_again_is_replaced(self, store: IndexStore) -> None:
        """In one call or in several, in the draft or over a published one."""
        first, second, third = (corpus.document(Random(seed), "a") for seed in (10, 11, 12))
        other = corpus.document(Random(13), "b")
        build(store, [first, other])
        draft = store.draft("ship", RECIPE)
        draft.put([second])
        draft.put([first, third])
        draft.publish()
        index = store.open("ship")
        assert index.document("a") == third.document
        assert sorted(read(index)) == sorted(written([third, other]))

    def test_a_document_taken_out_is_not_found(self, store: IndexStore) -> None:
        """Not by a search, not by its id, not by the key of its chunk; unknown ids do nothing."""
        made = corpus.documents(Random(14), 10)
        build(store, made)
        keys = keys_of(store.open("ship"), "doc-1", "doc-2", "doc-3")
        draft = store.draft("ship", RECIPE)
        draft.remove(["doc-1", "doc-2", "unknown", "doc-3", "doc-3"])
        draft.publish()
        index = store.open("ship")
        kept = [one for one in made if one.document.id not in {"doc-1", "doc-2", "doc-3"}]
        assert sorted(read(index)) == sorted(written(kept))
        assert keys
        with pytest.raises(NotFound):
            index.document("doc-1")
        for key in keys:
            with pytest.raises(NotFound):
                index.passages([key])
            with pytest.raises(NotFound):
                index.vectors([key])

    @pytest.mark.parametrize("key", [-1, 10**15])
    def test_a_key_that_was_never_given_is_not_found(self, store: IndexStore, key: int) -> None:
        """Beside one that was."""
        build(store, corpus.documents(Random(15), 5))
        index = store.open("ship")
        known = keys_of(index)[0]
        assert len(index.passages([known])) == 1
        with pytest.raises(NotFound):
            index.passages([known, key])
        with pytest.raises(NotFound):
            index.vectors([known, key])

    def test_a_draft_is_gone_on_with(self, store: IndexStore, again: IndexStore) -> None:
        """Its digests are those of the live version and of what was put."""
        made = corpus.documents(Random(16), 12)
        build(store, made[:6])
        draft = store.draft("ship", RECIPE)
        draft.put(made[6:9])
        draft.remove(["doc-0"])
        draft.close()
        draft = again.draft("ship", RECIPE)
        assert dict(draft.digests()) == {one.document.id: one.document.digest for one in made[1:9]}
        draft.put(made[9:])
        assert draft.publish() == 2
        assert sorted(read(again.open("ship"))) == sorted(written(made[1:]))

    def test_a_draft_that_changed_nothing_makes_no_version(self, store: IndexStore) -> None:
        """Be it that what came went again."""
        build(store, corpus.documents(Random(17), 5))
        assert store.draft("ship", RECIPE).publish() == 1
        draft = store.draft("ship", RECIPE)
        draft.put([corpus.document(Random(18), "new")])
        draft.remove(["new"])
        assert draft.publish() == 1
        assert [one.version for one in store.versions("ship")] == [1]

    def test_an_index_may_be_empty(self, store: IndexStore) -> None:
        """It finds nothing."""
        assert store.draft("ship", RECIPE).publish() == 1
        index = store.open("ship")
        assert (index.facts.n_documents, index.facts.languages) == (0, {})
        assert len(index.dense(corpus.unit_vectors(Random(0), 1)[0], 5, ALL)) == 0
        assert len(index.lexical("sea", 5, ALL)) == 0
        assert list(index.documents()) == []
        assert index.passages([]) == []

    def test_a_draft_thrown_away_leaves_nothing(self, store: IndexStore) -> None:
        """The next one begins with the live version."""
        made = corpus.documents(Random(19), 4)
        build(store, made[:2])
        draft = store.draft("ship", RECIPE)
        draft.put(made[2:])
        draft.remove(["doc-0"])
        draft.discard()
        draft = store.draft("ship", RECIPE)
        assert set(draft.digests()) == {"doc-0", "doc-1"}
        assert draft.publish() == 1

    def test_one_builds_at_a_time(self, store: IndexStore, again: IndexStore) -> None:
        """The others are told; another index is not concerned."""
        draft = store.draft("ship", RECIPE)
        with pytest.raises(Conflict):
            again.draft("ship", RECIPE)
        again.draft("boat", RECIPE).discard()
        draft.close()
        again.draft("ship", RECIPE).discard()

    def test_another_recipe_begins_with_nothing(self, store: IndexStore) -> None:
        """A draft of the former is thrown away; versions of both are there."""
        made = corpus.documents(Random(20), 6)
        build(store, made)
        draft = store.draft("ship", RECIPE)
        draft.put([corpus.document(Random(21), "new")])
        draft.close()
        bare = Recipe(embedder=None, dimensions=0, chunker="halves")
        draft = store.draft("ship", bare)
        assert dict(draft.digests()) == {}
        draft.put([replace(one, vectors=None) for one in made[:3]])
        assert draft.publish() == 2
        index = store.open("ship")
        assert index.facts.embedder is None
        assert len(index.lexical("the ship", 100, ALL)) > 0
        with pytest.raises(Unsupported):
            index.dense(corpus.unit_vectors(Random(0), 1)[0], 5, ALL)
        with pytest.raises(Unsupported):
            index.vectors([])
        assert sorted(read(store.open("ship", 1))) == sorted(written(made))

    def test_an_earlier_version_is_made_live_again(
        self, store: IndexStore, again: IndexStore
    ) -> None:
        """What is built next begins with it, and the later one stays as it is."""
        made = corpus.documents(Random(22), 9)
        build(store, made[:3])
        draft = store.draft("ship", RECIPE)
        draft.put(made[3:6])
        draft.remove(["doc-0"])
        draft.publish()
        store.activate("ship", 1)
        assert (again.live("ship"), again.open("ship").facts.version) == (1, 1)
        draft = again.draft("ship", RECIPE)
        assert set(draft.digests()) == {"doc-0", "doc-1", "doc-2"}
        draft.put(made[6:])
        draft.remove(["doc-1"])
        assert draft.publish() == 3
        kept = [made[0], made[2], *made[6:]]
        assert sorted(read(again.open("ship"))) == sorted(written(kept))
        assert sorted(read(again.open("ship", 2))) == sorted(written(made[1:6]))
        assert [one.version for one in again.versions("ship") if one.live] == [3]
        with pytest.raises(NotFound, match="4"):
            store.activate("ship", 4)
        with pytest.raises(NotFound):
            store.activate("boat", 1)

    def test_old_versions_are_forgotten(self, store: IndexStore) -> None:
        """Never the live one; who has one open reads on, and a draft goes on."""
        for seed in range(5):
            build(store, [corpus.document(Random(seed), f"doc-{seed}")])
        store.activate("ship", 2)
        opened = store.open("ship", 3)
        seen = read(opened)
        draft = store.draft("ship", RECIPE)
        draft.put([corpus.document(Random(30), "new")])
        assert list(store.forget("ship", keep=2)) == [1, 3]
        assert [one.version for one in store.versions("ship")] == [2, 4, 5]
        assert read(opened) == seen
        with pytest.raises(NotFound):
            store.open("ship", 3)
        assert len(read(store.open("ship", 5))) > 0
        assert draft.publish() == 6
        assert set(store.open("ship").documents()) == {"doc-0", "doc-1", "new"}
        assert list(store.forget("ship", keep=1)) == [2, 4, 5]
        assert list(store.audit("ship")) == []
        with pytest.raises(Invalid):
            store.forget("ship", keep=0)
        with pytest.raises(NotFound):
            store.forget("boat", keep=1)

    def test_what_a_draft_began_with_is_kept_for_it(self, store: IndexStore) -> None:
        """Though the version is forgotten meanwhile."""
        made = corpus.documents(Random(31), 8)
        build(store, made[:4])
        draft = store.draft("ship", RECIPE)
        draft.put(made[4:6])
        draft.remove([one.document.id for one in made[:4]])
        draft.publish()
        store.activate("ship", 1)
        draft = store.draft("ship", RECIPE)
        store.activate("ship", 2)
        assert list(store.forget("ship", keep=1)) == [1]
        draft.put(made[6:])
        draft.close()
        assert store.draft("ship", RECIPE).publish() == 3
        assert sorted(read(store.open("ship"))) == sorted(written([*made[:4], *made[6:]]))

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

    @pytest.mark.parametrize(
        "chunk",
        [
            Chunk(span=Span(0, 6), parent=Span(0, 6), n_tokens=1),
            Chunk(span=Span(-1, 2), parent=Span(-1, 2), n_tokens=1),
            Chunk(span=Span(2, 2), parent=Span(0, 5), n_tokens=1),
            Chunk(span=Span(3, 2), parent=Span(0, 5), n_tokens=1),
            Chunk(span=Span(0, 3), parent=Span(1, 5), n_tokens=1),
            Chunk(span=Span(0, 3), parent=Span(0, 9), n_tokens=1),
        ],
    )
    def test_a_chunk_outside_its_text_is_refused(self, store: IndexStore, chunk: Chunk) -> None:
        """And nothing of the call is kept."""
        draft = store.draft("ship", RECIPE)
        good = corpus.document(Random(1), "good")
        bad = replace(good.document, id="bad", text="five!")
        with pytest.raises(DocumentRefused, match="bad"):
            draft.put([good, IndexedDocument(document=bad, chunks=[chunk], vectors=_unit(1))])
        assert dict(draft.digests()) == {}
        draft.discard()

    @pytest.mark.parametrize("field", ["text", "title", "id", "metadata", "digest"])
    def test_half_a_character_is_refused(self, store: IndexStore, field: str) -> None:
        """No file could hold it."""
        draft = store.draft("ship", RECIPE)
        document = replace(corpus.document(Random(1), "a").document, text="plain")
        value = {"author": "\ud83d"} if field == "metadata" else "\ud83d"
        document = replace(document, **{field: value})  # type: ignore[arg-type]
        with pytest.raises(DocumentRefused, match="half a character"):
            draft.put([IndexedDocument(document=document, chunks=[], vectors=_unit(0))])
        draft.discard()

    @pytest.mark.parametrize("value", [None, {"a": 1}, ["a"], (1, 2), 2**70, b"a", {1}])
    def test_a_field_that_no_condition_could_ask_for_is_refused(
        self, store: IndexStore, value: object
    ) -> None:
        """By its name."""
        draft = store.draft("ship", RECIPE)
        document = replace(
            corpus.document(Random(1), "a").document,
            text="plain",
            metadata={"year": value},  # type: ignore[dict-item]
        )
        with pytest.raises(DocumentRefused, match="year"):
            draft.put([IndexedDocument(document=document, chunks=[], vectors=_unit(0))])
        draft.discard()

    @pytest.mark.parametrize(
        "vectors",
        [
            None,
            np.zeros((1, corpus.DIMENSIONS), np.float32),
            np.full((1, corpus.DIMENSIONS), np.nan, np.float32),
            np.full((1, corpus.DIMENSIONS), np.inf, np.float32),
            np.eye(1, corpus.DIMENSIONS + 1, dtype=np.float32),
            np.eye(2, corpus.DIMENSIONS, dtype=np.float32),
            np.eye(1, corpus.DIMENSIONS, dtype=np.float64),
        ],
    )
    def test_vectors_that_cannot_be_compared_are_refused(
        self, store: IndexStore, vectors: object
    ) -> None:
        """By a draft and by a search."""
        document = replace(corpus.document(Random(1), "a").document, text="five!")
        chunk = Chunk(span=Span(0, 5), parent=Span(0, 5), n_tokens=1)
        draft = store.draft("ship", RECIPE)
        with pytest.raises(VectorInvalid):
            draft.put([IndexedDocument(document=document, chunks=[chunk], vectors=vectors)])  # type: ignore[arg-type]
        draft.put([IndexedDocument(document=document, chunks=[chunk], vectors=_unit(1))])
        draft.publish()
        index = store.open("ship")
        for asked in (_unit(1)[0] * 0, np.full(corpus.DIMENSIONS, np.nan), _unit(1)[0, :-1]):
            with pytest.raises(VectorInvalid):
                index.dense(asked.astype(np.float32), 1, ALL)

    @pytest.mark.parametrize("text", ["", "   ", "?!", "nowhere", "\ud83d", "sea " * 25_000])
    def test_any_question_has_an_answer(self, store: IndexStore, text: str) -> None:
        """Of its words; maybe none."""
        build(store, corpus.documents(Random(8), 20))
        hits = store.open("ship").lexical(text, 5, ALL)
        assert len(hits) == (5 if "sea" in text else 0)

    def test_many_ask_while_others_build(self, store: IndexStore) -> None:
        """Each sees one version, whole."""
        made = corpus.documents(Random(50), 30)
        build(store, made[:10])
        sizes = {1: 10, 2: 20, 3: 30}

        def ask(seed: int) -> bool:
            index = store.open("ship")
            scope = Scope(where=Equals("tag", "a"), readers=None)
            index.dense(corpus.unit_vectors(Random(seed), 1)[0], 5, scope)
            index.lexical("the ship", 5, ALL)
            return len(list(index.documents())) == sizes[index.facts.version]

        with ThreadPoolExecutor(8) as threads:
            asked = [threads.submit(ask, seed) for seed in range(60)]
            for end in (20, 30):
                draft = store.draft("ship", RECIPE)
                draft.put(made[end - 10 : end])
                draft.publish()
            asked += [threads.submit(ask, seed) for seed in range(60)]
            assert all(one.result() for one in asked)

    def test_an_audit_finds_no_fault(self, store: IndexStore, again: IndexStore) -> None:
        """In any version, whatever came and went."""
        random = Random(60)
        for _ in range(4):
            draft = store.draft("ship", RECIPE)
            draft.put(corpus.documents(random, 20))
            draft.remove([f"doc-{random.randrange(20)}" for _ in range(5)])
            draft.publish()
        for version in (None, 1, 2, 3, 4):
            assert list(again.audit("ship", version)) == []
        with pytest.raises(NotFound):
            again.audit("ship", 9)


def build(store: IndexStore, made: Sequence[IndexedDocument], *, name: str = "ship") -> int:
    """Put documents, and publish."""
    draft = store.draft(name, RECIPE)
    draft.put(made)
    return draft.publish()


def keys_of(index: Index, *names: str) -> list[int]:
    """Keys of the chunks of some documents; without names, of all."""
    hits = index.dense(corpus.unit_vectors(Random(0), 1)[0], 10**6, ALL)
    passages = index.passages(hits.keys.tolist())
    return [one.key for one in passages if not names or one.document in names]


def read(index: Index) -> list[tuple[object, ...]]:
    """All chunks of an index with their vectors, apart from their keys."""
    keys = keys_of(index)
    return [
        _row(one.document, Chunk(**{n: getattr(one, n) for n in _OF_CHUNK}), one.text, vector)
        for one, vector in zip(index.passages(keys), index.vectors(keys), strict=True)
    ]


def written(made: Sequence[IndexedDocument]) -> list[tuple[object, ...]]:
    """The same of what was put."""
    return [
        _row(
            one.document.id,
            chunk,
            one.document.text[chunk.span.start : chunk.span.end],
            vector,
        )
        for one in made
        for chunk, vector in zip(
            one.chunks, one.vectors if one.vectors is not None else [], strict=True
        )
    ]


def _row(document: str, chunk: Chunk, text: str, vector: NDArray[np.float32]) -> tuple[object, ...]:
    """Can be sorted: what may be None is written."""
    return (document, chunk.span, text, chunk.parent, str(chunk), vector.tobytes())


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


def _unit(n: int) -> NDArray[np.float32]:
    return np.eye(max(n, 1), corpus.DIMENSIONS, dtype=np.float32)[:n]
