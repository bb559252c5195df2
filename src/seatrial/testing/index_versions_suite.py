"""What versions of an index must do: live again, forgotten, audited, asked while others build."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random

import pytest

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.rag.index.conditions import Equals
from seatrial.rag.index.failures import Unsupported
from seatrial.rag.index.reading import Scope
from seatrial.rag.index.writing import IndexStore, Recipe
from seatrial.testing import index_corpus as corpus
from seatrial.testing.index_contents import ALL, build, read, written
from seatrial.testing.index_corpus import RECIPE


class IndexVersionsSuite:
    """A part of `index_store_suite.IndexStoreSuite`."""

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

    def test_an_index_may_be_empty(self, store: IndexStore) -> None:
        """It finds nothing."""
        assert store.draft("ship", RECIPE).publish() == 1
        index = store.open("ship")
        assert (index.facts.n_documents, index.facts.languages) == (0, {})
        assert len(index.dense(corpus.unit_vectors(Random(0), 1)[0], 5, ALL)) == 0
        assert len(index.lexical("sea", 5, ALL)) == 0
        assert list(index.documents()) == []
        assert index.passages([]) == []

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
