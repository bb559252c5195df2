"""Documents that a program adds, takes out and searches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seatrial.kernel.errors import Invalid
from seatrial.rag.embedding.called import CalledEmbedder
from seatrial.rag.index.conditions import condition_of
from seatrial.rag.index.failures import Unsupported
from seatrial.rag.index.reading import Scope
from seatrial.rag.knowledge.document_store import DocumentStore, StoreDiffers
from seatrial.rag.text.document import Document
from seatrial.wiring.knowledge.document_store import open_document_store
from tests.rag.retrieval.conftest import WordEmbedder

Open = Callable[..., DocumentStore]


def embedder(name: str = "words") -> CalledEmbedder:
    words = WordEmbedder()
    return CalledEmbedder(
        documents=lambda texts: words.embed_documents(texts).tolist(),
        queries=lambda texts: words.embed_queries(texts).tolist(),
        name=name,
    )


def document(name: str, text: str, **more: Any) -> Document:
    return Document(
        id=name, text=text, title="", source=name, format="text", language="en",
        digest=f"{text}{more}", **more,
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> DocumentStore:
    return open_document_store(tmp_path / "notes", embedder=embedder())


def found(store: DocumentStore, question: str, **asked: Any) -> list[str]:
    return [one.document.id for one in store.search(question, **({"k": 5} | asked))]


def test_a_store_that_nothing_was_added_to_finds_nothing(store: DocumentStore) -> None:
    assert store.ids() == []
    assert found(store, "ship") == []
    assert store.get(["a"]) == []
    store.remove(["a"])
    assert store.nearest(np.ones(64, np.float32), k=1) == []


def test_what_was_added_is_found_replaced_and_taken_out(store: DocumentStore) -> None:
    store.put([document("a", "a ship at sea"), document("b", "bread of rye")])
    assert found(store, "ship", k=1) == ["a"]
    store.put([document("a", "a loaf of wheat")])
    assert store.ids() == ["a", "b"]
    assert [one.text for one in store.get(["a", "missing"])] == ["a loaf of wheat"]
    store.remove(["b", "missing"])
    assert store.ids() == ["a"]


def test_what_is_there_as_it_is_is_not_embedded_again(tmp_path: Path) -> None:
    words = WordEmbedder()
    store = open_document_store(tmp_path, embedder=words)
    store.put([document("a", "a ship at sea")])
    before = words.n_calls
    store.put([document("a", "a ship at sea")])
    assert words.n_calls == before


def test_a_long_document_is_found_whole_and_once(store: DocumentStore) -> None:
    long = " ".join(f"The ship number {n} left the harbour at dawn." for n in range(200))
    store.put([document("long", long), document("b", "The ship of bread.")])
    (first, second) = store.search("ship", k=2)
    assert {first.document.id, second.document.id} == {"long", "b"}
    assert long in {first.document.text, second.document.text}


def test_copies_are_kept_apart(store: DocumentStore) -> None:
    store.put([document("a", "a ship at sea"), document("b", "a ship at sea")])
    assert sorted(found(store, "ship")) == ["a", "b"]


def test_a_scope_is_kept_to(store: DocumentStore) -> None:
    store.put(
        [
            document("a", "a ship at sea", metadata={"year": 1934}),
            document("b", "a ship in dock", metadata={"year": 1950}, readers=frozenset({"crew"})),
        ]
    )
    where = condition_of({"year": {"gte": 1940}})
    assert found(store, "ship", scope=Scope(where=where, readers=None)) == ["b"]
    assert found(store, "ship", scope=Scope(readers=frozenset({"guests"}))) == ["a"]
    vector = embedder().embed_queries(["ship"])[0]
    (one,) = store.nearest(vector, k=5, scope=Scope(readers=frozenset()))
    assert one.document.id == "a"


def test_the_nearest_to_a_vector_of_any_length_are_found_by_cosine(store: DocumentStore) -> None:
    store.put([document("a", "a ship at sea"), document("b", "bread of rye")])
    vector = embedder().embed_queries(["bread of rye"])[0] * 7
    first, second = store.nearest(vector, k=2)
    assert (first.document.id, second.document.id) == ("b", "a")
    assert first.score == pytest.approx(1, abs=1e-3)
    assert second.score < first.score


def test_what_is_unlike_the_best_comes_first_where_that_is_wanted(store: DocumentStore) -> None:
    store.put(
        [document("a", "keel ship one"), document("b", "keel ship two"), document("c", "ship rain")]
    )
    ranked = store.search("keel ship", k=3)
    assert [one.document.id for one in store.diverse(ranked, k=2, relevance=1.0)] == ["a", "b"]
    assert [one.document.id for one in store.diverse(ranked, k=2, relevance=0.1)] == ["a", "c"]


def test_words_alone_are_searched_without_an_embedder(tmp_path: Path) -> None:
    store = open_document_store(tmp_path, embedder=None)
    store.put([document("a", "a ship at sea"), document("b", "bread of rye")])
    assert found(store, "ship") == ["a"]
    with pytest.raises(Unsupported, match="no vectors"):
        store.nearest(np.ones(3, np.float32), k=1)


def test_another_process_goes_on_with_it_and_another_embedder_does_not(tmp_path: Path) -> None:
    open_document_store(tmp_path, embedder=embedder()).put([document("a", "a ship at sea")])
    assert open_document_store(tmp_path, embedder=embedder()).ids() == ["a"]
    with pytest.raises(StoreDiffers, match="another name"):
        open_document_store(tmp_path, embedder=embedder("other"))


def test_what_another_wrote_is_found_by_the_next_search(tmp_path: Path) -> None:
    reader = open_document_store(tmp_path, embedder=embedder())
    writer = open_document_store(tmp_path, embedder=embedder())
    writer.put([document("a", "a ship at sea")])
    assert found(reader, "ship") == ["a"]
    writer.put([document("b", "a ship in dock")])
    assert sorted(found(reader, "ship")) == ["a", "b"]


def test_no_document_at_all_cannot_be_asked_for(store: DocumentStore) -> None:
    store.put([document("a", "a ship at sea")])
    with pytest.raises(Invalid, match="k is 0"):
        store.search("ship", k=0)


def test_old_versions_are_forgotten(tmp_path: Path) -> None:
    store = open_document_store(tmp_path, embedder=None)
    for n in range(6):
        store.put([document(str(n), f"ship number {n}")])
    assert len(store.ids()) == 6
    assert len(store._store.versions("documents")) == 3
