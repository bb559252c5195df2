"""Documents built into an index whose vectors lie in a store, and asked, fused by that store."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.rag.index.words import WORDS
from seatrial.wiring.all_settings import workspace_of
from seatrial.wiring.knowledge.indexes import build_index
from seatrial.wiring.knowledge.opened import OpenKnowledge, open_knowledge

TEXTS = {
    "heron.txt": "The heron was launched in March. Her keel was laid two years before.",
    "tern.txt": "The tern broke her mast in a storm. The crew reached the harbour.",
    "trial.txt": "海试在东海进行。新船交付之前必须通过海试。",
    "wages.txt": "The wages of the crew are paid on Fridays.",
}
QUESTIONS = {
    "When was the heron launched?": "heron.txt",
    "What broke in the storm?": "tern.txt",
    "海试在哪里进行？": "trial.txt",
}


class Tokens:
    """Words."""

    name = "words"

    def offsets(self, texts: Any) -> list[Any]:
        return [np.zeros((len(text.split()), 2), np.int32) for text in texts]


class Letters:
    """An embedder of the program's own: texts of the same words have the same vector."""

    name, dimensions, max_tokens = "letters", 32, 512
    languages = frozenset({"en", "zh"})
    tokenizer = Tokens()

    def embed_documents(self, texts: Any) -> Any:
        rows = np.full((len(texts), self.dimensions), 1e-3, np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in WORDS.words(text):
                row[blake2b(word.encode(), digest_size=1).digest()[0] % self.dimensions] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    embed_queries = embed_documents


def fused_by_the_store(folder: Path, vectors: dict[str, str], *, again: bool = True) -> None:
    """Build, search and ask.

    Args: again: change the documents then, and do it again.
    """
    documents = folder / "documents"
    documents.mkdir(parents=True)
    for name, text in TEXTS.items():
        (documents / name).write_text(text, "utf-8")
    config = folder / "rag_config.yaml"
    told = {
        "name": "ships",
        "documents": {"sources": [{"path": "documents"}]},
        "vectors": vectors,
        "retrieval": {"fusion": "native"},
    }
    config.write_text(json.dumps(told), "utf-8")
    workspace = workspace_of(home=folder / "home", config=config, environment={})
    opened = {"home": folder / "home", "config": config, "embedders": {"ships": Letters()}}

    assert build_index(workspace, "ships", embedder=Letters()).n_copied == len(TEXTS)
    with open_knowledge(**opened) as knowledge:
        for question, name in QUESTIONS.items():
            _is_answered(knowledge, documents, question, name)
    if not again:
        return
    (documents / "tern.txt").write_text("The tern lies in the harbour.", "utf-8")
    (documents / "ibis.txt").write_text("The ibis lost her anchor in a storm.", "utf-8")
    assert build_index(workspace, "ships", embedder=Letters()).n_copied == 2
    with open_knowledge(**opened) as knowledge:
        _is_answered(knowledge, documents, "What was lost in the storm?", "ibis.txt")
        found = knowledge.search("What broke in the storm?").found
        assert all("mast" not in one.passage.text for one in found)


def _is_answered(knowledge: OpenKnowledge, documents: Path, question: str, name: str) -> None:
    retrieved = knowledge.search(question)
    assert "native" in retrieved.seconds
    assert retrieved.found[0].passage.document == name
    scores = [one.score for one in retrieved.found]
    assert scores == sorted(scores, reverse=True)
    assert all(one.dense is not None and -1 <= one.dense <= 1.001 for one in retrieved.found)
    reply = knowledge.ask(question)
    assert reply.citations
    for citation in reply.citations:
        text = (documents / citation.document).read_text("utf-8")
        assert text[citation.span.start : citation.span.end] == citation.text
    assert reply.citations[0].document == name
