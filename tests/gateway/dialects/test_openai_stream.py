"""Streams of OpenAI: read from servers of all manners, written for its client."""

import pytest
from hypothesis import given
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk
from pieces import bodies_of, events_of, streams, whole, written

from seatrial.gateway.chat.failures import StreamCut
from seatrial.gateway.chat.response import (
    Chunk,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from seatrial.gateway.dialects import anthropic_stream
from seatrial.gateway.dialects.fields import RequestInvalid
from seatrial.gateway.dialects.openai_stream import ChunkReader, ChunkWriter


def piece(*choices, **more):
    return {"id": "s1", "model": "m", "created": 7, "choices": list(choices), **more}


def delta(index=0, reason=None, **fields):
    return {"index": index, "delta": fields, "finish_reason": reason}


def read(*bodies):
    reader = ChunkReader()
    return [reader.read(body) for body in bodies], reader


def calls(*given):
    chunks, _ = read(*(piece(delta(tool_calls=list(each))) for each in given))
    return whole(chunks).calls


def call(**fields):
    function = {k: fields.pop(k) for k in ("name", "arguments") if k in fields}
    return {**fields, "function": function}


@given(streams())
def test_what_is_written_is_read(chunks):
    raw = written(ChunkWriter(include_usage=True), chunks)
    again, reader = read(*bodies_of(raw))
    expected = whole(chunks)
    expected.signature = ""  # has no place here
    assert whole(again) == expected
    assert reader.unfinished == []
    assert events_of(raw)[-1] == ("", b"[DONE]")


@given(streams())
def test_the_vendors_client_takes_what_is_written(chunks):
    state = ChatCompletionStreamState()
    for body in bodies_of(written(ChunkWriter(include_usage=True), chunks)):
        chunk = ChatCompletionChunk.model_validate(body, strict=True)
        state.handle_chunk(chunk)
    message, expected = state.current_completion_snapshot.choices[0], whole(chunks)
    assert (message.message.content or "") == expected.text
    taken = {
        n: (call.id, call.function.name, call.function.arguments)
        for n, call in enumerate(message.message.tool_calls or ())
    }
    assert taken == expected.calls
    assert message.message.role == "assistant"
    told = state.current_completion_snapshot.usage
    assert (told and told.completion_tokens) == (expected.usage and expected.usage.output_tokens)


@given(streams())
def test_a_stream_of_anthropic_reaches_a_client_of_openai(chunks):
    theirs = anthropic_stream.ChunkReader()
    over = bodies_of(written(anthropic_stream.ChunkWriter(), chunks))
    raw = written(ChunkWriter(include_usage=True), [theirs.read(body) for body in over])
    got, expected = whole(read(*bodies_of(raw))[0]), whole(chunks)
    assert (got.text, got.thought, got.calls) == (expected.text, expected.thought, expected.calls)
    assert got.reason is expected.reason
    assert got.usage == expected.usage or expected.usage is None


def test_pieces_pass_as_they_came_but_for_the_usage():
    odd = piece(delta(content="a", x=1), x=2, usage=None)
    last = piece(usage={"prompt_tokens": 1, "completion_tokens": 2})
    chunks, _ = read(odd, last)
    assert bodies_of(written(ChunkWriter(include_usage=True), chunks)) == [odd, last]
    unasked = bodies_of(written(ChunkWriter(include_usage=False), chunks))
    assert unasked == [{k: v for k, v in odd.items() if k != "usage"}]


def test_usage_beside_the_last_choices_is_read_and_told_once():
    last = piece(delta(reason="stop"), usage={"prompt_tokens": 3, "completion_tokens": 2})
    chunks, _ = read(piece(delta(content="a")), last)
    assert whole(chunks).usage.input_tokens == 3
    raw = written(ChunkWriter(include_usage=True), chunks)
    assert sum(bool(body.get("usage")) for body in bodies_of(raw)) == 1
    kept = bodies_of(written(ChunkWriter(include_usage=False), chunks))
    assert kept[-1]["choices"] == last["choices"]
    assert "usage" not in kept[-1]


def test_an_error_ends_a_stream_without_its_mark():
    failure = StreamCut("It broke off.", remedy="Ask again.", provider="p")
    (event,) = events_of(ChunkWriter(include_usage=True).error(failure))
    assert b'"code":"gateway.stream_cut"' in event[1]
    assert b"DONE" not in event[1]


def test_choices_begin_and_end_apart():
    chunks, reader = read(
        piece(delta(0, content="a"), delta(1, content="b")), piece(delta(1, "length"))
    )
    assert [whole(chunks, n).text for n in (0, 1)] == ["a", "b"]
    assert reader.unfinished == [0]
    assert whole(chunks, 1).reason is FinishReason.CUT


def test_an_end_told_twice_counts_once():
    chunks, _ = read(piece(delta(reason="stop")), piece(delta(reason="stop")))
    assert [e for c in chunks for e in c.events if isinstance(e, Finished)] == [
        Finished(reason=FinishReason.STOP)
    ]


def test_servers_that_are_near_enough():
    bare, odd, empty = {"choices": [{"delta": {"content": "a"}}]}, {"choices": None}, {}
    chunks, _ = read(bare, odd, empty)
    assert chunks[0].events == (Started(id="", model=""), TextDelta(text="a"))
    assert (chunks[1].events, chunks[2].events) == ((), ())
    chunks, _ = read(piece(delta(reasoning="hm", content="")), piece(delta(refusal="no")))
    assert (whole(chunks).thought, whole(chunks).text) == ("hm", "no")
    assert not read(piece(delta(role="assistant", content="")))[0][0].speaks


def test_an_answer_begins_with_the_piece_that_names_it():
    filters = {"id": "", "model": "", "choices": [], "prompt_filter_results": []}
    chunks, _ = read(filters, piece(delta(content="a")))
    assert chunks[0].events == ()
    assert chunks[1].events[0] == Started(id="s1", model="m", created=7)


def test_a_reason_that_is_no_word_is_none_yet():
    chunks, reader = read(piece(delta(reason="", content="a")), piece(delta(reason="stop")))
    assert whole(chunks).reason is FinishReason.STOP
    assert reader.unfinished == []


def test_text_in_parts():
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "a"}, "b"]
    assert whole(read(piece(delta(content=parts)))[0]).text == "a"


def test_calls_as_openai_tells_them():
    assert calls(
        [call(index=0, id="a", name="f", arguments="")],
        [call(index=0, arguments="{}")],
        [call(index=1, id="b", name="g", arguments="[")],
        [call(index=1, arguments="]")],
    ) == {0: ("a", "f", "{}"), 1: ("b", "g", "[]")}


@pytest.mark.parametrize(
    "given_calls",
    [
        # id and name in every piece, under one place for each call
        [("a", "f", 0), ("a", "f", 0), ("b", "g", 1), ("b", "g", 1)],
        # no place at all
        [("a", "f", None), (None, None, None), ("b", "g", None), (None, None, None)],
        [("a", "f", None), ("a", None, None), ("b", "g", None), ("b", None, None)],
        # the same place for all
        [("a", "f", 0), (None, None, 0), ("b", "g", 0), (None, None, 0)],
        # places from 1
        [("a", "f", 1), (None, None, 1), ("b", "g", 2), (None, None, 2)],
        # a new id with every piece
        [("a", "f", 0), ("z1", None, 0), ("b", "g", 1), ("z2", None, 1)],
    ],
)
def test_calls_as_other_servers_tell_them(given_calls):
    pieces = []
    for n, (id_, name, place) in enumerate(given_calls):
        fields = {"id": id_, "name": name, "index": place, "arguments": "{}"[n % 2]}
        pieces.append([call(**{k: v for k, v in fields.items() if v is not None})])
    assert calls(*pieces) == {0: ("a", "f", "{}"), 1: ("b", "g", "{}")}


def test_a_function_of_the_old_kind():
    called = {"name": "f", "arguments": "{"}
    chunks, _ = read(
        piece(delta(function_call=called)), piece(delta(function_call={"arguments": "}"}))
    )
    assert whole(chunks).calls == {0: ("f", "f", "{}")}


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"choices": {}},
        {"choices": [5]},
        piece({"delta": "a"}),
        piece(delta(content=5)),
        piece(delta(tool_calls={})),
        piece(delta(tool_calls=[1])),
    ],
)
def test_what_is_no_piece(body):
    with pytest.raises(RequestInvalid):
        read(body)


def test_an_answer_for_which_nobody_gave_an_id():
    writer = ChunkWriter(include_usage=False, id="own")
    raw = written(writer, [Chunk(events=(TextDelta(text="a"), ToolCallDelta(position=0)))])
    assert {body["id"] for body in bodies_of(raw)} == {"own"}
    assert bodies_of(raw)[0]["choices"][0]["delta"]["role"] == "assistant"
    assert UsageReported not in [type(e) for e in read(*bodies_of(raw))[0][0].events]
