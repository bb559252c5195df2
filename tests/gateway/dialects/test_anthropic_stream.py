"""Streams of Anthropic: read from providers, written for its client."""

import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from hypothesis import given
from pieces import bodies_of, events_of, streams, whole, written
from pydantic import TypeAdapter

from seatrial.gateway.chat.failures import Overloaded
from seatrial.gateway.chat.response import (
    Chunk,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)
from seatrial.gateway.dialects import openai_stream
from seatrial.gateway.dialects.anthropic_reply import NO_USAGE
from seatrial.gateway.dialects.anthropic_stream import ChunkReader, ChunkWriter
from seatrial.gateway.dialects.fields import RequestInvalid

EVENTS = TypeAdapter(RawMessageStreamEvent)


def read(*bodies):
    reader = ChunkReader()
    return [reader.read(body) for body in bodies], reader


def taken(raw):
    """What the vendor's client makes of a stream."""
    message, arguments = None, {}
    for body in bodies_of(raw):
        EVENTS.validate_python(body, strict=True)
        event = EVENTS.validate_python(body)
        message = accumulate_event(event=event, current_snapshot=message, json_bufs=arguments)
    return message


@given(streams())
def test_what_is_written_is_read(chunks):
    raw = written(ChunkWriter(), chunks)
    again, reader = read(*bodies_of(raw))
    got, expected = whole(again), whole(chunks)
    expected.usage = expected.usage or NO_USAGE  # must be there
    expected.started = Started(id="s1", model="m")
    assert got == expected
    assert reader.finished
    assert reader.stopped


@given(streams())
def test_the_vendors_client_takes_what_is_written(chunks):
    message, expected = taken(written(ChunkWriter(), chunks)), whole(chunks)
    said = {
        kind: [b for b in message.content if b.type == kind]
        for kind in ("text", "thinking", "tool_use")
    }
    assert "".join(block.text for block in said["text"]) == expected.text
    assert "".join(block.thinking for block in said["thinking"]) == expected.thought
    assert [(b.id, b.name) for b in said["tool_use"]] == [c[:2] for c in expected.calls.values()]
    assert all(set(block.input) == {"x"} for block in said["tool_use"])
    usage = expected.usage or NO_USAGE
    assert message.usage.output_tokens == usage.output_tokens
    assert message.usage.input_tokens == usage.input_tokens - usage.cached_tokens
    assert message.stop_reason in ("end_turn", "max_tokens", "tool_use")


@given(streams())
def test_a_stream_of_openai_reaches_a_client_of_anthropic(chunks):
    ours = openai_stream.ChunkReader()
    raw = written(openai_stream.ChunkWriter(include_usage=True), chunks)
    over = [ours.read(body) for body in bodies_of(raw)]
    again, _ = read(*bodies_of(written(ChunkWriter(), over)))
    got, expected = whole(again), whole(chunks)
    assert (got.text, got.thought, got.calls) == (expected.text, expected.thought, expected.calls)
    assert got.reason is expected.reason
    assert got.usage == (expected.usage or NO_USAGE)


def test_blocks_are_framed():
    events = (
        Started(id="s", model="m"),
        TextDelta(text="a"),
        ToolCallDelta(position=0, id="c0", name="f", arguments="{"),
        ToolCallDelta(position=1, id="c1", name="g"),
        ToolCallDelta(position=0, arguments="}"),
        TextDelta(text="b"),
        Finished(reason=FinishReason.STOP),
    )
    raw = written(ChunkWriter(), [Chunk(events=(event,)) for event in events])
    assert [(body["type"], body.get("index")) for body in bodies_of(raw)] == [
        ("message_start", None),
        ("content_block_start", 0),
        ("content_block_delta", 0),
        ("content_block_stop", 0),
        ("content_block_start", 1),
        ("content_block_delta", 1),
        ("content_block_stop", 1),
        ("content_block_start", 2),
        ("content_block_delta", 1),
        ("content_block_stop", 2),
        ("content_block_start", 3),
        ("content_block_delta", 3),
        ("content_block_stop", 3),
        ("message_delta", None),
        ("message_stop", None),
    ]
    assert [name for name, _ in events_of(raw)] == [body["type"] for body in bodies_of(raw)]
    assert taken(raw).stop_reason == "tool_use"
    assert taken(raw).content[1].input == {}


def test_an_answer_that_says_nothing_is_a_message_still():
    message = taken(written(ChunkWriter(id="own"), []))
    assert (message.id, message.content) == ("own", [])


def test_other_choices_are_not_told():
    events = (TextDelta(text="a"), TextDelta(text="b", index=1), Finished(reason=FinishReason.CUT))
    raw = written(ChunkWriter(), [Chunk(events=events)])
    assert [block.text for block in taken(raw).content] == ["a"]


START = {
    "type": "message_start",
    "message": {
        "id": "msg",
        "model": "m-2026",
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1},
        "x": 1,
    },
}
SEARCH = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}


def test_pieces_pass_as_they_came():
    bodies = [
        START,
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": SEARCH},
        {"type": "x_new", "x": [1]},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 7},
        },
        {"type": "message_stop"},
    ]
    chunks, _ = read(*bodies)
    assert bodies_of(written(ChunkWriter(), chunks)) == bodies


def test_usage_told_at_both_ends_is_put_together():
    end = {
        "type": "message_delta",
        "delta": {},
        "usage": {"input_tokens": None, "output_tokens": 7},
    }
    chunks, reader = read(START, end)
    told = [e.usage for c in chunks for e in c.events if isinstance(e, UsageReported)]
    assert told == [
        Usage(input_tokens=15, output_tokens=1, cached_tokens=5),
        Usage(input_tokens=15, output_tokens=7, cached_tokens=5),
    ]
    assert not reader.finished


def test_what_the_vendors_own_tools_say_is_none_of_ours():
    chunks, _ = read(
        {"type": "content_block_start", "index": 0, "content_block": SEARCH},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": "{}"},
        },
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {"x": 1}},
        },
        {"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta"}},
    )
    assert [chunk.speaks for chunk in chunks] == [False, False, True, False]
    assert whole(chunks).calls == {0: ("t", "f", '{"x":1}')}


def test_a_block_may_begin_with_a_part_of_itself():
    blocks = [{"type": "text", "text": "a"}, {"type": "thinking", "thinking": "hm"}]
    chunks, _ = read(
        *(
            {"type": "content_block_start", "index": n, "content_block": b}
            for n, b in enumerate(blocks)
        )
    )
    assert [c.events for c in chunks] == [(TextDelta(text="a"),), (ReasoningDelta(text="hm"),)]


def test_an_error_is_an_event_of_that_name():
    failure = Overloaded("It has no room.", remedy="Wait.", provider="p")
    ((name, data),) = events_of(ChunkWriter().error(failure))
    assert name == "error"
    assert b'"type":"overloaded_error"' in data


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ([], ""),
        ({}, "type"),
        ({"type": "message_start"}, "message"),
        ({"type": "message_delta"}, "delta"),
        ({"type": "content_block_start"}, "content_block"),
        ({"type": "content_block_delta", "delta": {"type": "text_delta"}}, "delta.text"),
        (
            {
                "type": "content_block_delta",
                "delta": {"type": "input_json_delta", "partial_json": "x"},
            },
            "index",
        ),
        (
            {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use"}},
            "content_block.id",
        ),
    ],
)
def test_what_is_no_piece(body, place):
    with pytest.raises(RequestInvalid) as failed:
        read(body)
    assert failed.value.facts["place"] == place
