"""LlamaIndex: an index of seatrial as a retriever, and LlamaIndex's documents as seatrial's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from seatrial.adapters.frameworks.document import told_document
from seatrial.kernel.errors import MissingExtra
from seatrial.rag.knowledge.record import found_record
from seatrial.rag.knowledge.searching import Searches
from seatrial.rag.text.document import Document

if TYPE_CHECKING:
    from llama_index.core.retrievers import BaseRetriever


def llama_index_retriever(knowledge: Searches, **asked: Any) -> BaseRetriever:
    """An index as a retriever of LlamaIndex; its nodes tell where they stand, as those of
    `langchain_retriever` do.

    Args: as `langchain_retriever`.   Raises: MissingExtra: llama-index-core is not installed.
    """
    try:
        from llama_index.core.retrievers import BaseRetriever
        from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
    except ImportError as error:
        raise MissingExtra("llama_index.core", "llamaindex") from error

    class SeatrialRetriever(BaseRetriever):  # type: ignore[misc, unused-ignore]
        """See `llama_index_retriever`."""

        def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
            nodes = []
            found = knowledge.search(query_bundle.query_str, **asked).found
            for rank, one in enumerate(found, start=1):
                about = found_record(rank, one)
                node = TextNode(
                    text=about.pop("text"),
                    id_=f"{one.passage.document}:{one.passage.span.start}",
                    metadata=about,
                    start_char_idx=one.passage.span.start,
                    end_char_idx=one.passage.span.end,
                )
                nodes.append(NodeWithScore(node=node, score=one.score))
            return nodes

    return SeatrialRetriever()


def from_llama_index(documents: Iterable[Any], *, name: str = "llama_index") -> Iterator[Document]:
    """Documents that a reader of LlamaIndex gave, for `rag.ingest`.

    Ids of LlamaIndex are new with each reading, unless the reader makes them of file names
    (``filename_as_id``); a document is known again by its ``file_path`` here, and several of one
    file (its pages) by their places among them.

    Args:
        documents: with ``text`` and ``metadata``.
        name: goes before the number of those without a ``file_path``.
    """
    n_of: Counter[str] = Counter()
    for number, one in enumerate(documents):
        metadata: Mapping[str, Any] = one.metadata or {}
        source = str(metadata.get("file_path") or f"{name}/{number}")
        n_of[source] += 1
        place = f"{source}#{n_of[source] - 1}"
        yield told_document(one.text, metadata, name=place, source=source)
