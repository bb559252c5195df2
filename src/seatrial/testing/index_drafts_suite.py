"""What a draft of an index must do: what is put is read, and what is not published is not seen."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from seatrial.kernel.errors import Conflict, NotFound
from seatrial.rag.index.writing import IndexStore
from seatrial.testing import index_corpus as corpus
from seatrial.testing.index_contents import ALL, build, keys_of, read, written
from seatrial.testing.index_corpus import RECIPE


class IndexDraftsSuite:
    """A part of `index_store_suite.IndexStoreSuite`."""

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
