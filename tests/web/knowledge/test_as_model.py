"""An index asked as a model, in both forms, whole and streamed."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from seatrial.rag.answering.reply import Reply
from seatrial.rag.knowledge.asked import Asked

from .conftest import House

MODEL = "rag/handbook"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def turns(*said: str) -> list[dict[str, str]]:
    return [
        {"role": "user" if n % 2 == 0 else "assistant", "content": text}
        for n, text in enumerate(said)
    ]


def test_clients_of_openai_get_the_answer_with_its_citations(house: House) -> None:
    body = house.post(
        "/v1/chat/completions",
        {"model": MODEL, "messages": turns("Hi", "Hello", "How long?"), "user": "anna"},
    ).json()
    assert body["choices"][0]["message"]["content"].startswith("Leave is 30 days [1].")
    assert body["usage"]["completion_tokens"] == 12
    assert body["seatrial"]["citations"][0]["document"] == "hr/leave.md"
    (asked,) = house.knowledge.asked
    assert (asked.question, asked.caller.user) == ("How long?", "anna")


def test_clients_of_anthropic_get_the_answer(house: House) -> None:
    sent = {"model": MODEL, "messages": turns("How long?"), "max_tokens": 50}
    body = house.post("/v1/messages", sent).json()
    assert body["content"][0]["text"].startswith("Leave is 30 days")
    assert body["stop_reason"] == "end_turn"


def test_a_stream_gives_checked_sentences_and_then_the_citations(house: House) -> None:
    sent: dict[str, Any] = {"model": MODEL, "messages": turns("How long?"), "stream": True}
    text = house.post("/v1/chat/completions", sent).text
    events = [
        json.loads(line.removeprefix("data: "))
        for line in text.splitlines()
        if line.startswith("data: {")
    ]
    parts = [
        choice["delta"].get("content")
        for event in events
        for choice in event["choices"]
        if choice["delta"].get("content")
    ]
    assert parts == ["Leave is 30 days [1].", " It is paid [1]."]
    (beside,) = [event["seatrial"] for event in events if "seatrial" in event]
    assert beside["citations"][0]["start"] == 0
    assert text.rstrip().endswith("data: [DONE]")


def test_a_stream_of_anthropic_is_whole(house: House) -> None:
    sent = {"model": MODEL, "messages": turns("How?"), "max_tokens": 50, "stream": True}
    text = house.post("/v1/messages", sent).text
    assert "Leave is 30 days" in text
    assert "event: message_stop" in text


def test_it_is_among_the_models_and_makes_no_vectors(house: House) -> None:
    assert MODEL in [one["id"] for one in house.get("/v1/models").json()["data"]]
    reply = house.post("/v1/embeddings", {"model": MODEL, "input": "a"})
    assert reply.status_code == 400


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"n": 3}, "n is 3"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tool_choice": "required", "tools": [TOOL]}, "tool_choice"),
        ({"n": 1, "response_format": {"type": "text"}, "tools": [TOOL]}, None),
    ],
    ids=["several", "as JSON", "by a tool", "as it is"],
)
def test_what_an_index_cannot_give_is_refused_and_not_left_out(
    house: House, asked: dict[str, Any], named: str | None
) -> None:
    sent = {"model": MODEL, "messages": turns("How long?"), **asked}
    reply = house.post("/v1/chat/completions", sent)
    assert reply.status_code == (200 if named is None else 400)
    assert named is None or named in reply.json()["error"]["message"]
    assert len(house.knowledge.asked) == (named is None)


def test_no_question_is_refused(house: House) -> None:
    sent = {"model": MODEL, "messages": [{"role": "system", "content": "Be brief."}]}
    reply = house.post("/v1/chat/completions", sent)
    assert reply.status_code == 400
    assert "no question" in reply.json()["error"]["message"]


def test_a_key_reads_as_its_groups(locked: House) -> None:
    secret, _ = locked.desk.create("app", by="me", groups=("hr",))
    sent = {"model": MODEL, "messages": turns("How long?")}
    locked.post("/v1/chat/completions", sent, authorization=f"Bearer {secret}")
    assert locked.knowledge.asked[-1].readers == {"hr"}


@pytest.mark.parametrize(
    ("cost", "told"),
    [(Decimal(0), {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}), (None, None)],
)
def test_what_no_model_wrote_took_no_tokens_and_what_is_not_known_stays_so(
    house: House, monkeypatch: pytest.MonkeyPatch, cost: Decimal | None, told: Any
) -> None:
    answer = house.knowledge.answer

    async def quoted(name: str, asked: Asked) -> Reply:
        return replace(await answer(name, asked), n_tokens={}, cost_usd=cost)

    monkeypatch.setattr(house.knowledge, "answer", quoted)
    sent = {"model": MODEL, "messages": turns("How long?")}
    usage = house.post("/v1/chat/completions", sent).json().get("usage")
    assert (usage and {name: usage[name] for name in told or usage}) == told
