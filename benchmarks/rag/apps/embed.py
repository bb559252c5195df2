"""Embeds texts with one engine, and says what it cost.

    python embed.py ENGINE FOLDER

Runs in the engine's environment. FOLDER holds ``job.json``: ``documents`` and ``questions`` to
time; ``sets``, by name, ``documents`` and ``questions`` whose vectors are written to
``NAME-docs.npy`` and ``NAME-queries.npy``; ``weights``, the folder of the model as
sentence-transformers saves it; ``graphs``, where seatrial keeps its graph. Prints one JSON line.
Documents are embedded three times, and the best time counts.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

N_TIMES = 3
Embed = Callable[[Sequence[str]], Any]


def seatrial(precision: str, job: dict[str, Any]) -> Embed:
    """The default embedder as int8 or fp32; it embeds one text at a time."""
    from seatrial.adapters.embedding.encoder_graph import Precision
    from seatrial.adapters.embedding.onnx import OnnxEmbedder, minilm

    embedder = OnnxEmbedder(minilm(), folder=Path(job["graphs"]), precision=Precision(precision))
    return embedder.embed_documents


def sentence_transformers(batch_size: int, job: dict[str, Any]) -> Embed:
    """On torch, fp32, one thread; 32 texts at a time are its default."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(job["weights"], device="cpu")
    return partial(
        model.encode, batch_size=batch_size, show_progress_bar=False, normalize_embeddings=True
    )


ENGINES: dict[str, Callable[[dict[str, Any]], Embed]] = {
    "int8": partial(seatrial, "int8"),
    "fp32": partial(seatrial, "fp32"),
    "sentence-transformers": partial(sentence_transformers, 32),
    "sentence-transformers, 8": partial(sentence_transformers, 8),
    "sentence-transformers, 1": partial(sentence_transformers, 1),
}


def status_mb(name: str) -> float:
    """A line of /proc; what `getrusage` says of a peak may be the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) for x in lines if x.startswith(name)) / 1024


def cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main(name: str, folder: Path) -> None:
    job = json.loads((folder / "job.json").read_text())
    embed = ENGINES[name](job)
    documents, questions = job["documents"], job["questions"]
    embed(documents[:4])
    spent = min(cpu_s(partial(embed, documents)) for _ in range(N_TIMES))
    asked = sorted(cpu_s(partial(embed, [question])) for question in questions)
    figures = {
        "documents_per_s": len(documents) / spent,
        "question_ms": asked[len(asked) // 2] * 1e3,
        "memory_mb": status_mb("VmHWM"),
        "torch": float("torch" in sys.modules),
    }
    for title, held in job["sets"].items():
        for what, texts in (("docs", held["documents"]), ("queries", held["questions"])):
            np.save(folder / f"{title}-{what}.npy", np.asarray(embed(texts), np.float32))
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
