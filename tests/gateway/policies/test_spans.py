"""What a span says of a call, in the words of OpenTelemetry, and what it does not say."""

import asyncio
import json
from contextlib import aclosing, suppress
from typing import Any

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes, server_attributes

from seatrial.gateway.chat.failures import Overloaded, StreamCut
from seatrial.gateway.chat.messages import (
    Image,
    Message,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
    said,
)
from seatrial.gateway.chat.request import EmbeddingRequest, Format, ResponseFormat
from seatrial.gateway.chat.response import FinishReason, Usage
from seatrial.gateway.policies.mask import Mask
from seatrial.gateway.policies.spans import Server, traced
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.recording_tracer import RecordingTracer
from seatrial.testing.scripted_provider import (
    Ending,
    ScriptedProvider,
    Turn,
    answers,
    fails,
    hangs,
)

FULL = Overloaded("It is full.", remedy="Wait.", provider="scripted")
SERVER = Server(vendor="openai", address="api.example.org", port=8443)
USAGE = Usage(
    input_tokens=100,
    output_tokens=20,
    cached_tokens=64,
    cache_write_tokens=8,
    reasoning_tokens=5,
)


def under(provider, tracer, content=None, server=SERVER):
    return traced(provider, tracer, server=server, now=now, content=content)


@in_fake_time
async def test_a_chat_is_a_span(asked, called):
    tracer = RecordingTracer()
    turn = Turn(usage=USAGE, model="small-2026", finish_reason=FinishReason.CUT)
    provider = under(ScriptedProvider([turn]), tracer)
    call = called()
    form = ResponseFormat(form=Format.SCHEMA, schema={})
    request = asked(max_tokens=9, top_p=0.5, seed=7, stop=("x", "y"), n=2, response_format=form)
    assert await provider.chat(request, call) == turn.response(request)
    (span,) = tracer.spans
    assert (span.name, span.ended, span.error_type) == ("chat small", True, None)
    assert span.begun_with == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "small",
        "server.address": "api.example.org",
        "server.port": 8443,
        "seatrial.call.id": call.id,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.top_p": 0.5,
        "gen_ai.request.seed": 7,
        "gen_ai.request.stop_sequences": ("x", "y"),
        "gen_ai.request.choice.count": 2,
        "gen_ai.output.type": "json",
    }
    assert span.attributes == span.begun_with | {
        "gen_ai.response.id": "scripted",
        "gen_ai.response.model": "small-2026",
        "gen_ai.response.finish_reasons": ("length", "length"),
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 64,
        "gen_ai.usage.cache_creation.input_tokens": 8,
        "gen_ai.usage.reasoning.output_tokens": 5,
    }


@in_fake_time
async def test_a_stream_is_a_span_that_says_when_the_first_piece_came(asked, called, pieces_of):
    tracer = RecordingTracer()
    turn = Turn(usage=USAGE, wait_s=1.5, gap_s=0.25)
    provider = under(ScriptedProvider([turn]), tracer, server=Server(vendor="openai"))
    request = asked(temperature=None)
    assert await pieces_of(provider, request, called()) == list(turn.pieces(request))
    (span,) = tracer.spans
    assert span.ended
    assert span.attributes["gen_ai.request.stream"] is True
    assert span.attributes["gen_ai.response.time_to_first_chunk"] == 1.75  # after `Started`
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert span.attributes["gen_ai.usage.output_tokens"] == 20
    assert span.attributes["gen_ai.response.model"] == "small"
    assert not {"server.address", "server.port"} & set(span.attributes)


@in_fake_time
async def test_embeddings_are_a_span(called):
    tracer = RecordingTracer()
    provider = under(ScriptedProvider([Turn(usage=USAGE)]), tracer)
    await provider.embed(EmbeddingRequest(model="e", inputs=("ab",)), called())
    (span,) = tracer.spans
    assert (span.name, span.ended) == ("embeddings e", True)
    assert span.attributes["gen_ai.operation.name"] == "embeddings"
    assert span.attributes["gen_ai.embeddings.dimension.count"] == 2
    assert span.attributes["gen_ai.usage.input_tokens"] == 100


@in_fake_time
async def test_every_attribute_is_one_of_the_conventions(asked, called, pieces_of):
    tracer = RecordingTracer()
    form = ResponseFormat(form=Format.TEXT)
    request = asked(max_tokens=9, top_p=0.5, seed=7, stop=("x",), n=2, response_format=form)
    provider = under(ScriptedProvider([Turn(usage=USAGE)]), tracer, Mask())
    await provider.chat(request, called())
    await pieces_of(provider, request, called())
    await provider.embed(EmbeddingRequest(model="e", inputs=("ab",)), called())
    known = {
        value
        for module in (gen_ai_attributes, server_attributes)
        for value in vars(module).values()
        if isinstance(value, str)
    }
    known.add("gen_ai.embeddings.dimension.count")
    used = {name for span in tracer.spans for name in span.attributes}
    assert used - known == {"seatrial.call.id"}
    assert len(used) > 15


@pytest.mark.parametrize("streamed", [False, True])
def test_an_error_is_told_by_its_code(asked, called, pieces_of, streamed):
    class Broken(ScriptedProvider):
        async def chat(self, request, call):
            raise KeyError("x")

        async def stream(self, request, call):
            raise KeyError("x")
            yield

    @in_fake_time
    async def run():
        for inner, error, name in (
            (ScriptedProvider([fails(FULL)]), Overloaded, "gateway.provider_overloaded"),
            (Broken(), KeyError, "KeyError"),
        ):
            tracer = RecordingTracer()
            provider = under(inner, tracer)
            with pytest.raises(error):
                await (pieces_of if streamed else _chat)(provider, asked(), called())
            (span,) = tracer.spans
            assert (span.ended, span.error_type) == (True, name)

    run()


async def _chat(provider: Any, request: Any, call: Any) -> Any:
    return await provider.chat(request, call)


@in_fake_time
async def test_a_stream_that_breaks_off_tells_what_it_told_before(asked, called, pieces_of):
    cut = StreamCut("It broke off.", remedy="Ask again.", provider="scripted")
    tracer = RecordingTracer()
    provider = under(ScriptedProvider([fails(cut, after=2)]), tracer)
    with pytest.raises(StreamCut):
        await pieces_of(provider, asked(), called())
    (span,) = tracer.spans
    assert span.error_type == "gateway.stream_cut"
    assert span.attributes["gen_ai.response.id"] == "scripted"
    assert "gen_ai.response.finish_reasons" not in span.attributes


@in_fake_time
async def test_a_caller_who_goes_away_ends_the_span(asked, called):
    tracer = RecordingTracer()
    inner = ScriptedProvider([hangs(), answers("one two three")])
    provider = under(inner, tracer)
    task = asyncio.create_task(provider.chat(asked(), called()))
    await asyncio.sleep(1)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    async with aclosing(provider.stream(asked(), called())) as stream:
        await anext(stream)
    assert [(span.ended, span.error_type) for span in tracer.spans] == [(True, "cancelled")] * 2
    assert inner.endings == [Ending.CANCELLED, Ending.CLOSED]


SECRET = "ana@example.com"
MESSAGES = (
    said(Role.SYSTEM, "Be brief."),
    Message(role=Role.USER, parts=(Text(f"I am {SECRET}."), Image(url="https://a.example"))),
    Message(
        role=Role.ASSISTANT,
        parts=(Reasoning(text="Hm."), ToolCall(id="t", name="look", arguments="{}")),
    ),
    Message(role=Role.TOOL, parts=(ToolResult(call_id="t", content="sunny"),)),
)


@pytest.mark.parametrize("streamed", [False, True])
def test_what_was_said_is_recorded_only_when_told_and_then_masked(
    asked, called, pieces_of, streamed
):
    @in_fake_time
    async def run():
        read = pieces_of if streamed else _chat
        for content in (None, Mask()):
            tracer = RecordingTracer()
            inner = ScriptedProvider([answers(f"You are {SECRET}.")])
            await read(under(inner, tracer, content), asked(messages=MESSAGES), called())
            (span,) = tracer.spans
            everything = str(span.attributes)
            assert SECRET not in everything
            if content is None:
                assert "brief" not in everything
                continue
            assert json.loads(str(span.attributes["gen_ai.input.messages"])) == [
                {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
                {
                    "role": "user",
                    "parts": [{"type": "text", "content": "I am [EMAIL]."}, {"type": "image"}],
                },
                {
                    "role": "assistant",
                    "parts": [
                        {"type": "reasoning", "content": "Hm."},
                        {"type": "tool_call", "id": "t", "name": "look", "arguments": "{}"},
                    ],
                },
                {
                    "role": "tool",
                    "parts": [{"type": "tool_call_response", "id": "t", "response": "sunny"}],
                },
            ]
            assert json.loads(str(span.attributes["gen_ai.output.messages"])) == [
                {
                    "role": "assistant",
                    "parts": [{"type": "text", "content": "You are [EMAIL]."}],
                    "finish_reason": "stop",
                }
            ]

    run()


@in_fake_time
async def test_half_a_surrogate_pair_ends_no_call(asked, called):
    tracer = RecordingTracer()
    await under(ScriptedProvider(), tracer, Mask()).chat(asked("\ud800"), called())
    assert "\\ud800" in str(tracer.spans[0].attributes["gen_ai.input.messages"])


def test_without_a_tracer_the_provider_is_left_alone():
    inner = ScriptedProvider()
    assert under(inner, None) is inner


@in_fake_time
async def test_where_nobody_records_nothing_is_put_together(asked, called, pieces_of):
    tracer = RecordingTracer(records=False)
    inner = ScriptedProvider()
    provider = under(inner, tracer)
    assert (await provider.chat(asked(), called())).text == "It works."
    assert len(await pieces_of(provider, asked(), called())) == 5
    await provider.embed(EmbeddingRequest(model="e", inputs=("ab",)), called())
    assert tracer.spans == []
    assert provider.name == "scripted"
    await provider.close()
    assert inner.closed
