"""What is asked of an index, and the port of whoever answers for indexes by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seatrial.gateway.routes.gateway import NOBODY, Caller
from seatrial.kernel.errors import NotFound
from seatrial.rag.answering.reply import Reply
from seatrial.rag.index.conditions import Condition
from seatrial.rag.index.reading import Scope
from seatrial.rag.retrieval.found import Retrieved


class KnowledgeUnknown(NotFound):
    """There is no index of that name here."""

    code = "rag.knowledge_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, and what may be found for it.

    Args:
        k: passages wanted, >= 1; None for what the configuration says.
        where: a condition on metadata; None for all documents.
        readers: groups and users the asker belongs to; None for whoever may read everything.
        version: of the index; None for the live one, or the one that the split of a release picks.
        key: the same key gets the same version of a release; None for chance.
        caller: who pays for a language model.
    """

    question: str
    k: int | None = None
    where: Condition | None = None
    readers: frozenset[str] | None = frozenset()
    version: int | None = None
    key: bytes | None = None
    caller: Caller = NOBODY

    @property
    def scope(self) -> Scope:
        """Which chunks may be found."""
        return Scope(where=self.where, readers=self.readers)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeFacts:
    """An index as lists show it; the version is the live one."""

    name: str
    version: int
    n_documents: int
    n_chunks: int
    embedder: str | None
    languages: dict[str, float]
    answered_by: str


class Knowledge(Protocol):
    """Answers for indexes, by name. All methods may be called concurrently on one event loop."""

    def names(self) -> Sequence[str]:
        """Indexes that can be asked, sorted."""
        ...

    async def facts(self, name: str) -> KnowledgeFacts:
        """What an index is.   Raises: KnowledgeUnknown, Unavailable."""
        ...

    async def search(self, name: str, asked: Asked) -> Retrieved:
        """The passages that most likely answer a question.

        Raises: KnowledgeUnknown, NotFound (the version), QuestionInvalid, Unavailable.
        """
        ...

    async def answer(self, name: str, asked: Asked) -> Reply:
        """An answer whose sentences cite, or a refusal.   Raises: as `search`; what the gateway
        raises."""
        ...
