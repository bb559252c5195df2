import pytest

from seatrial.adapters.llm.endpoint import Endpoint
from seatrial.adapters.pairs.entail_http import HttpEntailment
from seatrial.adapters.pairs.entail_onnx import OnnxEntailment
from seatrial.adapters.pairs.model import PairModelUnusable
from seatrial.adapters.pairs.rerank_http import HttpReranker, RerankForm
from seatrial.adapters.pairs.rerank_onnx import OnnxReranker
from seatrial.adapters.pairs.service import ServiceUnavailable
from tests.adapters.encoders import write_pair_model
from tests.adapters.pair_server import pair_server


@pytest.fixture
def server():
    with pair_server() as server:
        yield server


def endpoint(server, **options):
    return Endpoint(name="judge", base_url=server.url, **options)


def test_a_model_without_types_of_tokens_is_fed_what_it_has(tmp_path):
    reranker = OnnxReranker(write_pair_model(tmp_path / "m", inputs=2))
    assert len(reranker.scores("ship", ["harbour", "a"])) == 2


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"?")
    with pytest.raises(PairModelUnusable, match="does not load"):
        OnnxReranker(tmp_path / "model.onnx")


def test_the_label_that_means_entailment_is_found_or_asked_for(tmp_path):
    labels = ("ENTAILMENT", "neutral", "contradiction")
    named = OnnxEntailment(write_pair_model(tmp_path / "a", n_labels=3, labels=labels))
    path = write_pair_model(tmp_path / "b", n_labels=3)
    told = OnnxEntailment(path, entailed=0)
    pair = [("ship", "harbour")]
    assert named.probabilities(pair) == told.probabilities(pair)
    others = [OnnxEntailment(path, entailed=n).probabilities(pair)[0] for n in (1, 2)]
    assert told.probabilities(pair)[0] + sum(others) == pytest.approx(1)
    for entailed in (None, 3):
        with pytest.raises(PairModelUnusable, match="3 labels"):
            OnnxEntailment(path, entailed=entailed).probabilities(pair)


def test_credentials_and_the_model_are_sent(server):
    headers = {"Authorization": "Bearer key"}
    reranker = HttpReranker(endpoint(server, headers=headers), model="rerank-3")
    reranker.scores("q", ["a", "b"])
    reranker.close()
    path, body, sent = server.asked[0]
    assert (path, body["model"], body["top_n"]) == ("/rerank", "rerank-3", 2)
    assert sent["Authorization"] == "Bearer key"


@pytest.mark.parametrize(
    "instead",
    [
        {},
        [],
        {"results": None},
        {"results": [{"index": 0, "relevance_score": 1}]},
        {"results": [1]},
    ],
)
def test_a_passage_without_a_score_is_an_error(server, instead):
    server.instead = instead
    reranker = HttpReranker(endpoint(server), form=RerankForm.COHERE)
    with pytest.raises(ServiceUnavailable, match="no score for"):
        reranker.scores("q", ["a", "b"])
    reranker.close()


@pytest.mark.parametrize("instead", [{}, [], [[]], [[{"label": "entailment", "score": 2}]], [3]])
def test_a_pair_without_a_probability_is_an_error(server, instead):
    server.instead = instead
    entailment = HttpEntailment(endpoint(server))
    with pytest.raises(ServiceUnavailable, match="gave no"):
        entailment.probabilities([("a", "b")])
    entailment.close()


def test_a_service_that_fails_is_unavailable(server):
    server.status, server.instead = 503, {"error": "busy"}
    reranker = HttpReranker(endpoint(server))
    with pytest.raises(ServiceUnavailable):
        reranker.scores("q", ["a"])
    reranker.close()
