import asyncio
from contextlib import aclosing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.failures import ContextTooLong, Overloaded
from seatrial.gateway.chat.messages import Message, Role, Text, ToolCall, ToolResult, said
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest, Tool
from seatrial.gateway.chat.response import (
    ChatResponse,
    Choice,
    Chunk,
    Embeddings,
    Finished,
    FinishReason,
    TextDelta,
)
from seatrial.gateway.policies.fit import Fit, FitOptions, PromptTooLong
from seatrial.gateway.tokens.chat_counter import ChatCounter
from seatrial.gateway.tokens.chat_form import OPENAI
from seatrial.gateway.tokens.images import Unpublished
from seatrial.gateway.tokens.windows import Window
from seatrial.kernel.errors import Unavailable


class Words:
    """An encoder of one token a word."""

    def __init__(self, *, exact=True):
        self.exact = exact
        self.counted = 0
        self.ready = False

    def load(self):
        self.ready = True

    def count(self, text):
        assert self.ready
        self.counted += 1
        return len(text.split())

    bound = count

    def cut(self, text, max_tokens):
        return " ".join(text.split()[:max_tokens])


class Vendor:
    """Remembers what it was sent; fails with what stands next in ``fails``."""

    name = "vendor"

    def __init__(self, *fails):
        self.fails = list(fails)
        self.sent = []
        self.closed = False
        self.chunks_before_failure = 0
        self.left_open = 0

    async def chat(self, request, call):
        self.sent.append(request)
        if self.fails and (failure := self.fails.pop(0)):
            raise failure
        message = said(Role.ASSISTANT, "yes")
        choice = Choice(index=0, message=message, finish_reason=FinishReason.STOP)
        return ChatResponse(id="1", model=request.model, choices=(choice,))

    async def stream(self, request, call):
        self.sent.append(request)
        self.left_open += 1
        try:
            if self.fails and (failure := self.fails.pop(0)):
                for _ in range(self.chunks_before_failure):
                    yield Chunk(events=(TextDelta(text="y"),))
                raise failure
            yield Chunk(events=(TextDelta(text="yes"),))
            yield Chunk(events=(Finished(reason=FinishReason.STOP),))
        finally:
            self.left_open -= 1

    async def embed(self, request, call):
        self.sent.append(request)
        return Embeddings(model=request.model, vectors=((1.0,),))

    async def close(self):
        self.closed = True


def a_call():
    return Call(id="c", deadline=60.0, journal=Journal())


def counter(*, exact=True):
    encoder = Words(exact=exact)
    encoder.load()
    return ChatCounter(encoder, OPENAI, Unpublished())


def words(n, word="w"):
    return " ".join([word] * n)


def talk(*sizes):
    """Turns of the user of so many words, after one system message of five."""
    turns = tuple(said(Role.USER, words(n)) for n in sizes)
    return ChatRequest(model="m", messages=(said(Role.SYSTEM, words(5)), *turns), max_tokens=10)


def fit(vendor, window=None, counts=None, summarise=None, **options):
    known = None if window is None else Window(context_tokens=window)
    return Fit(vendor, counts or counter(), known, FitOptions(**options), summarise=summarise)


def refusal():
    return ContextTooLong("too long", remedy="Shorten it.", provider="vendor", status=400)


def texts(request):
    return [len(m.text.split()) for m in request.messages]


async def ask(policy, request, call, *, stream):
    if not stream:
        return (await policy.chat(request, call)).text
    async with aclosing(policy.stream(request, call)) as chunks:
        return "".join([e.text async for c in chunks for e in c.events if isinstance(e, TextDelta)])


both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@both
async def test_what_fits_goes_as_it_is(stream):
    vendor, call, request = Vendor(), a_call(), talk(20, 20)
    assert await ask(fit(vendor, 200), request, call, stream=stream) == "yes"
    assert vendor.sent == [request]
    assert vendor.sent[0] is request
    assert call.journal.notes == {}


@both
async def test_the_oldest_turns_go_and_the_cut_is_reported(stream):
    vendor, call = Vendor(), a_call()
    # 3 for the reply, 9 for the system message, and 4 and its words for each turn.
    await ask(fit(vendor, 3 + 9 + 44 + 44 + 10), talk(40, 40, 40), call, stream=stream)
    assert texts(vendor.sent[0]) == [5, 40, 40]
    assert call.journal.notes == {"fit.dropped_messages": 1, "fit.dropped_tokens": 44}


@both
async def test_one_token_less_room_drops_one_turn_more(stream):
    vendor, call = Vendor(), a_call()
    await ask(fit(vendor, 3 + 9 + 44 + 44 + 10 - 1), talk(40, 40, 40), call, stream=stream)
    assert texts(vendor.sent[0]) == [5, 40]


async def test_the_answer_has_its_room():
    vendor = Vendor()
    request = msgspec.structs.replace(talk(40, 40), max_tokens=None)
    await fit(vendor, 150, answer_tokens=60).chat(request, a_call())
    assert texts(vendor.sent[0]) == [5, 40]
    await fit(vendor, 110, answer_tokens=10_000).chat(talk(20, 20), a_call())
    assert texts(vendor.sent[1]) == [5, 20, 20]


async def test_an_estimate_leaves_a_margin():
    vendor = Vendor()
    tight = 3 + 9 + 44 + 44 + 10
    await fit(vendor, tight, counter(exact=False)).chat(talk(40, 40), a_call())
    assert texts(vendor.sent[0]) == [5, 40]
    await fit(vendor, tight, counter(exact=False), estimate_margin=0.0).chat(talk(40, 40), a_call())
    assert texts(vendor.sent[1]) == [5, 40, 40]


async def test_tools_take_their_room():
    vendor = Vendor()
    tool = Tool(name="look", description=words(20))
    request = msgspec.structs.replace(talk(40, 40), tools=(tool,))
    await fit(vendor, 3 + 9 + 44 + 44 + 10).chat(request, a_call())
    assert texts(vendor.sent[0]) == [5, 40]
    assert vendor.sent[0].tools == (tool,)


@both
async def test_without_a_window_nothing_is_cut(stream):
    vendor, call = Vendor(), a_call()
    await ask(fit(vendor), talk(10_000), call, stream=stream)
    assert texts(vendor.sent[0]) == [5, 10_000]


@both
@pytest.mark.parametrize("window", [None, 10_000], ids=["unknown window", "wrong window"])
async def test_a_refused_request_is_cut_further_and_sent_once_more(window, stream):
    vendor, call = Vendor(refusal()), a_call()
    answer = await ask(fit(vendor, window), talk(40, 40, 40), call, stream=stream)
    assert answer == "yes"
    assert [texts(sent) for sent in vendor.sent] == [[5, 40, 40, 40], [5, 40, 40]]
    assert call.journal.notes["fit.again"] is True
    assert call.journal.notes["fit.dropped_messages"] == 1
    assert vendor.left_open == 0


@both
async def test_a_second_refusal_is_passed_on(stream):
    vendor = Vendor(refusal(), second := refusal(), None)
    with pytest.raises(ContextTooLong) as raised:
        await ask(fit(vendor), talk(40, 40, 40), a_call(), stream=stream)
    assert raised.value is second
    assert len(vendor.sent) == 2


@both
async def test_a_refusal_stands_where_nothing_can_be_left_out(stream):
    vendor, call = Vendor(first := refusal()), a_call()
    with pytest.raises(ContextTooLong) as raised:
        await ask(fit(vendor), talk(40), call, stream=stream)
    assert raised.value is first
    assert len(vendor.sent) == 1
    assert "fit.again" not in call.journal.notes


@both
async def test_another_failure_is_passed_on(stream):
    failure = Overloaded("full", remedy="Wait.", provider="vendor")
    vendor = Vendor(failure)
    with pytest.raises(Overloaded):
        await ask(fit(vendor), talk(40, 40), a_call(), stream=stream)
    assert len(vendor.sent) == 1


async def test_a_stream_that_began_is_not_begun_again():
    vendor = Vendor(refusal())
    vendor.chunks_before_failure = 1
    with pytest.raises(ContextTooLong):
        await ask(fit(vendor), talk(40, 40), a_call(), stream=True)
    assert len(vendor.sent) == 1


async def test_a_stream_left_early_is_closed():
    vendor = Vendor()
    async with aclosing(fit(vendor, 200).stream(talk(10), a_call())) as chunks:
        await anext(chunks)
    assert vendor.left_open == 0


@both
async def test_a_message_that_does_not_fit_alone_is_an_error_that_sends_nothing(stream):
    vendor, call = Vendor(), a_call()
    with pytest.raises(PromptTooLong) as raised:
        await ask(fit(vendor, 100), talk(5, 200), call, stream=stream)
    assert vendor.sent == []
    error = raised.value
    assert (error.code, error.provider) == ("gateway.prompt_too_long", "vendor")
    # 3 + 9 + 204 for the question, and 10 for the answer.
    assert error.facts["excess_tokens"] == 3 + 9 + 204 + 10 - 100
    assert "126 tokens too long for the window of 100 tokens of model 'm'" in error.problem
    assert error.elsewhere
    assert not error.may_be_paid


@both
async def test_a_long_message_is_cut_where_that_is_allowed(stream):
    vendor, call = Vendor(), a_call()
    await ask(fit(vendor, 100, cut_messages=True), talk(5, 200), call, stream=stream)
    assert texts(vendor.sent[0]) == [5, 74]
    assert counter().request(vendor.sent[0]) == 100 - 10
    notes = {"fit.dropped_messages": 1, "fit.dropped_tokens": 9, "fit.cut_tokens": 126}
    assert call.journal.notes == notes


def sent_by(policy, vendor, request):
    """What the vendor gets of a request; None where nothing is sent."""
    vendor.sent.clear()
    try:
        asyncio.run(policy.chat(request, a_call()))
    except PromptTooLong:
        assert vendor.sent == []
        return None
    (sent,) = vendor.sent
    return sent


@given(
    sizes=st.lists(st.integers(0, 80), min_size=1, max_size=12),
    window=st.integers(30, 700),
    cut=st.booleans(),
    exact=st.booleans(),
)
def test_nothing_longer_than_the_window_is_sent_and_what_fits_is_not_cut(sizes, window, cut, exact):
    vendor, counts = Vendor(), counter(exact=exact)
    policy = fit(vendor, window, counts, cut_messages=cut)
    sent = sent_by(policy, vendor, talk(*sizes))
    if sent is None:
        kept_free = 10 + (0 if exact else window // 10)
        least = min(sizes[-1], 1) if cut else sizes[-1]
        assert 3 + 9 + (4 + least) + kept_free > window
        return
    assert counts.request(sent) + 10 <= window
    assert sent_by(policy, vendor, sent) is sent
    wider = fit(vendor, window + 50, counts, cut_messages=cut)
    assert len(sent_by(wider, vendor, talk(*sizes)).messages) >= len(sent.messages)


async def test_a_message_that_was_cut_is_not_sent_as_it_was_written():
    vendor = Vendor()
    written = Message(
        role=Role.USER, parts=(Text(words(200)),), raw={"role": "user", "content": words(200)}
    )
    request = ChatRequest(model="m", messages=(written,), max_tokens=10)
    await fit(vendor, 100, cut_messages=True).chat(request, a_call())
    assert vendor.sent[0].messages[0].raw is None


async def test_the_result_of_a_tool_can_be_cut_and_stays_with_its_call():
    vendor = Vendor()
    asked = Message(role=Role.ASSISTANT, parts=(ToolCall(id="1", name="f", arguments="{}"),))
    result = Message(role=Role.TOOL, parts=(ToolResult(call_id="1", content=words(500)),))
    messages = (said(Role.USER, "find it"), asked, result)
    request = ChatRequest(model="m", messages=messages, max_tokens=10)
    await fit(vendor, 100, cut_messages=True).chat(request, a_call())
    sent = vendor.sent[0]
    assert [m.role for m in sent.messages] == [Role.USER, Role.ASSISTANT, Role.TOOL]
    assert sent.messages[1] == asked
    assert sent.messages[2].parts[0].call_id == "1"
    assert counter().request(sent) == 90


async def test_system_messages_are_never_cut():
    vendor = Vendor()
    request = ChatRequest(
        model="m",
        messages=(said(Role.SYSTEM, words(200)), said(Role.USER, words(20))),
        max_tokens=10,
    )
    with pytest.raises(PromptTooLong):
        await fit(vendor, 100, cut_messages=True).chat(request, a_call())


async def test_what_is_dropped_can_be_summarised():
    vendor, call = Vendor(), a_call()
    seen = []

    async def summarise(messages, given):
        seen.append((messages, given))
        return words(1000, "short")

    policy = fit(vendor, 130, summarise=summarise, summary_tokens=30)
    await policy.chat(talk(40, 40, 40), call)
    (dropped, given), *more = seen
    assert (len(dropped), given, more) == (2, call, [])
    system, summary, newest = vendor.sent[0].messages
    assert (system.text, newest.text) == (words(5), words(40))
    assert summary.role is Role.SYSTEM
    assert summary.text.startswith("What was said before, in short: short short")
    assert counter().request(vendor.sent[0]) <= 120
    assert call.journal.notes["fit.summarised"] is True


async def test_a_summary_that_fails_costs_no_answer():
    vendor, call = Vendor(), a_call()

    async def summarise(messages, given):
        raise Unavailable("no", remedy="Wait.")

    await fit(vendor, 110, summarise=summarise, summary_tokens=30).chat(talk(40, 40, 40), call)
    assert texts(vendor.sent[0]) == [5, 40]
    assert "fit.summarised" not in call.journal.notes


async def test_there_is_no_summary_where_there_is_no_room_for_it():
    vendor, call = Vendor(), a_call()

    async def summarise(messages, given):
        raise AssertionError

    await fit(vendor, 75, summarise=summarise, summary_tokens=30).chat(talk(40, 40), call)
    assert texts(vendor.sent[0]) == [5, 40]


async def test_what_another_candidate_left_out_is_not_reported_for_this_one():
    vendor, call = Vendor(), a_call()
    await fit(vendor, 75).chat(talk(40, 40), call)
    await fit(vendor, 500).chat(talk(40, 40), call)
    assert call.journal.notes == {}


async def test_a_short_request_is_not_even_counted():
    encoder = Words()
    policy = fit(Vendor(), 128_000, ChatCounter(encoder, OPENAI, Unpublished()))
    await policy.chat(talk(40, 40), a_call())
    assert encoder.counted == 0


async def test_it_is_a_provider_like_the_one_it_wraps():
    vendor = Vendor()
    policy = fit(vendor, 100)
    assert policy.name == "vendor"
    request = EmbeddingRequest(model="e", inputs=(words(500),))
    assert (await policy.embed(request, a_call())).vectors == ((1.0,),)
    assert vendor.sent == [request]
    await policy.close()
    assert vendor.closed
