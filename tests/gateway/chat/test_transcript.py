"""A stream and the whole answer say the same."""

from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.messages import Image, Message, Reasoning, Role, Text, ToolCall
from seatrial.gateway.chat.response import (
    ChatResponse,
    Choice,
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
from seatrial.gateway.chat.transcript import assembled, pieces

PARTS = st.one_of(
    st.builds(Text, st.text(min_size=1)),
    st.builds(Reasoning, text=st.text(), signature=st.text(min_size=1)),
    st.builds(ToolCall, id=st.text(min_size=1), name=st.text(min_size=1), arguments=st.text()),
)


@st.composite
def responses(draw: st.DrawFn) -> ChatResponse:
    choices = []
    for index in range(draw(st.integers(1, 3))):
        parts = draw(st.lists(PARTS, max_size=5))
        # What follows each other as text is one text.
        kept = [
            part
            for before, part in zip([None, *parts], parts, strict=False)
            if not (isinstance(before, Text) and isinstance(part, Text))
        ]
        message = Message(role=Role.ASSISTANT, parts=tuple(kept))
        reason = draw(st.sampled_from(FinishReason))
        choices.append(Choice(index=index, message=message, finish_reason=reason))
    tokens = st.integers(0, 10**6)
    return ChatResponse(
        id=draw(st.text()),
        model=draw(st.text()),
        created=draw(tokens),
        choices=tuple(choices),
        usage=draw(st.none() | st.builds(Usage, input_tokens=tokens, output_tokens=tokens)),
    )


@given(responses())
def test_an_answer_in_pieces_makes_the_same_answer(response):
    chunks = pieces(response)
    assert chunks is not None
    assert assembled(chunks) == response


@given(responses(), st.data())
def test_however_finely_it_is_cut(response, data):
    fine = []
    for chunk in pieces(response) or ():
        (event,) = chunk.events
        if not isinstance(event, TextDelta | ToolCallDelta):
            fine.append(chunk)
            continue
        text = event.text if isinstance(event, TextDelta) else event.arguments
        cut = data.draw(st.integers(0, len(text)))
        if isinstance(event, TextDelta):
            several = [TextDelta(text=part, index=event.index) for part in (text[:cut], text[cut:])]
        else:
            head = ToolCallDelta(
                position=event.position,
                id=event.id,
                name=event.name,
                arguments=text[:cut],
                index=event.index,
            )
            rest = ToolCallDelta(position=event.position, arguments=text[cut:], index=event.index)
            several = [head, rest]
        fine.append(Chunk(events=tuple(several)))
    assert assembled(fine) == response


def test_a_stream_that_is_not_at_its_end_makes_no_answer():
    begun = [Started(id="a", model="m"), TextDelta(text="Half"), TextDelta(text="!", index=1)]
    chunks = [Chunk(events=(event,)) for event in begun]
    assert assembled(chunks) is None
    chunks.append(Chunk(events=(Finished(reason=FinishReason.STOP),)))
    assert assembled(chunks) is None
    chunks.append(Chunk(events=(Finished(reason=FinishReason.STOP, index=1),)))
    whole = assembled(chunks)
    assert whole is not None
    assert [choice.message.text for choice in whole.choices] == ["Half", "!"]


def test_calls_written_at_the_same_time_are_kept_apart():
    events = [
        ToolCallDelta(position=0, id="a", name="look", arguments='{"x"'),
        ToolCallDelta(position=1, id="b", name="walk", arguments="{"),
        ToolCallDelta(position=0, arguments=": 1}"),
        ToolCallDelta(position=1, arguments="}"),
        Finished(reason=FinishReason.TOOL_CALLS),
    ]
    whole = assembled([Chunk(events=(event,)) for event in events])
    assert whole is not None
    assert whole.choices[0].message.tool_calls == (
        ToolCall(id="a", name="look", arguments='{"x": 1}'),
        ToolCall(id="b", name="walk", arguments="{}"),
    )


def test_the_last_usage_counts_and_thoughts_end_with_their_signature():
    events = [
        UsageReported(usage=Usage(input_tokens=1, output_tokens=0)),
        ReasoningDelta(text="Hm"),
        ReasoningDelta(text="m."),
        ReasoningDelta(signature="s1"),
        ReasoningDelta(text="Ah."),
        TextDelta(text=""),
        Finished(reason=FinishReason.STOP),
        UsageReported(usage=Usage(input_tokens=1, output_tokens=9)),
    ]
    whole = assembled([Chunk(events=(event,)) for event in events])
    assert whole is not None
    assert whole.usage == Usage(input_tokens=1, output_tokens=9)
    assert whole.choices[0].message.parts == (
        Reasoning(text="Hmm.", signature="s1"),
        Reasoning(text="Ah."),
    )


def test_an_image_is_in_no_stream():
    message = Message(role=Role.ASSISTANT, parts=(Image(url="https://example.org/a.png"),))
    choice = Choice(index=0, message=message, finish_reason=FinishReason.STOP)
    assert pieces(ChatResponse(id="a", model="m", choices=(choice,))) is None
