"""What an embedded index costs, beside stores of vectors.

CPU seconds of the process, not wall; each measure in a process of its own. Documents have vectors
made by chance (an index does not care); the 100,000 vectors to be searched are those of sentences
and, for the rest, copies of them with noise of a third of their length. Without data they are made
by chance around 2,000 centres.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.monitor.goals import Goal, at_most, markdown_table
from benchmarks.rag import texts
from benchmarks.rag.part import (
    ONE_THREAD,
    ROOT,
    Part,
    Plan,
    RunFailed,
    environment,
    said_by,
)
from benchmarks.rag.sets import corpus
from benchmarks.rag.store_peers import N_GROUPS, STORES, K, asked
from benchmarks.serving.environment import SetUpFailed
from seatrial.adapters.embedding.onnx import OnnxEmbedder, cores, minilm
from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.conditions import Equals
from seatrial.rag.index.reading import Index, Scope
from seatrial.rag.index.words import WORDS
from seatrial.rag.index.writing import IndexedDocument, Recipe
from seatrial.rag.retrieval.retriever import Retriever
from seatrial.rag.retrieval.settings import Mode, RetrievalSettings
from seatrial.rag.text.document import Document, Span
from seatrial.rag.text.sentences import sentences

OURS = "seatrial"
DIMENSIONS = 384
RECIPE = Recipe(embedder="chance", dimensions=DIMENSIONS, chunker="whole")
PINNED = (
    "chromadb==1.5.9",
    "faiss-cpu==1.15.1",
    "lancedb==0.40.0",
    "numpy==2.4.6",
    "psutil==7.1.3",
    "qdrant-edge-py==0.9.0",
)
BATCH = 256
N_PASSAGES = 10
N_SENTENCES = 50_000
TITLES = {
    OURS: "**seatrial**, embedded index",
    "numpy": "floor (numpy, all products)",
    "qdrant-edge": "qdrant-edge-py",
    "chroma": "Chroma",
    "lancedb": "LanceDB, flat",
    "faiss-flat": "faiss flat",
    "faiss-hnsw": "faiss HNSW, M 16, efSearch 64",
}
Vectors = NDArray[np.float32]


def indexed(
    held: Sequence[tuple[str, str]], vectors: Vectors, first: int = 0
) -> list[IndexedDocument]:
    """Documents of one chunk."""
    return [
        IndexedDocument(
            document=Document(
                id=str(first + n),
                text=text,
                title=title,
                source=f"{first + n}.txt",
                format="text",
                language="en",
                digest=str(first + n),
                metadata={"n": (first + n) % N_GROUPS},
            ),
            chunks=[Chunk(span=Span(0, len(text)), parent=Span(0, len(text)), n_tokens=1)],
            vectors=vectors[n : n + 1],
        )
        for n, (title, text) in enumerate(held)
    ]


def unit(vectors: Vectors) -> Vectors:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def ingested(folder: Path, held: Sequence[tuple[str, str]]) -> dict[str, float]:
    """CPU seconds of a first ingest, and of another of the same documents with an audit."""
    made = indexed(
        held, unit(np.random.default_rng(1).standard_normal((len(held), DIMENSIONS), np.float32))
    )
    store = EmbeddedIndexStore(folder, WORDS)
    start = time.process_time()
    draft = store.draft("bench", RECIPE)
    for place in range(0, len(made), BATCH):
        draft.put(made[place : place + BATCH])
    draft.publish()
    first_s = time.process_time() - start
    again = []
    for _ in range(5):
        start = time.process_time()
        draft = store.draft("bench", RECIPE)
        digests = draft.digests()
        changed = [x for x in made if digests.get(x.document.id) != x.document.digest]
        draft.put(changed)
        draft.publish()
        if changed or store.audit("bench"):
            raise SystemExit("an index that nobody changed is not what was ingested")
        again.append(time.process_time() - start)
    return {
        "documents_per_s": len(made) / first_s,
        "times_faster": first_s / float(np.median(again)),
    }


def queried(index: Index, questions: Sequence[str], vectors: Vectors) -> dict[str, float]:
    """Median CPU milliseconds of a question: vectors, words and the passages of both."""
    took = []
    for question, vector in zip(questions, vectors, strict=True):
        start = time.process_time()
        near = index.dense(vector, N_PASSAGES, Scope())
        worded = index.lexical(question, N_PASSAGES, Scope())
        index.passages(np.union1d(near.keys, worded.keys)[:N_PASSAGES].tolist())
        took.append(time.process_time() - start)
    return {"question_ms": float(np.median(took)) * 1e3}


class Given:
    """An embedder that has no cost: vectors of questions were made before."""

    name, dimensions, max_tokens = RECIPE.embedder or "", DIMENSIONS, 254
    languages = frozenset({"en"})
    tokenizer = None

    def __init__(self, questions: Sequence[str], vectors: Vectors) -> None:
        self._known = dict(zip(questions, vectors, strict=True))

    def embed_documents(self, held: Sequence[str]) -> Vectors:
        return unit(np.random.default_rng(4).standard_normal((len(held), DIMENSIONS), np.float32))

    def embed_queries(self, held: Sequence[str]) -> Vectors:
        if all(text in self._known for text in held):
            return np.stack([self._known[text] for text in held])
        return self.embed_documents(held)  # sentences that the retriever tries an embedder with


def retrieved(index: Index, questions: Sequence[str], vectors: Vectors, mode: Mode) -> float:
    """Median CPU milliseconds of a question to the retriever, without its embedding."""
    embedder = Given(questions, vectors)
    retriever = Retriever(index, embedder, RetrievalSettings(k=K, mode=mode))
    for question in questions[:20]:
        retriever.search(question, Scope(readers=None))
    took = []
    for question in questions:
        start = time.process_time()
        retriever.search(question, Scope(readers=None))
        took.append(time.process_time() - start)
    return float(np.median(took)) * 1e3


def small(
    folder: Path, held: Sequence[tuple[str, str]], questions: Sequence[str]
) -> dict[str, float]:
    """Questions to 2,000 chunks."""
    ingested(folder, held[:2_000])
    queries = unit(
        np.random.default_rng(2).standard_normal((len(questions), DIMENSIONS), np.float32)
    )
    index = EmbeddedIndexStore(folder, WORDS).open("bench")
    queried(index, questions[:20], queries[:20])
    return queried(index, questions, queries)


def build(folder: Path, held: Sequence[tuple[str, str]]) -> dict[str, float]:
    """An index of all vectors, each with a part of a text."""
    vectors = np.load(folder / "vectors.npy")
    draft = EmbeddedIndexStore(folder, WORDS).draft("bench", RECIPE)
    start = time.process_time()
    for place in range(0, len(vectors), BATCH):
        rows = range(place, min(place + BATCH, len(vectors)))
        parts = []
        for row in rows:
            title, text = held[row % len(held)]
            cut = (row * 37) % max(1, len(text) - 300)
            parts.append((title, text[cut : cut + 300]))
        draft.put(indexed(parts, vectors[place : place + BATCH], place))
    draft.publish()
    return {"build_s": time.process_time() - start}


def large(folder: Path, questions: Sequence[str]) -> dict[str, float]:
    """Searches in that index; memory is what the process takes over the vectors."""
    queries = np.load(folder / "queries.npy")
    before = psutil.Process().memory_info().rss
    index = EmbeddedIndexStore(folder, WORDS).open("bench")

    def search(query: Vectors, group: int | None) -> list[int]:
        where = None if group is None else Equals("n", group)
        return index.dense(query, K, Scope(where=where)).keys.tolist()

    for number, query in enumerate(queries[:20]):
        search(query, None)
        search(query, number)
    queried(index, questions[:20], queries[:20])
    figures = queried(index, questions, queries)
    taken = (psutil.Process().memory_info().rss - before) / 2**20
    figures["hybrid_ms"] = retrieved(index, questions, queries, Mode.HYBRID)
    figures["dense_ms"] = retrieved(index, questions, queries, Mode.DENSE)
    vectors = np.load(folder / "vectors.npy")
    figures["memory_mb"] = taken - vectors.nbytes / 2**20
    figures["query_ms"], figures["recall"] = asked(search, vectors, queries, within=False)
    figures["within_ms"], figures["within_recall"] = asked(search, vectors, queries, within=True)
    return figures


def sentence_vectors(plan: Plan) -> Vectors | None:
    """Those of the sentences of SciFact and SQuAD 2.0 by the default embedder, made once and kept;
    None without data."""
    if plan.data is None:
        return None
    most = 2_000 if plan.quick else N_SENTENCES
    file = plan.vectors / f"sentences-{most}.npy"
    if not file.is_file():
        print("  vectors of sentences, once", file=sys.stderr, flush=True)
        held = {
            text[start:end]
            for name in ("scifact", "squad2")
            for _, text in corpus(plan.data / name).values()
            for start, end in sentences(text)
        }
        found = sorted(held)
        some = [found[row] for row in np.random.default_rng(5).permutation(len(found))[:most]]
        embedder = OnnxEmbedder(minilm(), folder=plan.out / "graphs", threads=cores())
        plan.vectors.mkdir(parents=True, exist_ok=True)
        np.save(file, embedder.embed_documents(some))
    kept: Vectors = np.load(file)
    return kept


def searched_vectors(real: Vectors | None, n: int, n_queries: int) -> tuple[Vectors, Vectors]:
    """Vectors to be searched, and others to search with.

    Args: real: of texts; where they are too few, copies with noise are added. None: by chance.
    """
    random = np.random.default_rng(3)
    if real is None:
        real = unit(random.standard_normal((2_000, DIMENSIONS), np.float32))
    rows = random.permutation(real)
    queries, rows = rows[:n_queries], rows[n_queries:]
    copies = rows[random.integers(0, len(rows), max(0, n - len(rows)))]
    noise = random.standard_normal(copies.shape, np.float32) * (0.35 / DIMENSIONS**0.5)
    return unit(np.concatenate([rows[:n], copies + noise])), queries


def apart(work: Callable[..., dict[str, float]], *arguments: object) -> dict[str, float]:
    """What a function gives in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def peer(name: str, folder: Path) -> dict[str, float]:
    """Raises: RunFailed, SetUpFailed."""
    python = environment("stores", PINNED).python
    script = Path(__file__).with_name("store_peers.py")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        for file in ("vectors.npy", "queries.npy"):
            os.link(folder / file, Path(place) / file)
        found: dict[str, float] = said_by(python, script, name, place)
    return found


def goals(figures: dict[str, float], *, full: bool) -> list[Goal]:
    """What was asked of ours."""
    faster, took, recall = figures["times_faster"], figures["query_ms"], figures["recall"]
    within_ms, within_recall = figures["within_ms"], figures["within_recall"]
    met = took <= 5 if recall == 1 else took <= 0.5 and recall >= 0.96
    met_within = within_ms <= 0.2 and within_recall >= 0.99
    return [
        Goal(
            "nearest ten of 100,000",
            "<= 5 CPU ms exactly, or <= 0.5 at recall >= 0.96",
            f"{took:.3g} CPU ms at recall {recall:.4g}",
            met=met if full else None,
        ),
        Goal(
            "nearest ten within 1 % of 100,000",
            "<= 0.2 CPU ms at recall >= 0.99",
            f"{within_ms:.3g} CPU ms at recall {within_recall:.4g}",
            met=met_within if full else None,
        ),
        at_most("memory over 100,000 vectors", figures["memory_mb"], 100, "MB", full=full),
        at_most(
            "question to 100,000 chunks, words and vectors, null vectors",
            figures["hybrid_ms"],
            6,
            "CPU ms",
            full=full,
        ),
        Goal(
            "unchanged documents compared and audited, null vectors",
            ">= 20 times faster",
            f"{faster:.0f} times",
            met=faster >= 20 if full else None,
        ),
    ]


def table(figures: dict[str, dict[str, float]], n: int) -> str:
    """All stores."""
    head = (f"{n:,} x {DIMENSIONS}", "build, CPU s", "search, CPU ms", "recall@10")
    head += ("within 1 %, CPU ms", "recall@10", "memory, MB")
    order = ("build_s", "query_ms", "recall", "within_ms", "within_recall", "memory_mb")
    rows = [
        (TITLES.get(name, name), *(f"{one[key]:.3g}" for key in order))
        for name, one in figures.items()
    ]
    return markdown_table(head, rows)


def of_ours(figures: dict[str, float]) -> str:
    """What else is told of the embedded index."""
    rows = [
        ("documents put whole, committed and published, a CPU s",
         f"{figures['documents_per_s']:,.0f}"),
        ("question to 2,000 chunks (vectors, words, passages), CPU ms",
         f"{figures['small_ms']:.2f}"),
        ("the same, 100,000 chunks", f"{figures['question_ms']:.2f}"),
        ("retriever, 100,000 chunks, words and vectors, CPU ms", f"{figures['hybrid_ms']:.2f}"),
        ("retriever, 100,000 chunks, vectors alone, CPU ms", f"{figures['dense_ms']:.2f}"),
    ]  # fmt: skip
    return markdown_table(("embedded index", ""), rows)


def report(plan: Plan) -> Part:
    """Ours and its peers, once each: a build takes up to minutes, and a figure is the median of 300
    questions."""
    os.environ.update(ONE_THREAD)  # of the processes that are started from here
    held, questions = texts.documents(plan.data, 10_000), texts.asked(plan.data, 300)
    figures: dict[str, dict[str, float]] = {}
    failures = []
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as made:
        folder = Path(made)
        real = sentence_vectors(plan)
        vectors, queries = searched_vectors(real, 20_000 if plan.quick else 100_000, 300)
        np.save(folder / "vectors.npy", vectors)
        np.save(folder / "queries.npy", queries)
        for name in (OURS, *STORES):
            print(f"  {name}", file=sys.stderr, flush=True)
            try:
                figures[name] = (
                    ours(folder, held, questions) if name == OURS else peer(name, folder)
                )
            except (RunFailed, SetUpFailed) as error:
                failures.append(f"{name}: {error}")
    told = "made by chance"
    if real is not None:
        told = f"of {len(real):,} sentences, and made from them by noise"
    return Part(
        text=f"{table(figures, len(vectors))}\n\nVectors: {told}.\n\n{of_ours(figures[OURS])}",
        goals=goals(figures[OURS], full=plan.full),
        failures=failures,
    )


def ours(
    folder: Path, held: Sequence[tuple[str, str]], questions: Sequence[str]
) -> dict[str, float]:
    """All figures of the embedded index, each from a process of its own."""
    found = apart(ingested, folder / "ingest", held)
    found["small_ms"] = apart(small, folder / "small", held, questions)["question_ms"]
    found |= apart(build, folder, held)
    return found | apart(large, folder, questions)
