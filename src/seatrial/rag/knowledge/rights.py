"""Rights that were taken away stay away: who asks an earlier version by its number finds in it only
what the one that answers now would let them read."""

from __future__ import annotations

from collections.abc import Sequence, Set

from msgspec.structs import replace

from seatrial.kernel.errors import NotFound
from seatrial.rag.index.reading import Index
from seatrial.rag.knowledge.asked import Asked
from seatrial.rag.retrieval.found import Found, Retrieved
from seatrial.rag.retrieval.retriever import Retriever
from seatrial.rag.retrieval.rewriting import Rewriting


def found_for(
    retriever: Retriever, asked: Asked, rewriting: Rewriting | None, now: Index | None
) -> Retrieved:
    """What is found for a question.

    Args: now: the version that answers, where an earlier one is searched by who may not read all.
    """
    retrieved = retriever.search(asked.question, asked.scope, k=asked.k, rewriting=rewriting)
    if now is None or asked.readers is None:
        return retrieved
    return replace(retrieved, found=_still_readable(retrieved.found, now, asked.readers))


def _still_readable(found: Sequence[Found], now: Index, readers: Set[str]) -> tuple[Found, ...]:
    """Passages of documents that a later version holds, too, and lets these readers read."""
    named = {one.passage.document for one in found}
    may = {name for name in named if _may_read(now, name, readers)}
    return tuple(one for one in found if one.passage.document in may)


def _may_read(now: Index, document: str, readers: Set[str]) -> bool:
    try:
        named = now.document(document).readers
    except NotFound:
        return False
    return named is None or not named.isdisjoint(readers)
