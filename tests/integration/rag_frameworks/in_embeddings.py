"""Embedders of LangChain and LlamaIndex in seatrial, seatrial's in them, and their documents."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore
from llama_index.core import Document, SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from pydantic import Field

import seatrial
from seatrial.adapters.frameworks.embeddings import (
    langchain_embedder,
    langchain_embeddings,
    llama_index_embedder,
    llama_index_embedding,
)
from seatrial.adapters.frameworks.llama_index import from_llama_index
from seatrial.rag.retrieval.retriever import EmbedderDiffers
from seatrial.testing.embedder_suite import EmbedderSuite
from seatrial.wiring.all_settings import workspace_of
from seatrial.wiring.knowledge.document_store import open_document_store
from seatrial.wiring.knowledge.indexes import build_index

TEXTS = ["The Heron is 12 metres long.", "The Kestrel was built by Ana."]


class Digests(BaseEmbedding):
    """Embeds for LlamaIndex, by digests; what it was asked is kept."""

    asked: list[str] = Field(default_factory=list)

    def _vector(self, text: str) -> list[float]:
        self.asked.append(text)
        return DeterministicFakeEmbedding(size=16).embed_query(text)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._vector(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._vector(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._vector(query)


class TestLangChain(EmbedderSuite):
    @pytest.fixture
    def embedder(self) -> Any:
        return langchain_embedder(DeterministicFakeEmbedding(size=16), name="fake")


class TestLlamaIndex(EmbedderSuite):
    @pytest.fixture
    def embedder(self) -> Any:
        return llama_index_embedder(Digests(), name="digests")


def test_langchain_embeds_with_seatrials() -> None:
    embedder = langchain_embedder(DeterministicFakeEmbedding(size=16), name="fake")
    theirs = InMemoryVectorStore(langchain_embeddings(embedder))
    theirs.add_texts(TEXTS)
    assert theirs.similarity_search(TEXTS[1], k=1)[0].page_content == TEXTS[1]


def test_llama_index_embeds_with_seatrials() -> None:
    embedder = llama_index_embedder(Digests(), name="digests")
    theirs = llama_index_embedding(embedder)
    index = VectorStoreIndex.from_documents(
        [Document(text=one) for one in TEXTS], embed_model=theirs
    )
    (node,) = index.as_retriever(similarity_top_k=1).retrieve(TEXTS[0])
    assert node.node.get_content() == TEXTS[0]
    vector = asyncio.run(theirs.aget_query_embedding(TEXTS[0]))
    assert np.allclose(vector, theirs.get_text_embedding(TEXTS[0]))


def test_an_index_is_built_and_asked_with_an_embedder_of_theirs(tmp_path: Path) -> None:
    ships = tmp_path / "ships"
    ships.mkdir()
    for n, text in enumerate(TEXTS):
        (ships / f"{n}.md").write_text(text + "\n", "utf-8")
    config = tmp_path / "rag_config.yaml"
    config.write_text(
        json.dumps({"documents": {"sources": [{"path": "ships"}]}, "embedding": {"kind": "none"}})
    )
    theirs = Digests()
    own = llama_index_embedder(theirs, name="digests")
    workspace = workspace_of(home=tmp_path / "home", config=config)
    assert build_index(workspace, "documents", embedder=own).n_new == 2
    assert any(TEXTS[0] in text for text in theirs.asked)
    opened = {"home": tmp_path / "home", "config": config}
    with seatrial.open_knowledge(**opened, embedders={"documents": own}) as knowledge:
        found = knowledge.search("How long is the Heron?").found
        assert found[0].passage.document == "0.md"
        assert found[0].dense is not None
        assert "12 metres" in knowledge.ask("How long is the Heron?").text
    other = llama_index_embedder(theirs, name="another")
    with (
        seatrial.open_knowledge(**opened, embedders={"documents": other}) as knowledge,
        pytest.raises(EmbedderDiffers, match="another"),
    ):
        knowledge.search("How long is the Heron?")
    with pytest.raises(seatrial.SeatrialError, match="There is no index 'ships'"):
        seatrial.open_knowledge(**opened, embedders={"ships": own})


def test_documents_of_a_reader_are_known_again(tmp_path: Path) -> None:
    ships = tmp_path / "ships"
    ships.mkdir()
    (ships / "heron.txt").write_text(TEXTS[0], "utf-8")
    (ships / "kestrel.txt").write_text(TEXTS[1], "utf-8")
    store = open_document_store(tmp_path / "store", embedder=None)
    for _ in range(2):
        store.put(from_llama_index(SimpleDirectoryReader(str(ships)).load_data()))
    assert [Path(name).name for name in store.ids()] == ["heron.txt#0", "kestrel.txt#0"]
    (one,) = store.search("How long is the Heron?", k=1)
    assert one.document.text == TEXTS[0]
    assert one.document.metadata["file_name"] == "heron.txt"


def test_documents_without_a_file_are_numbered() -> None:
    made = list(from_llama_index([Document(text="a", metadata={"n": 1}), Document(text="b")]))
    assert [one.id for one in made] == ["llama_index/0#0", "llama_index/1#0"]
    assert made[0].metadata == {"n": 1}
