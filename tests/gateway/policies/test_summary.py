"""A model says in short what is cut."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from seatrial.gateway.chat.call import Attempt, Call, Journal
from seatrial.gateway.chat.failures import Overloaded
from seatrial.gateway.chat.messages import (
    Image,
    Message,
    Other,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
    said,
)
from seatrial.gateway.policies.summary import INSTRUCTION, Summary, SummaryOptions
from seatrial.testing import ScriptedProvider
from seatrial.testing.billing_provider import WordCounter
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.scripted_provider import Turn, answers, fails

TALK = (
    said(Role.USER, "I am Ada."),
    Message(
        role=Role.ASSISTANT,
        parts=(
            Reasoning(text="secret thoughts"),
            Text("Let me see."),
            ToolCall(id="1", name="find", arguments='{"who": "Ada"}'),
        ),
    ),
    Message(role=Role.TOOL, parts=(ToolResult(call_id="1", content="born 1815"),)),
    Message(
        role=Role.USER, name="bob", parts=(Image(url="http://x"), Other(kind="audio", data={}))
    ),
)


class Paid(ScriptedProvider):
    """Writes an attempt for each call, as the policy of budgets does."""

    async def chat(self, request, call):
        try:
            return await super().chat(request, call)
        finally:
            spent = Attempt(
                provider="s",
                model="m",
                began=0,
                ended=0,
                cost_usd=Decimal(call.id.count("summary")),
            )
            call.journal.attempts.append(spent)


def summary(provider, **options):
    return Summary(
        provider,
        model="small",
        counter=WordCounter(),
        options=SummaryOptions(**options),
        now=now,
    )


def call(within_s=60.0):
    return Call(
        id="c", deadline=now() + within_s, journal=Journal(), key="k", user="u", tags={"a": "b"}
    )


@in_fake_time
async def test_a_model_is_told_all_that_was_said_and_nothing_that_was_thought():
    provider, asking = Paid([answers("Ada, born 1815.")]), call()
    assert await summary(provider, tokens=99)(TALK, asking) == "Ada, born 1815."
    (heard,) = provider.heard
    system, record = heard.request.messages
    assert system.text == INSTRUCTION
    assert record.text.splitlines() == [
        "user: I am Ada.",
        "assistant: Let me see.",
        'assistant: [calls find({"who": "Ada"})]',
        "tool: [result] born 1815",
        "bob: [an image]",
        "bob: [audio]",
    ]
    assert (heard.request.model, heard.request.max_tokens) == ("small", 99)


@in_fake_time
async def test_it_is_paid_by_whoever_is_summarised_in_calls_of_their_own():
    provider, asking = Paid([answers("one"), answers("two")]), call()
    ask = summary(provider)
    await ask(TALK, asking)
    await ask(TALK, asking)
    first, second = (heard.call for heard in provider.heard)
    assert (first.key, first.user, first.tags) == ("k", "u", {"a": "b"})
    assert len({first.id, second.id, asking.id}) == 3
    assert asking.journal.cost_usd == 2


@in_fake_time
async def test_what_a_failed_one_cost_is_kept_and_the_failure_told():
    busy = Overloaded("No room.", remedy="Wait.", provider="s")
    provider, asking = Paid([fails(busy)]), call()
    with pytest.raises(Overloaded):
        await summary(provider)(TALK, asking)
    assert asking.journal.cost_usd == 1


@in_fake_time
@pytest.mark.parametrize(("within_s", "most_s"), [(60.0, 20.0), (10.0, 5.0)])
async def test_it_leaves_half_of_the_time_to_the_answer(within_s, most_s):
    provider = ScriptedProvider([Turn(text="late")])
    await summary(provider)(TALK, call(within_s))
    assert provider.heard[0].call.deadline - now() == pytest.approx(most_s)
    await asyncio.sleep(0)


@in_fake_time
@pytest.mark.parametrize("room", [1, 5, 8, 100])
async def test_of_a_long_record_the_newest_messages_are_told(room):
    provider = ScriptedProvider([answers("short")])
    turns = [said(Role.USER, f"word{n} word word") for n in range(20)]
    await summary(provider, room_tokens=room)(turns, call())
    record = provider.heard[0].request.messages[1].text
    assert len(record.split()) <= room
    if room > 3:
        assert "word19" in record
    if room == 100:
        assert "word0 " in record
