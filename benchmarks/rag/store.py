"""What an embedded index costs, beside stores of vectors.

    python -m benchmarks.rag.store --data FOLDER [--vectors A.npy B.npy] [--only seatrial,chroma]
                                   [--quick]

CPU seconds of the process, not wall; each measure in a process of its own. FOLDER is a question
set, as `sets.py` reads it. Documents are its own, with vectors made by chance (an index does not
care); the 100,000 vectors to be searched are rows of the files and, for the rest, copies of them
with noise of a third of their length. Without files they are made by chance around 2,000 centres.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.monitor.goals import Goal, at_most, goal_table, markdown_table
from benchmarks.rag import sets
from benchmarks.rag.store_peers import N_GROUPS, STORES, K, asked
from benchmarks.serving.environment import SetUpFailed, ensure
from seatrial.adapters.index_embedded import EmbeddedIndexStore
from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.conditions import Equals
from seatrial.rag.index.reading import Index, Scope
from seatrial.rag.index.words import WORDS
from seatrial.rag.index.writing import IndexedDocument, Recipe
from seatrial.rag.text.document import Document, Span

ROOT = Path(__file__).resolve().parents[2]
DIMENSIONS = 384
RECIPE = Recipe(embedder="chance", dimensions=DIMENSIONS, chunker="whole")
PINNED = (
    "chromadb==1.5.9",
    "lancedb==0.40.0",
    "numpy==2.4.6",
    "psutil==7.1.3",
    "qdrant-edge-py==0.9.0",
)
BATCH = 256
N_PASSAGES = 10
Vectors = NDArray[np.float32]


def indexed(
    texts: Sequence[tuple[str, str]], vectors: Vectors, first: int = 0
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
        for n, (title, text) in enumerate(texts)
    ]


def unit(vectors: Vectors) -> Vectors:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def ingested(folder: Path, texts: Sequence[tuple[str, str]]) -> dict[str, float]:
    """CPU seconds of a first ingest, and of another of the same documents with an audit."""
    made = indexed(
        texts, unit(np.random.default_rng(1).standard_normal((len(texts), DIMENSIONS), np.float32))
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
    return {"documents_per_s": len(made) / first_s, "times_faster": first_s / np.median(again)}


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


def small(
    folder: Path, texts: Sequence[tuple[str, str]], questions: Sequence[str]
) -> dict[str, float]:
    """Questions to 2,000 chunks."""
    ingested(folder, texts[:2_000])
    queries = unit(
        np.random.default_rng(2).standard_normal((len(questions), DIMENSIONS), np.float32)
    )
    index = EmbeddedIndexStore(folder, WORDS).open("bench")
    queried(index, questions[:20], queries[:20])
    return queried(index, questions, queries)


def build(folder: Path, texts: Sequence[tuple[str, str]]) -> dict[str, float]:
    """An index of all vectors, each with a part of a text."""
    vectors = np.load(folder / "vectors.npy")
    draft = EmbeddedIndexStore(folder, WORDS).draft("bench", RECIPE)
    start = time.process_time()
    for place in range(0, len(vectors), BATCH):
        rows = range(place, min(place + BATCH, len(vectors)))
        parts = []
        for row in rows:
            title, text = texts[row % len(texts)]
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
    vectors = np.load(folder / "vectors.npy")
    figures["memory_mb"] = taken - vectors.nbytes / 2**20
    figures["query_ms"], figures["recall"] = asked(search, vectors, queries, within=False)
    figures["within_ms"], figures["within_recall"] = asked(search, vectors, queries, within=True)
    return figures


def searched_vectors(files: Sequence[Path], n: int, n_queries: int) -> tuple[Vectors, Vectors]:
    """Vectors to be searched, and others to search with."""
    random = np.random.default_rng(3)
    real = [unit(np.load(file).astype(np.float32)) for file in files]
    if not real:
        real = [unit(random.standard_normal((2_000, DIMENSIONS), np.float32))]
    rows = random.permutation(np.concatenate(real))
    queries, rows = rows[:n_queries], rows[n_queries:]
    copies = rows[random.integers(0, len(rows), max(0, n - len(rows)))]
    noise = random.standard_normal(copies.shape, np.float32) * (0.35 / DIMENSIONS**0.5)
    return unit(np.concatenate([rows[:n], copies + noise])), queries


def apart(work: Callable[..., dict[str, float]], *arguments: object) -> dict[str, float]:
    """What a function gives in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def peer(name: str, folder: Path) -> dict[str, float]:
    """Raises: SetUpFailed."""
    environment = ensure(ROOT / ".venvs" / "bench-rag-stores", PINNED)
    script = Path(__file__).with_name("store_peers.py")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        for file in ("vectors.npy", "queries.npy"):
            os.link(folder / file, Path(place) / file)
        done = subprocess.run(
            [environment.python, script, name, place], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise SetUpFailed(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def goals(figures: dict[str, float], *, full: bool) -> list[Goal]:
    """What was asked of ours."""
    rate, faster = figures["documents_per_s"], figures["times_faster"]
    return [
        Goal("documents ingested per CPU second", ">= 5,000", f"{rate:,.0f}", met=rate >= 5_000),
        Goal(
            "unchanged corpus with its audit",
            ">= 20 times faster",
            f"{faster:.0f} times",
            met=faster >= 20,
        ),
        at_most("question to 2,000 chunks", figures["small_ms"], 0.3, "CPU ms"),
        at_most("question to 100,000 chunks", figures["question_ms"], 6, "CPU ms", full=full),
        at_most("nearest of 100,000", figures["query_ms"], 5, "CPU ms", full=full),
        at_most("missed of the true ten", 1 - figures["recall"], 0.01, "", full=full),
        at_most("nearest within 1 %", figures["within_ms"], 0.2, "CPU ms", full=full),
        at_most("missed of these", 1 - figures["within_recall"], 0.01, "", full=full),
        at_most("memory over the vectors", figures["memory_mb"], 100, "MB", full=full),
    ]


def table(figures: dict[str, dict[str, float]]) -> str:
    """All stores."""
    head = ("100,000 x 384", "build, CPU s", "search, CPU ms", "recall@10")
    head += ("within 1 %, CPU ms", "recall@10", "memory, MB")
    order = ("build_s", "query_ms", "recall", "within_ms", "within_recall", "memory_mb")
    rows = [(name, *(f"{one[key]:.3g}" for key in order)) for name, one in figures.items()]
    return markdown_table(head, rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rag.store", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a question set")
    parser.add_argument("--vectors", type=Path, nargs="*", default=[], help="real ones, .npy")
    parser.add_argument("--only", default=",".join(["seatrial", *STORES]), metavar="A,B")
    parser.add_argument("--quick", action="store_true", help="20,000 vectors: only a try")
    flags = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # of the processes that are started from here
    texts = list(sets.corpus(flags.data).values())
    questions = [one.text for one in sets.questions(flags.data)][:300]
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as made:
        folder = Path(made)
        n = 20_000 if flags.quick else 100_000
        vectors, queries = searched_vectors(flags.vectors, n, len(questions))
        np.save(folder / "vectors.npy", vectors)
        np.save(folder / "queries.npy", queries)
        for name in flags.only.split(","):
            print(name, file=sys.stderr, flush=True)
            if name == "seatrial":
                ours = apart(ingested, folder / "ingest", texts)
                ours["small_ms"] = apart(small, folder / "small", texts, questions)["question_ms"]
                ours |= apart(build, folder, texts)
                figures[name] = ours | apart(large, folder, questions)
                continue
            try:
                figures[name] = peer(name, folder)
            except SetUpFailed as error:
                print(f"left out: {error}", file=sys.stderr)
    print(table(figures))
    if "seatrial" in figures:
        print(f"\n{goal_table(goals(figures['seatrial'], full=not flags.quick))}")


if __name__ == "__main__":
    main()
