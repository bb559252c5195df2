"""Every request of a route is counted once, however it ends."""

import asyncio
from contextlib import aclosing, suppress

import pytest

from seatrial.gateway.chat.failures import Overloaded
from seatrial.gateway.chat.request import EmbeddingRequest
from seatrial.gateway.policies.counted import Counted
from seatrial.gateway.policies.metrics import GatewayCounts
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
async def test_it_is_the_route_in_all_else(called):
    inner = ScriptedProvider()
    provider, counts = under(inner)
    vectors = await provider.embed(EmbeddingRequest(model="e", inputs=("ab",)), called())
    assert vectors.vectors == ((2.0, 1.0),)
    assert counts.snapshot().routes[0].outcomes == {"ok": 1}
    assert provider.name == "scripted"
    await provider.close()
    assert inner.closed
