import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.failures import ServerFault
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.policies.concurrency import (
    Concurrency,
    ConcurrencyOptions,
    NoRoom,
    Places,
)
from seatrial.testing.fake_time import in_fake_time, now, run_in_fake_time
from seatrial.testing.scripted_provider import (
    ScriptedProvider,
    Turn,
    answers,
    call_within,
    fails,
    hangs,
    read_all,
)

REQUEST = ChatRequest(model="small", messages=(said(Role.USER, "Does it work?"),))


def bounded(*turns, at_once=2, waiting=4):
    provider = ScriptedProvider(turns)
    places = Places(ConcurrencyOptions(at_once=at_once, waiting=waiting), now=now)
    return provider, places, Concurrency(provider, places)


@in_fake_time
async def test_no_more_are_at_the_provider_than_may_be():
    provider, places, policy = bounded(answers(wait_s=1), at_once=3, waiting=100)
    begun = now()
    await asyncio.gather(*(policy.chat(REQUEST, call_within()) for _ in range(10)))
    assert now() - begun == pytest.approx(4)
    starts = sorted(round(heard.began - begun) for heard in provider.heard)
    assert starts == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert (places.n_taken, places.n_waiting) == (0, 0)


@in_fake_time
async def test_keys_take_turns():
    provider, _, policy = bounded(answers(wait_s=1), at_once=1, waiting=100)
    keys = ["loud"] * 5 + ["quiet"] * 2
    await asyncio.gather(*(policy.chat(REQUEST, call_within(key=key)) for key in keys))
    assert [heard.call.key for heard in provider.heard] == [
        "loud",
        "loud",
        "quiet",
        "loud",
        "quiet",
        "loud",
        "loud",
    ]


@in_fake_time
async def test_a_full_queue_says_when_to_come_back():
    provider, _, policy = bounded(answers(wait_s=4), at_once=2, waiting=2)
    results = await asyncio.gather(
        *(policy.chat(REQUEST, call_within()) for _ in range(6)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, NoRoom)]
    assert len(refused) == 2
    assert len(provider.heard) == 4
    assert all(error.retry_after_s == pytest.approx(1.5) for error in refused)
    # The estimate follows how long requests really take.
    for _ in range(50):
        await policy.chat(REQUEST, call_within())
    results = await asyncio.gather(
        *(policy.chat(REQUEST, call_within()) for _ in range(5)), return_exceptions=True
    )
    (late,) = [result for result in results if isinstance(result, NoRoom)]
    assert late.retry_after_s == pytest.approx(4 * 3 / 2, rel=0.05)


@in_fake_time
async def test_who_asks_little_is_let_in_though_another_fills_the_queue():
    _, _, policy = bounded(answers(wait_s=1), at_once=1, waiting=3)
    loud = [asyncio.create_task(policy.chat(REQUEST, call_within(key="loud"))) for _ in range(4)]
    await asyncio.sleep(0)
    quiet = await policy.chat(REQUEST, call_within(key="quiet"))
    assert quiet.text == "It works."
    results = await asyncio.gather(*loud, return_exceptions=True)
    assert [isinstance(result, NoRoom) for result in results] == [False, False, False, True]


@in_fake_time
async def test_nobody_waits_for_a_place_beyond_the_deadline():
    provider, places, policy = bounded(hangs(), at_once=1)
    first = asyncio.create_task(policy.chat(REQUEST, call_within()))
    await asyncio.sleep(0)
    begun = now()
    with pytest.raises(NoRoom, match="No place got free"):
        await policy.chat(REQUEST, call_within(3))
    assert now() - begun == pytest.approx(3)
    assert places.n_waiting == 0
    first.cancel()
    await asyncio.wait([first])
    assert len(provider.heard) == 1


@in_fake_time
async def test_a_failure_and_a_hang_up_give_their_places_back():
    failure = ServerFault("It failed.", remedy="Wait.", provider="scripted")
    _, places, policy = bounded(fails(failure), hangs(), answers(), at_once=1)
    with pytest.raises(ServerFault):
        await policy.chat(REQUEST, call_within())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await policy.chat(REQUEST, call_within())
    request = EmbeddingRequest(model="v", inputs=("a",))
    assert (await policy.embed(request, call_within())).vectors == ((1.0, 1.0),)
    assert places.n_taken == 0


@in_fake_time
async def test_a_stream_has_its_place_until_it_is_closed():
    _, places, policy = bounded(Turn(), at_once=1)
    stream = policy.stream(REQUEST, call_within())
    await anext(stream)
    assert places.n_taken == 1
    await stream.aclose()
    assert places.n_taken == 0
    assert len(await read_all(policy.stream(REQUEST, call_within()))) == 5
    assert places.n_taken == 0


@in_fake_time
async def test_a_place_given_to_who_just_left_goes_to_the_next():
    _, places, policy = bounded(answers(wait_s=1), at_once=1)
    tasks = [asyncio.create_task(policy.chat(REQUEST, call_within())) for _ in range(3)]
    await asyncio.sleep(0)
    # When the first gives its place back, the second has it already and is cancelled at once.
    tasks[0].add_done_callback(lambda _: tasks[1].cancel())
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[1], asyncio.CancelledError)
    assert results[2].text == "It works."
    assert (places.n_taken, places.n_waiting) == (0, 0)


@given(
    n=st.integers(1, 25),
    at_once=st.integers(1, 4),
    waiting=st.integers(0, 10),
    seed=st.integers(0, 2**32),
)
def test_whatever_callers_do_every_place_comes_back(n, at_once, waiting, seed):
    chance = Random(seed)
    turns = [answers(wait_s=chance.choice([0, 1, 2])) for _ in range(n)]
    most = 0

    async def play() -> None:
        nonlocal most
        provider, places, policy = bounded(*turns, at_once=at_once, waiting=waiting)

        async def one() -> None:
            nonlocal most
            await asyncio.sleep(chance.choice([0, 0.5, 1]))
            call = call_within(chance.choice([0, 1, 2, 60]), key=chance.choice("abc"))
            async with asyncio.timeout(chance.choice([0, 0.5, 1, 2, 90])):
                answer = asyncio.create_task(policy.chat(REQUEST, call))
                try:
                    await asyncio.sleep(0)
                    most = max(most, provider.running)
                    assert places.n_waiting <= waiting
                    await answer
                finally:
                    answer.cancel()
                    await asyncio.wait([answer])

        results = await asyncio.gather(*(one() for _ in range(n)), return_exceptions=True)
        assert {type(r) for r in results} <= {type(None), NoRoom, TimeoutError}
        assert (places.n_taken, places.n_waiting, provider.running) == (0, 0, 0)

    run_in_fake_time(play())
    assert most <= at_once


@in_fake_time
async def test_closing_closes_the_provider():
    provider, _, policy = bounded(answers())
    assert policy.name == "scripted"
    await policy.close()
    assert provider.closed
