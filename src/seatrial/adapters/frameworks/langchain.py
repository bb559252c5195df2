"""LangChain: an index of seatrial as a retriever, and LangChain's documents as seatrial's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from seatrial.adapters.frameworks.document import told_document
from seatrial.kernel.errors import MissingExtra
from seatrial.rag.knowledge.record import found_record
from seatrial.rag.knowledge.searching import Searches
from seatrial.rag.text.document import Document

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever


def langchain_retriever(knowledge: Searches, **asked: Any) -> BaseRetriever:
    """An index as a retriever of LangChain.

    Its documents tell in their metadata where they stand: ``document``, ``source``, ``start`` and
    ``end`` (their text is the document's from start to end), ``page``, ``section``, ``score``.

    Args:
        knowledge: of `seatrial.open_knowledge`.
        asked: ``index``, ``k``, ``where``, ``readers``, ``version``, as its `search` takes them.
    Raises: MissingExtra: langchain-core is not installed.
    """
    try:
        from langchain_core.documents import Document as Found
        from langchain_core.retrievers import BaseRetriever
    except ImportError as error:
        raise MissingExtra("langchain_core", "langchain") from error

    class SeatrialRetriever(BaseRetriever):  # type: ignore[misc, unused-ignore]
        """See `langchain_retriever`."""

        def _get_relevant_documents(self, query: str, **_: Any) -> list[Found]:
            found = knowledge.search(query, **asked).found
            records = [found_record(rank, one) for rank, one in enumerate(found, start=1)]
            return [Found(page_content=one.pop("text"), metadata=one) for one in records]

    return SeatrialRetriever()


def from_langchain(documents: Iterable[Any], *, name: str = "langchain") -> Iterator[Document]:
    """Documents that a loader of LangChain gave, for `rag.ingest`.

    Args:
        documents: with ``page_content``, ``metadata`` and perhaps ``id``.
        name: goes before the number of those without an id or a ``source``.
    """
    for number, one in enumerate(documents):
        metadata: Mapping[str, Any] = one.metadata or {}
        source = str(metadata.get("source") or f"{name}/{number}")
        yield told_document(
            one.page_content, metadata, name=str(one.id or f"{source}#{number}"), source=source
        )
