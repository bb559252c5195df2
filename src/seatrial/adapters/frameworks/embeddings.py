"""Embedders of LangChain and LlamaIndex as seatrial's, and seatrial's as theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seatrial.kernel.errors import MissingExtra
from seatrial.rag.embedding.called import CalledEmbedder
from seatrial.rag.embedding.embedder import Embedder

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from llama_index.core.embeddings import BaseEmbedding


def langchain_embedder(
    embeddings: Embeddings,
    *,
    name: str,
    max_tokens: int = 512,
    languages: frozenset[str] | None = None,
) -> Embedder:
    """What embeds for LangChain as an embedder of seatrial.

    Args:
        embeddings: a `langchain_core.embeddings.Embeddings`.
        name: of the model, and of what else decides its vectors; an index tells by it whether its
            vectors are this embedder's.
        max_tokens: that it reads of a text; chunks hold no more.
        languages: ISO 639-1 codes of those that it understands; None for all.
    """
    return CalledEmbedder(
        documents=embeddings.embed_documents,
        queries=lambda texts: [embeddings.embed_query(text) for text in texts],
        name=f"langchain/{name}",
        max_tokens=max_tokens,
        languages=languages,
    )


def llama_index_embedder(
    embedding: BaseEmbedding,
    *,
    name: str,
    max_tokens: int = 512,
    languages: frozenset[str] | None = None,
) -> Embedder:
    """What embeds for LlamaIndex as an embedder of seatrial.

    Args:
        embedding: a `llama_index.core.embeddings.BaseEmbedding`.
        name, max_tokens, languages: as `langchain_embedder`.
    """
    return CalledEmbedder(
        documents=embedding.get_text_embedding_batch,
        queries=lambda texts: [embedding.get_query_embedding(text) for text in texts],
        name=f"llama-index/{name}",
        max_tokens=max_tokens,
        languages=languages,
    )


def langchain_embeddings(embedder: Embedder) -> Embeddings:
    """An embedder of seatrial as what embeds for LangChain.

    Raises: MissingExtra: langchain-core is not installed.
    """
    try:
        from langchain_core.embeddings import Embeddings
    except ImportError as error:
        raise MissingExtra("langchain_core", "langchain") from error

    class SeatrialEmbeddings(Embeddings):  # type: ignore[misc, unused-ignore]
        """See `langchain_embeddings`."""

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return _rows(embedder.embed_documents(texts))

        def embed_query(self, text: str) -> list[float]:
            return _rows(embedder.embed_queries([text]))[0]

    return SeatrialEmbeddings()


def llama_index_embedding(embedder: Embedder) -> BaseEmbedding:
    """An embedder of seatrial as what embeds for LlamaIndex.

    Raises: MissingExtra: llama-index-core is not installed.
    """
    try:
        from llama_index.core.embeddings import BaseEmbedding
    except ImportError as error:
        raise MissingExtra("llama_index.core", "llamaindex") from error

    class SeatrialEmbedding(BaseEmbedding):  # type: ignore[misc, unused-ignore]
        """See `llama_index_embedding`."""

        def _get_query_embedding(self, query: str) -> list[float]:
            return _rows(embedder.embed_queries([query]))[0]

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return await asyncio.to_thread(self._get_query_embedding, query)

        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_text_embeddings([text])[0]

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return _rows(embedder.embed_documents(texts))

    return SeatrialEmbedding(model_name=embedder.name)


def _rows(vectors: Any) -> list[list[float]]:
    rows: Sequence[list[float]] = vectors.tolist()
    return list(rows)
