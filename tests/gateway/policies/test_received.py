"""What came of an answer."""

from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.messages import Message, Reasoning, Role, Text, ToolCall
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
from seatrial.gateway.policies.received import Received
from seatrial.testing.billing_provider import WordCounter

PARTS = st.lists(
    st.builds(Text, st.text("ab ", max_size=20))
    | st.builds(Reasoning, text=st.text("ab ", max_size=20))
    | st.builds(ToolCall, id=st.just("1"), name=st.just("a b"), arguments=st.text("ab ")),
    max_size=5,
)


def cut_up(data, text):
    """A text in pieces."""
    while text:
        size = data.draw(st.integers(1, len(text)))
        yield text[:size]
        text = text[size:]


def events(data, index, parts):
    position = 0
    for part in parts:
        if isinstance(part, Text):
            yield from (TextDelta(text=p, index=index) for p in cut_up(data, part.text))
        elif isinstance(part, Reasoning):
            yield from (ReasoningDelta(text=p, index=index) for p in cut_up(data, part.text))
        else:
            facts = {"position": position, "index": index}
            yield ToolCallDelta(id=part.id, name=part.name, **facts)
            yield from (ToolCallDelta(arguments=p, **facts) for p in cut_up(data, part.arguments))
            position += 1
    yield Finished(reason=FinishReason.STOP, index=index)


@given(st.data(), st.lists(PARTS, min_size=1, max_size=3))
def test_a_stream_counts_as_the_same_answer_whole(data, answers):
    choices = tuple(
        Choice(
            index=index,
            message=Message(role=Role.ASSISTANT, parts=tuple(parts)),
            finish_reason=FinishReason.STOP,
        )
        for index, parts in enumerate(answers)
    )
    whole = Received.whole(ChatResponse(id="a", model="m", choices=choices))
    streamed = Received(len(answers))
    for index, parts in enumerate(answers):
        assert not streamed.complete
        for event in events(data, index, parts):
            streamed.take(Chunk(events=(event,)))
    assert streamed.tokens(WordCounter().text) == whole.tokens(WordCounter().text)
    assert streamed.complete
    assert whole.complete


def test_the_last_usage_counts_and_the_terms_are_read_where_they_may_stand():
    received = Received()
    first, last = Usage(input_tokens=5, output_tokens=1), Usage(input_tokens=5, output_tokens=9)
    received.take(Chunk(events=(Started(id="a", model="m"), UsageReported(usage=first))))
    assert (received.usage, received.terms, received.n_pieces) == (first, (), 0)
    raw = {"service_tier": "priority"}
    received.take(Chunk(events=(UsageReported(usage=last),), raw=raw))
    assert (received.usage, received.terms) == (last, (("service_tier", "priority"),))
    received.take(Chunk(events=(UsageReported(usage=last),), raw={}))
    assert received.terms == (("service_tier", "priority"),)


def test_an_answer_that_reached_its_limit_is_cut():
    received = Received()
    received.take(Chunk(events=(Finished(reason=FinishReason.STOP),)))
    assert not received.cut
    received.take(Chunk(events=(Finished(reason=FinishReason.CUT, index=1),)))
    assert received.cut


def test_a_long_answer_is_kept_in_few_pieces():
    received = Received()
    for _ in range(10_000):
        received.take(Chunk(events=(TextDelta(text="a "),)))
    assert received.tokens(WordCounter().text) == 10_000
    assert max(len(pieces) for pieces in received._pieces.values()) <= 256


def test_an_answer_without_end_is_counted_and_not_kept():
    received = Received()
    piece = Chunk(events=(TextDelta(text="a " * 512 * 1024),))
    for _ in range(6):
        received.take(piece)
    assert received.tokens(WordCounter().text) == 6 * 512 * 1024
    kept = received._pieces[(0, "text", 0)]
    assert sum(map(len, kept)) == 4 * 1024 * 1024
