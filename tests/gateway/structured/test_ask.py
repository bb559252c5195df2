"""A type in, an instance out: good answers at once, bad ones asked for again within bounds."""

from __future__ import annotations

import pickle
from decimal import Decimal
from typing import Literal

import msgspec
import pytest
from orders import (
    FENCED,
    GOOD,
    OPEN,
    ORDER,
    REQUEST,
    WRONG,
    Charging,
    Order,
    call,
    clock_of,
    scripted,
    still,
)
from pydantic import BaseModel

from seatrial.adapters.llm.jsonschema_shape import shape_maker
from seatrial.gateway.chat.failures import Overloaded, ProviderFailure
from seatrial.gateway.chat.messages import Message, Other, Role, ToolCall
from seatrial.gateway.chat.response import FinishReason, Usage
from seatrial.gateway.structured.ask import Answer, ask
from seatrial.gateway.structured.failures import AnswerCut, AnswerFiltered, AnswerInvalid
from seatrial.gateway.structured.form import total
from seatrial.gateway.structured.model_shape import ModelShape
from seatrial.gateway.structured.options import Mode, StructuredOptions
from seatrial.gateway.structured.policy import StructuredPolicy
from seatrial.gateway.structured.problem import Repair
from seatrial.kernel.errors import Invalid
from seatrial.testing.scripted_provider import ONE_ANSWER, ScriptedProvider, Turn

SHAPE = ModelShape(Order)
CUT = Turn(text=OPEN, finish_reason=FinishReason.CUT)


async def asked(*turns: str | Turn, **options: object) -> Answer[Order]:
    return await ask(
        scripted(*turns), REQUEST, call(), SHAPE, options=StructuredOptions(**options), now=still
    )


def as_tool(text: str) -> Turn:
    return Turn(text="", tool_calls=(ToolCall(id="1", name="Order", arguments=text),))


@pytest.mark.parametrize("mode", Mode)
async def test_a_good_answer_takes_one_call(mode):
    turn = as_tool(GOOD) if mode is Mode.TOOL else GOOD
    found = await asked(turn, mode=mode)
    assert found.value == ORDER
    assert (found.n_asked, found.usage, found.repairs) == (1, ONE_ANSWER, ())


async def test_a_bad_form_takes_no_second_call():
    found = await asked(FENCED)
    assert (found.value, found.n_asked, found.repairs) == (ORDER, 1, (Repair.FENCE,))


@pytest.mark.parametrize("mode", Mode)
async def test_a_wrong_answer_is_asked_for_again_with_its_problems(mode):
    provider = scripted(*map(as_tool, (WRONG, GOOD)) if mode is Mode.TOOL else (WRONG, GOOD))
    asking = call()
    found = await ask(
        provider, REQUEST, asking, SHAPE, options=StructuredOptions(mode=mode), now=still
    )
    assert found.value == ORDER
    assert found.n_asked == 2
    assert found.usage == Usage(input_tokens=20, output_tokens=4)
    said = str(provider.heard[1].request)
    assert "$.level" in said
    assert "$.items[0].price" in said
    assert asking.journal.notes["structured.n_asked"] == 2


async def test_only_the_last_answer_is_shown_again():
    provider = scripted("first try", "second try", "third try", GOOD)
    options = StructuredOptions(max_asked=4)
    await ask(provider, REQUEST, call(), SHAPE, options=options, now=still)
    sizes = [len(heard.request.messages) for heard in provider.heard]  # type: ignore[union-attr]
    assert sizes == [3, 5, 5, 5]
    assert "second try" not in str(provider.heard[3].request)
    assert "third try" in str(provider.heard[3].request)


async def test_attempts_are_bounded_and_every_problem_is_in_the_error():
    provider = scripted(WRONG)
    with pytest.raises(AnswerInvalid, match=r"\$\.level: .* and 1 more") as caught:
        await ask(provider, REQUEST, call(), SHAPE, options=StructuredOptions(), now=still)
    assert len(provider.heard) == 3
    error = caught.value
    assert [p["path"] for p in error.facts["problems"]] == ["$.level", "$.items[0].price"]
    assert error.facts["n_asked"] == 3
    assert "3 calls are allowed" in error.remedy
    assert error.may_be_paid
    assert not error.retryable


async def test_an_error_shows_the_form_of_the_answer_and_nothing_it_says():
    with pytest.raises(AnswerInvalid) as caught:
        await asked('{"name": "Anna Müller", "age": 42', max_asked=1)
    assert caught.value.facts["outline"] == '{"xxxx": "xxxx xxxxxx", "xxx": 00'
    assert "Anna" not in str(caught.value.as_dict())
    assert pickle.loads(pickle.dumps(caught.value)).as_dict() == caught.value.as_dict()


async def test_a_cut_answer_ends_in_an_error_of_its_own_at_once():
    provider = scripted(CUT, GOOD)
    with pytest.raises(AnswerCut, match="cut off at max_tokens 100"):
        await ask(provider, REQUEST, call(), SHAPE, options=StructuredOptions(), now=still)
    assert len(provider.heard) == 1


async def test_a_cut_answer_is_asked_for_with_more_tokens_where_that_is_allowed():
    provider = scripted(CUT, CUT, GOOD)
    options = StructuredOptions(max_tokens_if_cut=300)
    found = await ask(provider, REQUEST, call(), SHAPE, options=options, now=still)
    assert found.value == ORDER
    requests = [heard.request for heard in provider.heard]
    assert [r.max_tokens for r in requests] == [100, 200, 300]  # type: ignore[union-attr]
    assert {len(r.messages) for r in requests} == {3}  # type: ignore[union-attr]


async def test_more_tokens_end_at_their_bound():
    with pytest.raises(AnswerCut, match="max_tokens 200"):
        await asked(CUT, max_tokens_if_cut=200, max_asked=9)


async def test_a_cut_answer_without_max_tokens_met_the_providers_limit():
    request = msgspec.structs.replace(REQUEST, max_tokens=None)
    options = StructuredOptions(max_tokens_if_cut=200)
    with pytest.raises(AnswerCut, match="the provider's own limit"):
        await ask(scripted(CUT), request, call(), SHAPE, options=options, now=still)


async def test_a_filtered_answer_is_not_asked_for_again():
    provider = scripted(Turn(text=GOOD[:20], finish_reason=FinishReason.FILTERED))
    with pytest.raises(AnswerFiltered):
        await ask(provider, REQUEST, call(), SHAPE, options=StructuredOptions(), now=still)
    assert len(provider.heard) == 1


async def test_a_refusal_is_not_asked_for_again():
    refusal = Message(role=Role.ASSISTANT, parts=(Other(kind="refusal", data={}),))

    class Refusing(ScriptedProvider):
        async def chat(self, request, call):
            answer = await super().chat(request, call)
            choice = msgspec.structs.replace(answer.choices[0], message=refusal)
            return msgspec.structs.replace(answer, choices=(choice,))

    provider = Refusing([Turn()])
    with pytest.raises(AnswerFiltered):
        await ask(provider, REQUEST, call(), SHAPE, options=StructuredOptions(), now=still)
    assert len(provider.heard) == 1


async def test_nothing_is_asked_after_the_deadline():
    provider = scripted(WRONG)
    with pytest.raises(AnswerInvalid, match="the time is up"):
        await ask(
            provider,
            REQUEST,
            call(deadline=5.0),
            SHAPE,
            options=StructuredOptions(max_asked=9),
            now=clock_of([1.0, 4.9, 5.0]),
        )
    assert len(provider.heard) == 3


@pytest.mark.parametrize(
    ("prices", "n_asked"),
    [
        (["0.4", "0.3", "0.3"], 3),
        (["0.6"], 1),
        (["0.5", "0.5"], 2),
        ([None], 1),
        (["0.1", None], 2),
    ],
)
async def test_no_call_is_made_that_could_cost_too_much(prices, n_asked):
    provider = Charging(scripted(WRONG), [None if p is None else Decimal(p) for p in prices])
    asking = call()
    options = StructuredOptions(max_cost_usd=Decimal(1), max_asked=9)
    with pytest.raises(AnswerInvalid, match="more than the 1 USD allowed"):
        await ask(provider, REQUEST, asking, SHAPE, options=options, now=still)
    assert len(provider.inner.heard) == n_asked
    assert asking.journal.cost_usd <= 1


async def test_what_was_spent_before_does_not_count():
    asking = call()
    earlier = Charging(scripted(GOOD), [Decimal(5)])
    await earlier.chat(REQUEST, asking)
    provider = Charging(scripted(WRONG, GOOD), [Decimal("0.4"), Decimal("0.4")])
    options = StructuredOptions(max_cost_usd=Decimal(1))
    found = await ask(provider, REQUEST, asking, SHAPE, options=options, now=still)
    assert found.n_asked == 2


async def test_failures_of_the_provider_pass():
    failing = Turn(failure=Overloaded("no room", remedy="wait", provider="p"))
    with pytest.raises(ProviderFailure, match="no room"):
        await asked(WRONG, failing)


async def test_a_type_that_is_no_object_is_asked_for_in_a_box():
    provider = scripted('{"value": [1, "2"]}')
    found = await ask(
        provider, REQUEST, call(), ModelShape(list[int]), options=StructuredOptions(), now=still
    )
    assert found.value == [1, 2]
    assert [c.path for c in found.coercions] == ["$.value[1]"]


async def test_what_was_put_right_is_in_the_journal():
    asking = call()
    text = FENCED.replace("3", '"3"', 1)
    await ask(scripted(text), REQUEST, asking, SHAPE, options=StructuredOptions(), now=still)
    assert asking.journal.notes == {
        "structured.n_asked": 1,
        "structured.repairs": ["code_fence"],
        "structured.coercions": ["$.id: integer"],
    }


def test_no_call_at_all_is_no_option():
    with pytest.raises(Invalid, match="max_asked is 0"):
        StructuredOptions(max_asked=0)


class Slot(BaseModel):
    day: str
    order: int | None = None
    at: Literal["am", "pm"] | None = None


@pytest.mark.parametrize("mode", [Mode.PROMPT, Mode.NATIVE])
@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ('{"day": "mon"}', Slot(day="mon")),
        ('{"day": "mon", "order": null, "at": null}', Slot(day="mon")),
        ('{"day": "mon", "order": 2}', Slot(day="mon", order=2)),
    ],
)
async def test_what_may_be_left_out_may_be_left_out_behind_a_policy_too(mode, text, slot):
    """Strict modes know no such keys, so candidates without one demanded all, to the last call."""
    inner = scripted(text)
    policy = StructuredPolicy(
        inner, options=StructuredOptions(mode=mode), shapes=shape_maker(), now=still
    )
    found = await ask(
        policy,
        REQUEST,
        call(),
        ModelShape(Slot),
        options=StructuredOptions(mode=Mode.NATIVE),
        now=still,
    )
    assert (found.value, found.n_asked, len(inner.heard)) == (slot, 1, 1)


async def test_answers_that_a_candidates_own_mending_took_are_counted():
    inner = scripted(WRONG, "nonsense", GOOD)
    policy = StructuredPolicy(inner, options=StructuredOptions(), shapes=shape_maker(), now=still)
    asking = call()
    found = await ask(
        policy, REQUEST, asking, SHAPE, options=StructuredOptions(mode=Mode.NATIVE), now=still
    )
    assert (found.value, found.n_asked, len(inner.heard)) == (ORDER, 3, 3)
    assert asking.journal.notes["structured.n_asked"] == 3
    assert found.usage == total([ONE_ANSWER] * 3)
