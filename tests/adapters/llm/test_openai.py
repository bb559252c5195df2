"""OpenAI and servers that are near enough to it."""

import json

import pytest

from seatrial.adapters.llm.openai import OpenAIOptions, OpenAIProvider, StreamEnd
from seatrial.gateway.chat.failures import BadReply, Overloaded, StreamCut
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import Finished, FinishReason, TextDelta
from seatrial.gateway.dialects import anthropic
from seatrial.gateway.dialects.crossing import LOST_FIELDS
from seatrial.testing.llm_script import Fault, FaultKind
from seatrial.testing.provider_suite import sample_call
from seatrial.testing.scripted_llm import ScriptedLLM

REQUEST = ChatRequest(model="m", messages=(said(Role.USER, "hello world"),), max_tokens=9)


@pytest.fixture
async def llm():
    async with ScriptedLLM() as server:
        yield server


@pytest.fixture
async def make(llm):
    made = []

    def make(**options):
        made.append(OpenAIProvider(OpenAIOptions(name="p", base_url=llm.openai_url, **options)))
        return made[-1]

    yield make
    for provider in made:
        await provider.close()


async def chunks_of(provider, request=REQUEST):
    return [chunk async for chunk in provider.stream(request, sample_call())]


async def test_the_key_is_a_bearer(make, llm):
    await make(api_key="sk-1", headers={"OpenAI-Organization": "org"}).chat(REQUEST, sample_call())
    asked = llm.asked[0]
    assert asked.headers["authorization"] == "Bearer sk-1"
    assert asked.headers["openai-organization"] == "org"
    assert asked.path == "/v1/chat/completions"


async def test_the_key_in_a_header_of_another_name(make, llm):
    await make(api_key="az", key_header="api-key", query="v=1").chat(REQUEST, sample_call())
    assert llm.asked[0].headers["api-key"] == "az"
    assert "authorization" not in llm.asked[0].headers


def test_the_key_is_not_shown():
    options = OpenAIOptions(name="p", api_key="sk-1", headers={"x": "sk-2"})
    assert "sk-" not in repr(options) + repr(options.endpoint())


async def test_a_stream_is_asked_for_its_usage_where_that_is_known(make, llm):
    await chunks_of(make())
    await chunks_of(make(asks_usage=False))
    assert llm.asked[0].body["stream_options"] == {"include_usage": True}
    assert "stream_options" not in llm.asked[1].body


async def test_what_the_server_knows_only_by_other_names(make, llm):
    provider = make(max_tokens_field="max_tokens", developer_role=False)
    await provider.chat(REQUEST, sample_call())
    assert llm.asked[0].body["max_tokens"] == 9
    assert "max_completion_tokens" not in llm.asked[0].body


async def test_what_is_lost_on_the_way_is_noted(make):
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}],
        "top_k": 3,
    }
    call = sample_call()
    await make().chat(anthropic.read_request(body), call)
    assert call.journal.notes == {LOST_FIELDS: ("top_k",)}
    await make().chat(REQUEST, call)
    assert call.journal.notes == {}
    own = sample_call()
    await make().chat(REQUEST, own)
    assert own.journal.notes == {}


def piece(reason=None, **delta):
    return {"id": "s", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


BEGUN, ENDED = piece(content="hi"), piece("stop")
MARK, REASON, CLOSE = StreamEnd.MARK, StreamEnd.REASON, StreamEnd.CLOSE


class Told(OpenAIProvider):
    """Answers come from a list instead of a server."""

    def __init__(self, how, bodies, *, mark):
        super().__init__(OpenAIOptions(name="p", stream_end=how))
        self._http = _Events(
            [json.dumps(b).encode() for b in bodies] + [b"[DONE]"] * mark, self._http
        )


class _Events:
    def __init__(self, datas, http):
        self._datas = datas
        self.cut, self.unreadable, self.told_within = http.cut, http.unreadable, http.told_within

    async def events(self, *_, **__):
        from seatrial.gateway.dialects.sse import Event

        for data in self._datas:
            yield Event("", data)


@pytest.mark.parametrize(
    ("how", "bodies", "mark", "whole"),
    [
        (MARK, [BEGUN, ENDED], True, True),
        (MARK, [BEGUN, ENDED], False, False),
        (MARK, [BEGUN], True, False),
        (REASON, [BEGUN, ENDED], False, True),
        (REASON, [BEGUN], True, False),
        (REASON, [BEGUN], False, False),
        (CLOSE, [BEGUN, ENDED], False, True),
        (CLOSE, [BEGUN], True, True),
        (CLOSE, [BEGUN], False, True),
        (MARK, [], True, False),
    ],
)
async def test_how_a_stream_shows_that_it_is_whole(how, bodies, mark, whole):
    provider = Told(how, bodies, mark=mark)
    if not whole:
        with pytest.raises(StreamCut):
            await chunks_of(provider)
        return
    events = [event for chunk in await chunks_of(provider) for event in chunk.events]
    (end,) = [event for event in events if isinstance(event, Finished)]
    assert end.reason is (FinishReason.STOP if ENDED in bodies else FinishReason.OTHER)
    assert TextDelta(text="hi") in events


@pytest.mark.parametrize(
    ("first", "failure"),
    [
        ({"error": {"message": "full", "type": "overloaded_error"}}, Overloaded),
        ({"choices": 5}, BadReply),
        ([], BadReply),
    ],
)
async def test_a_wrong_piece_is_what_it_is_first_and_a_cut_later(first, failure):
    with pytest.raises(failure):
        await chunks_of(Told(MARK, [first], mark=True))
    with pytest.raises(StreamCut) as cut:
        await chunks_of(Told(MARK, [BEGUN, first], mark=True))
    assert cut.value.facts["cause"] == failure.code


async def test_a_reply_without_an_answer_is_unreadable(make, llm):
    provider = make()
    llm.then(Fault(kind=FaultKind.BROKEN_JSON))
    with pytest.raises(BadReply):
        await provider.embed(EmbeddingRequest(model="e", inputs=("a",)), sample_call())
    provider._http = _Whole({"choices": []}, provider._http)
    with pytest.raises(BadReply, match="choices"):
        await provider.chat(REQUEST, sample_call())
    with pytest.raises(BadReply, match="data"):
        await provider.embed(EmbeddingRequest(model="e", inputs=("a",)), sample_call())


class _Whole:
    def __init__(self, body, http):
        self._body, self._http = body, http
        self.unreadable, self.close = http.unreadable, http.close

    async def post(self, *_):
        return self._body


async def test_vectors_pass_in_the_coding_the_client_asked_for(make, llm):
    raw = {"model": "e", "input": ["a", "b"], "encoding_format": "base64", "x": 1}
    request = EmbeddingRequest(model="e", inputs=("a", "b"), raw=raw)
    found = await make().embed(request, sample_call())
    assert llm.asked[0].body == raw
    assert isinstance(found.raw["data"][0]["embedding"], str)
    assert [len(vector) for vector in found.vectors] == [8, 8]
    assert found.usage.input_tokens == 2
