"""Indexes of documents: where they are kept, how they are built, and how they are asked here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from threading import Lock

from seatrial.adapters.index_embedded import EmbeddedIndexStore
from seatrial.adapters.loader_pool import LoaderPool
from seatrial.adapters.loaders import document_loaders
from seatrial.gateway.routes.gateway import Gateway
from seatrial.kernel.errors import NotFound
from seatrial.rag.chunking.making import chunker_of
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.index.reading import Index
from seatrial.rag.index.words import WORDS
from seatrial.rag.ingest.ingest import Ingestion, Preparation
from seatrial.rag.ingest.report import IngestReport, Told
from seatrial.rag.knowledge.asked import Asked, KnowledgeFacts, KnowledgeUnknown
from seatrial.rag.knowledge.config import KnowledgeConfig
from seatrial.rag.knowledge.opened import Versions
from seatrial.rag.loading.corpus import Corpus
from seatrial.rag.retrieval.found import Retrieved
from seatrial.rag.retrieval.retriever import Retriever
from seatrial.wiring.workspace import Workspace

_THREADS = 4
"""Questions that are searched at once; vectors and words are searched in one thread each."""


def index_store(workspace: Workspace) -> EmbeddedIndexStore:
    """Where the indexes of a workspace are kept."""
    return EmbeddedIndexStore(workspace.home / "knowledge", WORDS)


def knowledge_config(workspace: Workspace, name: str | None) -> tuple[str, KnowledgeConfig]:
    """An index that is configured, the only one where none is named.

    Raises: KnowledgeUnknown.
    """
    known = workspace.settings.knowledge
    if name is None and len(known) == 1:
        name = next(iter(known))
    if name is None or name not in known:
        names = ", ".join(sorted(known)) or "none: there is no section knowledge"
        raise KnowledgeUnknown(
            "Which index is meant is not said." if name is None else f"There is no index {name!r}.",
            remedy=f"Name one with --index; configured are {names}.",
        )
    config: KnowledgeConfig = known[name]
    return name, config


def corpus_folder(workspace: Workspace) -> Path:
    """Where relative paths of documents begin: at the configuration file."""
    return Path.cwd() if workspace.config is None else workspace.config.parent


def build_index(
    workspace: Workspace, name: str, *, told: Told = lambda _: None, shrink: bool = False
) -> IngestReport:
    """Bring an index up to date with its documents, and publish what changed.

    Args: as `Ingestion`.
    Raises: KnowledgeUnknown, IndexBeingBuilt, TooFewLeft, MissingExtra; what the embedder raises.
    """
    name, config = knowledge_config(workspace, name)
    store = index_store(workspace)
    embedder = embedder_of(workspace, config)
    preparation = Preparation(chunker=chunker_of(config.chunking, embedder), embedder=embedder)
    documents = config.documents
    draft = store.draft(name, preparation.recipe)
    try:
        ingestion = Ingestion(draft, preparation, told=told, shrink=shrink)
        with LoaderPool(documents.workers, memory_bytes=documents.limits.memory_bytes) as pool:
            corpus = Corpus(documents, corpus_folder(workspace), document_loaders(), pool)
            report = ingestion.run(corpus.load(ingestion.held))
    finally:
        draft.close()
    store.forget(name, keep=config.keep_versions)
    return report


class NoEarlierVersion(NotFound):
    """There is no version to go back to."""

    code = "rag.no_earlier_version"


def roll_back(workspace: Workspace, name: str, *, to: int | None = None) -> int:
    """Let an earlier version answer again, the one before the live one where none is named.

    Returns: its number.   Raises: IndexNotFound, NoEarlierVersion.
    """
    store = index_store(workspace)
    live = store.live(name)
    earlier = [one.version for one in store.versions(name) if one.version < live]
    if to is None and not earlier:
        raise NoEarlierVersion(
            f"No version of {name!r} before {live} is kept.",
            remedy="See 'seatrial rag versions' for those there are, and name one with --to.",
        )
    version = earlier[-1] if to is None else to
    store.activate(name, version)
    return version


@asynccontextmanager
async def knowledge_here(workspace: Workspace) -> AsyncIterator[KnowledgeHere]:
    """The indexes of a workspace, for programs and commands."""
    knowledge = KnowledgeHere(workspace)
    try:
        yield knowledge
    finally:
        await knowledge.close()


def embedder_of(workspace: Workspace, config: KnowledgeConfig) -> Embedder | None:
    """What makes the vectors of an index; None for one that is searched by words alone."""
    return None


@dataclass(frozen=True, slots=True)
class _Open:
    """A version that is searched."""

    index: Index
    retriever: Retriever


class _Searched:
    """One index of a workspace: its embedder, and its open versions."""

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        config: KnowledgeConfig,
        executor: ThreadPoolExecutor,
    ) -> None:
        self.config = config
        self._workspace = workspace
        self._lock = Lock()
        store = index_store(workspace)
        self._open_version = partial(store.open, name)
        self.versions: Versions[_Open] = Versions(
            partial(store.live, name), self._open, executor=executor
        )

    @cached_property
    def embedder(self) -> Embedder | None:
        """Loaded with the first version that is opened."""
        return embedder_of(self._workspace, self.config)

    def _open(self, version: int) -> _Open:
        index = self._open_version(version)
        with self._lock:
            embedder = self.embedder
        used = embedder if index.facts.embedder is not None else None
        return _Open(index, Retriever(index, used, self.config.retrieval.settings()))


class KnowledgeHere:
    """The indexes of a workspace, in this process; see `rag.knowledge.asked.Knowledge`.

    Args:
        workspace: with the section ``knowledge``.
        gateway: writes answers; None where there is none.
    """

    def __init__(
        self, workspace: Workspace, *, gateway: Callable[[], Gateway] | None = None
    ) -> None:
        self._gateway = gateway
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="knowledge")
        self._searched = {
            name: _Searched(workspace, name, config, self._executor)
            for name, config in workspace.settings.knowledge.items()
        }

    def names(self) -> Sequence[str]:
        """See Knowledge."""
        return sorted(self._searched)

    async def facts(self, name: str) -> KnowledgeFacts:
        """See Knowledge."""
        found = await self._of(name).versions.get()
        facts = found.index.facts
        return KnowledgeFacts(
            name=name,
            version=facts.version,
            n_documents=facts.n_documents,
            n_chunks=facts.n_chunks,
            embedder=facts.embedder,
            languages=facts.languages,
            answered_by="extractive",
        )

    async def search(self, name: str, asked: Asked) -> Retrieved:
        """See Knowledge."""
        found = await self._of(name).versions.get(asked.version)
        return await self._run(
            partial(found.retriever.search, asked.question, asked.scope, k=asked.k)
        )

    async def close(self) -> None:
        """Let the threads end."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Retrieved]) -> Retrieved:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _of(self, name: str) -> _Searched:
        found = self._searched.get(name)
        if found is None:
            known = ", ".join(self._searched) or "none"
            raise KnowledgeUnknown(
                f"There is no index {name[:100]!r}.", remedy=f"Indexes are: {known}."
            )
        return found
