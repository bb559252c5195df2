"""The scripted server, as the vendors' own clients see it."""

import asyncio
import json
from decimal import Decimal

import anthropic
import httpx
import openai
import pytest

from seatrial.testing.llm_answer import instance_of
from seatrial.testing.llm_script import Fault, FaultKind, Rates, Says, Tokens, sometimes
from seatrial.testing.scripted_llm import ScriptedLLM

HELLO = [{"role": "user", "content": "hello brave new world"}]
TOOL = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
}


@pytest.fixture
async def llm():
    async with ScriptedLLM() as server:
        yield server


@pytest.fixture
async def ours(llm):
    async with openai.AsyncOpenAI(
        api_key="k", base_url=llm.openai_url, max_retries=0, timeout=20
    ) as client:
        yield client


@pytest.fixture
async def theirs(llm):
    async with anthropic.AsyncAnthropic(
        api_key="k", base_url=llm.anthropic_url, max_retries=0, timeout=20
    ) as client:
        yield client


async def test_openai_whole(ours, llm):
    reply = await ours.chat.completions.create(model="m", messages=HELLO)
    assert reply.choices[0].message.content == "hello brave new world"
    assert reply.choices[0].finish_reason == "stop"
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (4, 4)
    assert llm.bill.tokens == {"m": Tokens(input=4, output=4)}


async def test_openai_stream(ours, llm):
    stream = await ours.chat.completions.create(
        model="m", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert (
        "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        == HELLO[0]["content"]
    )
    assert chunks[-1].usage.completion_tokens == 4
    assert llm.bill.tokens == {"m": Tokens(input=4, output=4)}


async def test_openai_tools_and_what_follows(ours):
    tool = {"type": "function", "function": {"name": "weather", "parameters": TOOL}}
    reply = await ours.chat.completions.create(model="m", messages=HELLO, tools=[tool])
    call = reply.choices[0].message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"city": "word", "days": 1}
    assert reply.choices[0].finish_reason == "tool_calls"
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    after = await ours.chat.completions.create(
        model="m",
        messages=[*HELLO, reply.choices[0].message.model_dump(exclude_none=True), result],
        tools=[tool],
    )
    assert after.choices[0].message.content == "sunny"


async def test_openai_streams_calls_of_tools(ours, llm):
    llm.then(Says(tool_calls=[("a", {"x": [1, 2]}), ("b", {})]))
    async with ours.chat.completions.stream(model="m", messages=HELLO) as stream:
        whole = await stream.get_final_completion()
    calls = whole.choices[0].message.tool_calls
    assert [(c.function.name, json.loads(c.function.arguments)) for c in calls] == [
        ("a", {"x": [1, 2]}),
        ("b", {}),
    ]


async def test_openai_schema_and_embeddings(ours):
    form = {"type": "json_schema", "json_schema": {"name": "w", "schema": TOOL}}
    reply = await ours.chat.completions.create(model="m", messages=HELLO, response_format=form)
    assert json.loads(reply.choices[0].message.content) == {"city": "word", "days": 1}
    vectors = await ours.embeddings.create(model="e", input=["a", "b"], dimensions=4)
    exact = await ours.embeddings.create(
        model="e", input=["a", "b"], dimensions=4, encoding_format="float"
    )
    assert [len(v.embedding) for v in vectors.data] == [4, 4]
    assert vectors.data[0].embedding == pytest.approx(exact.data[0].embedding)
    assert vectors.data[0].embedding != pytest.approx(vectors.data[1].embedding)


async def test_anthropic_whole_with_thinking_and_usage(theirs, llm):
    took = Tokens(input=10, cached=3, cache_write=2, output=7)
    llm.then(Says(text="so", reasoning="hm hm", tokens=took))
    reply = await theirs.messages.create(model="m", max_tokens=99, messages=HELLO)
    assert [block.type for block in reply.content] == ["thinking", "text"]
    assert (reply.usage.input_tokens, reply.usage.cache_read_input_tokens) == (5, 3)
    assert llm.bill.tokens == {"m": took}


async def test_anthropic_stream_with_everything(theirs, llm):
    llm.then(Says(text="so be it", reasoning="hm hm", tool_calls=[("a", {"x": [1, 2]})]))
    async with theirs.messages.stream(model="m", max_tokens=99, messages=HELLO) as stream:
        whole = await stream.get_final_message()
    assert [block.type for block in whole.content] == ["thinking", "text", "tool_use"]
    assert whole.content[0].signature == "sig0"
    assert whole.content[2].input == {"x": [1, 2]}
    assert whole.stop_reason == "tool_use"
    assert whole.usage.output_tokens == llm.bill.tokens["m"].output == 8


async def test_an_answer_ends_at_max_tokens(ours, theirs):
    cut = await ours.chat.completions.create(model="m", messages=HELLO, max_tokens=2)
    assert cut.choices[0].message.content == "hello brave"
    assert cut.choices[0].finish_reason == "length"
    cut = await theirs.messages.create(model="m", messages=HELLO, max_tokens=3)
    assert cut.stop_reason == "max_tokens"
    assert cut.usage.output_tokens == 3


@pytest.mark.parametrize(
    ("kind", "in_openai", "in_anthropic"),
    [
        (FaultKind.RATE_LIMITED, openai.RateLimitError, anthropic.RateLimitError),
        (FaultKind.NO_QUOTA, openai.RateLimitError, anthropic.BadRequestError),
        (FaultKind.SERVER_ERROR, openai.InternalServerError, anthropic.InternalServerError),
        (FaultKind.UNAVAILABLE, openai.InternalServerError, anthropic.InternalServerError),
        (FaultKind.OVERLOADED, openai.InternalServerError, anthropic.InternalServerError),
        (FaultKind.BAD_REQUEST, openai.BadRequestError, anthropic.BadRequestError),
        (FaultKind.TOO_LONG, openai.BadRequestError, anthropic.BadRequestError),
        (FaultKind.UNAUTHORIZED, openai.AuthenticationError, anthropic.AuthenticationError),
        (FaultKind.RESET, openai.APIConnectionError, anthropic.APIConnectionError),
    ],
)
async def test_the_vendors_clients_know_its_errors(
    ours, theirs, llm, kind, in_openai, in_anthropic
):
    llm.then(Fault(kind=kind, headers={"Retry-After": "7"}), Fault(kind=kind))
    with pytest.raises(in_openai) as failed:
        await ours.chat.completions.create(model="m", messages=HELLO)
    if kind is FaultKind.RATE_LIMITED:
        assert failed.value.response.headers["retry-after"] == "7"
    with pytest.raises(in_anthropic):
        await theirs.messages.create(model="m", max_tokens=9, messages=HELLO)
    assert llm.bill.n_billed == 0


async def post(llm, **fields):
    body = {"model": "m", "messages": HELLO, **fields}
    async with httpx.AsyncClient() as client:
        return await client.post(f"{llm.openai_url}/chat/completions", json=body)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cut_answer_is_billed_as_far_as_it_went(llm, stream):
    llm.then(Fault(kind=FaultKind.CUT, after=1))
    with pytest.raises(httpx.RemoteProtocolError):
        await post(llm, stream=stream)
    assert llm.bill.tokens == {"m": Tokens(input=4, output=1 if stream else 4)}


async def test_a_stream_without_its_end(llm):
    llm.then(Fault(kind=FaultKind.NO_END))
    text = (await post(llm, stream=True)).text
    assert " world" in text
    assert "[DONE]" not in text
    assert '"stop"' not in text


async def test_an_error_within_a_stream(ours, theirs, llm):
    llm.then(Fault(kind=FaultKind.ERROR_EVENT), Fault(kind=FaultKind.ERROR_EVENT))
    stream = await ours.chat.completions.create(model="m", messages=HELLO, stream=True)
    told = [(await anext(stream)).choices[0].delta.content for _ in range(3)]
    assert told == ["", "hello", " brave"]
    with pytest.raises(openai.APIError, match="Overloaded"):
        await anext(stream)
    events = await theirs.messages.create(model="m", max_tokens=9, messages=HELLO, stream=True)
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        [event async for event in events]


async def test_what_is_no_answer(llm):
    kinds = [FaultKind.BROKEN_JSON, FaultKind.EMPTY, FaultKind.WRONG_TYPE, FaultKind.REDIRECT]
    llm.then(*(Fault(kind=kind) for kind in kinds))
    broken, empty, html, away = [await post(llm) for _ in kinds]
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        broken.json()
    assert (empty.status_code, empty.content) == (200, b"")
    assert html.headers["content-type"] == "text/html"
    assert (away.status_code, away.headers["location"][:17]) == (307, "http://elsewhere.")


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.HANG_MIDWAY])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_hang_lasts_until_the_client_leaves(llm, kind, stream):
    llm.then(Fault(kind=kind))
    asking = asyncio.ensure_future(post(llm, stream=stream))
    while not llm.in_flight:
        await asyncio.sleep(0)
    asking.cancel()
    while llm.in_flight:
        await asyncio.sleep(0)
    assert llm.n_left == 1
    assert llm.bill.n_billed == (kind is FaultKind.HANG_MIDWAY)


async def test_a_slow_stream_comes_in_pieces_and_counts_what_went_out(llm):
    llm.then(Says(first_token_s=0.01, between_s=0.001))
    assert (await post(llm, stream=True)).text.endswith("data: [DONE]\n\n")
    assert llm.bill.tokens["m"].output == 4


async def test_a_port_that_is_closed_opens_again(llm):
    await post(llm)
    await llm.refuse()
    with pytest.raises(httpx.ConnectError):
        await post(llm)
    await llm.accept()
    assert (await post(llm)).status_code == 200


async def test_keys_models_and_missing_fields():
    async with ScriptedLLM(keys=frozenset({"k"}), models=frozenset({"m"})) as llm:
        assert (await post(llm)).status_code == 401
        async with openai.AsyncOpenAI(api_key="k", base_url=llm.openai_url) as client:
            assert [model.id async for model in client.models.list()] == ["m"]
            with pytest.raises(openai.BadRequestError, match="'x' does not exist"):
                await client.chat.completions.create(model="x", messages=HELLO)
            with pytest.raises(openai.BadRequestError, match="messages: Field required"):
                await client.chat.completions.create(model="m", messages=[])


def test_in_a_thread_for_clients_that_block():
    faults = [Fault(kind=FaultKind.SERVER_ERROR)]
    body = {"model": "m", "messages": HELLO}
    server = ScriptedLLM(sometimes(0.5, faults, seed=3))
    with server.in_thread() as llm, httpx.Client(base_url=llm.openai_url) as client:
        codes = [client.post("/chat/completions", json=body).status_code for _ in range(40)]
        bill = client.get(f"{llm.url}/scripted/bill").json()
    assert 10 < codes.count(500) < 30
    assert bill["n_billed"] == codes.count(200)
    assert bill["tokens"]["m"]["input"] == 4 * codes.count(200)


def test_a_bill_in_dollars():
    rates = Rates(input=Decimal(3), output=Decimal(15), cached=Decimal("0.3"))
    took = Tokens(input=1_000, cached=600, output=100)
    assert rates.cost(took) == Decimal("0.00288")


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({"$ref": "#/$defs/a", "$defs": {"a": {"enum": ["x", "y"]}}}, "x"),
        ({"anyOf": [{"type": "integer", "minimum": 4}, {"type": "null"}]}, 4),
        ({"type": ["null", "string"]}, None),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "number", "exclusiveMinimum": 2, "maximum": 2.5}, 2.5),
    ],
)
def test_an_instance_of_a_schema(schema, instance):
    assert instance_of(schema) == instance
