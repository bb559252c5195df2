"""Counts of whole requests. The first ones are the API's own (OpenAI cookbook, "How to count tokens
with tiktoken")."""

import json
from base64 import b64encode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from seatrial.gateway.chat.request import ChatRequest, Format, ResponseFormat, Tool
from seatrial.gateway.tokens.counters import Counters
from seatrial.gateway.tokens.encodings import Encoding
from seatrial.gateway.tokens.tool_form import WITHOUT_END

JARGON = (
    (
        None,
        "You are a helpful, pattern-following assistant that translates corporate jargon into "
        "plain English.",
    ),
    ("example_user", "New synergies will help drive top-line growth."),
    ("example_assistant", "Things working well together will increase revenue."),
    (
        "example_user",
        "Let's circle back when we have more bandwidth to touch base on opportunities "
        "for increased leverage.",
    ),
    ("example_assistant", "Let's talk later when we're less busy about how to do better."),
)
JARGON_REQUEST = ChatRequest(
    model="m",
    messages=(
        *(Message(role=Role.SYSTEM, name=n, parts=(Text(text),)) for n, text in JARGON),
        said(
            Role.USER,
            "This late pivot means we don't have time to boil the ocean for the client "
            "deliverable.",
        ),
    ),
)
WEATHER = Tool(
    name="get_current_weather",
    description="Get the current weather in a given location",
    parameters={
        "type": "object",
        "properties": {
            "location": {
                "type": "string",
                "description": "The city and state, e.g. San Francisco, CA",
            },
            "unit": {
                "type": "string",
                "description": "The unit of temperature to return",
                "enum": ["celsius", "fahrenheit"],
            },
        },
        "required": ["location"],
    },
)
WEATHER_REQUEST = ChatRequest(
    model="m",
    messages=(
        said(
            Role.SYSTEM,
            "You are a helpful assistant that can answer to questions about the weather.",
        ),
        said(Role.USER, "What's the weather like in San Francisco?"),
    ),
    tools=(WEATHER,),
)


@pytest.mark.parametrize(
    ("model", "messages", "tools"),
    [
        ("gpt-3.5-turbo", 129, 105),
        ("gpt-4", 129, 105),
        ("gpt-4o", 124, 101),
        ("gpt-4o-mini", 124, 101),
    ],
)
def test_a_request_counts_what_the_api_counted(counters, model, messages, tools):
    counter = counters.of("openai", model)
    assert counter.request(JARGON_REQUEST) == messages
    assert counter.request(WEATHER_REQUEST) == tools
    assert counter.exact


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4"])
def test_the_bound_of_an_exact_count_is_near_it(counters, model):
    counter = counters.of("openai", model)
    for request in (JARGON_REQUEST, WEATHER_REQUEST):
        exact = counter.request(request)
        assert exact <= counter.bound(request) <= 2.6 * exact
    plain = ChatRequest(model="m", messages=(said(Role.USER, "all is well " * 400),))
    assert counter.bound(plain) <= 1.02 * counter.request(plain)


def test_the_bound_of_an_estimate_is_the_bytes_and_the_form(counters):
    counter = counters.of("anthropic", "claude-sonnet-4-5")
    text = "ein Würfel, 一二三"
    bound = counter.bound(ChatRequest(model="m", messages=(said(Role.USER, text),)))
    assert not counter.exact
    assert len(text.encode()) <= bound <= len(text.encode()) + 32


SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}}
PARTS = st.one_of(
    st.builds(Text, st.text(max_size=40)),
    st.builds(Reasoning, text=st.text(max_size=40)),
    st.builds(ToolCall, id=st.text(max_size=5), name=st.text(max_size=9), arguments=st.text()),
    st.builds(ToolResult, call_id=st.text(max_size=5), content=st.text(max_size=40)),
    st.builds(Image, url=st.just("https://example.com/a.png")),
    st.builds(Other, kind=st.just("x"), data=st.dictionaries(st.text(max_size=5), st.text())),
)
MESSAGES = st.builds(
    Message,
    role=st.sampled_from(Role),
    parts=st.lists(PARTS, max_size=4).map(tuple),
    name=st.none() | st.text(max_size=9),
    raw=st.none() | st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3),
)
REQUESTS = st.builds(
    ChatRequest,
    model=st.just("m"),
    messages=st.lists(MESSAGES, max_size=5).map(tuple),
    tools=st.lists(st.sampled_from([WEATHER, Tool(name="now")]), max_size=2).map(tuple),
    response_format=st.none() | st.just(ResponseFormat(form=Format.SCHEMA, schema=SCHEMA)),
    raw=st.none() | st.just({"model": "m", "prediction": {"content": "so it was"}}),
)
MODELS = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-4"),
    ("anthropic", "claude-sonnet-4-5"),
    ("vllm", "llama-3.1-8b"),
]


@given(request=REQUESTS, model=st.sampled_from(MODELS))
def test_the_bound_is_never_below_the_count(counters, request, model):
    counter = counters.of(*model)
    assert counter.bound(request) >= counter.request(request) > 0


@given(request=REQUESTS, model=st.sampled_from(MODELS))
def test_the_ceiling_is_never_below_the_bound(counters, request, model):
    counter = counters.of(*model)
    assert counter.ceiling(request) >= counter.bound(request)


def test_the_ceiling_asks_no_vocabulary():
    class Unread:
        exact = True

        def __init__(self, encoding):
            pass

        def bound(self, text):
            raise AssertionError("it was counted")

    counter = Counters(Unread).of("openai", "gpt-4o")
    assert counter.ceiling(JARGON_REQUEST) > 400
    with pytest.raises(AssertionError, match="counted"):
        counter.bound(JARGON_REQUEST)


@given(request=REQUESTS, model=st.sampled_from(MODELS), more=MESSAGES)
def test_every_message_adds_its_own(counters, request, model, more):
    counter = counters.of(*model)
    longer = msgspec.structs.replace(request, messages=(*request.messages, more))
    alone = ChatRequest(model="m", messages=(more,))
    nothing = ChatRequest(model="m", messages=())
    added = counter.request(longer) - counter.request(request)
    assert added == counter.request(alone) - counter.request(nothing) > 0
    assert counter.bound(longer) > counter.bound(request)


def tokens(counters, *parts, raw=None, bound=False, model=("openai", "gpt-4o")):
    """What these parts add to a message."""
    counter = counters.of(*model)
    count = counter.bound if bound else counter.request
    full = Message(role=Role.USER, parts=parts, raw=raw)
    empty = Message(role=Role.USER)
    return count(ChatRequest(model="m", messages=(full,))) - count(
        ChatRequest(model="m", messages=(empty,))
    )


def test_calls_and_results_count_their_texts(counters):
    call = ToolCall(id="call_1", name="look", arguments='{"at": "hello world"}')
    text = counters.of("openai", "gpt-4o").text
    assert tokens(counters, call) == 4 + text("look") + text('{"at": "hello world"}')
    assert tokens(counters, ToolResult(call_id="call_1", content="hello world")) == 6
    assert tokens(counters, Reasoning(text="hello world")) == 2


def png(width, height):
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return Image(data=b64encode(head).decode(), media_type="image/png")


def test_an_image_counts_by_its_size(counters):
    assert tokens(counters, png(1024, 1024)) == 765
    assert tokens(counters, png(2048, 4096)) == 1105
    claude = ("anthropic", "claude-sonnet-4-5")
    assert tokens(counters, png(1000, 1000), model=claude) == 36 * 36


def test_a_low_detail_counts_less_and_is_bound_like_a_high_one(counters):
    raw = {
        "role": "user",
        "content": [
            {"type": "text", "text": ""},
            {"type": "image_url", "image_url": {"url": "data:", "detail": "low"}},
        ],
    }
    assert tokens(counters, png(1024, 1024), raw=raw) == 85
    assert tokens(counters, png(1024, 1024), raw=raw, bound=True) >= 765


def test_an_image_behind_an_address_is_bound_by_the_largest(counters):
    image = Image(url="https://example.com/large.jpg")
    assert tokens(counters, image, bound=True) == 85 + 8 * 170
    sized = Image(url="data:image/png;base64," + png(512, 512).data)
    assert tokens(counters, sized) == 255


def test_what_cannot_be_seen_is_bound_by_the_window(counters):
    file = Other(kind="document", data={"source": {"type": "url", "url": "https://a.b/c.pdf"}})
    claude = ("anthropic", "claude-sonnet-4-5")
    assert tokens(counters, file, bound=True, model=claude) == 200_000
    assert tokens(counters, file, bound=True, model=("x", "unknown")) == WITHOUT_END
    assert tokens(counters, file, model=claude) == 1_500


def test_a_part_that_is_only_text_is_bound_by_its_text(counters):
    part = Other(kind="x", data={"type": "x", "note": "hello world"})
    assert tokens(counters, part, bound=True) < 30


def test_fields_that_pass_through_unread_are_in_the_bound(counters):
    counter = counters.of("openai", "gpt-4o")
    plain = ChatRequest(model="m", messages=(said(Role.USER, "hi"),), raw={"temperature": 1})
    functions = [{"name": "f", "description": "word " * 300}]
    more = msgspec.structs.replace(plain, raw={"temperature": 1, "functions": functions})
    assert counter.bound(more) - counter.bound(plain) >= 300
    odd = Message(role=Role.USER, raw={"role": "user", "reasoning_content": "word " * 300})
    assert counter.bound(ChatRequest(model="m", messages=(odd,))) >= 300


def test_a_search_that_the_vendor_runs_has_no_bound_but_the_window(counters):
    counter = counters.of("anthropic", "claude-sonnet-4-5")
    request = ChatRequest(model="m", messages=(said(Role.USER, "hi"),))

    def bound(kind):
        tool = Tool(name="t", raw={"type": kind, "name": "t"})
        return counter.bound(msgspec.structs.replace(request, tools=(tool,)))

    assert bound("web_search_20250305") >= 200_000
    assert 2_000 <= bound("bash_20250124") < 4_000
    assert bound("custom") < 2_000


def test_texts_that_are_more_tokens_when_joined_are_bound_as_joined(counters):
    text = counters.of("openai", "gpt-4o").text
    assert (text("slice"), text("columns"), text("slicecolumns")) == (1, 1, 6)
    apart = tokens(counters, Text("slice"), Text("columns"), bound=True)
    assert apart == tokens(counters, Text("slicecolumns"), bound=True) == 6


def test_without_exact_encoders_everything_is_estimated():
    counter = Counters().of("openai", "gpt-4o")
    assert not counter.exact
    assert counter.request(JARGON_REQUEST) == pytest.approx(124, rel=0.2)


def test_models_of_one_vocabulary_share_its_encoder():
    made = []

    def make(encoding):
        made.append(encoding)
        return object()

    counters = Counters(make)
    counters.of("openai", "gpt-4o")
    counters.of("azure", "gpt-4o-mini")
    counters.of("vllm", "gpt-oss-120b")
    counters.of("openai", "gpt-4")
    counters.of("anthropic", "claude-3-opus")
    assert made == [Encoding.O200K, Encoding.CL100K]


def test_claude_is_known_whoever_serves_it(counters):
    text = "Привет, как дела?"
    ours = counters.of("anthropic", "claude-3-opus").text(text)
    assert counters.of("aws", "anthropic.claude-3-opus-20240229-v1:0").text(text) == ours
    assert counters.of("together", "llama-3").text(text) < ours


@pytest.mark.parametrize(("model", "cut"), [("gpt-4o", "hello"), ("claude-3-opus", "hel")])
def test_a_text_is_cut_by_its_own_counter(counters, model, cut):
    counter = counters.of("", model)
    assert counter.cut("hello world", 1).startswith(cut)
    assert counter.text(counter.cut("hello world", 1)) == 1


def test_a_schema_counts_as_its_json(counters):
    counter = counters.of("openai", "gpt-4o")
    plain = ChatRequest(model="m", messages=(said(Role.USER, "hi"),))
    form = ResponseFormat(form=Format.SCHEMA, schema=SCHEMA)
    asked = msgspec.structs.replace(plain, response_format=form)
    added = counter.request(asked) - counter.request(plain)
    written = counter.text(json.dumps(SCHEMA, separators=(",", ":")))
    assert written <= added <= written + 10
    unstructured = msgspec.structs.replace(plain, response_format=ResponseFormat(form=Format.JSON))
    assert counter.request(unstructured) == counter.request(plain)
