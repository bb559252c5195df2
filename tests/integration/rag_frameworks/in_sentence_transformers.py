"""The adapter against the real library, with a tiny model that the library itself saved."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

import seatrial
from seatrial.adapters.embedding.sentence_transformers import (
    ModelUnloadable,
    SentenceTransformersEmbedder,
)
from seatrial.testing.embedder_suite import EmbedderSuite
from seatrial.wiring.all_settings import workspace_of
from seatrial.wiring.knowledge.indexes import build_index

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,?"
HERON = "The Heron is 12 metres long."


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT of one layer and random weights."""
    folder = tmp_path_factory.mktemp("tiny")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *(f"##{one}" for one in LETTERS)]
    vocabulary = {word: place for place, word in enumerate(words)}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    ).save_pretrained(folder / "parts")
    torch.manual_seed(0)
    BertModel(
        BertConfig(
            vocab_size=len(words),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=128,
        )
    ).save_pretrained(folder / "parts")
    reads = Transformer(str(folder / "parts"), max_seq_length=128)
    whole = SentenceTransformer(modules=[reads, Pooling(16)], device="cpu")
    whole.save(str(folder / "model"))
    return folder / "model"


class TestSentenceTransformers(EmbedderSuite):
    @pytest.fixture
    def embedder(self, model: Path) -> SentenceTransformersEmbedder:
        return SentenceTransformersEmbedder(str(model), document_prefix="passage: ")


def test_a_model_is_reached_by_the_configuration(model: Path, tmp_path: Path) -> None:
    (tmp_path / "ships").mkdir()
    (tmp_path / "ships" / "heron.md").write_text(HERON, "utf-8")
    (tmp_path / "ships" / "kestrel.md").write_text("The Kestrel was built by Ana.", "utf-8")
    named = {"kind": "sentence_transformers", "model": str(model), "query_prefix": "query: "}
    config = tmp_path / "rag_config.yaml"
    config.write_text(
        json.dumps({"documents": {"sources": [{"path": "ships"}]}, "embedding": named})
    )
    home = tmp_path / "home"
    assert build_index(workspace_of(home=home, config=config), "documents").n_new == 2
    with seatrial.open_knowledge(home=home, config=config) as knowledge:
        found = knowledge.search("How long is the Heron?").found
        assert "12 metres" in knowledge.ask("How long is the Heron?").text
    heron = next(one for one in found if one.passage.document == "heron.md")
    library = SentenceTransformer(str(model), device="cpu")
    asked, text = library.encode(
        ["query: How long is the Heron?", f"{heron.passage.title}. {HERON}"],
        normalize_embeddings=True,
    )
    assert heron.dense == pytest.approx(float(np.dot(asked, text)), abs=1e-4)


def test_a_model_that_is_not_here_is_not_fetched() -> None:
    with pytest.raises(ModelUnloadable, match="nobody/has-this"):
        SentenceTransformersEmbedder("nobody/has-this")
