import asyncio

import pytest

from seatrial.gateway.chat import failures
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.policies.breaker import Breaker, Circuit, CircuitOpen
from seatrial.gateway.policies.circuit import CircuitOptions, CircuitPhase
from seatrial.gateway.policies.concurrency import NoRoom
from seatrial.gateway.policies.retry import Retry, RetryOptions
from seatrial.kernel.errors import LimitExceeded
from seatrial.testing.fake_time import in_fake_time, now
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
OPTIONS = CircuitOptions(failures_in_row=3, open_s=5, n_probes=1)


def failure(cls):
    return cls("It failed.", remedy="Wait.", provider="scripted")


def breaking(*turns):
    provider = ScriptedProvider(turns)
    circuit = Circuit(OPTIONS, now=now)
    return provider, circuit, Breaker(provider, circuit)


async def ask(breaker, *, streamed=False, seconds=60.0):
    if streamed:
        return await read_all(breaker.stream(REQUEST, call_within(seconds)))
    return await breaker.chat(REQUEST, call_within(seconds))


COUNTED = [
    failures.RateLimited,
    failures.Overloaded,
    failures.ServerFault,
    failures.Unreachable,
    failures.ConnectionLost,
    failures.TimedOut,
    failures.BadReply,
    failures.StreamCut,
]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("cls", COUNTED)
@in_fake_time
async def test_failures_of_the_provider_open_it(cls, streamed):
    provider, circuit, breaker = breaking(fails(failure(cls)))
    for _ in range(3):
        with pytest.raises(cls):
            await ask(breaker, streamed=streamed)
    with pytest.raises(CircuitOpen) as caught:
        await ask(breaker, streamed=streamed)
    assert circuit.phase is CircuitPhase.OPEN
    assert len(provider.heard) == 3
    assert caught.value.retry_after_s == pytest.approx(5)
    assert caught.value.retryable


@in_fake_time
async def test_a_burst_with_some_quick_failures_leaves_it_closed():
    turns = [
        fails(failure(failures.Overloaded)) if n % 3 == 0 else answers(wait_s=1) for n in range(27)
    ]
    provider, circuit, breaker = breaking(*turns)
    await asyncio.gather(*(ask(breaker) for _ in range(27)), return_exceptions=True)
    assert len(provider.heard) == 27
    assert circuit.phase is CircuitPhase.CLOSED


@pytest.mark.parametrize(
    "error",
    [
        failure(failures.Rejected),
        failure(failures.ContextTooLong),
        failure(failures.Unauthorized),
        failure(NoRoom),
    ],
)
@in_fake_time
async def test_what_is_not_the_providers_failure_does_not(error):
    _, circuit, breaker = breaking(fails(error))
    for _ in range(20):
        with pytest.raises(type(error)):
            await ask(breaker)
    assert circuit.phase is CircuitPhase.CLOSED


@in_fake_time
async def test_a_spent_budget_does_not():
    class Spent(ScriptedProvider):
        async def chat(self, request, call):
            raise LimitExceeded("The budget is spent.", remedy="Wait for tomorrow.")

    circuit = Circuit(OPTIONS, now=now)
    for _ in range(20):
        with pytest.raises(LimitExceeded):
            await ask(Breaker(Spent(), circuit))
    assert circuit.phase is CircuitPhase.CLOSED


@in_fake_time
async def test_a_rejected_request_shows_that_the_provider_works():
    _, circuit, breaker = breaking(
        *[fails(failure(failures.ServerFault))] * 2,
        fails(failure(failures.Rejected)),
        *[fails(failure(failures.ServerFault))] * 2,
    )
    for _ in range(5):
        with pytest.raises(failures.ProviderFailure):
            await ask(breaker)
    assert circuit.phase is CircuitPhase.CLOSED


@pytest.mark.parametrize("streamed", [False, True])
@in_fake_time
async def test_a_provider_that_hangs_opens_it_though_retry_gives_up_and_not_the_provider(streamed):
    _, circuit, breaker = breaking(hangs(after=1) if streamed else hangs())
    retry = Retry(breaker, RetryOptions(attempt_timeout_s=2), now=now)
    with pytest.raises(failures.TimedOut):
        await ask(retry, streamed=streamed)
    assert circuit.phase is CircuitPhase.OPEN


@in_fake_time
async def test_an_answer_that_is_too_long_for_the_time_there_is_does_not_open_it():
    provider, circuit, breaker = breaking(Turn(text="word " * 100, gap_s=1))
    for _ in range(5):
        with pytest.raises(failures.StreamCut):
            await ask(Retry(breaker, now=now), streamed=True, seconds=10)
    assert circuit.phase is CircuitPhase.CLOSED
    assert len(provider.heard) == 5


@in_fake_time
async def test_callers_who_hang_up_do_not_open_it():
    _, circuit, breaker = breaking(*[hangs()] * 10, *[hangs(after=2)] * 10, answers())
    for streamed in (False, True):
        for _ in range(10):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await ask(breaker, streamed=streamed)
    stream = breaker.stream(REQUEST, call_within())
    await anext(stream)
    await stream.aclose()
    assert circuit.phase is CircuitPhase.CLOSED


@in_fake_time
async def test_it_closes_again_when_a_probe_is_answered():
    provider, circuit, breaker = breaking(*[fails(failure(failures.Overloaded))] * 3, answers())
    for _ in range(3):
        with pytest.raises(failures.Overloaded):
            await ask(breaker)
    await asyncio.sleep(5)
    assert (await ask(breaker)).text == "It works."
    assert circuit.phase is CircuitPhase.CLOSED
    assert len(provider.heard) == 4


@pytest.mark.parametrize("streamed", [False, True])
@in_fake_time
async def test_one_probe_at_a_time_is_let_through(streamed):
    provider, circuit, breaker = breaking(
        *[fails(failure(failures.Overloaded))] * 3, answers(wait_s=2)
    )
    for _ in range(3):
        with pytest.raises(failures.Overloaded):
            await ask(breaker)
    await asyncio.sleep(5)
    results = await asyncio.gather(
        *(ask(breaker, streamed=streamed) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(result, CircuitOpen) for result in results) == 9
    assert circuit.phase is CircuitPhase.CLOSED
    assert len(provider.heard) == 4


@in_fake_time
async def test_models_of_one_provider_share_its_circuit():
    circuit = Circuit(OPTIONS, now=now)
    one = Breaker(ScriptedProvider([fails(failure(failures.ServerFault))]), circuit)
    other = Breaker(ScriptedProvider(), circuit)
    for _ in range(3):
        with pytest.raises(failures.ServerFault):
            await ask(one)
    with pytest.raises(CircuitOpen):
        await other.embed(EmbeddingRequest(model="v", inputs=("a",)), call_within())


@in_fake_time
async def test_answers_come_through_and_closing_closes():
    provider, _, breaker = breaking(answers())
    assert breaker.name == "scripted"
    assert (await ask(breaker)).text == "It works."
    assert len(await ask(breaker, streamed=True)) == 5
    request = EmbeddingRequest(model="v", inputs=("a",))
    assert (await breaker.embed(request, call_within())).vectors == ((1.0, 1.0),)
    await breaker.close()
    assert provider.closed
