import asyncio
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest

from seatrial.adapters.llm.jsonschema_shape import shape_maker
from seatrial.gateway.chat.call import CacheUse
from seatrial.gateway.chat.failures import Overloaded, Rejected, Unreachable
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.provider import Provider
from seatrial.gateway.chat.request import ChatRequest, Format, ResponseFormat
from seatrial.gateway.ledger.allowances import Allowances
from seatrial.gateway.ledger.budget import Scope, Window
from seatrial.gateway.ledger.teller import Teller
from seatrial.gateway.ledger.usage import By, UsageQuestion
from seatrial.gateway.policies.breaker import CircuitOpen
from seatrial.gateway.policies.budget_failures import BudgetExceeded
from seatrial.gateway.policies.guard import Blocked
from seatrial.gateway.policies.limit_store import LocalLimits
from seatrial.gateway.policies.metrics import GatewayCounts
from seatrial.gateway.policies.rate_limit import RateLimitExceeded
from seatrial.gateway.policies.recent_answers import RecentAnswers
from seatrial.gateway.prices.entries import EntryBook
from seatrial.gateway.routes.config import GatewayConfig
from seatrial.gateway.routes.gateway import Caller, Completion, Gateway
from seatrial.gateway.routes.keys import Key
from seatrial.gateway.routes.stack import Parts, model_table
from seatrial.gateway.tokens.windows import WindowTable
from seatrial.kernel.config import ConfigInvalid, validated
from seatrial.testing import ScriptedProvider
from seatrial.testing.billing_provider import WordCounter
from seatrial.testing.fake_time import now
from seatrial.testing.fake_time import run_in_fake_time as run
from seatrial.testing.memory_ledger import MemoryLedger
from seatrial.testing.scripted_provider import Turn, answers, fails

WALL_S = 1_785_000_000.0
PRICES = [{"model": "*", "input": "1", "output": "1"}]
CONFIG: dict[str, Any] = {
    "providers": {"a": {"kind": "openai"}, "b": {"kind": "anthropic"}},
    "models": {"m": ["a/m1", "b/m2"], "only": "a/m1"},
    "prices": PRICES,
}


def failure(kind: Any, provider: str = "a") -> Any:
    return kind("It broke.", remedy="Mend it.", provider=provider)


class House:
    """All policies, over two providers that play scripts."""

    def __init__(self, a: list[Turn], b: list[Turn] | None = None, **section: Any) -> None:
        config = validated(GatewayConfig, CONFIG | section, "seatrial.yaml")
        self.a, self.b = ScriptedProvider(a, name="a"), ScriptedProvider(b or [Turn()], name="b")
        self.ledger = MemoryLedger()
        self.key: Key | None = None
        vendors: dict[str, Provider] = {"a": self.a, "b": self.b}
        teller = Teller(self.ledger, wall=lambda: WALL_S, blocking=False, owner="test")
        parts = Parts(
            vendors=vendors,
            prices=EntryBook(price.entry() for price in config.prices),
            windows=WindowTable(()),
            counter=lambda vendor, model: WordCounter(),
            allowances=Allowances(teller, wall=lambda: WALL_S),
            limits=LocalLimits(),
            recent=RecentAnswers(max_entries=10, max_bytes=10**6),
            answers=None,
            shapes=shape_maker(),
            key=lambda key_id: self.key,
            tracer=None,
            counts=GatewayCounts(),
            now=now,
            wall=lambda: WALL_S,
            chance=Random(1),
        )
        self.allowances = parts.allowances
        self.gateway = Gateway(model_table(config, parts), now=now, closing=self.allowances.close)

    async def ask(self, model: str = "m", **asked: Any) -> Completion:
        asked = {"max_tokens": 10, "caller": Caller(key="k")} | asked
        return await self.gateway.chat(model, "How are you?", **asked)


def test_an_answer_is_counted_paid_and_told() -> None:
    async def body() -> None:
        house = House([answers()])
        answer = await house.ask()
        (attempt,) = answer.journal.attempts
        assert (attempt.provider, attempt.model) == ("a", "m1")
        assert answer.cost_usd == Decimal("0.012")  # 12 tokens at 1 USD for 1,000
        await asyncio.sleep(1)  # so long settlements wait at most
        question = UsageQuestion(since_us=0, until_us=2**62, by=(By.KEY, By.MODEL))
        (total,) = house.ledger.usage(question)
        assert (total.group, total.cost_usd) == (("k", "m1"), Decimal("0.012"))

    run(body())


def test_what_may_pass_is_tried_again_then_elsewhere_and_each_attempt_is_told() -> None:
    async def body() -> None:
        house = House([fails(failure(Overloaded))], [answers("From b.")])
        answer = await house.ask()
        assert answer.text == "From b."
        assert [one.provider for one in answer.journal.attempts] == ["a", "a", "a", "b"]
        assert [one.failure for one in answer.journal.attempts][-1] is None

    run(body())


def test_a_wrong_request_is_tried_once_and_nowhere_else() -> None:
    async def body() -> None:
        house = House([fails(failure(Rejected))])
        with pytest.raises(Rejected):
            await house.ask()
        assert (len(house.a.heard), len(house.b.heard)) == (1, 0)

    run(body())


def test_a_provider_that_keeps_failing_is_left_alone_by_all_models() -> None:
    async def body() -> None:
        house = House([fails(failure(Unreachable))], breaker={"failures": 3, "pause": "1h"})
        await house.ask("m")
        asked = len(house.a.heard)
        with pytest.raises(CircuitOpen):
            await house.ask("only", timeout_s=5)
        assert len(house.a.heard) == asked

    run(body())


def test_a_budget_of_all_bounds_each_call_and_one_of_a_key_that_key() -> None:
    async def body() -> None:
        house = House([answers()], budgets=[{"limit_usd": "0.001", "window": "total"}])
        with pytest.raises(BudgetExceeded):
            await house.ask()
        house = House([answers()])
        house.key = Key(
            id="k", name="ana", digest="00", budget_usd=Decimal("0.03"), window=Window.TOTAL
        )
        await house.ask()
        await asyncio.sleep(1)
        spent = await house.ask(max_tokens=1)
        assert spent.cost_usd <= Decimal("0.018")
        with pytest.raises(BudgetExceeded) as caught:
            await asyncio.gather(*(house.ask() for _ in range(3)))
        assert caught.value.facts["budget"] == f"ever/{Scope.KEY}/k"
        await asyncio.sleep(1)  # so long settlements wait at most
        (total,) = house.ledger.usage(UsageQuestion(since_us=0, until_us=2**62))
        assert total.cost_usd <= Decimal("0.03")

    run(body())


def test_the_limits_of_a_key_win_over_those_for_all() -> None:
    async def body() -> None:
        house = House([answers()], limits={"requests_per_minute": 1})
        await house.ask()
        with pytest.raises(RateLimitExceeded):
            await house.ask()
        house.key = Key(id="k", name="ana", digest="00", requests_per_minute=3)
        await house.ask(caller=Caller(key="other"))
        await house.ask(caller=Caller(key="other"))

    run(body())


def test_an_equal_request_is_answered_from_the_cache_and_costs_nothing() -> None:
    async def body() -> None:
        house = House([answers()], cache={"enabled": True})
        first = await house.ask(temperature=0.0)
        again = await house.ask(temperature=0.0)
        other = await house.ask(temperature=0.0, caller=Caller(key="k", tenant="else"))
        uses = [one.journal.cache for one in (first, again, other)]
        assert uses == [CacheUse.MISS, CacheUse.HIT, CacheUse.MISS]
        assert (again.cost_usd, again.text) == (Decimal(0), first.text)
        assert len(house.a.heard) == 2

    run(body())


def test_the_answer_of_a_fallback_is_not_kept_for_the_first() -> None:
    async def body() -> None:
        house = House(
            [fails(failure(Rejected)), answers("From a.")],
            [answers("From b.")],
            cache={"enabled": True},
            models={"m": ["a/m1", "b/m2"]},
        )
        house.a.script = [fails(failure(Overloaded))] * 3 + [answers("From a.")]
        first = await house.ask(temperature=0.0)
        second = await house.ask(temperature=0.0)
        assert (first.text, second.text) == ("From b.", "From a.")

    run(body())


def test_a_long_conversation_is_cut_to_the_window_of_its_candidate() -> None:
    async def body() -> None:
        narrow = {"provider": "a", "model": "m1", "context_tokens": 60}
        house = House([answers()], models={"m": [narrow]})
        from seatrial.gateway.chat.messages import Role, said
        from seatrial.gateway.chat.request import ChatRequest

        turns = tuple(said(Role.USER, f"turn {n} " + "word " * 10) for n in range(20))
        request = ChatRequest(model="m", messages=turns)
        await house.gateway.chat("m", request=request, max_tokens=10)
        asked = house.a.heard[-1].request
        assert isinstance(asked, ChatRequest)
        assert len(asked.messages) < 20
        assert asked.messages[-1] == turns[-1]

    run(body())


def test_guards_stand_outside_of_everything() -> None:
    async def body() -> None:
        guards = {"deny": {"secrets": ["How are *"]}, "max_messages": 3}
        house = House([answers()], guards=guards, limits={"requests_per_minute": 1})
        for _ in range(2):
            with pytest.raises(Blocked):
                await house.ask()
        assert not house.a.heard
        await house.gateway.chat("m", "Where?", max_tokens=1, caller=Caller(key="k"))

    run(body())


def test_a_model_has_its_own_deadline_and_its_candidates_are_listed() -> None:
    house = House(
        [answers()],
        models={"m": {"candidates": ["b/m2"], "deadline": 5}, "n": "a/m1"},
        deadline=50,
    )
    routes = {route.name: route for route in house.gateway.table.all()}
    assert (routes["m"].deadline_s, routes["n"].deadline_s) == (5, 50)
    assert routes["m"].candidates == (("b", "m2"),)


@pytest.mark.parametrize(
    ("provider", "candidate", "native"),
    [
        ({}, "a/m1", True),
        ({}, "a/gpt-3.5-turbo", False),
        ({"json_schema": True}, "a/gpt-3.5-turbo", True),
        ({"json_schema": False}, "a/m1", False),
        ({}, {"provider": "a", "model": "m1", "json_schema": False}, False),
        ({"json_schema": False}, {"provider": "a", "model": "m1", "json_schema": True}, True),
    ],
)
def test_a_schema_goes_to_models_that_take_one_and_is_said_in_words_to_others(
    provider: Any, candidate: Any, native: bool
) -> None:
    house = House(
        [answers('{"n": 1}')],
        providers={"a": {"kind": "openai"} | provider},
        models={"m": [candidate]},
    )
    shape = {"type": "object", "properties": {"n": {"type": "integer"}}}
    form = ResponseFormat(form=Format.SCHEMA, schema=shape)
    request = ChatRequest(
        model="m", messages=(said(Role.USER, "How many?"),), response_format=form, max_tokens=9
    )
    assert run(house.gateway.chat("m", request=request)).text == '{"n": 1}'
    heard = house.a.heard[0].request
    assert (heard.response_format == form) is native
    assert ('"integer"' in heard.messages[0].text) is not native


TALK = ChatRequest(
    model="m",
    messages=(
        said(Role.USER, "long " * 40),
        said(Role.ASSISTANT, "yes " * 40),
        said(Role.USER, "And now?"),
    ),
    max_tokens=10,
)
SUMMARISED: dict[str, Any] = {
    "models": {
        "m": {
            "candidates": [{"provider": "a", "model": "m1", "context_tokens": 400}],
            "summarise": "s",
        },
        "s": "b/m2",
    },
}


def test_what_is_cut_is_said_in_short_by_another_model_and_paid_by_the_caller() -> None:
    house = House([Turn()], [answers("They said yes.")], **SUMMARISED)
    talk = msgspec.structs.replace(TALK, messages=(said(Role.USER, "old " * 400), *TALK.messages))
    caller = Caller(key="k", user="ana")

    async def body() -> Completion:
        done = await house.gateway.chat("m", request=talk, caller=caller)
        await asyncio.sleep(1)  # so long settlements wait at most
        return done

    done = run(body())
    assert [part.text for part in house.a.heard[0].request.messages] == [
        "What was said before, in short: They said yes.",
        *(message.text for message in TALK.messages),
    ]
    assert done.journal.notes["fit.summarised"] is True
    assert [attempt.provider for attempt in done.journal.attempts] == ["b", "a"]
    (spent,) = house.ledger.usage(UsageQuestion(since_us=0, until_us=2**62, by=(By.USER,)))
    assert (spent.group, spent.n, spent.cost_usd) == (("ana",), 2, done.cost_usd)


def test_who_cannot_be_summarised_is_cut_without() -> None:
    house = House([Turn()], [fails(failure(Rejected, "b"))], **SUMMARISED)
    talk = msgspec.structs.replace(TALK, messages=(said(Role.USER, "old " * 400), *TALK.messages))
    done = run(house.gateway.chat("m", request=talk))
    assert house.a.heard[0].request.messages == TALK.messages
    assert done.journal.notes["fit.summary_failed"] == "gateway.request_rejected"
    assert done.journal.notes["fit.dropped_messages"] == 1


@pytest.mark.parametrize("summariser", ["nope", "m", "vectors", "other"])
def test_who_summarises_is_a_model_for_chat_that_needs_no_summary(summariser: str) -> None:
    models: dict[str, Any] = {
        "m": {"candidates": ["a/m1"], "summarise": summariser},
        "vectors": {"kind": "embedding", "candidates": ["a/e"]},
        "other": {"candidates": ["a/m1"], "summarise": "s"},
        "s": "a/m1",
    }
    with pytest.raises(ConfigInvalid, match=f"'m' is summarised by '{summariser}'"):
        House([Turn()], models=models)
