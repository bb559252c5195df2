"""Reads a corpus and says how it should be cut and searched, with the figures behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from seatrial.gateway.prices.book import PriceBook
from seatrial.gateway.tokens.counters import EncoderMaker
from seatrial.kernel.errors import Invalid
from seatrial.rag.chunking.chunk import Chunker
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.evaluation.corpus import ChunkerFacts, CorpusFacts, chunker_facts, corpus_facts
from seatrial.rag.evaluation.evaluation import Metric
from seatrial.rag.evaluation.generated import generated, probes_of
from seatrial.rag.evaluation.hosted import HostedCost, hosted_costs
from seatrial.rag.evaluation.near_duplicates import hash_of
from seatrial.rag.evaluation.questions import Question
from seatrial.rag.evaluation.ranking import judged
from seatrial.rag.evaluation.trial import Trial, try_all, unseen
from seatrial.rag.index.writing import IndexStore
from seatrial.rag.retrieval.settings import Mode, RetrievalSettings
from seatrial.rag.text.document import Document
from seatrial.stats.bootstrap import BootstrapMean, bootstrap_mean


class CorpusEmpty(Invalid):
    """There is nothing to analyse."""

    code = "rag.corpus_empty"


class Note(StrEnum):
    """What the reader of an analysis should know beside it."""

    SAMPLED = "sampled"  # only a part of the corpus was tried
    GENERATED = "generated"  # the questions were made from the text
    FEW_QUESTIONS = "few_questions"  # too few to tell close settings apart
    FOREIGN = "foreign"  # the embedder does not know the languages of a tenth or more
    DUPLICATES = "duplicates"  # a tenth or more of the documents are copies
    EMPTY = "empty"  # some documents hold no word
    TOO_LONG = "too_long"  # the embedder sees only the beginning of the recommended chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What to set.

    Args:
        trial: the one that is recommended: the cheapest of those that are not shown to be worse
            than the best.
        best: the one with the highest nDCG; may be the same.
        behind: how much the recommended one lies behind the best in nDCG, with its interval.
        alike: names of those that are not shown to be worse than the best.
    """

    trial: Trial
    best: Trial
    behind: BootstrapMean
    alike: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """A corpus analysed.

    Args:
        sampled: share of the corpus's characters that chunkers and searches were tried on.
        trials: every chunker in every mode.
        n_questions: asked in each trial.
        recommendation: None where no question could be asked.
        n_corpus_tokens: that the recommended chunker would have embedded for the whole corpus, as
            the embedder counts them.
    """

    corpus: CorpusFacts
    sampled: float
    chunkers: tuple[ChunkerFacts, ...]
    trials: tuple[Trial, ...]
    n_questions: int
    embedder: str
    recommendation: Recommendation | None
    n_corpus_tokens: int
    hosted: tuple[HostedCost, ...]
    notes: tuple[Note, ...]


def analyze(
    documents: Sequence[Document],
    *,
    embedder: Embedder,
    chunkers: Sequence[Chunker],
    store: IndexStore,
    settings: RetrievalSettings,
    questions: Sequence[Question] = (),
    prices: PriceBook | None = None,
    encoder: EncoderMaker | None = None,
    max_characters: int = 400_000,
    n_generated: int = 200,
    progress: Callable[[int, int], None] = unseen,
) -> Analysis:
    """Analyse a corpus.

    Formats, languages, lengths and copies are those of all documents; chunkers and searches are
    tried on a part, which holds the documents that answer the questions and others spread evenly.

    Args:
        chunkers: to try, at least one.
        store: for the indexes of the trials: an empty place that is thrown away afterwards.
        questions: with the documents that answer them; none: some are made from the text.
        prices: for the cost of hosted embedders; None: their costs stay unknown.
        encoder: makes what counts tokens as hosted embedders do; None: they are estimated.
        max_characters: of the part; what answers a question is in it in any case.
        n_generated: so many questions are made where none is given.
        progress: called with the chunkers tried and their number.
    Raises: CorpusEmpty; what the store and the embedder raise.
    """
    filled = [document for document in documents if document.text.strip()]
    if not filled or not chunkers:
        raise CorpusEmpty(
            f"There is nothing to analyse: none of {len(documents)} documents holds a word."
            if chunkers
            else "There is no chunker to try.",
            remedy="Name a folder with documents that can be read.",
            n_documents=len(documents),
        )
    known = {document.id for document in filled}
    asked = [question for question in judged(questions) if known & set(question.relevant)]
    sample = _sample(filled, asked, max_characters)
    probes = probes_of(asked) if asked else generated(sample, n_generated)
    tried = tuple(
        chunker_facts(sample, chunker, embedder.tokenizer, embedder.max_tokens)
        for chunker in chunkers
    )
    trials = (
        try_all(
            sample,
            probes,
            store=store,
            embedder=embedder,
            chunkers=chunkers,
            settings=settings,
            progress=progress,
        )
        if probes
        else []
    )
    corpus = corpus_facts(documents, sample, embedder.tokenizer)
    sampled = sum(len(document.text) for document in sample) / corpus.characters.total
    recommended = _recommended(trials, by_people=bool(asked)) if trials else None
    n_tokens = round(recommended.trial.n_tokens / sampled) if recommended else corpus.n_tokens
    return Analysis(
        corpus=corpus,
        sampled=sampled,
        chunkers=tried,
        trials=tuple(trials),
        n_questions=len(probes),
        embedder=embedder.name,
        recommendation=recommended,
        n_corpus_tokens=n_tokens,
        hosted=hosted_costs(
            [document.text for document in sample],
            corpus.tokens.total,
            n_corpus_tokens=n_tokens,
            prices=prices,
            encoder=encoder,
        ),
        notes=tuple(
            _notes(
                corpus,
                embedder,
                tried,
                recommended,
                sampled=sampled,
                n_questions=len(probes),
                by_people=bool(asked),
            )
        ),
    )


def _sample(
    documents: Sequence[Document], questions: Sequence[Question], max_characters: int
) -> list[Document]:
    """What answers the questions, and others by chance (of their ids) while there is room."""
    wanted = {name for question in questions for name in question.relevant}
    ordered = sorted(
        documents, key=lambda document: (document.id not in wanted, hash_of(document.id))
    )
    taken: list[Document] = []
    n_characters = 0
    for document in ordered:
        if (
            document.id in wanted
            or not taken
            or n_characters + len(document.text) <= max_characters
        ):
            taken.append(document)
            n_characters += len(document.text)
    return sorted(taken, key=lambda document: document.id)


def _recommended(trials: Sequence[Trial], *, by_people: bool) -> Recommendation:
    """The cheapest of those that are not shown to be worse than the best.

    Questions made from the text favour search by words: they choose the chunker, and the mode
    stays hybrid.
    """
    eligible = trials if by_people else [one for one in trials if one.mode is Mode.HYBRID] or trials
    best = max(eligible, key=_ndcg)
    differences = {id(trial): _behind(trial, best) for trial in eligible}
    alike = [trial for trial in eligible if differences[id(trial)].interval.lower <= 0]
    chosen = min(alike, key=lambda trial: (trial.held_bytes, -_ndcg(trial)))
    return Recommendation(
        trial=chosen,
        best=best,
        behind=differences[id(chosen)],
        alike=tuple(trial.evaluation.name for trial in alike),
    )


def _ndcg(trial: Trial) -> float:
    scores = trial.evaluation.scores[Metric.NDCG].values()
    return sum(scores) / len(scores)


def _behind(trial: Trial, best: Trial) -> BootstrapMean:
    ours, theirs = (one.evaluation.scores[Metric.NDCG] for one in (trial, best))
    return bootstrap_mean([theirs[question] - ours[question] for question in theirs])


def _notes(
    corpus: CorpusFacts,
    embedder: Embedder,
    tried: Sequence[ChunkerFacts],
    recommended: Recommendation | None,
    *,
    sampled: float,
    n_questions: int,
    by_people: bool,
) -> list[Note]:
    known = embedder.languages
    n_foreign = sum(
        n
        for name, n in corpus.languages.items()
        if known is not None and name and name not in known
    )
    n_copies = sum(len(group) - 1 for group in corpus.near_duplicates)
    chosen = recommended.trial.chunker if recommended else ""
    told = {
        Note.SAMPLED: sampled < 1,
        Note.GENERATED: not by_people,
        Note.FEW_QUESTIONS: n_questions < 50,
        Note.FOREIGN: n_foreign * 10 >= corpus.n_documents,
        Note.DUPLICATES: n_copies * 10 >= corpus.n_documents,
        Note.EMPTY: corpus.n_empty > 0,
        Note.TOO_LONG: any(
            facts.too_long_share > 0.05 for facts in tried if facts.chunker == chosen
        ),
    }
    return [note for note, holds in told.items() if holds]
