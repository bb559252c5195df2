import sys

import pytest

from seatrial.adapters.embedding.embedders import embedder_of
from seatrial.adapters.embedding.onnx import encoder_in
from seatrial.adapters.embedding.openvino import OpenVinoEmbedder, has_bf16
from seatrial.kernel.errors import MissingExtra
from seatrial.rag.embedding.config import EmbeddingConfig
from tests.adapters.encoders import encoder_tensors, write_encoder


def no_gateway():
    raise AssertionError("an embedder that runs here asks for a gateway")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    return write_encoder(tmp_path / "m", encoder_tensors())


def test_without_openvino_the_extra_is_named(folder, tmp_path):
    model = encoder_in(folder, name="tiny", languages=None)
    with pytest.raises(MissingExtra) as missing:
        OpenVinoEmbedder(model, folder=tmp_path)
    assert missing.value.remedy == "Run: pip install 'seatrial[openvino]'"


def test_precision_bf16_is_that_of_openvino(folder, tmp_path):
    config = EmbeddingConfig(kind="folder", model=folder.name, precision="bf16")
    with pytest.raises(MissingExtra, match="'openvino'"):
        embedder_of(config, graphs=tmp_path, base=tmp_path, open_gateway=no_gateway, cache=None)


@pytest.mark.parametrize(
    ("cpu_info", "expected"),
    [
        ("processor : 0\nflags\t\t: fpu avx512f avx512_bf16 avx512_vnni\n", True),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("flags\t\t: fpu avx2 avx512f avx512_vnni\n", False),
        ("model name : one with avx512_bf16\nflags\t\t: fpu\n", False),
        ("Features : fp asimd bf16\n", False),
        ("", False),
    ],
)
def test_bf16_is_read_from_the_flags_of_the_processor(cpu_info, expected):
    assert has_bf16(cpu_info) is expected
