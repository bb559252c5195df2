"""Partial objects as they grow, and the whole at the end."""

from __future__ import annotations

import copy

import pytest
from orders import GOOD, ORDER, REQUEST, WRONG, Order, call, scripted, still

from seatrial.adapters.llm.jsonschema_shape import JsonSchemaShape
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
from seatrial.gateway.structured.ask import Answer
from seatrial.gateway.structured.failures import AnswerCut
from seatrial.gateway.structured.model_shape import ModelShape
from seatrial.gateway.structured.options import Mode, StructuredOptions
from seatrial.gateway.structured.shape import Shape
from seatrial.gateway.structured.streamed import Partial, stream_answer
from seatrial.testing.scripted_provider import ONE_ANSWER, Ending, ScriptedProvider, Turn


def of(*texts: str, reason: FinishReason = FinishReason.STOP, tool: bool = False) -> Turn:
    events = [
        ToolCallDelta(position=0, id="1", name="Order", arguments=text)
        if tool
        else TextDelta(text=text)
        for text in texts
    ]
    every = [
        Started(id="s", model="m"),
        *events,
        Finished(reason=reason),
        UsageReported(usage=ONE_ANSWER),
    ]
    return Turn(chunks=tuple(Chunk(events=(event,)) for event in every))


async def told(
    provider: ScriptedProvider,
    shape: Shape[object],
    *,
    mode: Mode = Mode.PROMPT,
    open_strings: bool = False,
) -> tuple[list[Partial[object]], Answer[object]]:
    partials = []
    async for each in stream_answer(
        provider,
        REQUEST,
        call(),
        shape,
        options=StructuredOptions(mode=mode),
        now=still,
        open_strings=open_strings,
    ):
        if isinstance(each, Answer):
            return partials, each
        partials.append(copy.deepcopy(each))
    raise AssertionError("no answer")


@pytest.mark.parametrize("mode", Mode)
async def test_fields_are_typed_as_they_become_complete(mode):
    texts = [
        '{"id": 3, "lev',
        'el": "low", "items": [{"name": "nut", "price": 1.5',
        ', "n": 2}',
        '], "note": null}',
    ]
    partials, answer = await told(
        scripted(of(*texts, tool=mode is Mode.TOOL)), ModelShape(Order), mode=mode
    )
    assert [p.ready for p in partials] == [
        ("id",),
        ("id", "level"),
        ("id", "level"),
        ("id", "level", "items", "note"),
    ]
    assert partials[1].value == {"id": 3, "level": "low", "items": [{"name": "nut"}]}
    first = partials[0].typed
    assert isinstance(first, Order)
    assert first.model_fields_set == {"id"}
    assert partials[-1].typed == ORDER
    assert answer.value == ORDER
    assert (answer.usage, answer.n_asked, answer.response) == (ONE_ANSWER, 1, None)


async def test_pieces_that_change_nothing_are_not_told():
    partials, _ = await told(
        scripted(of("Sure: ", "{", '"id"', ": ", "3", "}")), JsonSchemaShape({"type": "object"})
    )
    assert [p.value for p in partials] == [{}, {"id": 3}]
    assert {p.typed for p in partials} == {None}


async def test_open_strings_are_shown_where_they_are_asked_for():
    provider = scripted(of('{"text": "On', "ce upon", ' a time"}'))
    shape = JsonSchemaShape({"type": "object"})
    partials, _ = await told(provider, shape, open_strings=True)
    assert [p.value for p in partials] == [
        {"text": "On"},
        {"text": "Once upon"},
        {"text": "Once upon a time"},
    ]


async def test_of_a_boxed_answer_the_inside_is_shown():
    partials, answer = await told(scripted(of('{"value": [1', ", 2]", "}")), ModelShape(list[int]))
    assert [p.value for p in partials] == [[], [1, 2], [1, 2]]
    assert answer.value == [1, 2]


async def test_a_stream_that_does_not_fit_is_asked_for_again():
    provider = scripted(of(WRONG), GOOD)
    partials, answer = await told(provider, ModelShape(Order))
    assert partials[0].value["level"] == "middle"
    assert answer.value == ORDER
    assert answer.n_asked == 2
    assert answer.response is not None
    assert provider.heard[1].request.stream is False


async def test_a_stream_in_a_fence_is_shown_too_and_one_in_python_at_its_end_only():
    partials, answer = await told(scripted(of("```json\n", GOOD, "\n```")), ModelShape(Order))
    assert answer.value == ORDER
    assert len(partials) == 1
    python = GOOD.replace('"', "'").replace("null", "None")
    partials, answer = await told(scripted(of(python[:20], python[20:])), ModelShape(Order))
    assert answer.value == ORDER
    assert [p.value for p in partials] == [{}]


async def test_a_stream_that_was_cut_by_its_length_ends_in_an_error():
    with pytest.raises(AnswerCut):
        await told(scripted(of(GOOD[:50], reason=FinishReason.CUT)), ModelShape(Order))


async def test_a_stream_that_breaks_off_ends_in_its_failure():
    cut = StreamCut("broke off", remedy="again", provider="p")
    with pytest.raises(StreamCut):
        await told(scripted(Turn(text=GOOD, after=4, failure=cut)), ModelShape(Order))


async def test_who_stops_early_ends_the_request():
    provider = scripted(of(GOOD[:30], GOOD[30:]))
    stream = stream_answer(
        provider, REQUEST, call(), ModelShape(Order), options=StructuredOptions(), now=still
    )
    await anext(stream)
    await stream.aclose()
    assert provider.endings == [Ending.CLOSED]
