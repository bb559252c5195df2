"""What frameworks cost beside their embedder, each in its own environment, with equal vectors."""

from __future__ import annotations

import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.monitor.goals import Goal, at_most, markdown_table
from benchmarks.rag import texts
from benchmarks.rag.part import APPS, Part, Plan, environment, in_turns, said_by

N_DOCUMENTS = 1_000
"""About 2,000 chunks of 1,000 characters."""
N_QUESTIONS = 200
_LANGCHAIN = (
    "langchain",
    (
        "chromadb==1.5.9",
        "faiss-cpu==1.15.1",
        "langchain-chroma==1.1.0",
        "langchain-community==0.4.2",
        "langchain-core==1.8.3",
        "langchain-text-splitters==1.1.3",
    ),
)
PEERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "LlamaIndex": ("llamaindex", ("llama-index-core==0.14.25",)),
    "Haystack": ("haystack", ("haystack-ai==3.4.1",)),
    "LangChain + Chroma": _LANGCHAIN,
    "LangChain + FAISS": _LANGCHAIN,
}
"""Name of the environment, and what is in it."""

DEFAULT, VECTORS, TOKENS = "seatrial", "seatrial-vectors", "seatrial-tokens"
TITLES = {
    "floor": "floor (numpy, no framework)",
    DEFAULT: "**seatrial**, words and vectors",
    VECTORS: "**seatrial**, vectors alone",
    TOKENS: "**seatrial**, cut by tokens, words and vectors",
}
KEPT = {
    "floor": "memory",
    "LlamaIndex": "memory",
    "Haystack": "memory",
    "LangChain + Chroma": "disk",
    "LangChain + FAISS": "memory",
}


def report(plan: Plan) -> Part:
    """All of them, in turns."""
    n = N_DOCUMENTS // 10 if plan.quick else N_DOCUMENTS
    job = {
        "documents": texts.documents(plan.data, n),
        "questions": texts.asked(plan.data, N_QUESTIONS),
    }
    names = ("floor", DEFAULT, VECTORS, TOKENS, *PEERS)
    runs = {name: partial(_run, name, job) for name in names}
    found, failures = in_turns(runs, plan.rounds)
    return Part(text=table(found, n), goals=goals(found, full=plan.full), failures=failures)


def table(found: dict[str, dict[str, float]], n: int) -> str:
    """One row each."""
    head = (
        f"{n:,} documents",
        "chunks",
        "documents a CPU s",
        "a question, CPU ms",
        "import, CPU s",
    )
    rows = [
        (
            TITLES.get(name, name),
            f"{one['n_chunks']:,.0f}",
            f"{one['documents_per_s']:,.0f}",
            f"{one['question_ms']:.2f}",
            f"{one['import_s']:.2f}",
            f"{one['memory_mb']:.0f}",
            KEPT.get(name, "disk, published"),
        )
        for name, one in found.items()
    ]
    return markdown_table((*head, "peak memory, MB", "kept in"), rows)


def goals(found: dict[str, dict[str, float]], *, full: bool) -> list[Goal]:
    """What was asked of seatrial at this size."""
    told = []
    if DEFAULT in found:
        rate = found[DEFAULT]["documents_per_s"]
        told.append(
            Goal(
                what="documents cut, indexed and committed in a CPU second, null vectors",
                goal=">= 5,000",
                reached=f"{rate:,.0f}",
                met=rate >= 5_000 if full else None,
            )
        )
    for name, how in ((DEFAULT, "words and vectors"), (VECTORS, "vectors alone")):
        if name in found:
            what = f"question to about 2,000 chunks, {how}, null vectors"
            told.append(at_most(what, found[name]["question_ms"], 0.3, "CPU ms", full=full))
    return told


def _run(name: str, job: dict[str, Any]) -> dict[str, float]:
    """Raises: RunFailed, SetUpFailed."""
    python = environment(*PEERS[name]).python if name in PEERS else Path(sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "job.json").write_text(json.dumps(job))
        found: dict[str, float] = said_by(python, APPS / "frameworks.py", name, folder)
    return found
