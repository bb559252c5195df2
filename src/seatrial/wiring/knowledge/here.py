"""The indexes of a workspace, asked in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from threading import Lock
from typing import TypeVar

from seatrial.gateway.routes.gateway import Gateway
from seatrial.rag.answering.answerer import Answerer
from seatrial.rag.answering.extractive import ExtractiveAnswerer
from seatrial.rag.answering.model_rewriter import ModelRewriter
from seatrial.rag.answering.reply import Citation, Reply
from seatrial.rag.answering.replying import reply
from seatrial.rag.answering.written import Policy, WrittenAnswerer
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.groundedness.check import Groundedness
from seatrial.rag.groundedness.profile import profile
from seatrial.rag.groundedness.verdict import Entailment
from seatrial.rag.index.reading import Index
from seatrial.rag.knowledge.asked import Asked, KnowledgeFacts, KnowledgeUnknown
from seatrial.rag.knowledge.config import KnowledgeConfig
from seatrial.rag.knowledge.desk import Surroundings
from seatrial.rag.knowledge.opened import Versions
from seatrial.rag.knowledge.rights import found_for
from seatrial.rag.retrieval.found import Context, Retrieved
from seatrial.rag.retrieval.reranker import Reranker
from seatrial.rag.retrieval.retriever import Retriever
from seatrial.rag.retrieval.rewriting import QueryRewriter, Rewriting
from seatrial.rag.text.document import Document
from seatrial.wiring.gateway import gateway_of
from seatrial.wiring.knowledge.indexes import (
    check_answering,
    copies_of,
    corpus_folder,
    embedder_of,
    index_store,
    knowledge_config,
)
from seatrial.wiring.knowledge.pair_models import entailment_of, reranker_of
from seatrial.wiring.knowledge.releases import ReleasedIndexes, Served
from seatrial.wiring.workspace import Workspace

T = TypeVar("T")

_THREADS = 4
"""Questions that are searched at once; vectors and words are searched in one thread each."""


def retriever_of(workspace: Workspace, config: KnowledgeConfig, index: Index) -> Retriever:
    """What searches a version as its configuration says.   Raises: EmbedderDiffers."""
    embedder = None if index.facts.embedder is None else embedder_of(workspace, config)
    reranker = reranker_of(config.reranker, corpus_folder(workspace))
    return _retriever(config, index, embedder, reranker)


def rewriter_of(config: KnowledgeConfig, gateway: Gateway) -> QueryRewriter | None:
    """What says questions in other words; None for nothing."""
    rewrite = config.retrieval.rewrite
    if rewrite is None:
        return None
    return ModelRewriter(
        gateway,
        rewrite.model,
        n=rewrite.n,
        max_tokens=rewrite.max_tokens,
        timeout_s=rewrite.timeout,
    )


def _retriever(
    config: KnowledgeConfig, index: Index, embedder: Embedder | None, reranker: Reranker | None
) -> Retriever:
    return Retriever(index, embedder, config.retrieval.settings(), reranker=reranker)


@dataclass(frozen=True, slots=True)
class OpenIndex:
    """A version that is searched."""

    index: Index
    retriever: Retriever
    answerer: Answerer
    rewriter: QueryRewriter | None = None

    async def rewriting(self, asked: Asked) -> Rewriting | None:
        """Other wordings of a question; None where nothing writes any.

        Raises: QuestionInvalid, before anything is paid.
        """
        if self.rewriter is None:
            return None
        question = self.retriever.checked(asked.question)
        return await self.rewriter.rewrite(question, caller=asked.caller)


class _Searched:
    """One index of a workspace: its embedder, and its open versions."""

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        config: KnowledgeConfig,
        executor: ThreadPoolExecutor,
        gateway: Callable[[], Gateway] | None,
        *,
        own: Embedder | None,
    ) -> None:
        check_answering(workspace, name, config)
        self.config = config
        self._gateway = gateway
        self._own = own
        self._workspace = workspace
        self._lock = Lock()
        self._store = store = index_store(workspace)
        self._name = name
        self.versions: Versions[OpenIndex] = Versions(
            partial(store.live, name), self.open, executor=executor
        )

    @cached_property
    def embedder(self) -> Embedder | None:
        """Loaded with the first version that is opened."""
        return embedder_of(self._workspace, self.config, self._own)

    def open(self, version: int) -> OpenIndex:
        """One version; blocks.   Raises: IndexNotFound, EmbedderDiffers, MissingExtra."""
        index: Index = self._store.open(self._name, version)
        if self.config.vectors.kind != "embedded":
            index = copies_of(self._workspace, self._name, self.config).over(self._store, index)
        with self._lock:
            embedder, reranker, entailment = self.embedder, self.reranker, self.entailment
        used = embedder if index.facts.embedder is not None else None
        return OpenIndex(
            index,
            _retriever(self.config, index, used, reranker),
            self._answerer(used, entailment),
            None if self._gateway is None else rewriter_of(self.config, self._gateway()),
        )

    def document(self, version: int, document: str) -> Document:
        """One document of a version; blocks.   Raises: IndexNotFound, NotInIndex."""
        index: Index = self._store.open(self._name, version)
        return index.document(document)

    @cached_property
    def reranker(self) -> Reranker | None:
        """Loaded with it."""
        return reranker_of(self.config.reranker, corpus_folder(self._workspace))

    @cached_property
    def entailment(self) -> Entailment | None:
        """Loaded with it."""
        return entailment_of(self.config.entailment, corpus_folder(self._workspace))

    def _answerer(self, embedder: Embedder | None, entailment: Entailment | None) -> Answerer:
        config = self.config.answering
        if config.model is None or self._gateway is None:
            return ExtractiveAnswerer(embedder=embedder, max_sentences=config.max_sentences)
        return WrittenAnswerer(
            self._gateway(),
            config.model,
            Groundedness(profile(config.profile), embedder=embedder, entailment=entailment),
            policy=Policy(config.unsupported),
            max_tokens=config.max_tokens,
        )


class KnowledgeHere:
    """The indexes of a workspace, in this process; see `rag.knowledge.asked.Knowledge`.

    Args:
        workspace: with the section ``knowledge``.
        gateway: writes answers and other wordings; None where there is none.
        released: picks versions of indexes that are released; None follows live versions.
        embedders: of the program's own, by index, in place of those that are configured.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        gateway: Callable[[], Gateway] | None = None,
        released: ReleasedIndexes[OpenIndex] | None = None,
        embedders: Mapping[str, Embedder] | None = None,
    ) -> None:
        own = embedders or {}
        for name in own:
            knowledge_config(workspace, name)
        self._released = released
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="knowledge")
        self._searched = {
            name: _Searched(workspace, name, config, self._executor, gateway, own=own.get(name))
            for name, config in workspace.settings.knowledge.items()
        }

    def names(self) -> Sequence[str]:
        """See Knowledge."""
        return sorted(self._searched)

    def changed(self, name: str) -> None:
        """Another version was made live here: questions from now on wait for it."""
        self._of(name).versions.changed()

    async def facts(self, name: str) -> KnowledgeFacts:
        """See Knowledge."""
        found = await self._answering(name)
        facts = found.index.facts
        return KnowledgeFacts(
            name=name,
            version=facts.version,
            n_documents=facts.n_documents,
            n_chunks=facts.n_chunks,
            embedder=facts.embedder,
            languages=facts.languages,
            answered_by=found.answerer.name,
        )

    def open(self, name: str, version: int) -> OpenIndex:
        """One version of an index; blocks.   Raises: as `search`."""
        return self._of(name).open(version)

    async def search(self, name: str, asked: Asked) -> Retrieved:
        """See Knowledge."""
        searched = self._of(name)

        async def work(found: OpenIndex) -> Retrieved:
            rewriting = await found.rewriting(asked)
            now = await self._later(name, asked)
            return await self._run(partial(found_for, found.retriever, asked, rewriting, now))

        served = self._served(name, asked)
        if served is None:
            return await work(await searched.versions.get(asked.version))
        retrieved = await _measured(served, work)
        served.answered(None)
        return retrieved

    async def _later(self, name: str, asked: Asked) -> Index | None:
        """The version that answers, where an earlier one is asked for by who may not read all."""
        if asked.version is None or asked.readers is None:
            return None
        now = (await self._answering(name)).index
        return now if asked.version < now.facts.version else None

    async def _answering(self, name: str) -> OpenIndex:
        """The version in production, else the live one."""
        released = None if self._released is None else self._released.stable(name)
        return released or await self._of(name).versions.get()

    async def answer(self, name: str, asked: Asked) -> Reply:
        """See Knowledge."""
        searched = self._of(name)

        async def work(found: OpenIndex) -> Reply:
            rewriting = await found.rewriting(asked)

            now = await self._later(name, asked)

            def look() -> tuple[Retrieved, Context]:
                retrieved = found_for(found.retriever, asked, rewriting, now)
                return retrieved, found.retriever.context(retrieved)

            retrieved, context = await self._run(look)
            return await reply(
                retrieved,
                context.passages,
                found.answerer,
                embedder=found.index.facts.embedder,
                idf=found.index.idf,
                outlines=found.index.outline,
                clock=time.perf_counter,
                refuse=searched.config.answering.refuse,
                caller=asked.caller,
            )

        served = self._served(name, asked)
        if served is None:
            return await work(await searched.versions.get(asked.version))
        replied = await _measured(served, work)
        served.answered(replied)
        return replied

    async def surroundings(
        self, name: str, version: int, citation: Citation, *, reach: int
    ) -> Surroundings:
        """See `KnowledgeDesk.surroundings`."""
        searched = self._of(name)

        def look() -> Surroundings:
            text = searched.document(version, citation.document).text
            start, end = citation.span
            return Surroundings(
                before=text[max(0, start - reach) : start],
                after=text[end : end + reach],
                begins=start <= reach,
                ends=end + reach >= len(text),
            )

        return await self._run(look)

    def _served(self, name: str, asked: Asked) -> Served[OpenIndex] | None:
        if self._released is None or asked.version is not None:
            return None
        return self._released.pick(name, asked.key)

    async def close(self) -> None:
        """Let the threads end."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _of(self, name: str) -> _Searched:
        found = self._searched.get(name)
        if found is None:
            known = ", ".join(self._searched) or "none"
            raise KnowledgeUnknown(
                f"There is no index {name[:100]!r}.", remedy=f"Indexes are: {known}."
            )
        return found


async def _measured(served: Served[OpenIndex], work: Callable[[OpenIndex], Awaitable[T]]) -> T:
    """What the version of a release does, and what is wrong with it."""
    try:
        return await work(served.opened)
    except Exception as problem:
        served.failed(problem)
        raise


@asynccontextmanager
async def knowledge_here(workspace: Workspace) -> AsyncIterator[KnowledgeHere]:
    """The indexes of a workspace, for programs and commands."""
    async with gateway_of(workspace) as gateway:
        knowledge = KnowledgeHere(workspace, gateway=lambda: gateway)
        try:
            yield knowledge
        finally:
            await knowledge.close()
