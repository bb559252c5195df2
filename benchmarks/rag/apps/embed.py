"""Embeds texts with one engine, and says what it cost.

    python embed.py ENGINE FOLDER

Runs in the engine's environment. FOLDER holds ``job.json``: ``documents`` and ``questions`` to
time; ``sets``, by name, ``documents`` and ``questions`` whose vectors are written to
``NAME-docs.npy`` and ``NAME-queries.npy``; ``weights``, the folder of the model as
sentence-transformers saves it; ``graphs``, where seatrial keeps its graph. Prints one JSON line. An
engine is given the better of a batch of 32 and of one text at a time.
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

Embed = Callable[[Sequence[str]], Any]


def seatrial(precision: str, job: dict[str, Any]) -> list[Embed]:
    """The default embedder as int8 or fp32; it embeds one text at a time anyway."""
    from seatrial.adapters.embedding.encoder_graph import Precision
    from seatrial.adapters.embedding.onnx import OnnxEmbedder, minilm

    embedder = OnnxEmbedder(minilm(), folder=Path(job["graphs"]), precision=Precision(precision))
    return [embedder.embed_documents]


def sentence_transformers(job: dict[str, Any]) -> list[Embed]:
    """On torch, fp32, one thread."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(job["weights"], device="cpu")
    return [
        partial(model.encode, batch_size=size, show_progress_bar=False, normalize_embeddings=True)
        for size in (32, 1)
    ]


ENGINES: dict[str, Callable[[dict[str, Any]], list[Embed]]] = {
    "int8": partial(seatrial, "int8"),
    "fp32": partial(seatrial, "fp32"),
    "sentence-transformers": sentence_transformers,
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
    ways = ENGINES[name](job)
    documents, questions = job["documents"], job["questions"]
    for way in ways:
        way(documents[:4])
    spent = min(cpu_s(partial(way, documents)) for way in ways)
    asked = sorted(cpu_s(partial(ways[-1], [question])) for question in questions)
    figures = {
        "documents_per_s": len(documents) / spent,
        "question_ms": asked[len(asked) // 2] * 1e3,
        "memory_mb": status_mb("VmHWM"),
        "torch": float("torch" in sys.modules),
    }
    for title, held in job["sets"].items():
        for what, texts in (("docs", held["documents"]), ("queries", held["questions"])):
            np.save(folder / f"{title}-{what}.npy", np.asarray(ways[0](texts), np.float32))
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
