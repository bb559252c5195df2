"""A stream costs what the same answer costs whole, whatever the provider says of its usage."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.messages import Message, Reasoning, Role, Text, ToolCall, said
from seatrial.gateway.chat.request import ChatRequest
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
from seatrial.gateway.prices.entries import PER_MILLION, token_prices
from seatrial.gateway.prices.rates import Rates, Tier
from seatrial.gateway.tokens.metering import Meter, metered

REQUEST = ChatRequest(model="m", messages=(said(Role.USER, "Why is the sky blue?"),))
KINDS = ("cached", "cache_write", "cache_write_1h", "input_audio", "output_audio", "reasoning")


def rates():
    def of(factor):
        return token_prices(
            {kind: Decimal(n + 3) * factor for n, kind in enumerate(KINDS)},
            per=PER_MILLION,
            input_price=Decimal(2) * factor,
            output_price=Decimal(11) * factor,
        )

    return Rates(base=of(1), tiers=(Tier(100, of(2)),), per_request=Decimal("0.001"))


@pytest.fixture
def counter(counters):
    return counters.of("openai", "gpt-4o")


COUNT = st.integers(0, 1000)
USAGES = st.builds(Usage, **dict.fromkeys(Usage.__struct_fields__, COUNT))
TEXT = st.text(max_size=30)
CALLS = st.builds(ToolCall, id=st.just("c"), name=st.text(min_size=1), arguments=TEXT)
MESSAGES = st.builds(
    lambda thought, text, calls: Message(
        role=Role.ASSISTANT,
        parts=(
            *([Reasoning(text=thought)] if thought else ()),
            *([Text(text)] if text else ()),
            *calls,
        ),
    ),
    TEXT,
    TEXT,
    st.lists(CALLS, max_size=3),
)


@st.composite
def answers(draw):
    """An answer whole, and the same in pieces."""
    messages = draw(st.lists(MESSAGES, min_size=1, max_size=3))
    usage = draw(st.none() | USAGES)
    whole = ChatResponse(
        id="1",
        model="m",
        choices=tuple(
            Choice(index=n, message=m, finish_reason=FinishReason.STOP)
            for n, m in enumerate(messages)
        ),
        usage=usage,
    )
    lanes = [list(draw(pieces(n, m))) for n, m in enumerate(messages)]
    events = [Started(id="1", model="m")]
    while any(lanes):
        lane = draw(st.sampled_from([lane for lane in lanes if lane]))
        events.append(lane.pop(0))
    if usage is not None:
        # Anthropic tells the input first and the whole at the end.
        events.insert(1, UsageReported(usage=msgspec.structs.replace(usage, output_tokens=1)))
        events.append(UsageReported(usage=usage))
    chunks = []
    while events:
        n = draw(st.integers(1, 3))
        chunks.append(Chunk(events=tuple(events[:n])))
        events = events[n:]
    return whole, chunks


@st.composite
def pieces(draw, index, message):
    events, position = [], 0
    for part in message.parts:
        if isinstance(part, Text):
            events += [TextDelta(text=t, index=index) for t in draw(split(part.text))]
        elif isinstance(part, Reasoning):
            events += [ReasoningDelta(text=t, index=index) for t in draw(split(part.text))]
            events.append(ReasoningDelta(signature="s", index=index))
        else:
            events.append(ToolCallDelta(position=position, id=part.id, name=part.name, index=index))
            events += [
                ToolCallDelta(position=position, arguments=t, index=index)
                for t in draw(split(part.arguments))
            ]
            position += 1
    return [*events, Finished(reason=FinishReason.STOP, index=index)]


@st.composite
def split(draw, text):
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(answer=answers())
def test_a_stream_has_the_usage_and_the_cost_of_the_whole(counters, answer):
    counter = counters.of("openai", "gpt-4o")
    whole, chunks = answer
    meter = Meter(REQUEST, counter)
    for chunk in chunks:
        meter.see(chunk)
    expected = metered(whole, REQUEST, counter)
    assert meter.usage() == expected
    assert rates().cost(meter.usage().usage) == rates().cost(expected.usage)
    if whole.usage is not None and whole.usage.input_tokens and whole.usage.output_tokens:
        assert expected.usage == whole.usage
        assert not expected.estimated


def reply(text, usage):
    choice = Choice(index=0, message=said(Role.ASSISTANT, text), finish_reason=FinishReason.STOP)
    return ChatResponse(id="1", model="m", choices=(choice,), usage=usage)


def test_a_usage_that_was_told_is_taken_as_it_is(counter):
    told = Usage(input_tokens=7, output_tokens=2, cached_tokens=3)
    assert metered(reply("hello world", told), REQUEST, counter).usage is told


def test_without_a_usage_request_and_answer_are_counted(counter):
    found = metered(reply("hello world", None), REQUEST, counter)
    assert found.estimated
    assert found.usage == Usage(input_tokens=counter.request(REQUEST), output_tokens=2)


def test_a_usage_of_nothing_is_none(counter):
    """Some servers report zeros."""
    found = metered(reply("hello world", Usage(input_tokens=0, output_tokens=0)), REQUEST, counter)
    assert found == metered(reply("hello world", None), REQUEST, counter)


def test_only_the_side_that_was_not_told_is_estimated(counter):
    told = Usage(input_tokens=7, output_tokens=0, cached_tokens=3)
    found = metered(reply("hello world", told), REQUEST, counter)
    assert found.estimated
    assert found.usage == Usage(input_tokens=7, output_tokens=2, cached_tokens=3)


def test_an_empty_answer_may_have_no_output(counter):
    told = Usage(input_tokens=7, output_tokens=0)
    found = metered(reply("", told), REQUEST, counter)
    assert (found.usage, found.estimated) == (told, False)


def test_a_stream_that_was_cut_is_metered_by_what_came(counter):
    meter = Meter(REQUEST, counter)
    assert not meter.spoke
    meter.see(Chunk(events=(TextDelta(text="hello "), TextDelta(text="world"))))
    assert meter.spoke
    assert meter.usage().usage.output_tokens == 2
    assert meter.usage().estimated


def test_the_last_usage_of_a_stream_counts(counter):
    meter = Meter(REQUEST, counter)
    for output in (1, 5, 9):
        usage = Usage(input_tokens=3, output_tokens=output)
        meter.see(Chunk(events=(UsageReported(usage=usage),)))
    assert meter.usage().usage.output_tokens == 9
