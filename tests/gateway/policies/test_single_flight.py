"""Equal requests at once: one call, and each caller is served as if it were alone."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from seatrial.gateway.chat.call import CacheUse, Call, Journal
from seatrial.gateway.chat.failures import Overloaded, StreamCut, TimedOut
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.chat.response import Chunk, Finished, FinishReason, TextDelta
from seatrial.gateway.chat.transcript import assembled
from seatrial.gateway.policies.cache import Cached, CacheOptions
from seatrial.gateway.policies.recent_answers import RecentAnswers
from seatrial.kernel.errors import LimitExceeded
from seatrial.testing.fake_time import in_fake_time, now, run_in_fake_time
from seatrial.testing.scripted_provider import (
    Ending,
    ScriptedProvider,
    Turn,
    answers,
    fails,
    hangs,
)

FULL = Overloaded("It is full.", remedy="Wait.", provider="scripted")
SLOW = Turn(text="one two three", wait_s=1.0, gap_s=1.0)


class BudgetSpent(LimitExceeded):
    """The bound of one caller."""

    code = "test.budget_spent"


def cached(provider, **options):
    return Cached(
        provider,
        options=CacheOptions(**options),
        route="r",
        first="scripted/small",
        recent=RecentAnswers(max_entries=100, max_bytes=10**7),
        now=now,
    )


async def gathered(*work):
    return await asyncio.gather(*work, return_exceptions=True)


@in_fake_time
async def test_equal_requests_at_once_make_one_call(asked, called):
    provider = ScriptedProvider([answers("one", wait_s=1.0)])
    cache = cached(provider)
    calls = [called() for _ in range(50)]
    wholes = await gathered(*(cache.chat(asked(), call) for call in calls))
    assert {whole.text for whole in wholes} == {"one"}
    assert len(provider.heard) == 1
    uses = [call.journal.cache for call in calls]
    assert uses == [CacheUse.MISS] + [CacheUse.JOINED] * 49
    assert cache._flights.n_under_way == 0


@in_fake_time
async def test_others_do_not_join(asked, called):
    provider = ScriptedProvider([answers("one", wait_s=1.0)])
    cache = cached(provider)
    await gathered(
        cache.chat(asked("a"), called()),
        cache.chat(asked("b"), called()),
        cache.chat(asked("a"), called(tenant="t")),
        cache.chat(asked("a", temperature=1.0), called()),
        cache.chat(asked("a", temperature=1.0), called()),
    )
    assert len(provider.heard) == 5


@in_fake_time
async def test_a_failure_goes_to_all_each_as_its_own(asked, called):
    provider = ScriptedProvider([fails(FULL, wait_s=1.0)])
    cache = cached(provider)
    errors = await gathered(*(cache.chat(asked(), called()) for _ in range(3)))
    assert [type(error) for error in errors] == [Overloaded] * 3
    assert len({id(error) for error in errors}) == 3
    assert {error.problem for error in errors} == {"It is full."}
    assert {error.provider for error in errors} == {"scripted"}
    assert len(provider.heard) == 1


@in_fake_time
async def test_who_leaves_does_not_end_the_call_of_others_but_the_last_one_does(asked, called):
    provider = ScriptedProvider([answers("one", wait_s=10.0)])
    cache = cached(provider)
    tasks = [asyncio.create_task(cache.chat(asked(), called())) for _ in range(3)]
    await asyncio.sleep(1)
    tasks[0].cancel()
    await gathered(tasks[0])
    tasks[2].cancel()
    await gathered(tasks[2])
    assert provider.endings == [Ending.RUNNING]
    assert (await tasks[1]).text == "one"

    again = [asyncio.create_task(cache.chat(asked("b"), called())) for _ in range(3)]
    await asyncio.sleep(1)
    for task in again:
        task.cancel()
    await gathered(*again)
    assert all(task.cancelled() for task in again)
    assert provider.endings == [Ending.ANSWERED, Ending.CANCELLED]
    assert cache._flights.n_under_way == 0


@in_fake_time
async def test_who_comes_after_another_left_joins_those_who_stayed(asked, called, pieces_of):
    provider = ScriptedProvider([answers("one", wait_s=10.0)])
    cache = cached(provider)
    for ask in (cache.chat, lambda *what: pieces_of(cache, *what)):
        provider.heard.clear()
        request = asked(stream=ask is not cache.chat)
        first, second = (asyncio.create_task(ask(request, called())) for _ in range(2))
        await asyncio.sleep(1)
        second.cancel()
        await gathered(second)
        await gathered(first, ask(request, called()))
        assert provider.endings == [Ending.ANSWERED]
        cache._recent.drop(next(iter(cache._recent._entries)))


@in_fake_time
async def test_a_call_that_everyone_left_is_not_joined(asked, called):
    provider = ScriptedProvider([hangs(), answers("two")])
    cache = cached(provider)
    task = asyncio.create_task(cache.chat(asked(), called()))
    await asyncio.sleep(1)
    task.cancel()
    whole, _ = await gathered(cache.chat(asked(), called()), task)
    assert whole.text == "two"


@in_fake_time
async def test_the_deadline_of_each_who_waits_holds(asked, called):
    provider = ScriptedProvider([answers("one", wait_s=10.0)])
    cache = cached(provider)
    first = asyncio.create_task(cache.chat(asked(), called()))
    await asyncio.sleep(0)
    began = now()
    with pytest.raises(TimedOut, match="An equal call to scripted is under way"):
        await cache.chat(asked(), called(within_s=3.0))
    assert now() - began == 3.0
    assert (await first).text == "one"


@pytest.mark.parametrize(
    "failure",
    [
        TimedOut("Too late.", remedy="Wait.", provider="scripted"),
        BudgetSpent("Nothing is left.", remedy="Wait."),
    ],
    ids=["deadline", "budget"],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_what_concerns_the_first_caller_alone_is_not_told_to_the_others(
    asked, called, pieces_of, failure, streamed
):
    class Bounded(ScriptedProvider):
        async def chat(self, request, call):
            if call.tags:
                await asyncio.sleep(1)
                raise failure
            return await ScriptedProvider.chat(self, request, call)

        async def stream(self, request, call):
            if call.tags:
                await asyncio.sleep(1)
                raise failure
            async for chunk in ScriptedProvider.stream(self, request, call):
                yield chunk

    @in_fake_time
    async def run():
        provider = Bounded([answers("one", wait_s=1.0)])
        cache = cached(provider)
        ask = (
            (lambda call: pieces_of(cache, asked(), call))
            if streamed
            else (lambda call: cache.chat(asked(), call))
        )
        first, *others = await gathered(
            ask(called(within_s=1.0, tags={"poor": "yes"})),
            *(ask(called(within_s=9.0)) for _ in range(3)),
        )
        assert type(first) is type(failure)
        wholes = [assembled(other) if streamed else other for other in others]
        assert [whole.text for whole in wholes] == ["one"] * 3
        assert len(provider.heard) == 1

    run()


@in_fake_time
async def test_a_bound_of_the_first_caller_is_told_to_others_with_the_same_key_at_once(
    asked, called, pieces_of
):
    """Else each of them would wait in turn for money that is not there."""

    class Poor(ScriptedProvider):
        async def chat(self, request, call):
            self.heard.append(call.key)
            await asyncio.sleep(5)
            raise BudgetSpent("Nothing is left.", remedy="Wait.")

        async def stream(self, request, call):
            yield await self.chat(request, call)

    for ask in (Cached.chat, pieces_of):
        provider = Poor()
        cache = cached(provider)
        began = now()
        calls = [called(key=key) for key in "aaabbb"]
        errors = await gathered(*(ask(cache, asked(), call) for call in calls))
        assert {type(error) for error in errors} == {BudgetSpent}
        assert provider.heard == ["a", "b"]
        assert now() - began == 10


@in_fake_time
async def test_streams_are_shared_piece_by_piece_from_the_first_on(asked, called):
    provider = ScriptedProvider([SLOW])
    cache = cached(provider)

    async def timed(after_s):
        await asyncio.sleep(after_s)
        call, seen = called(), []
        async with aclosing(cache.stream(asked(), call)) as stream:
            async for chunk in stream:
                seen.append((now() - 1000, chunk))  # noqa: PERF401
        return call.journal.cache, seen

    (use, first), (late_use, late) = await gathered(timed(0), timed(2.5))
    assert [moment for moment, _ in first] == [1, 2, 3, 4, 5, 6]
    assert [chunk for _, chunk in late] == [chunk for _, chunk in first]
    assert [moment for moment, _ in late] == [2.5, 2.5, 3, 4, 5, 6]
    assert (use, late_use) == (CacheUse.MISS, CacheUse.JOINED)
    assert len(provider.heard) == 1


@in_fake_time
async def test_a_whole_request_waits_for_a_stream_and_a_stream_for_a_whole(
    asked, called, pieces_of
):
    provider = ScriptedProvider([SLOW])
    cache = cached(provider)
    calls = [called(), called()]
    chunks, whole = await gathered(
        pieces_of(cache, asked(), calls[0]), cache.chat(asked(), calls[1])
    )
    assert whole == assembled(chunks)
    assert calls[1].journal.cache is CacheUse.JOINED

    whole, chunks = await gathered(
        cache.chat(asked("b"), called()), pieces_of(cache, asked("b"), called())
    )
    assert assembled(chunks) == whole
    assert len(provider.heard) == 2


@in_fake_time
async def test_a_reader_who_leaves_a_stream_leaves_the_others_and_the_last_one_closes_it(
    asked, called, pieces_of
):
    provider = ScriptedProvider([SLOW])
    cache = cached(provider)

    async def one_piece(text):
        async with aclosing(cache.stream(asked(text), called())) as stream:
            return await anext(stream)

    _, chunks = await gathered(one_piece("a"), pieces_of(cache, asked("a"), called()))
    assert len(chunks) == 6
    await gathered(one_piece("b"), one_piece("b"))
    assert provider.endings == [Ending.ANSWERED, Ending.CANCELLED]
    assert (cache._flights.n_under_way, now()) == (0, 1007)


@in_fake_time
async def test_the_failure_of_a_stream_goes_to_all_after_what_came_before(asked, called):
    cut = StreamCut("It broke off.", remedy="Ask again.", provider="scripted")
    provider = ScriptedProvider([Turn(failure=cut, after=2, gap_s=1.0)])
    cache = cached(provider)

    async def read():
        seen = []
        try:
            async with aclosing(cache.stream(asked(), called())) as stream:
                async for chunk in stream:
                    seen.append(chunk)  # noqa: PERF401 - kept where it breaks off
        except StreamCut as error:
            return seen, error

    (one, error), (other, its_error) = await gathered(read(), read())
    assert one == other
    assert len(one) == 2
    assert error is not its_error


@in_fake_time
async def test_a_deadline_in_the_middle_of_a_shared_stream_cuts_it(asked, called):
    provider = ScriptedProvider([SLOW])
    cache = cached(provider)

    async def read(within_s):
        seen = []
        try:
            async with aclosing(cache.stream(asked(), called(within_s=within_s))) as stream:
                async for chunk in stream:
                    seen.append(chunk)  # noqa: PERF401 - kept where it breaks off
        except StreamCut:
            return len(seen), "cut"
        except TimedOut:
            return len(seen), "late"
        return len(seen), "whole"

    ends = await gathered(read(60), read(2.5), read(0.5))
    assert ends == [(6, "whole"), (2, "cut"), (0, "late")]


def flood(n):
    """A stream of n pieces of 1000 letters, and its end."""
    events = [TextDelta(text=f"{i:03}" + "x" * 997) for i in range(n)]
    return Turn(
        chunks=tuple(Chunk(events=(e,)) for e in [*events, Finished(reason=FinishReason.STOP)])
    )


@in_fake_time
async def test_a_slow_reader_misses_nothing_and_what_waits_for_it_is_bounded(asked, called):
    provider = ScriptedProvider([flood(100)])
    cache = cached(provider, max_entry_bytes=20_000)

    async def read(pause_s):
        seen = []
        async with aclosing(cache.stream(asked(), called(within_s=1e6))) as stream:
            async for chunk in stream:
                seen.append(chunk)
                await asyncio.sleep(pause_s)
                (flight,) = cache._flights._streams.values() or [None]
                if flight is not None:
                    assert flight.shared._weight <= 20_000 + 1400
        return seen

    fast, slow = await gathered(read(0), read(1))
    assert fast == slow == list(flood(100).chunks)
    assert len(provider.heard) == 1


@in_fake_time
async def test_who_comes_when_the_first_pieces_are_gone_makes_a_call_of_its_own(
    asked, called, pieces_of
):
    provider = ScriptedProvider([flood(100)])
    cache = cached(provider, max_entry_bytes=20_000)
    async with aclosing(cache.stream(asked(), called())) as stream:
        for _ in range(50):
            await anext(stream)
        assert await pieces_of(cache, asked(), called()) == list(flood(100).chunks)
    assert provider.endings == [Ending.CLOSED, Ending.ANSWERED]


@dataclass(frozen=True)
class Visit:
    """A caller: when it comes, how long it has and stays, and how it wants the answer."""

    at_s: int
    within_s: int
    stays_s: int
    streams: bool


VISITS = st.lists(
    st.builds(
        Visit,
        at_s=st.integers(0, 12),
        within_s=st.integers(1, 20),
        stays_s=st.integers(1, 20),
        streams=st.booleans(),
    ),
    min_size=1,
    max_size=8,
)
FATES = st.sampled_from(["answers", "fails", "breaks off"])


class Punctual(ScriptedProvider):
    """Ends a call at its deadline, as the policies below the cache do."""

    async def stream(self, request, call):
        async for chunk in ScriptedProvider.stream(self, replace(request, stream=True), call):
            yield chunk

    async def chat(self, request, call):
        request = replace(request, stream=False)
        try:
            async with asyncio.timeout_at(call.deadline):
                return await ScriptedProvider.chat(self, request, call)
        except TimeoutError:
            raise TimedOut("Late.", remedy="Wait.", provider="scripted") from None


@given(VISITS, FATES)
def test_whoever_comes_and_goes_everyone_gets_what_is_due_and_nothing_is_left_running(visits, fate):
    """The provider says four words, one every second from the third on, and honours deadlines."""
    cut = StreamCut("It broke off.", remedy="Ask again.", provider="scripted")
    turn = {
        "answers": Turn(text="a b c d", wait_s=3.25, gap_s=1.0),
        "fails": fails(FULL, wait_s=3.25),
        "breaks off": Turn(text="a b c d", wait_s=3.25, gap_s=1.0, failure=cut, after=3),
    }[fate]

    async def visit(cache, who):
        await asyncio.sleep(who.at_s)
        call = Call(id="x", deadline=now() + who.within_s, journal=Journal())
        began = now()
        asked_for = ChatRequest(
            model="small",
            messages=(said(Role.USER, "Why?"),),
            temperature=0.0,
        )

        async def stay():
            if not who.streams:
                return (await cache.chat(asked_for, call)).text
            async with aclosing(cache.stream(asked_for, call)) as stream:
                whole = assembled([chunk async for chunk in stream])
            assert whole is not None
            return whole.text

        try:
            async with asyncio.timeout(who.stays_s + 0.5):
                told = await stay()
        except TimeoutError:
            told = "left"
        except (Overloaded, StreamCut, TimedOut) as error:
            told = type(error).__name__
        return told, now() - began

    async def run():
        provider = Punctual([turn])
        cache = cached(provider)
        ends = await gathered(*(visit(cache, who) for who in visits))
        assert provider.running == 0
        assert cache._flights.n_under_way == 0
        for who, (told, took_s) in zip(visits, ends, strict=True):
            _judge(who, fate, told, took_s)
        for streams in (False, True):
            assert _most_at_once(provider, streams=streams) <= 1

    run_in_fake_time(run())


def _judge(who: Visit, fate: str, told: str, took_s: float) -> None:
    assert told in {"a b c d", "left", "Overloaded", "StreamCut", "TimedOut"}
    assert took_s <= who.stays_s + 0.5
    if told == "left":
        assert took_s == who.stays_s + 0.5
    if fate == "answers" and told in {"TimedOut", "StreamCut"}:
        assert took_s >= who.within_s
    if fate != "answers":
        assert told != "a b c d"


def _most_at_once(provider: ScriptedProvider, *, streams: bool) -> int:
    spans = [
        (heard.began, heard.ended or 0.0)
        for heard in provider.heard
        if heard.request.stream is streams
    ]
    starts = [began for began, _ in spans]
    return max(
        (sum(began <= moment < ended for began, ended in spans) for moment in starts), default=0
    )
