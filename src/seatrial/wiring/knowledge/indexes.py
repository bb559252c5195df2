"""Indexes of documents: where they are kept, how they are built, and how they are asked here."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from seatrial.adapters.documents.loaders import document_loaders
from seatrial.adapters.documents.pool import LoaderPool
from seatrial.adapters.embedding.encoder_place import encoder_folder
from seatrial.adapters.index.drives_linux import trusted_devices
from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.adapters.index.stamps import StampFile
from seatrial.kernel.errors import Invalid, NotFound
from seatrial.rag.chunking.making import chunker_of
from seatrial.rag.embedding.cache import TROUBLE, CachedEmbedder, VectorCache
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.groundedness.profile import profile
from seatrial.rag.index.words import WORDS
from seatrial.rag.ingest.ingest import Ingestion, Preparation
from seatrial.rag.ingest.report import IngestReport, Told
from seatrial.rag.knowledge.asked import KnowledgeUnknown
from seatrial.rag.knowledge.config import KnowledgeConfig
from seatrial.rag.loading.corpus import Corpus
from seatrial.rag.loading.outcome import Loaded
from seatrial.rag.loading.stamps import Stamps
from seatrial.rag.retrieval.settings import Fusion
from seatrial.wiring.knowledge.vectors import Copies
from seatrial.wiring.workspace import Workspace


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
    if not known:
        raise KnowledgeUnknown(
            f"No index is configured: {workspace.config or 'seatrial.yaml'} has no section "
            "knowledge, or is not here.",
            remedy="Name a file of one index with --config, or write a section knowledge into "
            "seatrial.yaml; the shortest file is `documents: {sources: [{path: FOLDER}]}`.",
        )
    if name is None or name not in known:
        raise KnowledgeUnknown(
            "Which index is meant is not said." if name is None else f"There is no index {name!r}.",
            remedy=f"Name one with --index; configured are {', '.join(sorted(known))}.",
        )
    config: KnowledgeConfig = known[name]
    return name, config


def corpus_folder(workspace: Workspace) -> Path:
    """Where relative paths of documents begin: at the configuration file."""
    return Path.cwd() if workspace.config is None else workspace.config.parent


def build_index(
    workspace: Workspace,
    name: str,
    *,
    told: Told = lambda _: None,
    shrink: bool = False,
    rehash: bool = False,
    embedder: Embedder | None = None,
) -> IngestReport:
    """Bring an index up to date with its documents, and publish what changed.

    Args:
        told, shrink: as `Ingestion`.
        rehash: read every file again, whatever the drive says of it.
        embedder: of the program's own, in place of the one that is configured.
    Raises: KnowledgeUnknown, IndexBeingBuilt, TooFewLeft, MissingExtra; Unsupported; what the
        embedder and the store of vectors raise.
    """
    name, config = knowledge_config(workspace, name)
    store = index_store(workspace)
    embedder = embedder_of(workspace, config, embedder)
    preparation = Preparation(chunker=chunker_of(config.chunking, embedder), embedder=embedder)
    documents, folder = config.documents, corpus_folder(workspace)
    is_copied = embedder is not None and config.vectors.kind != "embedded"
    copies = copies_of(workspace, name, config)
    if is_copied:
        copies.check(preparation.recipe.dimensions)
    draft = store.draft(name, preparation.recipe)
    try:
        ingestion = Ingestion(draft, preparation, told=told, shrink=shrink)
        kept = store.stamps(name)
        stamps = Stamps(
            {} if rehash or documents.rehash else kept.read(),
            devices=trusted_devices(folder / source.path for source in documents.sources),
            now=time.time_ns,
        )
        with LoaderPool(documents.workers, memory_bytes=documents.limits.memory_bytes) as pool:
            corpus = Corpus(documents, folder, document_loaders(), pool)
            report = ingestion.run(_loaded(corpus, ingestion.held, stamps, kept))
    finally:
        draft.close()
    _forget(workspace, store, name, config.keep_versions)
    if is_copied:
        assert report.version is not None
        report.n_copied = copies.make(
            store,
            report.version,
            told=lambda _done, _all: told(report),
        )
    return report


def _loaded(
    corpus: Corpus, held: Mapping[str, str], stamps: Stamps, kept: StampFile
) -> Iterator[Loaded]:
    """Everything; then keep what the drive said of the files, while the index is still locked."""
    yield from corpus.load(held, stamps)
    kept.write(stamps.seen)


def _forget(workspace: Workspace, store: EmbeddedIndexStore, name: str, keep: int) -> None:
    """Remove old versions, but none that a release needs or a rollback goes to."""
    from seatrial.wiring.knowledge.releases import versions_to_keep

    if len(store.versions(name)) <= keep:
        return
    facts = workspace.open_store()
    try:
        used = versions_to_keep(facts, name)
    finally:
        facts.close()
    if used:
        newer = [one.version for one in store.versions(name) if one.version >= min(used)]
        keep = max(keep, len(newer))
    store.forget(name, keep=keep)


def copies_of(workspace: Workspace, name: str, config: KnowledgeConfig) -> Copies:
    """What of an index's vectors lies in the store that it is searched in."""
    fused = config.retrieval.fusion is Fusion.NATIVE
    return Copies(workspace.home / "knowledge-copies", name, config.vectors, fused=fused)


class AnsweringInvalid(Invalid):
    """Answers shall be written, or questions said in other words, by a model that the gateway does
    not have, or answers judged by a profile that does not exist."""

    code = "rag.answering_invalid"


def check_answering(workspace: Workspace, name: str, config: KnowledgeConfig) -> None:
    """Say now what would keep an index from being asked.   Raises: AnsweringInvalid."""
    rewrite = config.retrieval.rewrite
    _check_chat(workspace, config.answering.model, f"knowledge.{name}.answering.model")
    if rewrite is not None:
        _check_chat(workspace, rewrite.model, f"knowledge.{name}.retrieval.rewrite.model")
    profile(config.answering.profile)


def _check_chat(workspace: Workspace, model: str | None, field: str) -> None:
    models = workspace.settings.gateway.models
    chat = [one for one, about in models.items() if about.kind == "chat"]
    if model is not None and model not in chat:
        raise AnsweringInvalid(
            f"{field} is {model!r}, and the gateway has no such language model.",
            remedy=f"Add it to gateway.models, or name one of: {', '.join(chat) or 'none yet'}.",
            field=field,
        )


class NoEarlierVersion(NotFound):
    """There is no version to go back to."""

    code = "rag.no_earlier_version"


def roll_back(workspace: Workspace, name: str, *, to: int | None = None) -> int:
    """Let an earlier version answer again, the one before the live one where none is named.

    Returns: its number.   Raises: IndexNotFound, NoEarlierVersion; IndexDamaged, before anything is
        changed.
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
    store.open(name, version)  # one that cannot be opened must not become the live one
    store.activate(name, version)
    return version


def embedder_of(
    workspace: Workspace, config: KnowledgeConfig, own: Embedder | None = None
) -> Embedder | None:
    """What makes the vectors of an index; None for one that is searched by words alone.

    Args: own: of a program, in place of the one that is configured.
    Raises: MissingExtra, WeightsMissing, EncoderUnusable, ModelUnloadable.
    """
    from seatrial.adapters.embedding.embedders import embedder_of as made
    from seatrial.wiring.gateway import gateway_of

    if own is None and config.embedding.kind == "none":
        return None
    cache = _vector_cache(workspace)
    if own is not None:
        if cache is None or not config.embedding.cache:
            return own
        return CachedEmbedder(own, cache, keeps_questions=True)
    return made(
        config.embedding,
        graphs=encoder_folder(os.environ),
        base=corpus_folder(workspace),
        open_gateway=partial(gateway_of, workspace),
        cache=cache,
    )


def _vector_cache(workspace: Workspace) -> VectorCache | None:
    """Vectors by content; None where the home takes none, as on a drive that is only read."""
    from seatrial.adapters.vectors.sqlite import SqliteVectors

    try:
        return SqliteVectors(workspace.home / "vectors.db")
    except TROUBLE:
        return None
