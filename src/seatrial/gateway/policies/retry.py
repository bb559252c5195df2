"""Asking the same provider again, as long as that can help and there is time.

Whether a failure may be asked again is its own word (`ProviderFailure.retryable`); `backoff` says
when. A stream is asked for again only before its first piece that speaks: until then its pieces are
held back, so that nothing is given twice. After it a failure goes out as `StreamCut`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from random import Random
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.failures import ProviderFailure, TimedOut
from seatrial.gateway.chat.provider import Chunks, Pending, Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Chunk, Embeddings
from seatrial.gateway.policies.backoff import Backoff, wait_s
from seatrial.gateway.policies.opening import cut_off, opened
from seatrial.gateway.policies.patience import Deadlines, OutOfPatience, Patience

Q = TypeVar("Q", ChatRequest, EmbeddingRequest)
A = TypeVar("A")

NOTE = "retry.retries"


class RetryOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How persistent to be.

    Args:
        attempt_timeout_s: for a whole answer, or the first piece of a stream that speaks, of one
            attempt; None for all the time there is.
        gap_timeout_s: between the later pieces of a stream; None for all the time there is.
    """

    backoff: Backoff = Backoff()
    attempt_timeout_s: float | None = None
    gap_timeout_s: float | None = None


class Retry:
    """Asks a provider until it answers, attempts or time are used up, or another try is no use.

    No call takes longer than to its `Call.first_due`, no stream longer than to its deadline. The
    journal's note ``retry.retries`` counts the attempts after the first, of all candidates.

    Args:
        now: monotonic, in s.
        chance: for the jitter.
    """

    def __init__(
        self,
        provider: Provider,
        options: RetryOptions = RetryOptions(),  # noqa: B008 - frozen
        *,
        now: Callable[[], float] = time.monotonic,
        chance: Random | None = None,
    ) -> None:
        self._provider = provider
        self._options = options
        self._now = now
        self._chance = (chance or Random()).random
        self._deadlines = Deadlines()

    @property
    def name(self) -> str:
        """See Provider."""
        return self._provider.name

    def chat(self, request: ChatRequest, call: Call) -> Pending[ChatResponse]:
        """See Provider."""
        return self._whole(self._provider.chat, request, call)

    def embed(self, request: EmbeddingRequest, call: Call) -> Pending[Embeddings]:
        """See Provider."""
        return self._whole(self._provider.embed, request, call)

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider; before the first piece that speaks, none is given."""
        n_failed = 0
        while True:
            began = self._now()
            due = self._due(call, began)
            attempt = call if due >= call.first_due else replace(call, first_by=due)
            async with aclosing(self._provider.stream(request, attempt)) as pieces:
                with Patience(pieces, self._now, due) as patience:
                    try:
                        if due <= began:
                            raise OutOfPatience
                        held = await opened(patience.next)
                    except OutOfPatience:
                        failure: ProviderFailure = self._late(began, due)
                    except ProviderFailure as caught:
                        failure = caught
                    else:
                        for piece in held:
                            yield piece
                        while (later := await self._later(patience, call)) is not None:
                            yield later
                        return
            n_failed += 1
            await self._pause(failure, n_failed, call)

    async def close(self) -> None:
        """See Provider."""
        await self._provider.close()

    async def _later(self, patience: Patience, call: Call) -> Chunk | None:
        """The next piece of a stream that spoke; None at its end.   Raises: StreamCut."""
        asked = self._now()
        gap_s = self._options.gap_timeout_s
        patience.due = call.deadline if gap_s is None else min(call.deadline, asked + gap_s)
        try:
            return await patience.next()
        except StopAsyncIteration:
            return None
        except OutOfPatience:
            raise cut_off(self._late(asked, patience.due)) from None
        except ProviderFailure as failure:
            cut = cut_off(failure)
            if cut is failure:
                raise
            raise cut from failure

    async def _whole(self, ask: Callable[[Q, Call], Awaitable[A]], request: Q, call: Call) -> A:
        n_failed = 0
        while True:
            began = self._now()
            due = self._due(call, began)
            attempt = call if due >= call.deadline else replace(call, deadline=due, first_by=None)
            try:
                if due <= began:
                    raise self._late(began, due)
                return await self._deadlines.in_time(ask(request, attempt), due - began)
            except OutOfPatience:
                failure: ProviderFailure = self._late(began, due)
            except ProviderFailure as caught:
                failure = caught
            n_failed += 1
            await self._pause(failure, n_failed, call)

    def _due(self, call: Call, began: float) -> float:
        timeout_s = self._options.attempt_timeout_s
        return call.first_due if timeout_s is None else min(call.first_due, began + timeout_s)

    def _late(self, began: float, due: float) -> TimedOut:
        waited_s = max(0.0, due - began)
        return TimedOut(
            f"{self.name} gave no answer within {waited_s:.3g} s.",
            remedy="Try again later, or allow more time.",
            provider=self.name,
            waited_s=waited_s,
        )

    async def _pause(self, failure: ProviderFailure, n_failed: int, call: Call) -> None:
        """Wait before the next attempt.   Raises: the failure, when there shall be none."""
        pause_s = wait_s(
            failure,
            n_failed=n_failed,
            left_s=call.first_due - self._now(),
            backoff=self._options.backoff,
            chance=self._chance(),
        )
        if pause_s is None:
            raise failure
        retries = call.journal.notes.get(NOTE, 0)
        call.journal.notes[NOTE] = retries + 1 if isinstance(retries, int) else 1
        await asyncio.sleep(pause_s)
