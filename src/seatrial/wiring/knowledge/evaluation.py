"""How good an index answers, and what suits a corpus: questions asked, results compared."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from seatrial.adapters.documents.loaders import document_loaders
from seatrial.adapters.documents.pool import LoaderPool
from seatrial.adapters.event_loop_thread import EventLoopThread
from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.gateway.prices.book import PriceBook
from seatrial.gateway.tokens.counters import EncoderMaker
from seatrial.gateway.tokens.encodings import Encoding
from seatrial.kernel.errors import Invalid, MissingExtra, Unavailable
from seatrial.rag.answering.reply import Reply
from seatrial.rag.chunking.config import ChunkingConfig
from seatrial.rag.chunking.making import chunker_of
from seatrial.rag.evaluation.analysis import Analysis, analyze
from seatrial.rag.evaluation.answers import evaluate_answers
from seatrial.rag.evaluation.evaluation import Evaluation
from seatrial.rag.evaluation.evaluation_page import evaluation_record
from seatrial.rag.evaluation.questions import Question
from seatrial.rag.evaluation.ranking import evaluate_retrieval, judged
from seatrial.rag.index.reading import Index
from seatrial.rag.index.words import WORDS
from seatrial.rag.knowledge.asked import Asked
from seatrial.rag.knowledge.config import KnowledgeConfig
from seatrial.rag.loading.corpus import Corpus
from seatrial.rag.loading.outcome import Skipped
from seatrial.rag.retrieval.found import Retrieved
from seatrial.rag.retrieval.rewriting import Rewriting
from seatrial.rag.text.document import Document
from seatrial.wiring.gateway import gateway_of
from seatrial.wiring.knowledge.here import knowledge_here, retriever_of, rewriter_of
from seatrial.wiring.knowledge.indexes import (
    corpus_folder,
    embedder_of,
    index_store,
    knowledge_config,
)
from seatrial.wiring.workspace import Workspace

_LENGTHS = (100, 200)
_K = 10
"""Places of a ranking that count."""
_SPARE = 3
"""So many passages are searched for each document that counts: documents have several."""
_AT_ONCE = 8
"""Questions that are said in other words together."""


class EmbedderNeeded(Invalid):
    """An analysis compares searches by vectors and by words, and there is no embedder."""

    code = "rag.embedder_needed"


class EvaluationNotKept(Unavailable):
    """What was evaluated cannot be written down: a full disk, or a folder of another."""

    code = "rag.evaluation_not_kept"


def evaluate_version(
    workspace: Workspace,
    name: str,
    questions: Sequence[Question],
    *,
    version: int | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Evaluation:
    """Rankings of a version, the live one where none is named, against judgements.

    Raises: KnowledgeUnknown, IndexNotFound, QuestionsInvalid; what searching raises.
    """
    name, config = knowledge_config(workspace, name)
    index = index_store(workspace).open(name, version)
    retriever = retriever_of(workspace, config, index)
    asked = Asked(question="", readers=None)
    known = in_index(questions, index)
    rewritings = _rewritings(workspace, config, [one.text for one in judged(known)])
    n_done = 0

    def search(question: str) -> Retrieved:
        nonlocal n_done
        n_done += 1
        progress(n_done, len(questions))
        rewriting = rewritings.get(question)
        return retriever.search(question, asked.scope, k=_SPARE * _K, rewriting=rewriting)

    said = f"{name} v{index.facts.version}"
    return evaluate_retrieval(search, known, name=said, k=_K)


def _rewritings(
    workspace: Workspace, config: KnowledgeConfig, questions: Sequence[str]
) -> dict[str, Rewriting]:
    """Questions in other words, as they are searched where they are asked."""
    if config.retrieval.rewrite is None:
        return {}
    thread = EventLoopThread("rewriting")  # who evaluates may have an event loop of its own
    try:
        return thread.run(_rewritten(workspace, config, questions))
    finally:
        thread.close()


async def _rewritten(
    workspace: Workspace, config: KnowledgeConfig, questions: Sequence[str]
) -> dict[str, Rewriting]:
    free = asyncio.Semaphore(_AT_ONCE)
    async with gateway_of(workspace) as gateway:
        rewriter = rewriter_of(config, gateway)
        assert rewriter is not None

        async def one(question: str) -> Rewriting:
            async with free:
                return await rewriter.rewrite(question)

        distinct = list(dict.fromkeys(questions))
        found = await asyncio.gather(*map(one, distinct))
    return dict(zip(distinct, found, strict=True))


def in_index(questions: Sequence[Question], index: Index) -> list[Question]:
    """Questions whose documents are named as the index names them: a set of questions may name a
    record by its own id, without the file that it is in."""
    known = set(index.documents())
    whole: dict[str, str] = {}
    for name in sorted(known, reverse=True):
        whole[name.rpartition("#")[2]] = name
    return [
        replace(
            one,
            relevant={
                name if name in known else whole.get(name, name): grade
                for name, grade in one.relevant.items()
            },
        )
        for one in questions
    ]


def not_held(
    workspace: Workspace, name: str, questions: Sequence[Question], *, version: int | None = None
) -> list[str]:
    """Documents that questions name and a version does not hold, sorted.

    Raises: KnowledgeUnknown, IndexNotFound.
    """
    name, _ = knowledge_config(workspace, name)
    index = index_store(workspace).open(name, version)
    named = {document for one in in_index(questions, index) for document in one.relevant}
    return sorted(named - set(index.documents()))


async def evaluate_replies(
    workspace: Workspace,
    name: str,
    questions: Sequence[Question],
    *,
    version: int | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Evaluation:
    """Replies of a version: what they cite, what is supported, what is refused.

    Raises: as `evaluate_version`; what a language model's provider raises.
    """
    name, _ = knowledge_config(workspace, name)
    index = index_store(workspace).open(name, version)
    replies: list[tuple[Question, Reply]] = []
    async with knowledge_here(workspace) as knowledge:
        for question in in_index(questions, index):
            asked = Asked(question=question.text, readers=None, version=index.facts.version)
            replies.append((question, await knowledge.answer(name, asked)))
            progress(len(replies), len(questions))

    def text_of(document: str) -> str:
        return index.document(document).text

    return evaluate_answers(replies, text_of, name=f"{name} v{index.facts.version}")


def keep_evaluation(workspace: Workspace, evaluation: Evaluation, *, at: datetime | None) -> Path:
    """Write an evaluation down where the console finds it, and give its file.

    Raises: EvaluationNotKept; nothing of it is left behind then.
    """
    moment = at or datetime.now(UTC)
    folder = evaluations_folder(workspace) / evaluation.index
    path = folder / f"{moment:%Y%m%dT%H%M%S.%f}Z.json"
    draft = path.with_suffix(".new")
    record = {"at": moment.isoformat(), **evaluation_record(evaluation)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(record, ensure_ascii=False), "utf-8")
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise EvaluationNotKept(
            f"The evaluation cannot be kept in {folder}: {error.strerror}.",
            remedy="Make room on its drive, and let this user write there.",
        ) from error
    return path


def evaluations_folder(workspace: Workspace) -> Path:
    """Where evaluations of all indexes lie, one folder each."""
    return workspace.home / "knowledge-evaluations"


def analyze_corpus(
    workspace: Workspace,
    name: str | None,
    questions: Sequence[Question] = (),
    *,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> tuple[Analysis, list[Skipped]]:
    """What the documents of an index are, and what suits them.

    Returns: also the sources that were skipped.
    Raises: KnowledgeUnknown, EmbedderNeeded, CorpusEmpty; what the embedder raises.
    """
    name, config = knowledge_config(workspace, name)
    embedder = embedder_of(workspace, config)
    if embedder is None:
        raise EmbedderNeeded(
            f"The index {name!r} has no embedder, and an analysis compares vectors with words.",
            remedy=f"Leave knowledge.{name}.embedding out, or name an embedder there.",
        )
    documents: list[Document] = []
    lost: list[Skipped] = []
    loading = config.documents
    with LoaderPool(loading.workers, memory_bytes=loading.limits.memory_bytes) as pool:
        for item in Corpus(loading, corpus_folder(workspace), document_loaders(), pool).load():
            if isinstance(item, Document):
                documents.append(item)
                progress("reading", len(documents), 0)
            elif isinstance(item, Skipped):
                lost.append(item)
    tried = [
        config.chunking,
        *(
            ChunkingConfig(kind=kind, length=n)
            for kind in ("recursive", "sentence")
            for n in _LENGTHS
        ),
    ]
    chunkers = {one.name: one for one in (chunker_of(each, embedder) for each in tried)}
    with _scratch() as store:
        analysis = analyze(
            documents,
            embedder=embedder,
            chunkers=list(chunkers.values()),
            store=store,
            settings=config.retrieval.settings(),
            questions=questions,
            prices=_prices(),
            encoder=_encoder(),
            progress=partial(progress, "trying"),
        )
    return analysis, lost


@contextmanager
def _scratch() -> Iterator[EmbeddedIndexStore]:
    """A store of indexes that is thrown away."""
    with TemporaryDirectory(prefix="seatrial-") as folder:
        yield EmbeddedIndexStore(folder, WORDS)


def _prices() -> PriceBook | None:
    """What hosted embedders cost; None where no list of prices is installed."""
    try:
        from seatrial.adapters.llm.prices_genai import GenaiPrices

        return GenaiPrices()
    except MissingExtra:
        return None


def _encoder() -> EncoderMaker | None:
    """What counts tokens as hosted embedders do; None where no vocabulary is installed."""
    from seatrial.adapters.llm.tokens_toktok import ToktokEncoder

    try:
        ToktokEncoder(Encoding.CL100K)
    except MissingExtra:
        return None
    return ToktokEncoder
