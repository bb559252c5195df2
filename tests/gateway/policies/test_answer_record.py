"""An answer is what it was when it comes back from its record, or it is not there."""

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
)
from seatrial.gateway.chat.request import DialectName
from seatrial.gateway.chat.response import (
    ChatResponse,
    Choice,
    Chunk,
    Embeddings,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)
from seatrial.gateway.policies.answer_record import KeptChat, read, written

USAGE = Usage(input_tokens=7, output_tokens=3, cached_tokens=2, reasoning_tokens=1)
WHOLE = ChatResponse(
    id="r1",
    model="small-2026",
    choices=(
        Choice(
            index=0,
            message=Message(
                role=Role.ASSISTANT,
                parts=(
                    Reasoning(text="Hm.", signature="s"),
                    Text("Ja, 是的 \U0001f600"),
                    ToolCall(id="t", name="look", arguments='{"a": 1'),
                    ToolResult(call_id="t", content="c", is_error=True),
                    Image(data="AA==", media_type="image/png"),
                    Other(kind="audio", data={"id": [1, 2.5, None, True]}),
                ),
                name="it",
                raw={"content": None, "x": {"y": []}},
            ),
            finish_reason=FinishReason.STOP,
        ),
    ),
    usage=USAGE,
    created=1_800_000_000,
    dialect=DialectName.OPENAI,
    raw={"id": "r1", "system_fingerprint": "fp"},
)
EVENTS = (
    Started(id="r1", model="m", created=5),
    ReasoningDelta(text="Hm", signature="s"),
    TextDelta(text="Ja", index=1),
    ToolCallDelta(position=1, id="t", name="look", arguments="{}"),
    Finished(reason=FinishReason.STOP),
    Finished(reason=FinishReason.STOP, index=1),
    UsageReported(usage=USAGE),
)
PIECES = tuple(
    Chunk(events=(event,), dialect=DialectName.ANTHROPIC, raw={"t": 1}, event="e")
    for event in EVENTS
)
VECTORS = Embeddings(model="e", vectors=((0.1, -2.0), (0.0, 1e-300)), usage=USAGE, raw={"a": 1})


def record(kept: KeptChat | Embeddings) -> bytes:
    value = written("key", kept)
    assert value is not None
    return value


@pytest.mark.parametrize("given", [WHOLE, PIECES, (*PIECES, Chunk())])
def test_a_chat_comes_back_as_it_was_given(given):
    kept = read("key", record(KeptChat(given)))
    assert isinstance(kept, KeptChat)
    assert kept.given == given


def test_vectors_come_back():
    assert read("key", record(VECTORS)) == VECTORS


def test_what_was_given_in_pieces_serves_as_a_whole_and_the_other_way_round():
    whole = KeptChat(PIECES).whole
    assert whole is not None
    assert [choice.message.text for choice in whole.choices] == ["", "Ja"]
    assert KeptChat(PIECES).pieces == PIECES
    again = KeptChat(whole).pieces
    assert again is not None
    assert KeptChat(again).whole == whole
    assert KeptChat(WHOLE).pieces is None  # an image is in no stream


@given(st.data())
def test_any_damage_is_noticed(data):
    value = record(KeptChat(WHOLE))
    place = data.draw(st.integers(0, len(value) - 1))
    flipped = value[place] ^ data.draw(st.integers(1, 255))
    assert read("key", value[:place] + bytes([flipped]) + value[place + 1 :]) is None
    assert read("key", value[:place]) is None


@given(st.binary(max_size=200))
def test_what_is_no_record_is_not_there(value):
    assert read("key", value) is None


def test_the_record_of_another_key_is_not_there():
    assert read("other", record(VECTORS)) is None


def test_a_record_of_a_kind_that_is_not_known_is_not_there(monkeypatch):
    from seatrial.gateway.policies import answer_record

    body = msgspec.msgpack.encode(["pieces", [[[["new", {}]], None, None, ""]]])
    digest = answer_record._digest("key", body)
    assert read("key", b"\x01" + digest + body) is None


def test_a_number_that_no_record_holds_keeps_it_from_being_written():
    huge = msgspec.structs.replace(WHOLE, raw={"a": 2**70})
    assert written("key", KeptChat(huge)) is None
