import asyncio

import pytest

from seatrial.gateway.chat.failures import ServerFault, StreamCut
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.policies.gcra import Limits, Rate
from seatrial.gateway.policies.limit_store import LocalLimits
from seatrial.gateway.policies.rate_limit import (
    LargerThanLimit,
    RateLimit,
    RateLimitExceeded,
    rough_tokens,
)
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.scripted_provider import (
    ScriptedProvider,
    Turn,
    answers,
    call_within,
    fails,
    hangs,
    read_all,
    text_of,
)

REQUEST = ChatRequest(model="small", messages=(said(Role.USER, "Does it work?"),), max_tokens=96)
TOKENS = Limits(tokens=Rate(per_minute=1000))
ESTIMATE = 100


def limited(limits, *turns, estimate=lambda _: ESTIMATE):
    provider = ScriptedProvider(turns or (answers(),))
    policy = RateLimit(provider, LocalLimits(), lambda _: limits, estimate=estimate, now=now)
    return provider, policy


async def left(policy) -> int:
    """How many tokens are left at the moment; takes them."""
    n = 0
    policy._estimate = lambda _: 1
    while True:
        try:
            await policy._take(REQUEST, call_within(key="a"), TOKENS)
        except RateLimitExceeded:
            return n
        n += 1


@in_fake_time
async def test_requests_beyond_the_limit_are_refused_and_told_when_to_come_back():
    provider, policy = limited(Limits(requests=Rate(per_minute=3)))
    for _ in range(3):
        await policy.chat(REQUEST, call_within(key="a"))
    with pytest.raises(RateLimitExceeded, match="The key 'a' may use 3 requests a minute") as told:
        await policy.chat(REQUEST, call_within(key="a"))
    assert told.value.facts["retry_after_s"] == pytest.approx(20)
    assert told.value.retryable
    assert len(provider.heard) == 3
    await asyncio.sleep(20)
    assert (await policy.chat(REQUEST, call_within(key="a"))).text == "It works."


@in_fake_time
async def test_streams_and_vectors_are_held_to_it_too():
    _, policy = limited(Limits(requests=Rate(per_minute=2)))
    assert text_of(await read_all(policy.stream(REQUEST, call_within(key="a")))) == "It works."
    vectors = EmbeddingRequest(model="v", inputs=("a",))
    assert (await policy.embed(vectors, call_within(key="a"))).vectors == ((1.0, 1.0),)
    with pytest.raises(RateLimitExceeded):
        await read_all(policy.stream(REQUEST, call_within(key="a")))
    with pytest.raises(RateLimitExceeded):
        await policy.embed(vectors, call_within(key="a"))


@in_fake_time
async def test_each_key_has_its_own_limit_and_some_have_none():
    provider = ScriptedProvider()
    of_keys = {"a": Limits(requests=Rate(per_minute=1)), "b": Limits(requests=Rate(per_minute=2))}
    policy = RateLimit(provider, LocalLimits(), lambda call: of_keys.get(call.key or ""), now=now)
    admitted = {"a": 0, "b": 0, "free": 0}
    for key in admitted:
        for _ in range(3):
            try:
                await policy.chat(REQUEST, call_within(key=key))
                await read_all(policy.stream(REQUEST, call_within(key=key)))
                admitted[key] += 2
            except RateLimitExceeded:
                break
    vectors = EmbeddingRequest(model="v", inputs=("a",))
    assert (await policy.embed(vectors, call_within(key="free"))).vectors
    assert admitted == {"a": 0, "b": 2, "free": 6}
    assert len(provider.heard) == 1 + 2 + 6 + 1


async def ask(policy, way):
    call = call_within(key="a")
    if way == "stream":
        await read_all(policy.stream(REQUEST, call))
    elif way == "embed":
        await policy.embed(EmbeddingRequest(model="v", inputs=("a",)), call)
    else:
        await policy.chat(REQUEST, call)


all_ways = pytest.mark.parametrize("way", ["chat", "stream", "embed"])
FAULT = ServerFault("It failed.", remedy="Wait.", provider="scripted")
CUT = StreamCut("It broke off.", remedy="Ask again.", provider="scripted")


@all_ways
@pytest.mark.parametrize(
    ("usage", "remain"),
    [
        (Usage(input_tokens=10, output_tokens=30), 960),
        (Usage(input_tokens=10, output_tokens=300), 690),
        (None, 1000 - ESTIMATE),
    ],
)
@in_fake_time
async def test_the_estimate_is_set_right_by_the_usage(way, usage, remain):
    _, policy = limited(TOKENS, Turn(usage=usage))
    await ask(policy, way)
    assert await left(policy) == remain


@all_ways
@in_fake_time
async def test_a_failure_gives_the_tokens_back(way):
    _, policy = limited(TOKENS, fails(FAULT))
    with pytest.raises(ServerFault):
        await ask(policy, way)
    assert await left(policy) == 1000


@in_fake_time
async def test_a_stream_that_broke_off_after_it_spoke_was_used():
    _, policy = limited(TOKENS, fails(CUT, after=2))
    with pytest.raises(StreamCut):
        await ask(policy, "stream")
    assert await left(policy) == 1000 - ESTIMATE


@all_ways
@in_fake_time
async def test_the_estimate_stands_for_who_hangs_up(way):
    _, policy = limited(TOKENS, hangs())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await ask(policy, way)
    assert await left(policy) == 1000 - ESTIMATE


@in_fake_time
async def test_a_request_larger_than_the_limit_can_never_be_answered():
    provider, policy = limited(TOKENS, estimate=lambda _: 1001)
    with pytest.raises(
        LargerThanLimit, match=r"The key 'a' may use 1000 tokens at once; .* about 1001"
    ) as told:
        await policy.chat(REQUEST, call_within(key="a"))
    assert "retry_after_s" not in told.value.facts
    assert not told.value.retryable
    assert provider.heard == []


def test_a_rough_estimate_counts_texts_and_the_longest_answer():
    assert rough_tokens(REQUEST) == 13 // 4 + 1 + 96
    open_ended = ChatRequest(model="m", messages=(said(Role.USER, "ü" * 400),), n=2)
    assert rough_tokens(open_ended) == 201 + 2 * 256
    assert rough_tokens(EmbeddingRequest(model="v", inputs=("abcd", "efgh"))) == 3


@in_fake_time
async def test_closing_closes_the_provider():
    provider, policy = limited(None)
    assert policy.name == "scripted"
    await policy.close()
    assert provider.closed
