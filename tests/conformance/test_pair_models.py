"""Every reranker and every model of entailment against the suites that define them."""

import pytest

from seatrial.adapters.llm.endpoint import Endpoint
from seatrial.adapters.pairs.entail_http import HttpEntailment
from seatrial.adapters.pairs.entail_onnx import OnnxEntailment
from seatrial.adapters.pairs.rerank_http import HttpReranker, RerankForm
from seatrial.adapters.pairs.rerank_onnx import OnnxReranker
from seatrial.testing.entailment_suite import EntailmentSuite
from seatrial.testing.reranker_suite import RerankerSuite
from tests.adapters.encoders import write_pair_model
from tests.adapters.pair_server import pair_server

NLI = ("contradiction", "entailment", "neutral")


class TestOnnxReranker(RerankerSuite):
    @pytest.fixture(params=[1, 2])
    def reranker(self, request, tmp_path):
        return OnnxReranker(write_pair_model(tmp_path / "m", n_labels=request.param))


class TestHttpReranker(RerankerSuite):
    @pytest.fixture(params=list(RerankForm))
    def reranker(self, request):
        with pair_server() as server:
            endpoint = Endpoint(name="judge", base_url=server.url)
            reranker = HttpReranker(endpoint, model="m", form=request.param, most_passages=3)
            yield reranker
            reranker.close()


class TestOnnxEntailment(EntailmentSuite):
    @pytest.fixture(params=[(1, None), (3, NLI)], ids=["binary", "nli"])
    def entailment(self, request, tmp_path):
        n_labels, labels = request.param
        return OnnxEntailment(write_pair_model(tmp_path / "m", n_labels=n_labels, labels=labels))


class TestHttpEntailment(EntailmentSuite):
    @pytest.fixture
    def entailment(self):
        with pair_server() as server:
            entailment = HttpEntailment(Endpoint(name="nli", base_url=server.url), most_pairs=2)
            yield entailment
            entailment.close()
