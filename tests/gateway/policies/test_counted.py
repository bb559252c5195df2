"""Every request of a route is counted once, however it ends."""

import asyncio
from contextlib import aclosing, suppress

import pytest

from seatrial.gateway.chat.failures import Overloaded
from seatrial.gateway.chat.request import EmbeddingRequest
from seatrial.gateway.policies.cache import Cached, CacheOptions
from seatrial.gateway.policies.counted import Counted
from seatrial.gateway.policies.metrics import GatewayCounts
from seatrial.gateway.policies.recent_answers import RecentAnswers
from seatrial.gateway.policies.tallies import Preferred, Tallies
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.scripted_provider import ScriptedProvider, Turn, answers, fails, hangs

FULL = Overloaded("It is full.", remedy="Wait.", provider="scripted")


def under(inner):
    counts = GatewayCounts()
    return Counted(inner, route="fast", counts=counts, now=now), counts


@in_fake_time
async def test_answers_failures_and_callers_who_leave_are_counted(asked, called, pieces_of):
    class Broken(ScriptedProvider):
        async def embed(self, request, call):
            raise KeyError("x")

    inner = Broken([answers(wait_s=0.3), fails(FULL), hangs(), Turn(wait_s=0.5, gap_s=0.25)])
    provider, counts = under(inner)
    await provider.chat(asked(), called())
    with pytest.raises(Overloaded):
        await provider.chat(asked(), called())
    task = asyncio.create_task(provider.chat(asked(), called()))
    await asyncio.sleep(1)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert len(await pieces_of(provider, asked(), called())) == 5
    async with aclosing(provider.stream(asked(), called())) as stream:
        await anext(stream)
    with pytest.raises(KeyError):
        await provider.embed(EmbeddingRequest(model="e", inputs=("a",)), called())

    (route,) = counts.snapshot().routes
    assert route.outcomes == {
        "ok": 2,
        "gateway.provider_overloaded": 1,
        "cancelled": 2,
        "unknown": 1,
    }
    assert route.latency.seconds == pytest.approx(0.3 + 1.5)
    assert route.first_token.seconds == pytest.approx(0.75)
    assert sum(route.first_token.buckets) == 1


@in_fake_time
async def test_hits_and_refusals_are_tallied_with_what_they_would_have_cost(
    asked, called, pieces_of
):
    posted = []
    tallies = Tallies(posted.append, owner="w", wall=lambda: 1e9)
    inner = Cached(
        ScriptedProvider([answers(), Turn(), fails(FULL)]),
        options=CacheOptions(),
        route="m",
        first="scripted/small",
        recent=RecentAnswers(max_entries=9, max_bytes=10**6),
        now=now,
    )
    provider = Counted(
        inner,
        route="m",
        counts=GatewayCounts(),
        now=now,
        tallies=tallies,
        preferred=Preferred(provider="one", model="small", cost=lambda usage: usage.output_tokens),
    )
    first = await provider.chat(asked(), called())
    tallies.flush()
    assert posted == []
    await provider.chat(asked(), called())
    await pieces_of(provider, asked(), called())
    embedding = EmbeddingRequest(model="e", inputs=("a",))
    vectors = await provider.embed(embedding, called())
    await provider.embed(embedding, called())
    with pytest.raises(Overloaded):
        await provider.chat(asked("b"), called())
    tallies.flush()
    hits, refused = sorted((one.record for one in posted), key=lambda one: one.failure or "")
    assert first.usage is not None
    assert vectors.usage is not None
    saved = 2 * first.usage.output_tokens + vectors.usage.output_tokens
    assert (hits.n, hits.cost, hits.failure) == (3, saved, None)
    assert (refused.n, refused.failure) == (1, "gateway.provider_overloaded")


@in_fake_time
async def test_it_is_the_route_in_all_else(called):
    inner = ScriptedProvider()
    provider, counts = under(inner)
    vectors = await provider.embed(EmbeddingRequest(model="e", inputs=("ab",)), called())
    assert vectors.vectors == ((2.0, 1.0),)
    assert counts.snapshot().routes[0].outcomes == {"ok": 1}
    assert provider.name == "scripted"
    await provider.close()
    assert inner.closed
