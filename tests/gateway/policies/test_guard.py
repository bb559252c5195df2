"""Guards let pass, change or stop what goes in and what comes out, whole and in pieces."""

from contextlib import suppress

import pytest

from seatrial.gateway.chat.messages import Message, Reasoning, Role, Text, ToolCall
from seatrial.gateway.chat.request import DialectName, EmbeddingRequest
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
)
from seatrial.gateway.chat.transcript import assembled
from seatrial.gateway.policies.guard import AnswerBlocked, Blocked, Guarded, Passed
from seatrial.kernel.errors import Denied
from seatrial.testing.fake_time import in_fake_time
from seatrial.testing.scripted_provider import Ending, ScriptedProvider, Turn, answers


class Shout:
    """Changes the request, and holds every answer back by two letters."""

    def __init__(self, mark: str = "!") -> None:
        self.mark = mark

    def chat(self, request):
        return Passed(request=request, reader=lambda spoken: Shouter(self.mark))

    def embed(self, request):
        return EmbeddingRequest(model=request.model, inputs=tuple(map(str.upper, request.inputs)))


class Shouter:
    def __init__(self, mark):
        self.held, self.mark = "", mark

    def feed(self, text):
        text = self.held + text
        self.held = text[-2:]
        return text[:-2].upper()

    def end(self):
        return self.held.upper() + self.mark


class Silence:
    """Stops requests that ask for it, and answers that have an x."""

    def chat(self, request):
        if "silence" in request.messages[0].text:
            raise Blocked("It asks for silence.", remedy="Ask for something.", guard="silence")
        return Passed(request=request, reader=lambda spoken: self)

    def embed(self, request):
        return request

    def feed(self, text):
        if "x" in text:
            raise AnswerBlocked("It has an x.", remedy="Ask again.", guard="silence")
        return text

    def end(self):
        return ""


@in_fake_time
async def test_a_blocked_request_reaches_nobody(asked, called, pieces_of):
    provider = ScriptedProvider()
    guarded = Guarded(provider, [Silence()])
    for work in (
        guarded.chat(asked("silence"), called()),
        pieces_of(guarded, asked("silence"), called()),
    ):
        with pytest.raises(Blocked) as caught:
            await work
        assert isinstance(caught.value, Denied)
        assert caught.value.facts["guard"] == "silence"
    assert provider.heard == []


@in_fake_time
async def test_what_no_guard_changes_passes_as_it_is(asked, called, pieces_of):
    raw = {"choices": []}
    turn = Turn(chunks=tuple(Chunk(events=(e,), raw=raw) for e in (TextDelta(text="a b"),)))
    provider = ScriptedProvider([turn])
    guarded = Guarded(provider, [Silence()])
    assert await pieces_of(guarded, asked(), called()) == list(turn.chunks)
    assert await guarded.chat(asked(), called()) == turn.response(asked())
    assert await Guarded(provider, []).chat(asked(), called()) == turn.response(asked())


@in_fake_time
async def test_the_first_guard_sees_the_request_first_and_the_answer_last(asked, called, pieces_of):
    guarded = Guarded(ScriptedProvider([answers("so it is")]), [Shout("1"), Shout("2")])
    assert (await guarded.chat(asked(), called())).text == "SO IT IS21"
    whole = assembled(await pieces_of(guarded, asked(), called()))
    assert whole is not None
    assert whole.text == "SO IT IS21"


@in_fake_time
async def test_a_stream_is_stopped_where_the_answer_may_not_go_on(asked, called):
    provider = ScriptedProvider([answers("one two xyz four")])
    guarded = Guarded(provider, [Silence()])
    seen = []
    with suppress(AnswerBlocked):
        async for chunk in guarded.stream(asked(), called()):
            seen.append(chunk)  # noqa: PERF401 - kept where it breaks off
        pytest.fail("it was not stopped")
    assert len(seen) == 3
    assert provider.endings == [Ending.CLOSED]
    with pytest.raises(AnswerBlocked):
        await guarded.chat(asked(), called())


STREAM = (
    Started(id="a", model="m"),
    ReasoningDelta(text="hm"),
    ReasoningDelta(text="m.", signature="s"),
    TextDelta(text="a"),
    TextDelta(text="bcd", index=1),
    TextDelta(text="bc"),
    ToolCallDelta(position=0, id="t", name="look", arguments='{"a'),
    ToolCallDelta(position=0, arguments='": 1}'),
    ToolCallDelta(position=1, id="u", name="go", arguments="{}"),
    Finished(reason=FinishReason.TOOL_CALLS),
    Finished(reason=FinishReason.STOP, index=1),
)


@in_fake_time
async def test_each_text_of_a_stream_is_read_by_itself_and_keeps_its_place(
    asked, called, pieces_of
):
    chunks = tuple(Chunk(events=(event,), raw={"r": 1}) for event in STREAM)
    guarded = Guarded(ScriptedProvider([Turn(chunks=chunks)]), [Shout()])
    whole = assembled(await pieces_of(guarded, asked(n=2), called()))
    assert whole is not None
    assert [choice.message.parts for choice in whole.choices] == [
        (
            Reasoning(text="HMM.!", signature="s"),
            Text("ABC!"),
            ToolCall(id="t", name="look", arguments='{"A": 1}!'),
            ToolCall(id="u", name="go", arguments="{}!"),
        ),
        (Text("BCD!"),),
    ]


@in_fake_time
async def test_a_piece_that_is_held_back_whole_is_no_piece(asked, called, pieces_of):
    guarded = Guarded(ScriptedProvider([answers("a b c d")]), [Shout()])
    chunks = await pieces_of(guarded, asked(), called())
    texts = [event.text for chunk in chunks for event in chunk.events if hasattr(event, "text")]
    assert "".join(texts) == "A B C D!"
    assert all(texts)
    assert all(chunk.events for chunk in chunks)


@in_fake_time
async def test_no_raw_form_of_what_was_changed_is_left(asked, called, pieces_of):
    chunks = tuple(Chunk(events=(event,), raw={"r": "secret"}) for event in STREAM)
    guarded = Guarded(ScriptedProvider([Turn(chunks=chunks)]), [Shout()])
    for chunk in await pieces_of(guarded, asked(), called()):
        spoken = any(
            isinstance(event, TextDelta | ReasoningDelta | ToolCallDelta) for event in chunk.events
        )
        assert not (spoken and chunk.raw)


@in_fake_time
async def test_a_changed_answer_keeps_no_raw_form_and_an_unchanged_choice_is_the_same(
    asked, called
):
    parts = (
        Reasoning(text="h", signature="s"),
        Text("a"),
        ToolCall(id="t", name="n", arguments="{}"),
    )

    class Raw(ScriptedProvider):
        async def chat(self, request, call):
            message = Message(role=Role.ASSISTANT, parts=parts, raw={"content": "a"})
            choice = Choice(index=0, message=message, finish_reason=FinishReason.STOP)
            raw = {"id": "x"}
            return ChatResponse(
                id="x", model="m", choices=(choice,), raw=raw, dialect=DialectName.OPENAI
            )

    whole = await Guarded(Raw(), [Shout()]).chat(asked(), called())
    assert (whole.raw, whole.choices[0].message.raw) == (None, None)
    assert whole.choices[0].message.parts == (
        Reasoning(text="H!", signature="s"),
        Text("A!"),
        ToolCall(id="t", name="n", arguments="{}!"),
    )


@in_fake_time
async def test_embeddings_go_through_the_guards_too(called):
    provider = ScriptedProvider()
    guarded = Guarded(provider, [Shout()])
    await guarded.embed(EmbeddingRequest(model="e", inputs=("a", "b")), called())
    assert provider.heard[0].request.inputs == ("A", "B")
    assert guarded.name == "scripted"
    await guarded.close()
    assert provider.closed
