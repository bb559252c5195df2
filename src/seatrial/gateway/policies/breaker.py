"""Leaves a provider alone while it fails; `circuit` decides."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.failures import ContextTooLong, ProviderFailure, Rejected
from seatrial.gateway.chat.provider import Chunks, Pending, Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Embeddings
from seatrial.gateway.policies.circuit import (
    Answered,
    Asked,
    CircuitEvent,
    CircuitOptions,
    CircuitPhase,
    CircuitState,
    Dropped,
    Failed,
    admits,
    closes_in_s,
    step,
)
from seatrial.gateway.policies.held_back import HeldBack

_EARLY_S = 0.002  # loops round their timers, to a millisecond at most

Q = TypeVar("Q", ChatRequest, EmbeddingRequest)
A = TypeVar("A")


class CircuitOpen(HeldBack):
    """The provider failed too often, and is left alone; ``retry_after_s`` says until when."""

    code = "gateway.circuit_open"


class Circuit:
    """The state of one provider, shared by all that ask it.

    Args:
        now: monotonic, in s.
    """

    def __init__(
        self,
        options: CircuitOptions = CircuitOptions(),  # noqa: B008 - frozen
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._now = now
        self._state = CircuitState()

    @property
    def phase(self) -> CircuitPhase:
        """As it stands; an open one turns half open only when it is asked."""
        return self._state.phase

    def enter(self, provider: str) -> int:
        """Ask to send a request.

        Returns: the epoch, which its outcome is told with.   Raises: CircuitOpen.
        """
        now = self._now()
        if not admits(self._state, now, self._options):
            wait_s = closes_in_s(self._state, now, self._options)
            raise CircuitOpen(
                f"{provider} failed too often and is left alone for {wait_s:.3g} s more.",
                remedy="Try again then, or add a fallback.",
                provider=provider,
                retry_after_s=wait_s,
            )
        self._state = step(self._state, Asked(now), self._options)
        return self._state.epoch

    def answered(self, epoch: int) -> None:
        """A request that had entered was answered."""
        self._tell(Answered(self._now(), epoch))

    def ended(self, epoch: int, error: BaseException, call: Call, *, spoke: bool = False) -> None:
        """A request that had entered ended otherwise.

        Args:
            spoke: whether a part of the answer had come; before, a caller who gave up when the
                answer was due gave up because of the provider.
        """
        now = self._now()
        due = call.first_due - _EARLY_S
        if isinstance(error, Rejected | ContextTooLong):
            event: CircuitEvent = Answered(now, epoch)
        elif isinstance(error, ProviderFailure):
            blamed = error.retryable and not isinstance(error, HeldBack)
            after_s = error.retry_after_s or 0.0
            event = Failed(now, epoch, after_s) if blamed else Dropped(now, epoch)
        elif isinstance(error, asyncio.CancelledError) and not spoke and now >= due:
            event = Failed(now, epoch)
        else:
            event = Dropped(now, epoch)
        self._tell(event)

    def _tell(self, event: CircuitEvent) -> None:
        self._state = step(self._state, event, self._options)


class Breaker:
    """Asks a provider unless its circuit is open.

    Failures count that are the provider's and may pass; requests it rejects, budgets, and callers
    who hang up do not. Refused credentials do not count either: no time mends them, and an open
    circuit would hide them.
    """

    def __init__(self, provider: Provider, circuit: Circuit) -> None:
        self._provider = provider
        self._name = provider.name
        self._circuit = circuit

    @property
    def name(self) -> str:
        """See Provider."""
        return self._name

    def chat(self, request: ChatRequest, call: Call) -> Pending[ChatResponse]:
        """See Provider.   Raises: CircuitOpen."""
        return self._whole(self._provider.chat, request, call)

    def embed(self, request: EmbeddingRequest, call: Call) -> Pending[Embeddings]:
        """See Provider.   Raises: CircuitOpen."""
        return self._whole(self._provider.embed, request, call)

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider.   Raises: CircuitOpen."""
        epoch = self._circuit.enter(self._name)
        spoke = False
        try:
            async with aclosing(self._provider.stream(request, call)) as pieces:
                async for piece in pieces:
                    spoke = spoke or piece.speaks
                    yield piece
        except BaseException as error:
            self._circuit.ended(epoch, error, call, spoke=spoke)
            raise
        self._circuit.answered(epoch)

    async def close(self) -> None:
        """See Provider."""
        await self._provider.close()

    async def _whole(self, ask: Callable[[Q, Call], Awaitable[A]], request: Q, call: Call) -> A:
        epoch = self._circuit.enter(self._name)
        try:
            answer = await ask(request, call)
        except BaseException as error:
            self._circuit.ended(epoch, error, call)
            raise
        self._circuit.answered(epoch)
        return answer
