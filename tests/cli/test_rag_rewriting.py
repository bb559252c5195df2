"""Questions are searched in other words, too, as an index configures it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import seatrial
from seatrial.cli.exits import Exit
from seatrial.cli.rag_options import rag_workspace
from seatrial.serving.exchange import Request
from seatrial.testing import MemoryStore, ScriptedLLM
from seatrial.testing.scripted_llm import Fault, FaultKind, Says
from seatrial.wiring.llm import Llm
from seatrial.wiring.workspace import Workspace
from tests.cli.conftest import Rag


def gateway_of(llm: ScriptedLLM, **more: Any) -> dict[str, Any]:
    return {
        "providers": {"one": {"kind": "openai", "base_url": llm.openai_url}},
        "models": {"small": "one/gpt-4o-mini"},
        "retry": {"attempts": 1},
        **more,
    }


SPRUCE = "From what wood are the spars of the second vessel?"
MAST = "From what wood did the builders make the mast of the second vessel?"
WORDINGS = Says(text=json.dumps({"wordings": ["Her mast is of spruce", "Kestrel mast"]}))


def test_a_question_is_searched_in_other_words_that_a_model_writes(rag: Rag) -> None:
    with ScriptedLLM(lambda _: WORDINGS).in_thread() as llm:
        rag.configure(gateway=gateway_of(llm))
        rag("build")
        alone, refused = rag("search", SPRUCE)[1], rag("ask", MAST)[1]
        rewrite = {"model": "small", "n": 2}
        rag.configure(gateway=gateway_of(llm), retrieval={"rewrite": rewrite})
        code, found, err = rag("search", SPRUCE)
        answered, reply, _ = rag("ask", MAST)
        code_of_eval, _, _ = rag("eval", str(questions_about(rag)))
    assert code == Exit.DONE
    assert alone["rewriting"] is None
    assert found["wordings"] == ["Her mast is of spruce", "Kestrel mast"]
    assert found["passages"][0]["document"] == "kestrel.md"
    assert [one["document"] for one in alone["passages"]][:1] != ["kestrel.md"]
    assert "also searched" in err
    assert found["rewriting"]["problem"] is None
    assert float(found["rewriting"]["cost_usd"]) > 0
    assert refused["refusal"] == "not_answered"
    assert (answered, code_of_eval) == (Exit.DONE, Exit.DONE)
    assert "Her mast is of spruce" in reply["text"]
    assert reply["tokens"] == reply["rewriting"]["tokens"]
    assert reply["cost_usd"] == reply["rewriting"]["cost_usd"]
    assert llm.n_asked == 3


def questions_about(rag: Rag) -> Path:
    path = rag.folder / "questions.jsonl"
    path.write_text(json.dumps({"question": SPRUCE, "documents": ["kestrel.md"]}), "utf-8")
    return path


@pytest.mark.parametrize(
    ("step", "more", "told"),
    [
        (Fault(kind=FaultKind.SERVER_ERROR), {}, "gateway.provider_fault"),
        (Fault(kind=FaultKind.HANG), {}, "gateway.provider_timed_out"),
        (WORDINGS, {"budgets": [{"limit_usd": 0}]}, "gateway.budget_exceeded"),
    ],
)
def test_a_model_that_fails_leaves_the_question_and_is_told(
    rag: Rag, step: Says | Fault, more: dict[str, Any], told: str
) -> None:
    with ScriptedLLM(lambda _: step).in_thread() as llm:
        rewrite = {"model": "small", "timeout": "300ms"}
        rag.configure(gateway=gateway_of(llm, **more), retrieval={"rewrite": rewrite})
        rag("build")
        code, reply, err = rag("ask", "How long is the Heron?")
    assert code == Exit.DONE
    assert "12 metres" in reply["text"]
    assert told in reply["rewriting"]["problem"]
    assert reply["rewriting"]["wordings"] == []
    assert "searched as asked" in err


def test_questions_shall_be_reworded_by_a_model_that_is_there(rag: Rag) -> None:
    rag.configure(retrieval={"rewrite": {"model": "large"}})
    rag("build")
    code, _, err = rag("search", "How long is the Heron?")
    assert code == Exit.INVALID
    assert "retrieval.rewrite.model is 'large'" in err


def test_an_empty_question_is_refused_before_a_model_is_asked(rag: Rag) -> None:
    with ScriptedLLM().in_thread() as llm:
        rag.configure(gateway=gateway_of(llm), retrieval={"rewrite": {"model": "small"}})
        rag("build")
        assert rag("search", " ")[0] == Exit.INVALID
        assert llm.n_asked == 0


def test_programs_and_servers_search_in_other_words_too(rag: Rag) -> None:
    with ScriptedLLM(lambda _: WORDINGS).in_thread() as llm:
        rag.configure(gateway=gateway_of(llm), retrieval={"rewrite": {"model": "small"}})
        rag("build")
        with seatrial.open_knowledge(config=rag.config) as knowledge:
            assert "spruce" in knowledge.ask(MAST).text
            assert knowledge.search(SPRUCE).questions[1:] == (
                "Her mast is of spruce",
                "Kestrel mast",
            )
        served = asyncio.run(asked_over_http(rag_workspace(None, rag.config)))
    assert served["rewriting"]["wordings"] == ["Her mast is of spruce", "Kestrel mast"]
    assert served["tokens"]["output"] > 0


async def asked_over_http(workspace: Workspace) -> dict[str, Any]:
    llm = Llm(workspace, MemoryStore(), environment={})
    body = json.dumps({"question": SPRUCE}).encode()
    path = "/v1/knowledge/documents/answer"
    reply = await llm.plane.answer(Request("POST", path, b"", {b"host": b"localhost"}, body))
    await llm.close()
    found: dict[str, Any] = json.loads(reply.body)
    return found
