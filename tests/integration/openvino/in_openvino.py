"""OpenVINO, on a tiny encoder: on a processor with bf16, and on one that seems to have none."""

import logging

import numpy as np
import openvino
import pytest

from seatrial.adapters.embedding import openvino as embed_openvino
from seatrial.adapters.embedding.encoder import EncoderModel
from seatrial.adapters.embedding.encoder_safetensors import SafetensorsEncoder
from seatrial.adapters.embedding.openvino import OpenVinoEmbedder
from seatrial.adapters.embedding.tokenizer_hf import HfTokenizer
from seatrial.testing.embedder_suite import EmbedderSuite
from tests.adapters.encoders import encoder_tensors, expected_vector, write_encoder

TEXTS = ("ship, harbour", "", "the trial of a ship at sea: 3.5 % of it", "(x)" * 40)


def tiny(folder):
    write_encoder(folder, encoder_tensors())
    tokenizer = HfTokenizer.of_file(folder / "tokenizer.json")
    weights = SafetensorsEncoder(folder, first=2, last=3)
    return EncoderModel(name="tiny", weights=weights, tokenizer=tokenizer, languages=None)


class TestOpenVino(EmbedderSuite):
    tolerance = 0.0

    @pytest.fixture(params=[1, 3])
    def embedder(self, request, tmp_path):
        return OpenVinoEmbedder(tiny(tmp_path / "m"), folder=tmp_path, threads=request.param)


def furthest(embedder):
    """How far vectors are from those of plain numpy."""
    tensors = encoder_tensors()
    found = embedder.embed_documents(TEXTS)
    expected = [
        expected_vector(tensors, [2, *embedder._model.tokenizer.ids(text)[:46], 3])
        for text in TEXTS
    ]
    return np.abs(found - expected).max()


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16"])
def test_a_processor_with_bf16_is_used(tmp_path, monkeypatch, caplog, flag):
    monkeypatch.setattr(embed_openvino, "_cpu_info", lambda: f"flags : fpu {flag}")
    embedder = OpenVinoEmbedder(tiny(tmp_path / "m"), folder=tmp_path)
    assert embedder.name == "tiny/bf16"
    capable = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    far = furthest(embedder)
    assert far < 0.03
    assert (far > 1e-4) == capable
    assert not caplog.records


def test_without_bf16_it_is_fp32_and_told(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(embed_openvino, "_cpu_info", lambda: "flags : fpu avx2")
    with caplog.at_level(logging.WARNING):
        embedder = OpenVinoEmbedder(tiny(tmp_path / "m"), folder=tmp_path)
    assert embedder.name == "tiny/bf16"
    assert furthest(embedder) < 1e-5
    assert "tiny: this processor has no bf16" in caplog.text
