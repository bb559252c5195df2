"""LangChain's own suite of vector stores over seatrial's, and what that does not ask."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests.vectorstores import VectorStoreIntegrationTests

from seatrial.adapters.frameworks.embeddings import langchain_embedder
from seatrial.adapters.frameworks.langchain_store import TextsInvalid, langchain_vector_store
from seatrial.rag.embedding.called import CalledEmbedder

SHIPS = [
    Document(id="heron", page_content="The Heron is 12 metres long.", metadata={"year": 1934}),
    Document(id="kestrel", page_content="The mast of the Kestrel is of spruce.", metadata={}),
    Document(id="auk", page_content="The Auk was sold to Norway.", metadata={"year": 1950}),
]


class TestTheirSuite(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> VectorStore:
        embedder = langchain_embedder(self.get_embeddings(), name="fake")
        return langchain_vector_store(embedder, folder=tmp_path)


def test_by_words_alone_nothing_is_found_that_shares_no_word(tmp_path: Path) -> None:
    made = langchain_vector_store(None, folder=tmp_path)
    made.add_documents(SHIPS)
    assert [one.id for one in made.similarity_search("a mast of spruce", k=3)] == ["kestrel"]
    assert made.embeddings is None


def digests(texts: list[str]) -> list[list[float]]:
    return DeterministicFakeEmbedding(size=16).embed_documents(texts)


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    embedder = CalledEmbedder(documents=digests, queries=digests, name="digests")
    made = langchain_vector_store(embedder, folder=tmp_path)
    made.add_documents(SHIPS)
    return made


def test_conditions_and_readers_narrow_searches(store: VectorStore) -> None:
    store.add_texts(["The Heron's cook is Tomas."], ids=["crew"], readers=["crew"])
    question = "cook of the Heron"
    found = store.similarity_search(question, k=9, filter={"year": {"gte": 1940}})
    assert [one.id for one in found] == ["auk"]
    assert store.similarity_search(question, k=1)[0].id == "crew"
    guests = store.similarity_search(question, k=9, readers=["guests"])
    assert sorted(str(one.id) for one in guests) == ["auk", "heron", "kestrel"]


def test_a_retriever_takes_them_too(store: VectorStore) -> None:
    narrowed = {"k": 2, "filter": {"year": {"lt": 1940}}}
    assert [one.id for one in store.as_retriever(search_kwargs=narrowed).invoke("Norway")] == [
        "heron"
    ]
    diverse = store.as_retriever(search_type="mmr", search_kwargs={"k": 2})
    assert len(diverse.invoke("the mast of the Kestrel")) == 2
    told = store.similarity_search_with_score("The Heron is 12 metres long.", k=3)
    enough = {"score_threshold": (told[0][1] + told[1][1]) / 2, "k": 3}
    strict = store.as_retriever(search_type="similarity_score_threshold", search_kwargs=enough)
    assert [one.id for one in strict.invoke("The Heron is 12 metres long.")] == ["heron"]


def test_scores_lie_between_0_and_1_and_fall(store: VectorStore) -> None:
    scores = [score for _, score in store.similarity_search_with_score("the Kestrel's mast", k=3)]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_the_nearest_to_a_vector_are_found(store: VectorStore) -> None:
    (vector,) = digests([SHIPS[2].page_content])
    assert store.similarity_search_by_vector(vector, k=1) == [SHIPS[2]]
    assert store.max_marginal_relevance_search_by_vector(vector, k=1) == [SHIPS[2]]


def test_metadata_comes_back_as_it_was(store: VectorStore) -> None:
    told = {"tags": ["a", "b"], "nested": {"x": [1, None]}, "none": None, "flag": True, "n": 1.5}
    store.add_texts(["A dinghy."], [told], ids=["dinghy"])
    assert store.get_by_ids(["dinghy"])[0].metadata == told
    assert [one.id for one in store.similarity_search("dinghy", filter={"tags": "b"})] == ["dinghy"]
    with pytest.raises(TextsInvalid, match="cannot be kept"):
        store.add_texts(["x"], [{"when": object()}])
    with pytest.raises(TextsInvalid, match="2 texts and 1 ids"):
        store.add_texts(["x", "y"], ids=["1"])


def test_a_long_document_is_found_whole(store: VectorStore) -> None:
    text = " ".join(f"The voyage number {n} of the Gannet led to Lisbon." for n in range(300))
    store.add_texts([text], ids=["gannet"])
    found = store.similarity_search("voyage of the Gannet", k=3)
    assert [one.id for one in found].count("gannet") == 1
    assert found[0].page_content == text


def test_everything_is_taken_out_where_no_id_is_named(store: VectorStore) -> None:
    assert store.delete() is True
    assert store.similarity_search("Heron") == []


def test_a_store_is_made_of_texts(store: VectorStore, tmp_path: Path) -> None:
    made = type(store).from_texts(
        ["The Gannet."],
        DeterministicFakeEmbedding(size=8),
        ids=["g"],
        folder=tmp_path / "other",
        embedder_name="fake",
    )
    assert made.similarity_search("Gannet", k=1)[0].id == "g"
    assert len(made.embeddings.embed_query("x")) == 8


def test_many_at_once_are_added_one_after_the_other(store: VectorStore) -> None:
    async def add() -> None:
        texts = [f"Buoy number {n}." for n in range(8)]
        await asyncio.gather(*(store.aadd_texts([text]) for text in texts))

    asyncio.run(add())
    assert len(store.similarity_search("buoy", k=50)) == 11
