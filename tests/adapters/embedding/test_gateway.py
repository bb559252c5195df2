import numpy as np
import pytest

from seatrial.adapters.embedding.gateway import GatewayEmbedder, HostedModel
from seatrial.adapters.event_loop_thread import LoopClosed
from seatrial.rag.embedding.approximate import ApproximateTokenizer
from seatrial.rag.embedding.unit import VectorsUnfit
from seatrial.testing.scripted_llm import Fault, FaultKind, ScriptedLLM
from tests.adapters.hosted import gateway_opener


@pytest.fixture
def llm():
    with ScriptedLLM().in_thread() as llm:
        yield llm


@pytest.fixture
def opened(llm, tmp_path):
    embedders = []

    def make(**options):
        hosted = HostedModel(model="small", **options)
        opener = gateway_opener(llm.openai_url, tmp_path)
        embedders.append(GatewayEmbedder(opener, hosted, ApproximateTokenizer()))
        return embedders[-1]

    yield make
    for embedder in embedders:
        embedder.close()


def inputs(llm):
    return [asked.body["input"] for asked in llm.asked]


def test_texts_go_in_requests_of_bounded_size(llm, opened):
    embedder = opened(most_texts=2, document_prefix="passage: ")
    width = embedder.dimensions
    vectors = embedder.embed_documents(["one", "two", "three"])
    assert vectors.shape == (3, width)
    sent = sorted(map(len, inputs(llm)))
    assert sent == [1, 1, 2]  # the first asked for the dimensions
    assert {"passage: one", "passage: two", "passage: three"} <= {t for i in inputs(llm) for t in i}


def test_long_texts_are_cut_and_empty_ones_are_a_space(llm, opened):
    opened(max_tokens=8).embed_documents(["ship " * 50, ""])
    assert inputs(llm)[-1] == [("ship " * 8).strip(), " "]


def test_a_busy_server_is_asked_again(llm, opened):
    embedder = opened()
    expected = embedder.embed_queries(["ship"])
    llm.then(Fault(kind=FaultKind.RATE_LIMITED, headers={"Retry-After": "0"}))
    assert np.array_equal(embedder.embed_queries(["ship"]), expected)
    assert len(llm.asked) == 4


def test_vectors_of_another_length_than_configured_are_refused(llm, opened):
    width = opened().dimensions
    embedder = opened()
    embedder.__dict__["dimensions"] = width + 1
    with pytest.raises(VectorsUnfit, match=f"vectors of .{width}. dimensions, not {width + 1}"):
        embedder.embed_documents(["ship"])


def test_a_closed_one_says_so(opened):
    embedder = opened()
    embedder.embed_documents(["ship"])
    embedder.close()
    with pytest.raises(LoopClosed):
        embedder.embed_documents(["ship"])
