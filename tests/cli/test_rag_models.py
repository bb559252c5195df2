"""Models that judge pairs, as an index configures them."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.adapters.pairs.entail_onnx import OnnxEntailment
from seatrial.adapters.pairs.rerank_onnx import OnnxReranker
from seatrial.cli.exits import Exit
from seatrial.rag.groundedness.check import Groundedness
from seatrial.testing import ScriptedLLM
from seatrial.testing.scripted_llm import Says
from tests.adapters.encoders import write_pair_model
from tests.adapters.pair_server import pair_server
from tests.cli.conftest import SHIPS, Rag

LABELS = ("contradiction", "entailment", "neutral")
QUESTION = "How long is the Heron?"
CLAIM = "The Heron measures twelve metres."


def gateway(llm: ScriptedLLM) -> dict[str, Any]:
    return {
        "providers": {"one": {"kind": "openai", "base_url": llm.openai_url}},
        "models": {"small": "one/gpt-4o-mini"},
    }


def test_a_configured_model_in_onnx_ranks_what_was_found(rag: Rag) -> None:
    path = write_pair_model(rag.folder / "ranker")
    rag.configure(reranker={"kind": "onnx", "path": "ranker/model.onnx"})
    rag("build")
    code, found, _ = rag("search", "Who built the Heron?")
    assert code == Exit.DONE
    passages = found["passages"]
    assert len(passages) > 2
    judged = OnnxReranker(path).scores(found["question"], [one["text"] for one in passages])
    assert [one["reranked"] for one in passages] == pytest.approx(judged.tolist())
    assert list(judged) == sorted(judged, reverse=True)


def test_a_model_that_is_not_there_is_told(rag: Rag) -> None:
    rag.configure(reranker={"kind": "onnx", "path": "ranker/model.onnx"})
    rag("build")
    code, _, err = rag("search", QUESTION)
    assert code == Exit.INVALID
    assert "ranker/model.onnx" in err


def test_a_configured_model_in_onnx_judges_support(rag: Rag) -> None:
    path = write_pair_model(rag.folder / "nli", n_labels=3, labels=LABELS)
    with ScriptedLLM(lambda _: Says(text=f"{CLAIM} [1]")).in_thread() as llm:
        rag.configure(
            gateway=gateway(llm),
            answering={"model": "small", "unsupported": "flag"},
            entailment={"kind": "onnx", "path": "nli/model.onnx"},
        )
        rag("build")
        code, reply, _ = rag("ask", QUESTION)
    assert code in {Exit.DONE, Exit.INCONCLUSIVE}
    judge = Groundedness(entailment=OnnxEntailment(path))
    passage = SHIPS["heron.md"].rstrip()
    (with_it,) = judge.check([CLAIM], [passage], question=QUESTION)
    (without,) = Groundedness().check([CLAIM], [passage], question=QUESTION)
    assert with_it.score != pytest.approx(without.score, abs=1e-3)
    assert reply["sentences"][0]["score"] == pytest.approx(with_it.score)


@pytest.mark.parametrize(("odds", "support"), [(0.999, "supported"), (0.001, "unsupported")])
def test_a_configured_service_judges_support(
    rag: Rag, monkeypatch: Any, odds: float, support: str
) -> None:
    with (
        pair_server() as service,
        ScriptedLLM(lambda _: Says(text=f"{CLAIM} [1]")).in_thread() as llm,
    ):
        service.instead = [[{"label": "entailed", "score": odds}]]
        rag.configure(
            gateway=gateway(llm),
            answering={"model": "small"},
            entailment={
                "kind": "tei",
                "url": service.url,
                "label": "entailed",
                "api_key_env": "JUDGE_KEY",
            },
        )
        rag("build")
        code, _, err = rag("ask", QUESTION)
        assert code != Exit.DONE
        assert "Set JUDGE_KEY." in err
        monkeypatch.setenv("JUDGE_KEY", "secret")
        code, reply, _ = rag("ask", QUESTION)
    path, body, headers = service.asked[-1]
    assert path == "/predict"
    ((premise, claim),) = body["inputs"]
    assert "12 metres" in premise
    assert claim == CLAIM
    assert {name.lower(): value for name, value in headers.items()}["authorization"] == (
        "Bearer secret"
    )
    assert reply["sentences"][0]["support"] == support
    assert code == (Exit.DONE if support == "supported" else Exit.INCONCLUSIVE)
