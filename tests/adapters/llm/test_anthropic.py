"""Anthropic, as its wire is spoken."""

import json

import pytest

from seatrial.adapters.llm.anthropic import AnthropicOptions, AnthropicProvider
from seatrial.gateway.chat.failures import BadReply, NotOffered, Overloaded, StreamCut
from seatrial.gateway.chat.messages import Reasoning, Role, said
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.dialects.crossing import LOST_FIELDS
from seatrial.gateway.dialects.sse import Event
from seatrial.testing.llm_script import Says
from seatrial.testing.provider_suite import sample_call
from seatrial.testing.scripted_llm import ScriptedLLM

REQUEST = ChatRequest(model="m", messages=(said(Role.USER, "hello world"),))


@pytest.fixture
async def llm():
    async with ScriptedLLM(keys=frozenset({"sk-ant"})) as server:
        yield server


@pytest.fixture
async def provider(llm):
    options = AnthropicOptions(
        name="p",
        base_url=llm.anthropic_url,
        api_key="sk-ant",
        headers={"anthropic-beta": "b1"},
        default_max_tokens=7,
    )
    provider = AnthropicProvider(options)
    yield provider
    await provider.close()


async def test_the_heads_of_a_request(provider, llm):
    await provider.chat(REQUEST, sample_call())
    asked = llm.asked[0]
    assert asked.headers["x-api-key"] == "sk-ant"
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert asked.headers["anthropic-beta"] == "b1"
    assert asked.path == "/v1/messages"
    assert asked.body["max_tokens"] == 7
    assert "authorization" not in asked.headers


def test_the_key_is_not_shown():
    options = AnthropicOptions(name="p", api_key="sk-1", headers={"x": "sk-2"})
    assert "sk-" not in repr(options) + repr(options.endpoint())


async def test_thoughts_come_back_with_their_signature(provider, llm):
    llm.then(Says(text="so", reasoning="hm hm"))
    answer = await provider.chat(REQUEST, sample_call())
    assert answer.choices[0].message.parts[0] == Reasoning(text="hm hm", signature="sig0")
    again = ChatRequest(
        model="m", messages=(*REQUEST.messages, answer.choices[0].message, said(Role.USER, "and?"))
    )
    await provider.chat(again, sample_call())
    assert llm.asked[1].body["messages"][1]["content"][0] == {
        "type": "thinking",
        "thinking": "hm hm",
        "signature": "sig0",
    }


async def test_what_is_lost_on_the_way_is_noted(provider):
    call = sample_call()
    await provider.chat(ChatRequest(model="m", messages=REQUEST.messages, seed=1), call)
    assert call.journal.notes == {LOST_FIELDS: ("seed",)}
    await provider.chat(REQUEST, call)
    assert call.journal.notes == {}


async def test_what_it_has_not_is_not_asked(provider, llm):
    with pytest.raises(NotOffered) as failed:
        await provider.embed(EmbeddingRequest(model="e", inputs=("a",)), sample_call())
    assert failed.value.elsewhere
    assert not failed.value.retryable
    several = ChatRequest(model="m", messages=REQUEST.messages, n=2)
    with pytest.raises(NotOffered, match="not 2"):
        await provider.chat(several, sample_call())
    with pytest.raises(NotOffered):
        await anext(provider.stream(several, sample_call()))
    assert llm.n_asked == 0


START = {"type": "message_start", "message": {"id": "m", "model": "m"}}
BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "hi"}}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
STOP = {"type": "message_stop"}


class _Told:
    """Stands in for the connection."""

    def __init__(self, bodies, http):
        self._bodies = bodies
        self.cut, self.unreadable, self.told_within = http.cut, http.unreadable, http.told_within

    async def events(self, *_, **__):
        for body in self._bodies:
            yield Event("x", body if isinstance(body, bytes) else json.dumps(body).encode())


async def chunks_of(*bodies):
    provider = AnthropicProvider(AnthropicOptions(name="p"))
    provider._http = _Told(bodies, provider._http)
    return [chunk async for chunk in provider.stream(REQUEST, sample_call())]


async def test_a_stream_is_whole_with_its_reason_and_its_stop():
    assert len(await chunks_of(START, BLOCK, END, STOP)) == 4
    for short in ([START, BLOCK, END], [START, BLOCK, STOP], [START], []):
        with pytest.raises(StreamCut):
            await chunks_of(*short)


@pytest.mark.parametrize(
    ("first", "failure"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "full"}}, Overloaded),
        ({"type": "message_start"}, BadReply),
        (b"{", BadReply),
    ],
)
async def test_a_wrong_piece_is_what_it_is_first_and_a_cut_later(first, failure):
    with pytest.raises(failure):
        await chunks_of(first)
    with pytest.raises(StreamCut) as cut:
        await chunks_of(START, first)
    assert cut.value.facts["cause"] == failure.code
