import asyncio
import pickle
from contextvars import ContextVar
from random import Random

import pytest

from seatrial.gateway.chat.failures import (
    ConnectionLost,
    ContextTooLong,
    RateLimited,
    Rejected,
    ServerFault,
    StreamCut,
    TimedOut,
    Unauthorized,
)
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import Chunk, Started
from seatrial.gateway.policies.course import Candidate
from seatrial.gateway.policies.fallback import Fallback
from seatrial.gateway.policies.hedge import HedgeOptions
from seatrial.gateway.policies.retry import Retry, RetryOptions
from seatrial.kernel.errors import Denied, Invalid, LimitExceeded
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.scripted_provider import (
    Ending,
    ScriptedProvider,
    Turn,
    answers,
    call_within,
    fails,
    hangs,
    read_all,
    text_of,
)

REQUEST = ChatRequest(model="route", messages=(said(Role.USER, "Does it work?"),))


def failure(cls, provider="a", retry_after_s=None):
    return cls(
        f"{provider} failed.", remedy="Wait.", provider=provider, retry_after_s=retry_after_s
    )


def route(*scripts, hedge=None, retry=True):
    """Candidates a, b, ..., with models A, B, ..., each with a script of its own."""
    providers = [
        ScriptedProvider(script, name=name) for name, script in zip("abcd", scripts, strict=False)
    ]
    candidates = [
        Candidate(provider=Retry(p, RetryOptions(), now=now) if retry else p, model=p.name.upper())
        for p in providers
    ]
    return providers, Fallback(candidates, name="route", hedge=hedge, now=now)


async def ask(fallback, streamed, call=None):
    call = call or call_within()
    if streamed:
        return text_of(await read_all(fallback.stream(REQUEST, call)))
    return (await fallback.chat(REQUEST, call)).text


both_ways = pytest.mark.parametrize("streamed", [False, True])


@both_ways
@in_fake_time
async def test_the_first_candidate_answers_when_it_can(streamed):
    (a, b), fallback = route([answers("from a")], [answers("from b")])
    call = call_within()
    assert await ask(fallback, streamed, call) == "from a"
    assert call.journal.notes == {"fallback.answered_by": "a/A"}
    assert a.heard[0].request.model == "A"
    assert b.heard == []


@both_ways
@pytest.mark.parametrize("cls", [ServerFault, ContextTooLong, Unauthorized])
@in_fake_time
async def test_the_next_one_answers_when_the_first_cannot(cls, streamed):
    (a, b, _), fallback = route([fails(failure(cls))], [answers("from b")], [answers()])
    call = call_within()
    assert await ask(fallback, streamed, call) == "from b"
    assert b.heard[0].request.model == "B"
    assert b.heard[0].request.messages == REQUEST.messages
    assert call.journal.notes["fallback.answered_by"] == "b/B"
    (said_,) = call.journal.notes["fallback.failed"]
    assert said_ == {"provider": "a", "model": "A", "code": cls.code, "problem": "a failed."}
    assert a.running == b.running == 0


@both_ways
@in_fake_time
async def test_a_wrong_request_is_wrong_everywhere(streamed):
    (_, b), fallback = route([fails(failure(Rejected))], [answers()])
    with pytest.raises(Rejected) as caught:
        await ask(fallback, streamed)
    assert b.heard == []
    assert "candidates" not in caught.value.facts


@both_ways
@in_fake_time
async def test_when_all_fail_the_last_failure_tells_what_each_said(streamed):
    last = failure(RateLimited, "b", retry_after_s=90)
    _, fallback = route([fails(failure(ServerFault))], [fails(last)])
    call = call_within()
    with pytest.raises(RateLimited) as caught:
        await ask(fallback, streamed, call)
    told = caught.value
    assert (told.problem, told.provider, told.retry_after_s) == ("b failed.", "b", 90)
    assert [(s["provider"], s["model"], s["code"]) for s in told.facts["candidates"]] == [
        ("a", "A", ServerFault.code),
        ("b", "B", RateLimited.code),
    ]
    assert "candidates" not in last.facts
    assert told.__cause__ is last
    assert pickle.loads(pickle.dumps(told)).facts == told.facts
    assert len(call.journal.notes["fallback.failed"]) == 2
    assert "fallback.answered_by" not in call.journal.notes


@both_ways
@in_fake_time
async def test_a_candidate_that_hangs_leaves_time_to_the_next(streamed):
    (a, b, _), fallback = route([hangs(after=1)], [hangs()], [answers("from c")])
    begun = now()
    assert await ask(fallback, streamed, call_within(60)) == "from c"
    assert now() - begun == pytest.approx(40)
    assert (a.endings, b.endings) == ([Ending.CANCELLED], [Ending.CANCELLED])


@both_ways
@in_fake_time
async def test_who_wants_to_be_left_alone_for_longer_than_its_share_is(streamed):
    (a, _), fallback = route([fails(failure(RateLimited, "a", 31)), answers()], [answers("from b")])
    begun = now()
    assert await ask(fallback, streamed, call_within(60)) == "from b"
    assert now() == begun
    assert len(a.heard) == 1


@in_fake_time
async def test_a_stream_that_began_has_all_the_time_there_is():
    _, fallback = route([Turn(text="a b c d e", gap_s=7)], [answers()])
    assert await ask(fallback, streamed=True, call=call_within(60)) == "a b c d e"


@in_fake_time
async def test_the_last_candidate_has_all_the_time_that_is_left():
    _, fallback = route([fails(failure(ServerFault))], [answers("late", wait_s=55)])
    assert await ask(fallback, False, call_within(60)) == "late"


@both_ways
@in_fake_time
async def test_nobody_is_asked_when_the_time_is_over(streamed):
    (a, b), fallback = route([hangs()], [hangs()])
    begun = now()
    with pytest.raises(TimedOut):
        await ask(fallback, streamed, call_within(10))
    assert now() - begun == pytest.approx(10)
    call = call_within(0)
    with pytest.raises(TimedOut):
        await ask(fallback, streamed, call)
    assert len(a.heard) == len(b.heard) == 1


@in_fake_time
async def test_a_failure_at_the_last_moment_is_the_last():
    late = Turn(failure=failure(ServerFault), wait_s=10)
    (_, b), fallback = route([late], [answers()], retry=False)
    with pytest.raises(ServerFault):
        await ask(fallback, streamed=False, call=call_within(10))
    assert b.heard == []


@pytest.mark.parametrize("cls", [StreamCut, ConnectionLost])
@pytest.mark.parametrize("retry", [False, True])
@in_fake_time
async def test_after_its_first_word_a_stream_goes_nowhere_else(cls, retry):
    (_, b), fallback = route([fails(failure(cls), after=2)], [answers()], retry=retry)
    pieces: list[Chunk] = []
    with pytest.raises(StreamCut):
        await read_all(fallback.stream(REQUEST, call_within()), pieces)
    assert text_of(pieces) == "It "
    assert b.heard == []


@pytest.mark.parametrize("retry", [False, True])
@in_fake_time
async def test_before_its_first_word_a_stream_moves_on_unseen(retry):
    (_, _), fallback = route([fails(failure(StreamCut), after=1)], [answers()], retry=retry)
    pieces = await read_all(fallback.stream(REQUEST, call_within()))
    assert text_of(pieces) == "It works."
    started = [event for piece in pieces for event in piece.events if isinstance(event, Started)]
    assert [event.model for event in started] == ["B"]


@in_fake_time
async def test_a_spent_budget_lets_a_cheaper_candidate_answer_and_other_errors_end_it():
    class Refusing(ScriptedProvider):
        async def chat(self, request, call):
            raise self.error

    def with_first(error):
        first = Refusing(name="a")
        first.error = error
        others = [Candidate(provider=first, model="A")]
        others.append(Candidate(provider=ScriptedProvider(), model="B"))
        return Fallback(others, name="route", now=now)

    spent = LimitExceeded("The budget is spent.", remedy="Wait for tomorrow.")
    assert await ask(with_first(spent), streamed=False) == "It works."
    unpriced = Denied("Nobody knows its price.", remedy="Add one.")
    assert await ask(with_first(unpriced), streamed=False) == "It works."
    with pytest.raises(Invalid):
        await ask(with_first(Invalid("It is wrong.", remedy="Mend it.")), streamed=False)


@in_fake_time
async def test_vectors_come_from_the_next_one_too():
    (_, b), fallback = route([fails(failure(ServerFault))], [Turn()])
    request = EmbeddingRequest(model="route", inputs=("abc",))
    call = call_within()
    assert (await fallback.embed(request, call)).model == "B"
    assert call.journal.notes["fallback.answered_by"] == "b/B"
    with pytest.raises(ServerFault):
        await route([fails(failure(ServerFault))])[1].embed(request, call_within())
    assert b.heard[0].request.model == "B"


HEDGE = HedgeOptions(after_s=2)
SPAN: ContextVar[str] = ContextVar("span")


@both_ways
@in_fake_time
async def test_the_next_one_answers_when_the_first_is_late(streamed):
    (a, b), fallback = route([Turn(wait_s=30)], [answers("from b", wait_s=1)], hedge=HEDGE)
    call, begun = call_within(), now()
    assert await ask(fallback, streamed, call) == "from b"
    assert now() - begun == pytest.approx(3)
    assert call.journal.notes["fallback.answered_by"] == "b/B"
    assert call.journal.notes["hedge.asked"] == 1
    assert a.endings == [Ending.CANCELLED]
    assert b.endings == [Ending.ANSWERED]


@both_ways
@in_fake_time
async def test_the_first_one_wins_when_it_answers_first(streamed):
    (a, b), fallback = route([answers("from a", wait_s=3)], [answers(wait_s=2)], hedge=HEDGE)
    assert await ask(fallback, streamed) == "from a"
    assert a.endings == [Ending.ANSWERED]
    assert b.endings == [Ending.CANCELLED]


@both_ways
@in_fake_time
async def test_a_quick_first_one_is_the_only_one(streamed):
    (_, b), fallback = route([answers("from a", wait_s=1)], [answers()], hedge=HEDGE)
    call = call_within()
    assert await ask(fallback, streamed, call) == "from a"
    assert b.heard == []
    assert "hedge.asked" not in call.journal.notes


@both_ways
@in_fake_time
async def test_a_hedge_that_fails_moves_on_to_those_who_are_left(streamed):
    (_, b, c), fallback = route(
        [hangs()], [fails(failure(ContextTooLong, "b"))], [answers("from c")], hedge=HEDGE
    )
    call = call_within(30)
    assert await ask(fallback, streamed, call) == "from c"
    assert [s["provider"] for s in call.journal.notes["fallback.failed"]] == ["b", "a"]
    assert len(b.heard) == len(c.heard) == 1


@in_fake_time
async def test_the_words_of_a_late_winner_come_one_by_one_and_its_reader_may_leave():
    (a, b), fallback = route([hangs()], [Turn(text="a b c d", gap_s=1)], hedge=HEDGE)
    stream = fallback.stream(REQUEST, call_within())
    texts = []
    async for piece in stream:
        texts.append((text_of([piece]), now()))
        if len(texts) == 4:
            break
    assert [text for text, _ in texts] == ["", "a ", "b ", "c "]
    assert texts[3][1] - texts[1][1] == pytest.approx(2)
    await stream.aclose()
    assert a.running == b.running == 0


@in_fake_time
async def test_a_late_winner_is_read_by_the_task_that_began_it():
    class Scoped(ScriptedProvider):
        async def stream(self, request, call):
            token = SPAN.set("open")
            async for piece in super().stream(request, call):
                yield piece
            SPAN.reset(token)  # refuses when another task's context is the current one

    late = Candidate(provider=ScriptedProvider([hangs()]), model="A")
    scoped = Candidate(provider=Scoped([Turn(gap_s=1)]), model="B")
    fallback = Fallback([late, scoped], name="route", hedge=HEDGE, now=now)
    assert await ask(fallback, streamed=True) == "It works."


@in_fake_time
async def test_a_late_winner_that_breaks_off_says_so():
    (_, _), fallback = route([hangs()], [fails(failure(StreamCut), after=2)], hedge=HEDGE)
    with pytest.raises(StreamCut):
        await ask(fallback, streamed=True)


@both_ways
@in_fake_time
async def test_who_hangs_up_ends_all_that_were_asked(streamed):
    (a, b), fallback = route([hangs()], [hangs()], hedge=HEDGE)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await ask(fallback, streamed)
    assert a.endings == b.endings == [Ending.CANCELLED]


@both_ways
@in_fake_time
async def test_the_delay_is_learnt_and_hedging_does_not_feed_on_itself(streamed):
    chance = Random(3)
    slow = [answers("a", wait_s=8 if n % 10 == 9 else 1 + chance.random()) for n in range(400)]
    (a, b), fallback = route(slow, [answers("b", wait_s=0.5)], hedge=HedgeOptions(quantile=0.8))
    for _ in range(400):
        await ask(fallback, streamed, call_within(600))
    # After the first 20 answers the slowest two in ten are hedged; one of them loses.
    assert len(b.heard) == pytest.approx(76, abs=16)
    assert sum(ending is Ending.CANCELLED for ending in a.endings) == 38


@in_fake_time
async def test_closing_closes_all():
    providers, fallback = route([answers()], [answers()])
    assert fallback.name == "route"
    await fallback.close()
    assert all(provider.closed for provider in providers)
