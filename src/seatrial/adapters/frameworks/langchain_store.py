"""LangChain: an index of seatrial as a vector store, which a program fills and searches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from seatrial.adapters.frameworks.document import plain_metadata, told_document
from seatrial.adapters.frameworks.embeddings import langchain_embedder, langchain_embeddings
from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.kernel.errors import Invalid, MissingExtra
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.index.conditions import condition_of
from seatrial.rag.index.reading import Scope
from seatrial.rag.index.words import WORDS
from seatrial.rag.knowledge.document_store import DocumentStore, Match
from seatrial.rag.text.document import Document, MetaValue

if TYPE_CHECKING:
    from langchain_core.documents import Document as TheirDocument
    from langchain_core.embeddings import Embeddings
    from langchain_core.vectorstores import VectorStore

_WHOLE = "seatrial_json"
"""A field that holds the metadata as JSON, where it has what no condition can ask about."""


class TextsInvalid(Invalid):
    """Texts, metadata or ids that were to be added do not fit each other, or cannot be kept."""

    code = "rag.texts_invalid"


def langchain_vector_store(
    embedder: Embedder | None, *, folder: Path | str, name: str = "langchain"
) -> VectorStore:
    """An index in a folder as a vector store of LangChain.

    Questions are searched by words and vectors together; scores lie in [0, 1], the higher the
    better. Searches take ``filter``, a condition as JSON, and ``readers``, the groups of the asker.
    ``add_texts`` and ``add_documents`` take ``readers``, too: who may find these; without it,
    everybody.

    Args:
        embedder: of seatrial; `langchain_embedder` makes one of LangChain's. None: words alone.
        folder: is made where it is not there; not on a network drive.
        name: of the index.
    Raises: StoreDiffers; MissingExtra: langchain-core is not installed.
    """
    try:
        from langchain_core.documents import Document as Found
        from langchain_core.vectorstores import VectorStore
    except ImportError as error:
        raise MissingExtra("langchain_core", "langchain") from error

    class SeatrialVectorStore(_Methods, VectorStore):  # type: ignore[misc, unused-ignore]
        """See `langchain_vector_store`."""

    store = DocumentStore(EmbeddedIndexStore(folder, WORDS), name, embedder)
    return SeatrialVectorStore(store, embedder, Found)


class _Methods:
    """What a vector store of LangChain does, over a `DocumentStore`.

    Args: found: LangChain's class of documents.
    """

    def __init__(
        self, store: DocumentStore, embedder: Embedder | None, found: type[TheirDocument]
    ) -> None:
        self.store, self._embedder, self._found = store, embedder, found

    @property
    def embeddings(self) -> Embeddings | None:
        return None if self._embedder is None else langchain_embeddings(self._embedder)

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        readers: Iterable[str] | None = None,
    ) -> list[str]:
        documents = _documents(list(texts), metadatas, ids, readers)
        self.store.put(documents)
        return [one.id for one in documents]

    def delete(self, ids: list[str] | None = None) -> bool | None:
        self.store.remove(self.store.ids() if ids is None else ids)
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[TheirDocument]:
        return [self._theirs(one) for one in self.store.get(ids)]

    def similarity_search(self, query: str, k: int = 4, **narrowed: Any) -> list[TheirDocument]:
        return [one for one, _ in self.similarity_search_with_score(query, k, **narrowed)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, **narrowed: Any
    ) -> list[tuple[TheirDocument, float]]:
        found = self.store.search(query, k=k, scope=_scope(**narrowed))
        return [(self._theirs(one.document), one.score) for one in found]

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, **narrowed: Any
    ) -> list[TheirDocument]:
        return self._all(self._nearest(embedding, k, narrowed))

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        **narrowed: Any,
    ) -> list[TheirDocument]:
        found = self.store.search(query, k=fetch_k, scope=_scope(**narrowed))
        return self._all(self.store.diverse(found, k=k, relevance=lambda_mult))

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        **narrowed: Any,
    ) -> list[TheirDocument]:
        found = self._nearest(embedding, fetch_k, narrowed)
        return self._all(self.store.diverse(found, k=k, relevance=lambda_mult))

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return float

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        folder: Path | str,
        embedder_name: str,
        name: str = "langchain",
    ) -> VectorStore:
        embedder = langchain_embedder(embedding, name=embedder_name)
        made = langchain_vector_store(embedder, folder=folder, name=name)
        made.add_texts(texts, metadatas, ids=ids)
        return made

    def _nearest(self, embedding: list[float], k: int, narrowed: dict[str, Any]) -> list[Match]:
        vector = np.array(embedding, np.float32)
        return self.store.nearest(vector, k=k, scope=_scope(**narrowed))

    def _theirs(self, one: Document) -> TheirDocument:
        return self._found(page_content=one.text, metadata=_metadata(one), id=one.id)

    def _all(self, found: Sequence[Match]) -> list[TheirDocument]:
        return [self._theirs(one.document) for one in found]


def _scope(
    *,
    filter: Mapping[str, Any] | None = None,  # noqa: A002 - as LangChain's stores call it
    readers: Iterable[str] | None = None,
) -> Scope:
    return Scope(
        where=None if filter is None else condition_of(filter),
        readers=None if readers is None else frozenset(readers),
    )


def _documents(
    texts: Sequence[str],
    metadatas: Sequence[Mapping[str, Any]] | None,
    ids: Sequence[str | None] | None,
    readers: Iterable[str] | None,
) -> list[Document]:
    for what, given in (("metadatas", metadatas), ("ids", ids)):
        if given is not None and len(given) != len(texts):
            raise TextsInvalid(
                f"There are {len(texts)} texts and {len(given)} {what}.",
                remedy=f"Give one of {what} for each text, or none at all.",
            )
    may_read = None if readers is None else frozenset(readers)
    return [
        _document(
            text,
            {} if metadatas is None else metadatas[place] or {},
            (None if ids is None else ids[place]) or uuid4().hex,
            may_read,
        )
        for place, text in enumerate(texts)
    ]


def _document(
    text: str, metadata: Mapping[str, Any], name: str, readers: frozenset[str] | None
) -> Document:
    kept = _kept(metadata, name)
    source = str(metadata.get("source") or name)
    return told_document(text, kept, name=name, source=source, readers=readers)


def _kept(metadata: Mapping[str, Any], name: str) -> dict[str, MetaValue]:
    """What conditions can ask about, and all as JSON where that is not all.

    Raises: TextsInvalid.
    """
    plain = plain_metadata(metadata)
    if all(type(plain.get(field)) is type(value) for field, value in metadata.items()):
        return plain
    try:
        plain[_WHOLE] = json.dumps(metadata)
    except (TypeError, ValueError) as error:
        raise TextsInvalid(
            f"The metadata of {name!r} cannot be kept: {error}.",
            remedy="Give texts, numbers, booleans, and lists and objects of these.",
        ) from error
    return plain


def _metadata(document: Document) -> dict[str, Any]:
    whole = document.metadata.get(_WHOLE)
    if isinstance(whole, str):
        found: dict[str, Any] = json.loads(whole)
        return found
    return dict(document.metadata)
