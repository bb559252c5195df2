"""What the way of cutting does to search: whole articles of SQuAD 2.0, cut at the same lengths.

Paragraphs of an article are joined into one document, so that borders are the chunker's own work.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.monitor.goals import markdown_table
from benchmarks.rag.part import Part, Plan
from benchmarks.rag.sets import Question, corpus, questions
from seatrial.adapters.embedding.onnx import OnnxEmbedder, minilm
from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.rag.chunking.config import ChunkingConfig
from seatrial.rag.chunking.making import chunker_of
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.index.reading import Scope
from seatrial.rag.index.words import WORDS
from seatrial.rag.ingest.ingest import Ingestion, Preparation
from seatrial.rag.retrieval.retriever import Retriever
from seatrial.rag.retrieval.settings import RetrievalSettings
from seatrial.rag.text.document import Document, Span
from seatrial.stats.bootstrap import bootstrap_mean

SET = "squad2"
K = 10
KINDS = ("recursive", "sentence", "semantic", "fixed")
LENGTHS = (100, 200)
BETWEEN = "\n\n"


@dataclass(frozen=True, slots=True)
class Sought:
    """A question, the article that answers it, its paragraph there, and each place of an answer in
    that paragraph."""

    text: str
    article: str
    paragraph: Span
    answers: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Effect:
    """One way of cutting.

    Args:
        paragraph, answer: nDCG@10 of each question: of the first chunk that overlaps the paragraph;
            of the first that holds the answer whole.
        cut_s: CPU seconds of cutting, embedding of sentences among it.
    """

    kind: str
    length: int
    n_chunks: int
    mean_tokens: float
    cut_s: float
    paragraph: NDArray[np.float64]
    answer: NDArray[np.float64]


class Remembered:
    """An embedder whose vectors of questions are made once."""

    def __init__(self, maker: Embedder) -> None:
        self.name, self.dimensions = maker.name, maker.dimensions
        self.languages, self.max_tokens = maker.languages, maker.max_tokens
        self.tokenizer = maker.tokenizer
        self.embed_documents = maker.embed_documents
        self._maker = maker
        self._known: dict[str, NDArray[np.float32]] = {}

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        for text in texts:
            if text not in self._known:
                self._known[text] = self._maker.embed_queries([text])[0]
        return np.stack([self._known[text] for text in texts])


def articles(
    held: Mapping[str, tuple[str, str]],
) -> tuple[dict[str, str], dict[str, tuple[str, Span]]]:
    """Whole texts by title, and where each paragraph lies, by its id.

    Args: held: titles and texts of paragraphs, by id.
    """
    texts: dict[str, str] = {}
    places = {}
    for name, (title, text) in held.items():
        before = texts[title] + BETWEEN if title in texts else ""
        texts[title] = before + text
        places[name] = title, Span(len(before), len(before) + len(text))
    return texts, places


def sought(
    asked: Sequence[Question], texts: Mapping[str, str], places: Mapping[str, tuple[str, Span]]
) -> list[Sought]:
    """Answerable questions of one paragraph whose answer stands in it."""
    found = []
    for question in asked:
        if not question.answerable or len(question.relevant) != 1:
            continue
        title, paragraph = places[next(iter(question.relevant))]
        spans = [
            Span(start, start + len(answer))
            for answer in set(question.answers)
            for start in _starts(answer, texts[title], paragraph)
        ]
        if spans:
            found.append(Sought(question.text, title, paragraph, spans))
    return found


def gain(places: Sequence[tuple[str, Span]], one: Sought, *, answer: bool) -> float:
    """nDCG of a ranking of chunks in which only the first right one counts, in [0, 1]."""
    for rank, (article, span) in enumerate(places[:K]):
        if article == one.article and (
            any(span.start <= x.start and x.end <= span.end for x in one.answers)
            if answer
            else span.start < one.paragraph.end and one.paragraph.start < span.end
        ):
            return 1 / math.log2(rank + 2)
    return 0.0


def report(plan: Plan) -> Part:
    """All kinds at all lengths."""
    if plan.data is None:
        return Part(text="Not measured: it needs `--data`.")
    texts, places = articles(corpus(plan.data / SET))
    asked = sought(questions(plan.data / SET), texts, places)
    asked = asked[:: plan.every * (20 if plan.quick else 1)]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        embedder = Remembered(OnnxEmbedder(minilm(), folder=Path(folder)))
        for length in LENGTHS[-1:] if plan.quick else LENGTHS:
            for kind in KINDS:
                print(f"  {kind}, {length} tokens", file=sys.stderr, flush=True)
                found.append(effect(kind, length, texts, asked, embedder, Path(folder)))
    told = f"{len(texts)} articles, {len(asked):,} questions. In brackets: the difference to "
    return Part(
        text=f"{table(found)}\n\n{told}`recursive` of the same length in points, with its interval "
        "of 95 % by resampling questions. Questions of one article are alike, so that the "
        "intervals are rather too narrow."
    )


def effect(
    kind: str,
    length: int,
    texts: Mapping[str, str],
    asked: Sequence[Sought],
    embedder: Embedder,
    folder: Path,
) -> Effect:
    """Cut, index, and ask everything, by the default search."""
    config = ChunkingConfig(kind=kind, unit="tokens", length=length, overlap=0, parent=0)
    chunker = chunker_of(config, embedder)
    held = [
        Document(
            id=title, text=text, title=title, source=title, format="text", language="en",
            digest=title,
        )
        for title, text in texts.items()
    ]  # fmt: skip
    start = time.process_time()
    chunks = [chunk for document in held for chunk in chunker.chunks(document)]
    cut_s = time.process_time() - start
    store = EmbeddedIndexStore(folder / f"{kind}-{length}", WORDS)
    preparation = Preparation(chunker=chunker, embedder=embedder)
    Ingestion(store.draft("articles", preparation.recipe), preparation).run(held)
    settings = RetrievalSettings(k=K, repeats=None)
    retriever = Retriever(store.open("articles"), embedder, settings)
    rankings = []
    for one in asked:
        passages = [x.passage for x in retriever.search(one.text, Scope(readers=None)).found]
        rankings.append([(passage.document, passage.span) for passage in passages])
    return Effect(
        kind=kind,
        length=length,
        n_chunks=len(chunks),
        mean_tokens=float(np.mean([chunk.n_tokens for chunk in chunks])),
        cut_s=cut_s,
        paragraph=_gains(rankings, asked, answer=False),
        answer=_gains(rankings, asked, answer=True),
    )


def table(found: Sequence[Effect]) -> str:
    """One row for each way of cutting."""
    rows = []
    for one in found:
        usual = next(x for x in found if x.kind == KINDS[0] and x.length == one.length)
        rows.append(
            (
                f"{one.kind}, at most {one.length} tokens",
                f"{one.n_chunks:,}",
                f"{one.mean_tokens:.0f}",
                f"{one.cut_s:.2f}",
                _beside(one.paragraph, usual.paragraph, same=one is usual),
                _beside(one.answer, usual.answer, same=one is usual),
            )
        )
    head = ("", "chunks", "tokens each", "cutting, CPU s", "nDCG@10, paragraph", "nDCG@10, answer")
    return markdown_table(head, rows)


def _beside(own: NDArray[np.float64], usual: NDArray[np.float64], *, same: bool) -> str:
    if same:
        return f"{own.mean():.3f}"
    found = bootstrap_mean(100 * (own - usual))
    low, high = found.interval.lower, found.interval.upper
    return f"{own.mean():.3f} ({found.mean:+.1f} [{low:+.1f}, {high:+.1f}])"


def _gains(
    rankings: Sequence[Sequence[tuple[str, Span]]], asked: Sequence[Sought], *, answer: bool
) -> NDArray[np.float64]:
    pairs = zip(rankings, asked, strict=True)
    return np.array([gain(places, one, answer=answer) for places, one in pairs])


def _starts(answer: str, text: str, within: Span) -> list[int]:
    """Every place of an answer in a part of a text."""
    found, at = [], text.find(answer, within.start, within.end)
    while at >= 0:
        found.append(at)
        at = text.find(answer, at + 1, within.end)
    return found
