"""Indexes for programs: searched and asked without an event loop of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from seatrial.adapters.event_loop_thread import EventLoopThread
from seatrial.gateway.routes.gateway import Gateway
from seatrial.rag.answering.reply import Reply
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.index.conditions import Condition, condition_of
from seatrial.rag.knowledge.asked import Asked
from seatrial.rag.retrieval.found import Retrieved
from seatrial.wiring.gateway import gateway_of
from seatrial.wiring.knowledge.here import KnowledgeHere
from seatrial.wiring.knowledge.indexes import knowledge_config
from seatrial.wiring.workspace import Workspace


def open_knowledge(
    *,
    home: Path | str | None = None,
    config: Path | str | None = None,
    environment: Mapping[str, str] = os.environ,
    embedders: Mapping[str, Embedder] | None = None,
) -> OpenKnowledge:
    """The indexes of a workspace; close it, or use it in a ``with`` statement.

    Args:
        home, config, environment: as `open_workspace`; the file may also be a `rag_config.yaml`.
        embedders: of the program's own, by index, in place of those that are configured; an index
            must have been built with the same.
    Raises: ConfigInvalid, HomeNotWritable, AnsweringInvalid, KnowledgeUnknown.
    """
    from seatrial.wiring.all_settings import workspace_of

    workspace = workspace_of(home=home, config=config, environment=environment)
    return OpenKnowledge(workspace, embedders=embedders)


class OpenKnowledge:
    """See `open_knowledge`. May be used from several threads."""

    def __init__(
        self, workspace: Workspace, *, embedders: Mapping[str, Embedder] | None = None
    ) -> None:
        self._workspace = workspace
        self._loop = EventLoopThread("knowledge")
        self._gateway: Gateway = self._loop.run(_opened(workspace))
        self._here = KnowledgeHere(workspace, gateway=lambda: self._gateway, embedders=embedders)

    def names(self) -> Sequence[str]:
        """Indexes that are configured, sorted."""
        return self._here.names()

    def search(
        self,
        question: str,
        *,
        index: str | None = None,
        k: int | None = None,
        where: Condition | Mapping[str, object] | None = None,
        readers: frozenset[str] | None = None,
        version: int | None = None,
    ) -> Retrieved:
        """The passages that most likely answer a question, the best first.

        Args:
            index: its name; None for the only one.
            k: passages wanted, >= 1; None as configured.
            where: a condition on metadata, or its JSON.
            readers: groups the asker belongs to; None reads everything.
            version: of the index; None for the live one.
        Raises: KnowledgeUnknown, IndexNotFound, ConditionInvalid, QuestionInvalid, Unavailable.
        """
        name, _ = knowledge_config(self._workspace, index)
        asked = _asked(question, k, where, readers, version)
        return self._loop.run(self._here.search(name, asked))

    def ask(
        self,
        question: str,
        *,
        index: str | None = None,
        k: int | None = None,
        where: Condition | Mapping[str, object] | None = None,
        readers: frozenset[str] | None = None,
        version: int | None = None,
    ) -> Reply:
        """An answer whose sentences cite, or a refusal.   Args, Raises: as `search`."""
        name, _ = knowledge_config(self._workspace, index)
        asked = _asked(question, k, where, readers, version)
        return self._loop.run(self._here.answer(name, asked))

    def close(self) -> None:
        """Let threads and connections end."""
        self._loop.run(self._here.close())
        self._loop.run(self._gateway.close())
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


async def _opened(workspace: Workspace) -> Gateway:
    """On the loop that it lives in."""
    return gateway_of(workspace)


def _asked(
    question: str,
    k: int | None,
    where: Condition | Mapping[str, object] | None,
    readers: frozenset[str] | None,
    version: int | None,
) -> Asked:
    if where is not None and not isinstance(where, Condition):
        where = condition_of(where)
    return Asked(question=question, k=k, where=where, readers=readers, version=version)
