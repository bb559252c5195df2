"""What is reserved before an attempt, and what is paid after it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from decimal import Decimal

import pytest

from seatrial.gateway.chat.call import CacheUse
from seatrial.gateway.chat.failures import (
    ConnectionLost,
    RateLimited,
    ServerFault,
    StreamCut,
    TimedOut,
    Unreachable,
)
from seatrial.gateway.chat.messages import ToolCall
from seatrial.gateway.chat.money import UNITS_PER_USD
from seatrial.gateway.chat.request import EmbeddingRequest
from seatrial.gateway.chat.response import Chunk, TextDelta, Usage, UsageReported
from seatrial.gateway.ledger.budget import Budget, Scope, Window
from seatrial.gateway.ledger.teller import TellerClosed
from seatrial.gateway.ledger.usage import By, UsageQuestion
from seatrial.gateway.policies import budget
from seatrial.gateway.policies.budget import CANCELLED
from seatrial.gateway.policies.budget_failures import (
    AttemptRepeated,
    BudgetExceeded,
    BudgetHeld,
    PriceUnknown,
)
from seatrial.gateway.policies.ticket import BudgetOptions, Unfinished
from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import StoreUnavailable
from seatrial.testing.billing_provider import FlatPrice, WordCounter
from seatrial.testing.fake_time import in_fake_time
from seatrial.testing.scripted_provider import ScriptedProvider, Turn, answers, fails, hangs

UNIT = UNITS_PER_USD // 10_000
"""The price of a token."""


def failure(kind, **facts):
    return kind("It failed.", remedy="Wait.", provider="scripted", **facts)


async def read(policy, request, call, *, pieces=None):
    """A stream, as far as so many pieces."""
    taken = []
    async with aclosing(policy.stream(request, call)) as chunks:
        async for chunk in chunks:
            taken.append(chunk)
            if len(taken) == pieces:
                break
    return taken


class NoPrices:
    def quote(self, provider, model, terms=()):
        return None


# --- what is reserved


@in_fake_time
async def test_the_worst_case_is_reserved_while_the_call_is_under_way(desk, ask):
    desk = desk()
    policy = desk.budgeted(desk.provider(n_words=5, wait_s=1.0))
    task = asyncio.create_task(policy.chat(ask(10, max_tokens=50), desk.call()))
    await asyncio.sleep(0.5)
    assert await desk.held() == (0, 60 * UNIT)
    await task
    assert await desk.held() == (15 * UNIT, 0)


class Roughly(WordCounter):
    """Tells lengths at once, and notes that it had to count."""

    def __init__(self):
        self.n_counted = 0

    def ceiling(self, request):
        return 7 * self.request(request)

    def bound(self, request):
        self.n_counted += 1
        return self.request(request)


@in_fake_time
async def test_with_money_enough_the_length_of_the_texts_is_reserved_and_nothing_counted(desk, ask):
    desk, counter = desk(), Roughly()
    policy = desk.budgeted(desk.provider(n_words=5, wait_s=1.0), counter=counter)
    task = asyncio.create_task(policy.chat(ask(10, max_tokens=50), desk.call()))
    await asyncio.sleep(0.5)
    assert await desk.held() == (0, 120 * UNIT)
    await task
    assert await desk.held() == (15 * UNIT, 0)
    assert counter.n_counted == 0


@in_fake_time
async def test_where_lengths_are_too_much_for_the_budget_tokens_are_counted(desk, ask):
    desk, counter = desk("0.0060"), Roughly()
    policy = desk.budgeted(desk.provider(n_words=50), counter=counter)
    await policy.chat(ask(10, max_tokens=50), desk.call())
    assert await desk.held() == (60 * UNIT, 0)
    assert counter.n_counted == 1


@in_fake_time
async def test_what_may_have_been_paid_counts_at_the_worst_of_the_tokens_not_of_the_lengths(
    desk, ask
):
    desk, counter = desk(), Roughly()
    lost = ScriptedProvider([fails(failure(TimedOut))])
    with pytest.raises(TimedOut):
        await desk.budgeted(lost, counter=counter).chat(ask(10, max_tokens=50), desk.call())
    assert await desk.held() == (60 * UNIT, 0)


class Unloaded(Roughly):
    """Has to load before it counts."""

    ready = False

    def load(self):
        self.ready = True

    def text(self, text):
        assert self.ready
        return super().text(text)

    def ceiling(self, request):
        return 7 * WordCounter().request(request)


CHEAP = FlatPrice(Decimal("0.000001"))


@pytest.mark.parametrize(
    ("words", "loaded", "paid"),
    [(10, False, 70 + 50), (142, False, 994 + 50), (143, True, 143 + 50)],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_for_a_broken_call_a_vocabulary_is_loaded_where_the_prompt_is_worth_it(
    desk, ask, words, loaded, paid, streamed, monkeypatch
):
    async def load(counter):  # fake time knows no threads
        counter.load()

    monkeypatch.setattr(budget, "loaded", load)

    @in_fake_time
    async def run():
        work, counter = desk(), Unloaded()
        lost = ScriptedProvider([fails(failure(TimedOut), after=2 if streamed else 0)])
        policy = work.budgeted(lost, counter=counter, prices=CHEAP)
        call, request = work.call(), ask(words, max_tokens=50)
        with pytest.raises(TimedOut):
            await (read(policy, request, call) if streamed else policy.chat(request, call))
        assert counter.ready is loaded
        assert await work.held() == (paid * UNIT // 100, 0)
        (attempt,) = call.journal.attempts
        assert attempt.estimated
        assert (attempt.usage is not None) is streamed
        if streamed:
            assert attempt.usage.input_tokens == paid - 50

    run()


@in_fake_time
async def test_several_answers_are_reserved_and_paid_together(desk, ask):
    desk = desk("0.0045")
    vendor = desk.provider(n_words=100)
    call = desk.call()
    await desk.budgeted(vendor).chat(ask(10, max_tokens=50, n=2), call)
    assert (await desk.spent()).output_tokens == 34  # twice the 17 that 35 tokens allow
    assert vendor.billed_usd <= Decimal("0.0045")


@in_fake_time
async def test_an_answer_is_cut_to_what_is_left_and_the_cut_is_told(desk, ask):
    desk = desk("0.0040")
    vendor = desk.provider(n_words=100)
    call = desk.call()
    answer = await desk.budgeted(vendor).chat(ask(10, max_tokens=50), call)
    assert len(answer.text.split()) == 30
    assert call.journal.notes == {"budget.cut_at_tokens": 30}
    assert await desk.held() == (40 * UNIT, 0)


@in_fake_time
async def test_a_streamed_answer_that_was_cut_is_told_too(desk, ask):
    desk = desk("0.0040")
    call = desk.call()
    await read(desk.budgeted(desk.provider(n_words=100)), ask(10, max_tokens=50), call)
    assert call.journal.notes == {"budget.cut_at_tokens": 30}


@in_fake_time
async def test_a_cut_that_the_caller_asked_for_is_not_told(desk, ask):
    desk = desk()
    call = desk.call()
    await desk.budgeted(desk.provider(n_words=100)).chat(ask(10, max_tokens=50), call)
    assert call.journal.notes == {}


@in_fake_time
async def test_max_tokens_is_never_raised(desk, ask):
    desk = desk()
    scripted = ScriptedProvider()
    policy = desk.budgeted(scripted, maximum=100, options=BudgetOptions(floor_tokens=16))
    await policy.chat(ask(max_tokens=3), desk.call())
    await policy.chat(ask(max_tokens=None), desk.call())
    await policy.chat(ask(max_tokens=500), desk.call())
    assert [heard.request.max_tokens for heard in scripted.heard] == [3, 100, 500]


@in_fake_time
async def test_no_answer_is_cut_below_the_floor(desk, ask):
    desk = desk("0.0025")  # 10 tokens in, 15 out
    vendor = desk.provider(n_words=100)
    with pytest.raises(BudgetExceeded) as caught:
        await desk.budgeted(vendor).chat(ask(10, max_tokens=50), desk.call())
    assert caught.value.problem == (
        "The budget of all calls is 0.0025 USD: 0 USD are spent, and the call costs "
        "up to 0.0026 USD even with the shortest answer."
    )
    assert caught.value.facts["budget"] == "ever/total/"
    assert vendor.n_asked == 0
    await desk.budgeted(vendor).chat(ask(10, max_tokens=5), desk.call())  # as short as was asked
    await desk.budgeted(vendor, options=BudgetOptions(floor_tokens=2)).chat(
        ask(2, max_tokens=50), desk.call()
    )
    assert vendor.n_paid == 2


@in_fake_time
async def test_a_refusal_says_what_calls_under_way_hold(desk, ask):
    desk = desk("0.003")
    policy = desk.budgeted(desk.provider(wait_s=1.0))
    task = asyncio.create_task(policy.chat(ask(), desk.call()))
    await asyncio.sleep(0.5)
    with pytest.raises(BudgetHeld, match=r"0\.002 USD are reserved by calls under way") as held:
        await policy.chat(ask(), desk.call())
    assert held.value.retryable
    await task
    with pytest.raises(BudgetExceeded) as spent:
        await policy.chat(ask(), desk.call())
    assert not spent.value.retryable


@in_fake_time
async def test_all_budgets_must_allow_a_call(desk, ask):
    desk = desk()
    limits = {"ana": "0.002", None: "1"}
    desk.budgets = [
        Budget(limit_usd=Decimal(limit), window=Window.DAY, scope=Scope.USER, name=name)
        for name, limit in limits.items()
    ]
    policy = desk.budgeted(desk.provider())
    await policy.chat(ask(), desk.call(user="ana"))
    with pytest.raises(BudgetExceeded, match="of the user 'ana' for"):
        await policy.chat(ask(), desk.call(user="ana"))
    await policy.chat(ask(), desk.call(user="bob"))
    await policy.chat(ask(), desk.call())


@in_fake_time
async def test_an_unknown_price_is_refused_under_a_budget(desk, ask):
    desk = desk()
    vendor = desk.provider()
    with pytest.raises(PriceUnknown, match="The price of m at billing is not known"):
        await desk.budgeted(vendor, prices=NoPrices()).chat(ask(), desk.call())
    assert vendor.n_asked == 0


@in_fake_time
async def test_without_a_budget_calls_are_recorded_and_not_touched(desk, ask):
    desk = desk()
    scripted = ScriptedProvider()
    free = desk.budgeted(scripted, budgets=[])
    unpriced = desk.budgeted(scripted, budgets=[], prices=NoPrices())
    await free.chat(ask(max_tokens=None), desk.call())
    await unpriced.chat(ask(max_tokens=None), desk.call())
    assert [heard.request.max_tokens for heard in scripted.heard] == [None, None]
    spent = await desk.spent()
    assert (spent.n, spent.n_unpriced, spent.cost) == (2, 1, 12 * UNIT)
    assert desk.ledger.balances("") == []


@in_fake_time
async def test_without_a_budget_a_broken_stream_is_recorded_as_far_as_it_came(desk, ask):
    desk = desk()
    scripted = ScriptedProvider([fails(failure(StreamCut), after=2)])
    with pytest.raises(StreamCut):
        await read(desk.budgeted(scripted, budgets=[]), ask(10), desk.call())
    spent = await desk.spent()
    assert (spent.cost, spent.output_tokens, spent.n_estimated) == (11 * UNIT, 1, 1)


@in_fake_time
async def test_the_same_attempt_is_not_made_twice(desk, ask):
    desk = desk()
    scripted = ScriptedProvider()
    policy = desk.budgeted(scripted)
    await policy.chat(ask(), desk.call(id="same"))
    with pytest.raises(AttemptRepeated):
        await policy.chat(ask(), desk.call(id="same"))
    desk.wall += 1.0  # a client that sends its id again, later: an attempt like any other
    await policy.chat(ask(), desk.call(id="same"))
    assert len(scripted.heard) == 2


@in_fake_time
async def test_without_the_ledger_nothing_is_sent(desk, ask):
    desk = desk()
    scripted = ScriptedProvider()
    policy = desk.budgeted(scripted)
    desk.ledger.close()
    with pytest.raises(StoreUnavailable):
        await policy.chat(ask(), desk.call())
    await desk.allowances.close()
    with pytest.raises(TellerClosed):
        await policy.chat(ask(), desk.call())
    assert scripted.heard == []


@in_fake_time
async def test_a_call_is_paid_from_the_day_it_began(desk, ask):
    desk = desk("1", window=Window.DAY)
    desk.wall = 1_785_024_000.0 - 0.5  # half a second before a midnight
    policy = desk.budgeted(desk.provider(wait_s=1.0))
    task = asyncio.create_task(policy.chat(ask(), desk.call()))
    await asyncio.sleep(0.1)
    desk.wall += 1.0
    await task
    await policy.chat(ask(), desk.call())
    await desk.allowances.flush()
    days = [(one.account, one.spent) for one in desk.ledger.balances("2026")]
    assert days == [("2026-07-25/total/", 20 * UNIT), ("2026-07-26/total/", 20 * UNIT)]


# --- what is paid


@in_fake_time
async def test_what_the_provider_says_is_paid(desk, ask):
    desk = desk()
    usage = Usage(input_tokens=7, output_tokens=9, cached_tokens=3)
    scripted = ScriptedProvider([Turn(usage=usage)])
    call = desk.call()
    call.journal.cache = CacheUse.MISS
    await desk.budgeted(scripted).chat(ask(), call)
    (attempt,) = call.journal.attempts
    assert (attempt.usage, attempt.cost_usd, attempt.price_version) == (
        usage,
        Decimal("0.0016"),
        "flat",
    )
    assert (attempt.provider, attempt.model, attempt.failure) == ("scripted", "m", None)
    assert not attempt.estimated
    assert (await desk.spent()).cached_tokens == 3


@in_fake_time
async def test_a_stream_costs_what_the_same_answer_costs_whole(desk, ask):
    for usage in (Usage(input_tokens=7, output_tokens=9), None):
        desk_, turn = desk(), Turn(text="one two three four", usage=usage)
        calls = [desk_.call(), desk_.call()]
        policy = desk_.budgeted(ScriptedProvider([turn]))
        await policy.chat(ask(), calls[0])
        await read(policy, ask(), calls[1])
        whole, streamed = (call.journal.attempts[0] for call in calls)
        assert whole.cost_usd == streamed.cost_usd
        assert whole.usage == streamed.usage
        assert whole.estimated == streamed.estimated == (usage is None)


@in_fake_time
async def test_tools_and_thoughts_count_where_no_usage_is_told(desk, ask):
    desk = desk()
    tool = ToolCall(id="1", name="look up", arguments='{"a": 1, "b": 2}')
    turn = Turn(text="two words", tool_calls=(tool, tool), usage=None)
    policy = desk.budgeted(ScriptedProvider([turn]))
    calls = [desk.call(), desk.call()]
    await policy.chat(ask(max_tokens=50), calls[0])
    await read(policy, ask(max_tokens=50), calls[1])
    assert [call.journal.attempts[0].usage.output_tokens for call in calls] == [14, 14]


@in_fake_time
async def test_the_time_to_the_first_token_is_kept(desk, ask):
    desk = desk()
    call = desk.call()
    await read(desk.budgeted(desk.provider(wait_s=0.5, n_words=4)), ask(), call)
    (attempt,) = call.journal.attempts
    assert attempt.first_token - attempt.began == pytest.approx(0.5)
    assert attempt.ended - attempt.began == pytest.approx(2.0)
    assert (await desk.spent()).latency_us == pytest.approx(2_000_000)


@pytest.mark.parametrize("kind", [RateLimited, ServerFault, Unreachable])
def test_a_failure_that_is_not_paid_gives_all_back(desk, ask, kind):
    @in_fake_time
    async def run():
        work = desk()
        call = work.call()
        with pytest.raises(kind):
            await work.budgeted(ScriptedProvider([fails(failure(kind))])).chat(ask(), call)
        assert await work.held() == (0, 0)
        (attempt,) = call.journal.attempts
        assert (attempt.failure, attempt.cost_usd, attempt.estimated) == (kind.code, 0, False)
        assert (await work.spent()).n_failed == 1

    run()


@pytest.mark.parametrize("kind", [ConnectionLost, TimedOut])
def test_a_failure_that_may_be_paid_counts_at_its_worst(desk, ask, kind):
    @in_fake_time
    async def run():
        work = desk()
        call = work.call()
        with pytest.raises(kind):
            await work.budgeted(ScriptedProvider([fails(failure(kind))])).chat(ask(), call)
        assert await work.held() == (20 * UNIT, 0)
        (attempt,) = call.journal.attempts
        assert (attempt.failure, attempt.estimated) == (kind.code, True)
        assert (await work.spent()).unconfirmed == 20 * UNIT

    run()


class Unread(Roughly):
    """Cannot count before it was loaded."""

    ready = False

    def load(self):
        self.ready = True

    def bound(self, request):
        assert self.ready
        return super().bound(request)


async def test_a_call_that_is_given_up_is_settled_when_its_tokens_can_be_counted(desk, ask):
    desk, counter = desk(), Unread()
    provider = ScriptedProvider([hangs()])
    policy = desk.budgeted(provider, counter=counter)
    task = asyncio.create_task(policy.chat(ask(10, max_tokens=50), desk.call()))
    while not provider.running:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert counter.ready
    assert await desk.held() == (60 * UNIT, 0)


async def test_near_its_end_a_budget_waits_until_tokens_can_be_counted(desk, ask):
    desk, counter = desk("0.0060"), Unread()
    policy = desk.budgeted(desk.provider(n_words=50), counter=counter)
    await policy.chat(ask(10, max_tokens=50), desk.call())
    assert await desk.held() == (60 * UNIT, 0)


@in_fake_time
async def test_a_request_that_could_not_be_written_costs_nothing(desk, ask):
    desk = desk()

    class Refusing(ScriptedProvider):
        async def chat(self, request, call):
            raise Invalid("No images.", remedy="Send none.")

    with pytest.raises(Invalid):
        await desk.budgeted(Refusing()).chat(ask(), desk.call())
    assert await desk.held() == (0, 0)


@in_fake_time
async def test_a_mistake_of_the_adapter_counts_at_its_worst(desk, ask):
    desk = desk()

    class Broken(ScriptedProvider):
        async def chat(self, request, call):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await desk.budgeted(Broken()).chat(ask(), desk.call())
    assert await desk.held() == (20 * UNIT, 0)


@in_fake_time
async def test_a_call_that_is_cancelled_while_the_provider_works_counts_at_its_worst(desk, ask):
    desk = desk()
    call = desk.call()
    task = asyncio.create_task(desk.budgeted(ScriptedProvider([hangs()])).chat(ask(), call))
    await asyncio.sleep(1.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await desk.held() == (20 * UNIT, 0)
    assert call.journal.attempts[0].failure == CANCELLED


@in_fake_time
async def test_a_call_that_is_cancelled_before_it_is_sent_costs_nothing(desk, ask):
    desk = desk()
    scripted = ScriptedProvider()
    task = asyncio.create_task(desk.budgeted(scripted).chat(ask(), desk.call()))
    await asyncio.sleep(0)  # it waits for the ledger
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await desk.held() == (0, 0)
    assert (scripted.heard, (await desk.spent()).n) == ([], 0)


BROKEN_OFF = pytest.mark.parametrize(
    ("rule", "paid"), [(Unfinished.WORST, 60), (Unfinished.RECEIVED, 12)]
)


@BROKEN_OFF
@pytest.mark.parametrize("how", ["cut", "closed", "cancelled"])
def test_a_stream_that_broke_off_is_paid_by_the_rule(desk, ask, rule, paid, how):
    @in_fake_time
    async def run():
        work = desk()
        turn = fails(failure(StreamCut), after=3) if how == "cut" else hangs(after=3)
        policy = work.budgeted(ScriptedProvider([turn]), options=BudgetOptions(unfinished=rule))
        call = work.call()
        reading = asyncio.create_task(
            read(policy, ask(max_tokens=50), call, pieces=3 if how == "closed" else None)
        )
        await asyncio.sleep(1.0)
        if how == "cancelled":
            reading.cancel()
        outcome = (await asyncio.gather(reading, return_exceptions=True))[0]
        assert isinstance(outcome, {"cut": StreamCut, "closed": list}.get(how, BaseException))
        assert await work.held() == (paid * UNIT, 0)
        (attempt,) = call.journal.attempts
        assert attempt.usage == Usage(input_tokens=10, output_tokens=2)
        assert attempt.estimated
        assert attempt.failure == (StreamCut.code if how == "cut" else CANCELLED)

    run()


@in_fake_time
async def test_what_came_is_never_less_than_what_the_provider_told(desk, ask):
    desk = desk()
    told = UsageReported(usage=Usage(input_tokens=30, output_tokens=5, cached_tokens=20))
    pieces = (Chunk(events=(told,)), Chunk(events=(TextDelta(text="one two"),)))
    turn = Turn(chunks=pieces, failure=failure(StreamCut), after=2)
    policy = desk.budgeted(
        ScriptedProvider([turn]), options=BudgetOptions(unfinished=Unfinished.RECEIVED)
    )
    call = desk.call()
    with pytest.raises(StreamCut):
        await read(policy, ask(max_tokens=50), call)
    assert call.journal.attempts[0].usage == told.usage
    assert await desk.held() == (35 * UNIT, 0)


@in_fake_time
async def test_what_is_received_is_at_most_what_was_reserved(desk, ask):
    desk = desk("0.0030")
    turn = Turn(text="word " * 30, usage=None)  # more than max_tokens allows
    await desk.budgeted(ScriptedProvider([turn])).chat(ask(max_tokens=20), desk.call())
    assert await desk.held() == (30 * UNIT, 0)


@in_fake_time
async def test_a_stream_that_is_closed_after_its_end_is_paid_as_whole(desk, ask):
    desk = desk()
    call = desk.call()
    turn = Turn(text="one two three")  # begins, three words, its end, and the usage
    await read(desk.budgeted(ScriptedProvider([turn])), ask(max_tokens=50), call, pieces=5)
    assert await desk.held() == (13 * UNIT, 0)
    assert call.journal.attempts[0].estimated


@in_fake_time
async def test_a_bill_above_the_reservation_is_paid_in_full_and_told(desk, ask, caplog):
    desk = desk("0.0050")
    scripted = ScriptedProvider([Turn(usage=Usage(input_tokens=100, output_tokens=2))])
    policy = desk.budgeted(scripted)
    await policy.chat(ask(), desk.call())
    assert await desk.held() == (102 * UNIT, 0)
    assert "units more than was reserved" in caplog.text
    with pytest.raises(BudgetExceeded):
        await policy.chat(ask(), desk.call())


@in_fake_time
async def test_vectors_are_paid_for(desk):
    desk = desk("0.0010")
    vendor = desk.provider()
    policy = desk.budgeted(vendor)
    asked = EmbeddingRequest(model="m", inputs=("one two three", "four"))
    await policy.embed(asked, desk.call())
    await policy.embed(asked, desk.call())
    with pytest.raises(BudgetExceeded):
        await policy.embed(asked, desk.call())
    assert (await desk.spent()).cost_usd == vendor.billed_usd == Decimal("0.0008")


@in_fake_time
async def test_every_attempt_of_a_call_is_paid_by_its_own_budgeted_provider(desk, ask):
    """Two under way together, as a hedge has it, do not take each other for a repetition."""
    desk = desk()
    policies = [desk.budgeted(desk.provider(name=name, wait_s=1.0)) for name in "ab"]
    call = desk.call(key="k1", tags={"team": "search"})
    await asyncio.gather(*(policy.chat(ask(), call) for policy in policies))
    await desk.allowances.flush()
    question = UsageQuestion(
        since_us=0, until_us=2**51, by=(By.PROVIDER, By.KEY, By.TAG), tag="team"
    )
    groups = {one.group: one.cost for one in desk.ledger.usage(question)}
    assert groups == {("a", "k1", "search"): 20 * UNIT, ("b", "k1", "search"): 20 * UNIT}
    assert call.journal.cost_usd == Decimal("0.004")


@in_fake_time
async def test_what_callers_name_is_kept_as_databases_can(desk, ask):
    desk = desk()
    call = desk.call(user="a\0b", tags={"x" * 300: "y\ud800"})
    await desk.budgeted(desk.provider()).chat(ask(), call)
    await desk.allowances.flush()
    by_user = UsageQuestion(since_us=0, until_us=2**51, by=(By.USER,))
    ((user,),) = [one.group for one in desk.ledger.usage(by_user)]
    assert user.startswith("sha256:")


@in_fake_time
async def test_closing_leaves_the_teller_to_others(desk, ask):
    desk = desk()
    scripted = ScriptedProvider([answers()])
    policy = desk.budgeted(scripted)
    assert policy.name == "scripted"
    await policy.close()
    assert scripted.closed
    await desk.budgeted(desk.provider()).chat(ask(), desk.call())
