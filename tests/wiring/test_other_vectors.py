"""An index and kept vectors of an encoder that rounded otherwise: none is mixed with others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seatrial.adapters.embedding.encoder_graph import Precision
from seatrial.adapters.embedding.onnx import OnnxEmbedder, encoder_in
from seatrial.rag.retrieval.retriever import EmbedderDiffers
from seatrial.wiring.all_settings import workspace_of
from seatrial.wiring.knowledge.indexes import build_index, index_store
from seatrial.wiring.knowledge.opened import open_knowledge
from tests.adapters.encoders import WIDTH, encoder_tensors, write_encoder

TEXTS = {"heron.md": "The ship left the harbour.", "tern.md": "A trial of the ship at sea."}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_encoder(tmp_path / "encoder", encoder_tensors())
    (tmp_path / "documents").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "documents" / name).write_text(text, "utf-8")
    config = {
        "name": "ships",
        "documents": {"sources": [{"path": "documents"}]},
        "embedding": {"kind": "folder", "model": "encoder", "threads": 1},
    }
    (tmp_path / "rag_config.yaml").write_text(json.dumps(config), "utf-8")
    return tmp_path


def workspace(folder: Path) -> Any:
    return workspace_of(home=folder / "home", config=folder / "rag_config.yaml", environment={})


def built_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a release whose int8 vectors had their first name, and stood elsewhere."""
    with monkeypatch.context() as before:
        before.setattr(Precision, "vectors", property(str))
        before.setattr(
            "seatrial.adapters.embedding.encoder.EncoderEmbedder._vector",
            lambda *_: np.eye(1, WIDTH, dtype=np.float32)[0],
        )
        build_index(workspace(folder), "ships")


def test_an_index_of_other_vectors_says_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built_before(folder, monkeypatch)
    with (
        open_knowledge(home=folder / "home", config=folder / "rag_config.yaml") as knowledge,
        pytest.raises(EmbedderDiffers) as refused,
    ):
        knowledge.search("ship")
    assert "encoder/int8'" in refused.value.problem
    assert "encoder/int8.2'" in refused.value.problem
    assert "seatrial rag build ships" in refused.value.remedy


def test_the_next_build_embeds_everything_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built_before(folder, monkeypatch)
    report = build_index(workspace(folder), "ships")
    assert (report.version, report.n_new) == (2, len(TEXTS))
    index = index_store(workspace(folder)).open("ships")
    keys = index.keys().tolist()
    passages = index.passages(keys)
    model = encoder_in(folder / "encoder", name="encoder", languages=None)
    anew = OnnxEmbedder(model, folder=folder / "graphs").embed_documents(
        [f"{one.title}. {one.text}" if one.title else one.text for one in passages]
    )
    assert np.allclose((index.vectors(keys) * anew).sum(1), 1, atol=1e-6)
    assert anew[:, 0].max() < 0.9, "or those of before would not be told from them"
    assert index_store(workspace(folder)).open("ships", 1).facts.embedder == "encoder/int8"
    with open_knowledge(home=folder / "home", config=folder / "rag_config.yaml") as knowledge:
        assert knowledge.search("harbour").found[0].passage.document == "heron.md"
