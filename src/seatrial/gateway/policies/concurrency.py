"""No more requests at a provider at once than it takes; the others wait their turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.provider import Chunks, Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Embeddings
from seatrial.gateway.policies.fair_queue import FairQueue
from seatrial.gateway.policies.held_back import HeldBack

_FIRST_GUESS_S = 1.0
_LEAST_S = 0.1
_WEIGHT = 0.1


class NoRoom(HeldBack):
    """As many requests as the gateway lets through are at the provider, and the queue is full or
    the wait too long; ``retry_after_s`` says when there should be room."""

    code = "gateway.provider_queue_full"


class ConcurrencyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests a provider gets.

    Args:
        at_once: >= 1.
        waiting: most that wait for their turn, of all keys, >= 0.
    """

    at_once: int = 64
    waiting: int = 1000


class Places:
    """The places of one provider, shared by all that ask it. Keys take turns.

    Args:
        now: monotonic, in s.
    """

    def __init__(
        self,
        options: ConcurrencyOptions = ConcurrencyOptions(),  # noqa: B008 - frozen
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._n = options.at_once
        self._free = options.at_once
        self._queue: FairQueue[asyncio.Future[bool]] = FairQueue(options.waiting)
        self._now = now
        self._mean_s = _FIRST_GUESS_S

    @property
    def n_taken(self) -> int:
        """Requests at the provider."""
        return self._n - self._free

    @property
    def n_waiting(self) -> int:
        """Requests that wait for their turn."""
        return len(self._queue)

    async def take(self, provider: str, call: Call) -> float:
        """Wait for a place, at most until an answer is due.

        Returns: when it was given, for `leave`.   Raises: NoRoom.
        """
        taken = self.take_free()
        if taken is not None:
            return taken
        await self._turn(provider, call)
        return self._now()

    def take_free(self) -> float | None:
        """As `take` where a place is free; None where there is none."""
        if not self._free:
            return None
        self._free -= 1
        return self._now()

    def leave(self, taken: float) -> None:
        """Give a place back."""
        self._mean_s += _WEIGHT * (self._now() - taken - self._mean_s)
        self._pass_on()

    async def _turn(self, provider: str, call: Call) -> None:
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        gone = self._queue.push(call.key, turn)
        if gone is turn:
            raise self._no_room(provider, f"{len(self._queue)} requests wait for it already.")
        if gone is not None and not gone.done():
            gone.set_result(False)
        try:
            async with asyncio.timeout(call.first_due - self._now()):
                admitted = await turn
        except TimeoutError:
            self._withdraw(call, turn)
            raise self._no_room(provider, "No place got free while there was time.") from None
        except asyncio.CancelledError:
            self._withdraw(call, turn)
            raise
        if not admitted:
            raise self._no_room(provider, "Others, who ask less, were let before this one.")

    def _withdraw(self, call: Call, turn: asyncio.Future[bool]) -> None:
        """Leave the queue; a place that was given meanwhile goes to the next."""
        if not self._queue.remove(call.key, turn) and not turn.cancelled() and turn.result():
            self._pass_on()

    def _pass_on(self) -> None:
        while self._queue:
            turn = self._queue.pop()
            if not turn.done():
                turn.set_result(True)
                return
        self._free += 1

    def _no_room(self, provider: str, why: str) -> NoRoom:
        wait_s = max(_LEAST_S, self._mean_s * (len(self._queue) + 1) / self._n)
        return NoRoom(
            f"There is no room at {provider}, which gets {self._n} requests at once. {why}",
            remedy="Try again later, or allow more.",
            provider=provider,
            retry_after_s=wait_s,
        )


class Concurrency:
    """Bounds the requests that are at a provider at once; a stream is there until it is closed."""

    def __init__(self, provider: Provider, places: Places) -> None:
        self._provider = provider
        self._name = provider.name
        self._places = places

    @property
    def name(self) -> str:
        """See Provider."""
        return self._name

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        """See Provider.   Raises: NoRoom."""
        taken = self._places.take_free()
        if taken is None:
            taken = await self._places.take(self._name, call)
        try:
            return await self._provider.chat(request, call)
        finally:
            self._places.leave(taken)

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:
        """See Provider.   Raises: NoRoom."""
        taken = await self._places.take(self._name, call)
        try:
            return await self._provider.embed(request, call)
        finally:
            self._places.leave(taken)

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider.   Raises: NoRoom."""
        taken = await self._places.take(self._name, call)
        try:
            async with aclosing(self._provider.stream(request, call)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            self._places.leave(taken)

    async def close(self) -> None:
        """See Provider."""
        await self._provider.close()
