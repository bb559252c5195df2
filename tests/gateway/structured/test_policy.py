"""``response_format`` for candidates that lack it: the form asked for, or a typed error."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders import FENCED, GOOD, OPEN, REQUEST, WRONG, Order, call, scripted, still

from seatrial.adapters.llm.jsonschema_shape import shape_maker
from seatrial.gateway.chat.failures import StreamCut
from seatrial.gateway.chat.messages import Message, Other, Role, ToolCall
from seatrial.gateway.chat.request import (
    ChatRequest,
    EmbeddingRequest,
    Format,
    ResponseFormat,
    Tool,
)
from seatrial.gateway.chat.response import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)
from seatrial.gateway.structured.failures import (
    AnswerCut,
    AnswerFiltered,
    AnswerInvalid,
    SchemaInvalid,
)
from seatrial.gateway.structured.model_shape import ModelShape
from seatrial.gateway.structured.options import Mode, StructuredOptions
from seatrial.gateway.structured.policy import StructuredPolicy
from seatrial.testing.scripted_provider import ONE_ANSWER, Ending, ScriptedProvider, Turn

SCHEMA = ModelShape(Order).schema
AS_SCHEMA = msgspec.structs.replace(
    REQUEST,
    response_format=ResponseFormat(form=Format.SCHEMA, name="Order", schema=SCHEMA, strict=True),
)
AS_JSON = msgspec.structs.replace(REQUEST, response_format=ResponseFormat(form=Format.JSON))


def policy(inner: ScriptedProvider, mode: Mode = Mode.PROMPT) -> StructuredPolicy:
    return StructuredPolicy(
        inner, options=StructuredOptions(mode=mode), shapes=shape_maker(), now=still
    )


def pieces(*texts: str, reason: FinishReason = FinishReason.STOP) -> Turn:
    events: list[Event] = [Started(id="s", model="m")]
    events += [TextDelta(text=text) for text in texts]
    events += [Finished(reason=reason), UsageReported(usage=ONE_ANSWER)]
    return Turn(chunks=tuple(Chunk(events=(event,), raw={"from": "there"}) for event in events))


async def streamed(
    inner: ScriptedProvider, request: ChatRequest, mode: Mode = Mode.PROMPT
) -> list[Event]:
    given = []
    async for chunk in policy(inner, mode).stream(request, call()):
        given.extend(chunk.events)
    return given


def text_of(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.mark.parametrize(
    "request_",
    [REQUEST, msgspec.structs.replace(REQUEST, response_format=ResponseFormat(form=Format.TEXT))],
)
async def test_text_passes_untouched(request_):
    inner = scripted("Hello.")
    answer = await policy(inner).chat(request_, call())
    assert answer.text == "Hello."
    assert inner.heard[0].request is request_
    assert text_of(await streamed(scripted("Hello."), request_)) == "Hello."


async def test_a_good_answer_is_given_as_it_came():
    inner = scripted(GOOD)
    answer = await policy(inner).chat(AS_SCHEMA, call())
    assert answer == Turn(text=GOOD).response(REQUEST)
    sent = inner.heard[0].request
    assert sent.response_format is None
    assert '"enum":["low","high"]' in sent.messages[1].text


async def test_a_candidate_that_has_the_form_gets_it_and_is_checked():
    inner = scripted(WRONG, GOOD)
    answer = await policy(inner, Mode.NATIVE).chat(AS_SCHEMA, call())
    assert inner.heard[0].request is AS_SCHEMA
    assert inner.heard[1].request.response_format == AS_SCHEMA.response_format
    assert answer.text == GOOD
    assert answer.usage == Usage(input_tokens=20, output_tokens=4)


@pytest.mark.parametrize("request_", [AS_SCHEMA, AS_JSON])
async def test_a_mended_answer_is_compact_json_that_claims_no_providers_form(request_):
    answer = await policy(scripted(FENCED)).chat(request_, call())
    assert answer.text == json.dumps(json.loads(GOOD), separators=(",", ":"))
    assert (answer.raw, answer.choices[0].message.raw) == (None, None)
    assert answer.usage == ONE_ANSWER


async def test_each_of_several_answers_is_settled():
    inner = scripted(Turn(text=WRONG), GOOD, GOOD)
    answer = await policy(inner).chat(msgspec.structs.replace(AS_SCHEMA, n=2), call())
    assert [choice.message.text for choice in answer.choices] == [GOOD, GOOD]
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert [heard.request.n for heard in inner.heard] == [2, 1, 1]
    assert answer.usage == Usage(input_tokens=30, output_tokens=6)


async def test_json_must_be_an_object():
    with pytest.raises(AnswerInvalid, match="an object is expected"):
        await policy(scripted("[1, 2]")).chat(AS_JSON, call())


async def test_what_cannot_be_mended_is_an_error():
    with pytest.raises(AnswerInvalid, match=r"\$\.level"):
        await policy(scripted(WRONG)).chat(AS_SCHEMA, call())
    with pytest.raises(AnswerCut):
        await policy(scripted(Turn(text=OPEN, finish_reason=FinishReason.CUT))).chat(
            AS_SCHEMA, call()
        )


async def test_a_schema_that_cannot_be_used_costs_no_call():
    inner = scripted(GOOD)
    form = ResponseFormat(form=Format.SCHEMA, schema={"type": "nonsense"})
    wrong = msgspec.structs.replace(REQUEST, response_format=form)
    with pytest.raises(SchemaInvalid):
        await policy(inner).chat(wrong, call())
    with pytest.raises(SchemaInvalid):
        await streamed(inner, wrong)
    assert inner.heard == []


WISH = ToolCall(id="1", name="weather", arguments="{}")


async def test_a_wish_for_tools_and_a_refusal_pass():
    request = msgspec.structs.replace(AS_SCHEMA, tools=(Tool(name="weather"),))
    inner = scripted(Turn(text="", tool_calls=(WISH,)))
    answer = await policy(inner).chat(request, call())
    assert answer.choices[0].message.tool_calls == (WISH,)
    assert inner.heard[0].request.tools == request.tools
    refusal = Message(role=Role.ASSISTANT, parts=(Other(kind="refusal", data={"refusal": "No."}),))

    class Refusing(ScriptedProvider):
        async def chat(self, request, call):
            answer = await super().chat(request, call)
            choice = msgspec.structs.replace(answer.choices[0], message=refusal)
            return msgspec.structs.replace(answer, choices=(choice,))

    refused = await policy(Refusing([Turn()])).chat(AS_SCHEMA, call())
    assert refused.choices[0].message is refusal


async def test_a_stream_of_a_candidate_that_has_the_form_passes_piece_by_piece():
    turn = pieces(GOOD[:20], GOOD[20:])
    inner = scripted(turn)
    chunks = [c async for c in policy(inner, Mode.NATIVE).stream(AS_SCHEMA, call())]
    assert tuple(chunks) == turn.chunks
    assert inner.heard[0].request is AS_SCHEMA


@pytest.mark.parametrize("text", [GOOD, FENCED])
async def test_an_answer_of_a_schema_is_gathered_and_given_whole(text):
    given = await streamed(scripted(pieces(text[:9], text[9:50], text[50:])), AS_SCHEMA)
    assert [type(event) for event in given] == [Started, TextDelta, Finished, UsageReported]
    assert json.loads(text_of(given)) == json.loads(GOOD)


async def test_a_wrong_stream_is_asked_for_again_and_the_usage_is_of_all():
    inner = scripted(pieces(WRONG), GOOD)
    given = await streamed(inner, AS_SCHEMA)
    assert text_of(given) == GOOD
    assert given[-2:] == [
        Finished(reason=FinishReason.STOP),
        UsageReported(usage=Usage(input_tokens=20, output_tokens=4)),
    ]
    assert [heard.request.stream for heard in inner.heard] == [False, False]


async def test_a_stream_whose_usage_is_not_told_tells_none():
    inner = scripted(Turn(text=GOOD, usage=None))
    assert not any(isinstance(e, UsageReported) for e in await streamed(inner, AS_SCHEMA))


async def test_reasoning_passes_while_text_is_gathered():
    events = (ReasoningDelta(text="Hm"), TextDelta(text=GOOD), Finished(reason=FinishReason.STOP))
    inner = scripted(Turn(chunks=tuple(Chunk(events=(e,)) for e in events)))
    stream = policy(inner).stream(AS_SCHEMA, call())
    seen = [(chunk.events[0], inner.heard[0].n_pieces) async for chunk in stream]
    assert seen[0] == (ReasoningDelta(text="Hm"), 1)


async def test_json_that_is_strict_passes_piece_by_piece():
    inner = scripted(pieces(' {"a"', ": [1,", " 2]} ", "\n"))
    seen = []
    async for chunk in policy(inner).stream(AS_JSON, call()):
        assert chunk.raw is None
        seen.append((chunk.events[0], inner.heard[0].n_pieces))
    texts = [(e.text, n) for e, n in seen if isinstance(e, TextDelta)]
    assert texts == [(' {"a"', 2), (": [1,", 3), (" 2]}", 4)]


async def test_json_in_a_fence_is_gathered_and_mended():
    given = await streamed(scripted(pieces("```json\n", '{"a": ', "'x'}", "\n```")), AS_JSON)
    assert text_of(given) == '{"a":"x"}'
    assert len([e for e in given if isinstance(e, TextDelta)]) == 1


async def test_words_after_json_are_held_back():
    assert (
        text_of(await streamed(scripted(pieces('{"a"', ": 1} That", " is all.")), AS_JSON))
        == '{"a": 1}'
    )


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        (FinishReason.STOP, AnswerInvalid),
        (FinishReason.CUT, AnswerCut),
        (FinishReason.FILTERED, AnswerFiltered),
    ],
)
@pytest.mark.parametrize("rest", [" 1", "'x'}"])
async def test_json_that_breaks_after_it_was_given_ends_in_an_error(reason, error, rest):
    inner = scripted(pieces('{"a":', rest, reason=reason))
    with pytest.raises(error):
        await streamed(inner, AS_JSON)
    assert len(inner.heard) == 1


async def test_a_stream_of_tools_passes():
    events = (
        TextDelta(text="Let me see."),
        ToolCallDelta(position=0, id="1", name="weather", arguments="{}"),
        Finished(reason=FinishReason.TOOL_CALLS),
    )
    inner = scripted(Turn(chunks=(Chunk(events=events),)))
    given = await streamed(inner, AS_SCHEMA)
    assert set(given) == set(events)
    assert given[-1] == events[-1]


async def test_a_stream_that_is_closed_early_closes_the_candidates():
    inner = scripted(pieces('{"a":', " 1}"))
    stream = policy(inner).stream(AS_JSON, call())
    await anext(stream)
    await stream.aclose()
    assert inner.endings == [Ending.CLOSED]


async def test_a_stream_that_breaks_off_passes_its_failure():
    cut = StreamCut("broke off", remedy="again", provider="p")
    inner = scripted(Turn(text=GOOD, after=3, failure=cut))
    with pytest.raises(StreamCut):
        await streamed(inner, AS_SCHEMA)


async def test_the_rest_of_the_port_is_that_of_the_candidate():
    inner = scripted(GOOD)
    wrapped = policy(inner)
    assert wrapped.name == inner.name
    request = EmbeddingRequest(model="m", inputs=("ab",))
    assert (await wrapped.embed(request, call())).vectors == ((2.0, 1.0),)
    await wrapped.close()
    assert inner.closed


@given(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=4),
    st.sampled_from(["{}", "```json\n{}\n```", "Well: {} Bye.", "  {}\n"]),
    st.data(),
)
async def test_what_is_given_of_a_stream_is_the_answer_whatever_its_pieces(value, frame, data):
    text = frame.replace("{}", json.dumps(value))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    texts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    given = await streamed(scripted(pieces(*texts)), AS_JSON)
    assert json.loads(text_of(given)) == value
