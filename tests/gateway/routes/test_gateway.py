from contextlib import aclosing
from decimal import Decimal

import pytest
from pydantic import BaseModel

from seatrial.gateway.chat.call import Attempt, Call, Journal
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.chat.response import ChatResponse, TextDelta
from seatrial.gateway.routes.gateway import Caller, Gateway
from seatrial.gateway.routes.table import ModelTable, ModelUnfit, ModelUnknown, Route, Use
from seatrial.testing import ScriptedProvider
from seatrial.testing.scripted_provider import Turn


class House:
    """A gateway whose model ``m`` plays a script."""

    def __init__(self) -> None:
        self.provider = ScriptedProvider()
        self.n_closed = 0
        table = ModelTable(
            {
                name: Route(name=name, provider=self.provider, deadline_s=10, use=use)
                for name, use in (("m", Use.CHAT), ("e", Use.EMBEDDING))
            }
        )
        self.gateway = Gateway(
            table, now=lambda: 100.0, closing=self.close, new_id=lambda: "made here"
        )

    async def close(self) -> None:
        self.n_closed += 1

    @property
    def request(self) -> ChatRequest:
        request = self.provider.heard[-1].request
        assert isinstance(request, ChatRequest)
        return request


async def test_a_text_is_what_the_user_says() -> None:
    house = House()
    answer = await house.gateway.chat("m", "Hello?")
    assert answer.text == "It works."
    assert answer.usage is not None
    assert house.request.messages == (said(Role.USER, "Hello?"),)


async def test_a_conversation_and_its_bounds_go_on_as_they_are() -> None:
    house = House()
    turns = [said(Role.SYSTEM, "Be brief."), said(Role.USER, "Hello?")]
    await house.gateway.chat("m", turns, max_tokens=7, temperature=0.0)
    request = house.request
    assert (request.messages, request.max_tokens, request.temperature) == (tuple(turns), 7, 0.0)
    whole = ChatRequest(model="other", messages=tuple(turns), seed=3)
    await house.gateway.chat("m", request=whole)
    assert (house.request.model, house.request.seed) == ("m", 3)


async def test_either_messages_or_a_request_is_given() -> None:
    gateway = House().gateway
    with pytest.raises(TypeError):
        await gateway.chat("m")
    with pytest.raises(TypeError):
        await gateway.chat("m", "a", request=ChatRequest(model="m", messages=()))


async def test_a_stream_gives_pieces_and_takes_down_what_became_of_it() -> None:
    house = House()
    journal = Journal()
    async with aclosing(house.gateway.stream("m", "Hello?", journal=journal)) as chunks:
        events = [event async for chunk in chunks for event in chunk.events]
    texts = [event.text for event in events if isinstance(event, TextDelta)]
    assert "".join(texts) == "It works."
    assert house.provider.heard[-1].call.journal is journal
    assert house.request.stream


async def test_an_answer_is_an_instance_of_the_type_asked_for() -> None:
    class Town(BaseModel):
        name: str
        people: int

    house = House()
    house.provider.script = [
        Turn(text="It is Ulm."),
        Turn(text='{"name": "Ulm", "people": 126000}'),
    ]
    journal = Journal()
    answer = await house.gateway.structured("m", "Where?", of=Town, journal=journal)
    assert answer.value == Town(name="Ulm", people=126000)
    assert house.provider.heard[-1].call.journal is journal
    assert answer.n_asked == 2
    form = house.request.response_format
    assert form is not None
    assert form.schema is not None
    assert form.schema["required"] == ["name", "people"]


async def test_vectors_come_in_the_order_of_the_texts() -> None:
    made = await House().gateway.embed("e", ["abc", "d"], dimensions=2)
    assert made.vectors == ((3.0, 1.0), (1.0, 1.0))


async def test_the_caller_and_their_patience_reach_the_call() -> None:
    house = House()
    caller = Caller(key="k", tenant="t", user="u", tags={"a": "b"})
    await house.gateway.chat("m", "Hello?", caller=caller, timeout_s=3)
    call = house.provider.heard[-1].call
    assert (call.key, call.tenant, call.user, call.tags) == ("k", "t", "u", {"a": "b"})
    assert (call.id, call.deadline) == ("made here", 103.0)
    await house.gateway.chat("m", "Hello?", timeout_s=1000)
    assert house.provider.heard[-1].call.deadline == 110.0


async def test_the_cost_is_that_of_all_attempts() -> None:
    class Paid(ScriptedProvider):
        async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
            for cost in ("0.1", None, "0.02"):
                attempt = Attempt(
                    provider="p",
                    model="m",
                    began=0,
                    ended=1,
                    cost_usd=None if cost is None else Decimal(cost),
                )
                call.journal.attempts.append(attempt)
            return await ScriptedProvider.chat(self, request, call)

    table = ModelTable({"m": Route(name="m", provider=Paid(), deadline_s=10)})
    gateway = Gateway(table, now=lambda: 0.0, closing=House().close)
    assert (await gateway.chat("m", "a")).cost_usd == Decimal("0.12")


async def test_what_is_not_there_is_named_with_the_nearest() -> None:
    gateway = House().gateway
    with pytest.raises(ModelUnknown, match="Models are: e, m"):
        await gateway.chat("gpt", "a")
    with pytest.raises(ModelUnknown, match="Did you mean 'm'"):
        await gateway.chat("mm", "a")
    with pytest.raises(ModelUnfit, match="for embedding, not for chat"):
        await gateway.chat("e", "a")
    with pytest.raises(ModelUnfit):
        await gateway.embed("m", ["a"])


async def test_it_is_closed_once() -> None:
    house = House()
    async with house.gateway as gateway:
        await gateway.close()
    assert house.n_closed == 1
