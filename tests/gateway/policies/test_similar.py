"""A question in other words gets the answer again where both judges agree."""

import asyncio
from decimal import Decimal

import pytest
from msgspec.structs import replace

from seatrial.gateway.chat.call import Attempt, CacheUse
from seatrial.gateway.chat.failures import Overloaded
from seatrial.gateway.chat.request import Tool
from seatrial.gateway.chat.response import Embeddings
from seatrial.gateway.policies.budget_failures import BudgetExceeded
from seatrial.gateway.policies.cache import Cached, CacheOptions
from seatrial.gateway.policies.recent_answers import RecentAnswers
from seatrial.gateway.policies.similar import SIMILARITY, Similar, SimilarOptions
from seatrial.kernel.store import StoreUnavailable
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.memory_answers import MemoryAnswers
from seatrial.testing.scripted_provider import ScriptedProvider, Turn, answers

ONE, OTHER, THIRD = (
    "How do I pay my bill?",
    "how can I pay my bill, please",
    "Hello, how to pay my bill?",
)
FULL = Overloaded("It is full.", remedy="Wait.", provider="scripted")
PENNY = Attempt(provider="e", model="m", began=0.0, ended=0.1, cost_usd=Decimal("0.01"))


class Embedder(ScriptedProvider):
    """Every text points the same way, except those it was given another way for."""

    def __init__(self, ways=None, failure=None, wait_s=0.0):
        super().__init__()
        self.ways, self.failure, self.wait_s = ways or {}, failure, wait_s
        self.inputs, self.payers = [], []

    async def embed(self, request, call):
        self.inputs.append(request.inputs)
        self.payers.append((call.key, call.tenant, call.deadline - now()))
        call.journal.attempts.append(PENNY)
        await asyncio.sleep(self.wait_s)
        if self.failure is not None:
            raise self.failure
        vectors = tuple(self.ways.get(text, (1.0, 0.0)) for text in request.inputs)
        return Embeddings(model="m", vectors=vectors)


class Lab:
    """Routes of several processes over one store."""

    def __init__(self, turns=(), embedder=None, store=None, **options):
        self.provider = ScriptedProvider(list(turns) or [answers("one"), answers("two")])
        self.embedder = embedder or Embedder()
        self.store = store or MemoryAnswers(now)
        self.options = options

    def route(self, first="scripted/small", model="e/m"):
        similar = Similar(
            self.embedder,
            model=model,
            options=SimilarOptions(similarity=0.95),
            route=f"r > {first}",
            store=self.store,
            now=now,
            wall=now,
        )
        return Cached(
            self.provider,
            options=CacheOptions(**self.options),
            route="r",
            first=first,
            recent=RecentAnswers(max_entries=100, max_bytes=10**6),
            store=self.store,
            similar=similar,
            now=now,
        )


async def said(route, request, call):
    text = (await route.chat(request, call)).text
    await asyncio.sleep(0.1)  # what is kept is written behind the answer
    return text, call.journal.cache


@in_fake_time
async def test_a_question_in_other_words_gets_the_answer_again(asked, called):
    lab = Lab()
    route = lab.route()
    calls = [called(key="ana"), called(key="bob", tenant="")]
    assert await said(route, asked(ONE), calls[0]) == ("one", CacheUse.MISS)
    assert lab.embedder.inputs == [], "there is nothing to compare with"
    assert await said(route, asked(OTHER), calls[1]) == ("one", CacheUse.SEMANTIC)
    assert lab.embedder.inputs == [(OTHER, ONE)]
    assert calls[1].journal.notes[SIMILARITY] == pytest.approx(1)
    assert calls[1].journal.attempts == []
    assert calls[1].journal.cost_usd == Decimal("0.01")
    assert lab.embedder.payers[0][:2] == ("bob", "")
    assert len(lab.provider.heard) == 1


@in_fake_time
async def test_the_same_words_again_need_no_vector_again(asked, called):
    lab = Lab()
    route = lab.route()
    for text in (ONE, OTHER, OTHER, OTHER):
        await said(route, asked(text), called())
    assert await said(lab.route(), asked(OTHER), called()) == ("one", CacheUse.SEMANTIC)
    assert len(lab.embedder.inputs) == 1


@in_fake_time
async def test_streams_and_wholes_serve_each_other(asked, called, pieces_of):
    lab = Lab()
    route = lab.route()
    await said(route, asked(ONE), called())
    call = called()
    pieces = await pieces_of(route, asked(OTHER, stream=True), call)
    assert "".join(e.text for p in pieces for e in p.events if hasattr(e, "text")) == "one"
    assert call.journal.cache is CacheUse.SEMANTIC

    streamed = Lab()
    route = streamed.route()
    await pieces_of(route, asked(ONE, stream=True), called())
    await asyncio.sleep(0.1)
    assert await said(route, asked(OTHER), called()) == ("one", CacheUse.SEMANTIC)


@in_fake_time
async def test_an_equal_question_is_no_affair_of_vectors(asked, called):
    lab = Lab()
    route = lab.route()
    for _ in range(3):
        await said(route, asked(ONE), called())
    assert lab.embedder.inputs == []


@in_fake_time
async def test_vectors_that_point_elsewhere_keep_questions_apart(asked, called):
    lab = Lab(embedder=Embedder({OTHER: (0.0, 1.0)}))
    route = lab.route()
    await said(route, asked(ONE), called())
    assert await said(route, asked(OTHER), called()) == ("two", CacheUse.MISS)
    assert await said(route, asked(THIRD), called()) == ("one", CacheUse.SEMANTIC)
    assert lab.embedder.inputs[1] == (THIRD,), "the others are known"


@in_fake_time
async def test_what_was_taken_for_another_leads_no_further(asked, called):
    """OTHER is near ONE and THIRD near OTHER, but not near ONE."""
    ways = {ONE: (1.0, 0.0), OTHER: (0.96, 0.28), THIRD: (0.8432, 0.5376)}
    lab = Lab(embedder=Embedder(ways))
    route = lab.route()
    await said(route, asked(ONE), called())
    assert await said(route, asked(OTHER), called()) == ("one", CacheUse.SEMANTIC)
    assert await said(route, asked(THIRD), called()) == ("two", CacheUse.MISS)


@in_fake_time
async def test_an_answer_lives_no_longer_for_being_given_again(asked, called):
    lab = Lab(ttl_s=100.0)
    route = lab.route()
    await said(route, asked(ONE), called())
    await asyncio.sleep(90)
    assert await said(route, asked(OTHER), called()) == ("one", CacheUse.SEMANTIC)
    await asyncio.sleep(20)
    assert await said(route, asked(OTHER), called()) == ("two", CacheUse.MISS)


@in_fake_time
async def test_an_answer_that_went_for_room_is_asked_for(asked, called):
    lab = Lab()
    await said(lab.route(), asked(ONE), called())
    answer = max(lab.store._held, key=lambda key: len(lab.store._held[key][0]))
    await lab.store.delete(answer)
    assert await said(lab.route(), asked(OTHER), called()) == ("two", CacheUse.MISS)
    assert await said(lab.route(), asked(THIRD), called()) == ("two", CacheUse.SEMANTIC)


OTHERS = {
    "tenant": ({}, {"tenant": "b"}),
    "another parameter": ({"max_tokens": 5}, {}),
    "temperature": ({"temperature": 0.5}, {}),
    "tools": ({"tools": (Tool(name="look"),)}, {}),
    "several answers": ({"n": 2}, {}),
}


@pytest.mark.parametrize(("fields", "who"), OTHERS.values(), ids=list(OTHERS))
def test_whatever_else_differs_keeps_requests_apart(asked, called, fields, who):
    @in_fake_time
    async def run():
        lab = Lab()
        route = lab.route()
        await said(route, asked(ONE), called())
        assert (await said(route, asked(OTHER, **fields), called(**who)))[0] == "two"
        assert lab.embedder.inputs == []

    run()


@in_fake_time
async def test_another_embedder_or_model_finds_nothing_of_the_one_before(asked, called):
    lab = Lab()
    await said(lab.route(), asked(ONE), called())
    assert (await said(lab.route(model="e/new"), asked(OTHER), called()))[0] == "two"
    assert (await said(lab.route(first="p/new"), asked(THIRD), called()))[0] == "two"
    assert lab.embedder.inputs == []


@in_fake_time
async def test_what_is_not_kept_is_not_found_by_other_words(asked, called):
    cut = Turn(text="", tool_calls=())
    lab = Lab([cut, answers("two")])
    route = lab.route()
    await said(route, asked(ONE), called())
    assert await said(route, asked(OTHER), called()) == ("two", CacheUse.MISS)


@in_fake_time
async def test_an_embedder_that_fails_costs_nothing_but_the_answer_again(asked, called):
    lab = Lab([answers("one"), answers("two"), answers("three")], Embedder(failure=FULL))
    route = lab.route()
    await said(route, asked(ONE), called())
    call = called()
    assert await said(route, asked(OTHER), call) == ("two", CacheUse.MISS)
    assert call.journal.beside == [PENNY], "what was paid is told"
    await said(route, asked(THIRD), called())
    assert len(lab.embedder.inputs) == 1, "it is left alone for a while"
    lab.embedder.failure = None
    await asyncio.sleep(6)
    assert (await said(route, asked("How can I pay my bill?"), called()))[1] is CacheUse.SEMANTIC


@in_fake_time
async def test_a_budget_of_one_caller_is_no_reason_to_leave_the_embedder_alone(asked, called):
    refused = BudgetExceeded("It is spent.", remedy="Wait.")
    lab = Lab([answers("one"), answers("two")], Embedder(failure=refused))
    route = lab.route()
    await said(route, asked(ONE), called())
    assert (await said(route, asked(OTHER), called()))[1] is CacheUse.MISS
    lab.embedder.failure = None
    assert (await said(route, asked(THIRD), called()))[1] is CacheUse.SEMANTIC


@in_fake_time
async def test_vectors_are_waited_for_within_half_of_the_time_there_is(asked, called):
    lab = Lab()
    route = lab.route()
    await said(route, asked(ONE), called())
    await said(route, asked(OTHER), called(within_s=3.0))
    await said(route, asked(THIRD), called(within_s=300.0))
    assert [left_s for *_, left_s in lab.embedder.payers] == pytest.approx([1.5, 2.0])


@pytest.mark.parametrize("vectors", [(), ((1.0,),) * 3, ((float("nan"), 1.0),) * 2, ((), ())])
def test_an_embedder_that_gives_nonsense_finds_nothing(asked, called, vectors):
    class Odd(Embedder):
        async def embed(self, request, call):
            return Embeddings(model="m", vectors=vectors)

    @in_fake_time
    async def run():
        route = Lab(embedder=Odd()).route()
        await said(route, asked(ONE), called())
        assert await said(route, asked(OTHER), called()) == ("two", CacheUse.MISS)

    run()


@in_fake_time
async def test_a_store_that_is_away_costs_nothing_but_the_answer_again(asked, called):
    lab = Lab()
    route = lab.route()
    await said(route, asked(ONE), called())
    lab.store.failure = StoreUnavailable("It is away.", remedy="Look for it.")
    assert await said(route, asked(OTHER), called()) == ("two", CacheUse.MISS)
    assert lab.embedder.inputs == []


@pytest.mark.parametrize("value", [b"", b"\x01" * 40, b"\xff" * 2_000_000])
def test_a_damaged_record_is_no_question(asked, called, value):
    @in_fake_time
    async def run():
        lab = Lab()
        await said(lab.route(), asked(ONE), called())
        for key in list(lab.store._held):
            await lab.store.put(key, value, ttl_s=1000.0)
        assert await said(lab.route(), asked(OTHER), called()) == ("two", CacheUse.MISS)

    run()


@pytest.mark.parametrize(
    "text", ["\ud800 how?", "\x00", "a" * 100_000, "？", "'; DROP TABLE answer"]
)
def test_no_text_of_a_caller_does_harm(asked, called, text):
    @in_fake_time
    async def run():
        route = Lab().route()
        for number in range(2):
            await said(route, asked(text, user=str(number)), called())
        assert (await said(route, asked(ONE), called()))[1] is CacheUse.MISS

    run()


@in_fake_time
async def test_many_at_once_get_one_of_the_answers_there_are(asked, called):
    turns = [replace(answers(str(n)), wait_s=0.5) for n in range(40)]
    lab = Lab(turns, Embedder(wait_s=0.05))
    routes = [lab.route(), lab.route()]
    texts = [ONE, OTHER, THIRD, "Now how could I pay my bill?"] * 10
    for _ in range(3):
        calls = [called(key=str(n)) for n in range(len(texts))]
        given = await asyncio.gather(
            *(
                said(routes[n % 2], asked(text), call)
                for n, (text, call) in enumerate(zip(texts, calls, strict=True))
            )
        )
        assert all(text.isdigit() for text, _ in given)
    assert len(lab.provider.heard) <= 8, "at most one for each wording and process"
    assert {use for _, use in given} <= {CacheUse.HIT, CacheUse.SEMANTIC, CacheUse.JOINED}


@in_fake_time
async def test_questions_that_are_remembered_are_few(asked, called):
    lab = Lab([answers("x")] * 50, Embedder(failure=FULL))
    route = lab.route()
    for n in range(30):
        await said(route, asked("Hello, " * (n + 1) + ONE), called())
    sizes = [len(value) for value, _ in lab.store._held.values()]
    assert max(sizes) < 8 * 700
