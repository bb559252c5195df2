"""What a provider that is asked over HTTP must do when the other side fails, besides
`ProviderSuite`: it needs a `ScriptedLLM`, which does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from seatrial.gateway.chat.failures import (
    BadReply,
    ConnectionLost,
    ContextTooLong,
    OutOfCredit,
    Overloaded,
    ProviderFailure,
    RateLimited,
    Rejected,
    ServerFault,
    StreamCut,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from seatrial.gateway.chat.provider import Provider
from seatrial.gateway.chat.response import Event, Finished, TextDelta, UsageReported
from seatrial.testing.llm_script import Fault, FaultKind, Says, Tokens
from seatrial.testing.provider_suite import ProviderSuite, sample_call
from seatrial.testing.scripted_llm import ScriptedLLM

BEFORE: dict[FaultKind, type[ProviderFailure]] = {
    FaultKind.RATE_LIMITED: RateLimited,
    FaultKind.NO_QUOTA: OutOfCredit,
    FaultKind.SERVER_ERROR: ServerFault,
    FaultKind.UNAVAILABLE: Overloaded,
    FaultKind.OVERLOADED: Overloaded,
    FaultKind.BAD_REQUEST: Rejected,
    FaultKind.TOO_LONG: ContextTooLong,
    FaultKind.UNAUTHORIZED: Unauthorized,
    FaultKind.REDIRECT: ProviderFailure,
    FaultKind.RESET: ConnectionLost,
    FaultKind.HANG: TimedOut,
    FaultKind.EMPTY: BadReply,
    FaultKind.WRONG_TYPE: BadReply,
}
"""Faults that come before any answer."""

_WHOLE = {
    **BEFORE,
    FaultKind.BROKEN_JSON: BadReply,
    FaultKind.CUT: StreamCut,
    FaultKind.NO_END: StreamCut,
    FaultKind.HANG_MIDWAY: TimedOut,
    FaultKind.ERROR_EVENT: ServerFault,
}
_MIDWAY = (FaultKind.CUT, FaultKind.NO_END, FaultKind.HANG_MIDWAY, FaultKind.ERROR_EVENT)
_RETRYABLE = (RateLimited, Overloaded, ServerFault, ConnectionLost, TimedOut, BadReply, StreamCut)


class VendorSuite(ProviderSuite):
    """Subclass it as ``Test...`` with an asynchronous fixture ``provider`` that asks ``server``,
    with an idle limit of streams of at most a second."""

    @pytest.fixture
    async def server(self) -> AsyncIterator[ScriptedLLM]:
        """The other side."""
        async with ScriptedLLM() as server:
            yield server

    @pytest.mark.parametrize("kind", _WHOLE)
    async def test_a_fault_of_a_whole_answer(
        self, provider: Provider, server: ScriptedLLM, kind: FaultKind
    ) -> None:
        """Each is the failure it is, says what to do, and the next call is answered."""
        server.then(Fault(kind=kind))
        with pytest.raises(ProviderFailure) as failed:
            await provider.chat(self.request(), sample_call(within_s=_time_for(kind)))
        assert type(failed.value) is _WHOLE[kind]
        assert failed.value.retryable == isinstance(failed.value, _RETRYABLE)
        assert failed.value.provider == provider.name
        assert failed.value.remedy
        assert (await provider.chat(self.request(), sample_call())).text

    @pytest.mark.parametrize("kind", BEFORE)
    async def test_a_fault_before_a_stream(
        self, provider: Provider, server: ScriptedLLM, kind: FaultKind
    ) -> None:
        """It comes instead of the first piece."""
        server.then(Fault(kind=kind))
        chunks = provider.stream(self.request(), sample_call(within_s=_time_for(kind)))
        with pytest.raises(ProviderFailure) as failed:
            await anext(chunks)
        assert type(failed.value) is BEFORE[kind]
        assert (await provider.chat(self.request(), sample_call())).text

    @pytest.mark.parametrize("kind", _MIDWAY)
    async def test_a_fault_within_a_stream(
        self, provider: Provider, server: ScriptedLLM, kind: FaultKind
    ) -> None:
        """What came is given, then the cut is told: it is never taken for the whole."""
        server.then(Fault(kind=kind, after=2))
        given: list[Event] = []
        failure: ProviderFailure | None = None
        async with aclosing(provider.stream(self.request(), sample_call())) as chunks:
            try:
                async for chunk in chunks:
                    given.extend(chunk.events)
            except ProviderFailure as failed:
                failure = failed
        assert type(failure) is StreamCut
        assert failure.may_be_paid
        text = "".join(event.text for event in given if isinstance(event, TextDelta))
        assert text.startswith("Say hello")
        assert not any(isinstance(event, Finished) for event in given)
        assert (await provider.chat(self.request(), sample_call())).text

    @pytest.mark.parametrize(
        ("headers", "asked_s"),
        [
            ({"Retry-After": "7"}, 7.0),
            ({"Retry-After": "0.5"}, 0.5),
            ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
            ({"Retry-After": "soon"}, None),
            ({}, None),
        ],
    )
    async def test_how_long_to_wait(
        self,
        provider: Provider,
        server: ScriptedLLM,
        headers: dict[str, str],
        asked_s: float | None,
    ) -> None:
        """As the vendor says, in seconds or thousandths; None where it does not."""
        server.then(*[Fault(kind=FaultKind.RATE_LIMITED, headers=headers)] * 2)
        with pytest.raises(RateLimited) as failed:
            await provider.chat(self.request(), sample_call())
        assert failed.value.retry_after_s == asked_s
        with pytest.raises(RateLimited) as failed:
            await anext(provider.stream(self.request(), sample_call()))
        assert failed.value.retry_after_s == asked_s

    async def test_until_when_to_wait(self, provider: Provider, server: ScriptedLLM) -> None:
        """A date is read as the time until then."""
        then = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
        server.then(Fault(kind=FaultKind.UNAVAILABLE, headers={"Retry-After": then}))
        with pytest.raises(Overloaded) as failed:
            await provider.chat(self.request(), sample_call())
        assert failed.value.retry_after_s == pytest.approx(90, abs=30)

    async def test_a_vendor_may_forbid_to_try_again(
        self, provider: Provider, server: ScriptedLLM
    ) -> None:
        """Even for a status that asks for it."""
        said = {"x-should-retry": "false"}
        server.then(Fault(kind=FaultKind.SERVER_ERROR, headers=said))
        with pytest.raises(ProviderFailure) as failed:
            await provider.chat(self.request(), sample_call())
        assert not failed.value.retryable
        assert failed.value.elsewhere

    async def test_a_closed_port(self, provider: Provider, server: ScriptedLLM) -> None:
        """Nothing was sent, so nothing is paid."""
        await server.refuse()
        with pytest.raises(Unreachable) as failed:
            await provider.chat(self.request(), sample_call())
        assert not failed.value.may_be_paid
        with pytest.raises(Unreachable):
            await anext(provider.stream(self.request(), sample_call()))
        await server.accept()
        assert (await provider.chat(self.request(), sample_call())).text

    async def test_the_vendors_own_error_is_kept(
        self, provider: Provider, server: ScriptedLLM
    ) -> None:
        """With its words, for whoever has to correct the request."""
        server.then(Fault(kind=FaultKind.BAD_REQUEST, message="top_q: unknown field"))
        with pytest.raises(Rejected, match="top_q: unknown field") as failed:
            await provider.chat(self.request(), sample_call())
        assert failed.value.status == 400
        assert failed.value.body is not None
        assert "top_q" in str(failed.value.body["error"])

    async def test_whoever_gives_up_ends_the_request(
        self, provider: Provider, server: ScriptedLLM
    ) -> None:
        """Whether the answer had begun or not."""
        server.then(Fault(kind=FaultKind.HANG), Fault(kind=FaultKind.HANG_MIDWAY))
        asking = asyncio.ensure_future(provider.chat(self.request(), sample_call()))
        await _until(lambda: server.in_flight == 1)
        asking.cancel()
        await _until(lambda: server.in_flight == 0)
        chunks = provider.stream(self.request(), sample_call())
        await anext(chunks)
        assert server.in_flight == 1
        await chunks.aclose()
        await _until(lambda: server.in_flight == 0)
        assert server.n_left == 2

    async def test_a_slow_start_is_waited_for(
        self, provider: Provider, server: ScriptedLLM
    ) -> None:
        """The idle limit counts between pieces; only the deadline counts before them."""
        server.then(Says(first_token_s=0.05, between_s=0.001))
        events = await self.events(provider, self.request())
        assert "".join(e.text for e in events if isinstance(e, TextDelta))

    async def test_what_is_told_is_what_is_billed(
        self, provider: Provider, server: ScriptedLLM
    ) -> None:
        """Whole and in pieces, with tokens of caches and of reasoning."""
        took = Tokens(input=1200, cached=1000, output=90)
        server.then(Says(tokens=took), Says(tokens=took), Says(tells_usage=False))
        whole = (await provider.chat(self.request(), sample_call())).usage
        events = await self.events(provider, self.request())
        streamed = [event.usage for event in events if isinstance(event, UsageReported)][-1]
        assert whole == streamed
        assert (streamed.input_tokens, streamed.cached_tokens) == (1200, 1000)
        assert server.bill.tokens[self.model] == took + took

    async def test_connections_are_kept(self, provider: Provider, server: ScriptedLLM) -> None:
        """Whole answers, streams and errors leave theirs for the next call."""
        for _ in range(2):
            await provider.chat(self.request(), sample_call())
            await self.events(provider, self.request())
            server.then(Fault(kind=FaultKind.SERVER_ERROR), Fault(kind=FaultKind.SERVER_ERROR))
            with pytest.raises(ServerFault):
                await provider.chat(self.request(), sample_call())
            with pytest.raises(ServerFault):
                await anext(provider.stream(self.request(), sample_call()))
        assert server.n_connections == 1


def _time_for(kind: FaultKind) -> float:
    """Little for what hangs, so that its deadline comes."""
    return 0.2 if kind in (FaultKind.HANG, FaultKind.HANG_MIDWAY) else 30.0


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0)
