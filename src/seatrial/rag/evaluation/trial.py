"""Tries chunkers and ways to search on a part of a corpus, and measures each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from seatrial.rag.chunking.chunk import Chunker
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.evaluation.evaluation import Evaluation, Metric
from seatrial.rag.evaluation.generated import Probe
from seatrial.rag.evaluation.metrics import ndcg, recall, reciprocal_rank
from seatrial.rag.evaluation.ranking import documents_of
from seatrial.rag.index.reading import Index, Scope
from seatrial.rag.index.writing import IndexStore
from seatrial.rag.ingest.ingest import Preparation, embedded_text
from seatrial.rag.retrieval.found import Found
from seatrial.rag.retrieval.retriever import Retriever
from seatrial.rag.retrieval.settings import Mode, RetrievalSettings
from seatrial.rag.text.document import Document

_AT_ONCE = 64
_K = 10
"""Places of a ranking that count."""
_ANSWER = "answer"
_COVERED = 0.8
"""A passage holds an answer when it holds so much of its characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One chunker with one way to search.

    Args:
        evaluation: of the questions; its metrics are nDCG, recall, reciprocal rank, seconds.
        n_chunks: in the part of the corpus that was tried.
        n_tokens: embedded for it.
        held_bytes: of the vectors it needs, as float32; 0 where words alone are searched.
    """

    chunker: str
    mode: Mode
    evaluation: Evaluation
    n_chunks: int
    n_tokens: int
    held_bytes: int


def unseen(_done: int, _whole: int) -> None:
    """The progress that nobody watches."""


def try_all(
    documents: Sequence[Document],
    probes: Sequence[Probe],
    *,
    store: IndexStore,
    embedder: Embedder,
    chunkers: Sequence[Chunker],
    settings: RetrievalSettings,
    progress: Callable[[int, int], None] = unseen,
) -> list[Trial]:
    """Build an index with each chunker, and ask it every question in each mode.

    Args:
        probes: at least one, each of a document among `documents`.
        store: where the indexes are built; they stay there.
        progress: called with the chunkers done and their number.
    Raises: what the store and the embedder raise.
    """
    trials: list[Trial] = []
    for number, chunker in enumerate(chunkers):
        progress(number, len(chunkers))
        index, n_tokens = _built(documents, store, embedder, chunker, f"trial-{number}")
        for mode in Mode:
            retriever = Retriever(
                index, embedder, replace(settings, mode=mode, k=max(settings.k, 3 * _K))
            )
            trials.append(
                Trial(
                    chunker=chunker.name,
                    mode=mode,
                    evaluation=_evaluated(retriever, probes, f"{chunker.name}, {mode.value}"),
                    n_chunks=index.facts.n_chunks,
                    n_tokens=n_tokens,
                    held_bytes=0
                    if mode is Mode.LEXICAL
                    else 4 * embedder.dimensions * index.facts.n_chunks,
                )
            )
    progress(len(chunkers), len(chunkers))
    return trials


def _built(
    documents: Sequence[Document],
    store: IndexStore,
    embedder: Embedder,
    chunker: Chunker,
    name: str,
) -> tuple[Index, int]:
    preparation = Preparation(chunker=chunker, embedder=embedder)
    draft = store.draft(name, preparation.recipe)
    n_tokens = 0
    try:
        for start in range(0, len(documents), _AT_ONCE):
            batch = [
                (document, chunker.chunks(document))
                for document in documents[start : start + _AT_ONCE]
            ]
            texts = [
                embedded_text(document, chunk) for document, chunks in batch for chunk in chunks
            ]
            n_tokens += sum(map(len, embedder.tokenizer.offsets(texts)))
            draft.put(preparation.embedded(batch))
        draft.publish()
    except BaseException:
        draft.discard()
        raise
    return store.open(name), n_tokens


def _evaluated(retriever: Retriever, probes: Sequence[Probe], name: str) -> Evaluation:
    scores: dict[Metric, dict[str, float]] = {
        metric: {}
        for metric in (Metric.NDCG, Metric.RECALL, Metric.RECIPROCAL_RANK, Metric.SECONDS)
    }
    for probe in probes:
        retrieved = retriever.search(probe.question.text, Scope(readers=None))
        ranking, grades = _judged(retrieved.found, probe)
        asked = probe.question.id
        scores[Metric.NDCG][asked] = ndcg(ranking, grades, _K)
        scores[Metric.RECALL][asked] = recall(ranking, grades, _K)
        scores[Metric.RECIPROCAL_RANK][asked] = reciprocal_rank(ranking, grades, _K)
        scores[Metric.SECONDS][asked] = sum(retrieved.seconds.values())
    return Evaluation(
        name=name,
        index=retrieved.index,
        version=retrieved.version,
        k=_K,
        scores=scores,
        texts={probe.question.id: probe.question.text for probe in probes},
    )


def _judged(found: Sequence[Found], probe: Probe) -> tuple[list[str], dict[str, float]]:
    """What was ranked, and what of it is relevant: documents, or the first passage that holds the
    answer, whichever of several overlapping ones it is."""
    if probe.span is None:
        return documents_of(found), dict(probe.question.relevant)
    ranking = [_ANSWER if _holds(one, probe) else f"passage {one.passage.key}" for one in found]
    return list(dict.fromkeys(ranking)), {_ANSWER: 1.0}


def _holds(one: Found, probe: Probe) -> bool:
    passage, span = one.passage, probe.span
    if span is None or passage.document not in probe.question.relevant:
        return False
    shared = min(passage.span.end, span.end) - max(passage.span.start, span.start)
    return shared >= _COVERED * (span.end - span.start)
