"""What an import costs in a fresh interpreter, beside those of frameworks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from benchmarks.monitor.goals import Goal, at_most, markdown_table
from benchmarks.rag.frameworks import PEERS
from benchmarks.rag.part import Part, Plan, environment, in_turns, said_by

OURS = "seatrial.rag"
STATEMENTS = {
    OURS: "import seatrial.rag",
    "seatrial, to ask an index": "from seatrial.wiring.knowledge.opened import open_knowledge",
    "LlamaIndex": "from llama_index.core import VectorStoreIndex",
    "Haystack": "from haystack import Document, Pipeline; "
    "from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever",
    "LangChain + Chroma": "from langchain_chroma import Chroma",
    "LangChain + FAISS": "from langchain_community.vectorstores import FAISS",
}


def report(plan: Plan) -> Part:
    """Each in a process of its own, in turns."""
    runs = {name: partial(_run, name) for name in STATEMENTS}
    found, failures = in_turns(runs, plan.rounds)
    return Part(text=table(found), goals=goals(found), failures=failures)


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """One row for each statement."""
    rows = [(f"`{STATEMENTS[name]}`", f"{one['import_s']:.2f}") for name, one in found.items()]
    return markdown_table(("", "CPU s"), rows)


def goals(found: Mapping[str, Mapping[str, float]]) -> list[Goal]:
    """Of the package."""
    if OURS not in found:
        return []
    return [at_most("import seatrial.rag", found[OURS]["import_s"], 0.5, "CPU s")]


def _run(name: str) -> dict[str, float]:
    """Raises: RunFailed, SetUpFailed."""
    python = environment(*PEERS[name]).python if name in PEERS else Path(sys.executable)
    code = (
        "import json, time; began = time.process_time()\n"
        f"{STATEMENTS[name]}\n"
        "print(json.dumps({'import_s': time.process_time() - began}))"
    )
    found: dict[str, float] = said_by(python, "-c", code)
    return found
