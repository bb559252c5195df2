"""Waiting for money that others will give back.

A call reserves its worst case and mostly costs a small part of it. So while many calls are under
way, a budget may seem used up that is not. Stands outside of fallback, where a call that waits
holds no place at any provider and every candidate was asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.provider import Chunks, Pending, Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Embeddings
from seatrial.gateway.policies.budget_failures import BudgetHeld

Q = TypeVar("Q", ChatRequest, EmbeddingRequest)
A = TypeVar("A")


class RoomOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait.

    Args:
        wait_s: for money to be given back, in all, >= 0.
        first_s, longest_s: between asking and asking again, > 0; each time twice as long.
    """

    wait_s: float = 5.0
    first_s: float = 0.05
    longest_s: float = 0.5


class Room:
    """`gateway.chat.provider.Provider` that asks another one again while a budget is only held, not
    spent.

    Args:
        now: monotonic, in s.
    """

    def __init__(
        self,
        inner: Provider,
        options: RoomOptions | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner = inner
        self._options = options or RoomOptions()
        self._now = now

    @property
    def name(self) -> str:
        """See Provider."""
        return self._inner.name

    def chat(self, request: ChatRequest, call: Call) -> Pending[ChatResponse]:
        """See Provider."""
        return self._whole(self._inner.chat, request, call)

    def embed(self, request: EmbeddingRequest, call: Call) -> Pending[Embeddings]:
        """See Provider."""
        return self._whole(self._inner.embed, request, call)

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider."""
        began, n_refused, given = self._now(), 0, False
        while True:
            try:
                async with aclosing(self._inner.stream(request, call)) as pieces:
                    async for piece in pieces:
                        given = True
                        yield piece
                return
            except BudgetHeld as refused:
                if given:
                    raise
                n_refused += 1
                await self._pause(refused, n_refused, began, call)

    async def close(self) -> None:
        """See Provider."""
        await self._inner.close()

    async def _whole(self, ask: Callable[[Q, Call], Awaitable[A]], request: Q, call: Call) -> A:
        began, n_refused = self._now(), 0
        while True:
            try:
                return await ask(request, call)
            except BudgetHeld as refused:
                n_refused += 1
                await self._pause(refused, n_refused, began, call)

    async def _pause(self, refused: BudgetHeld, n_refused: int, began: float, call: Call) -> None:
        """Wait before asking again.   Raises: the refusal, when there is no more time."""
        options = self._options
        left_s = min(began + options.wait_s, call.deadline) - self._now()
        if left_s <= 0:
            raise refused
        pause_s = min(options.first_s * 2 ** (n_refused - 1), options.longest_s)
        await asyncio.sleep(min(pause_s, left_s))
