"""Counts what comes of the requests of a route."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.provider import Chunks, Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Embeddings
from seatrial.gateway.policies.metrics import OK, GatewayCounts
from seatrial.gateway.policies.spans import CANCELLED
from seatrial.kernel.errors import SeatrialError


class Counted:
    """`Provider` that counts; stands outermost of a route.

    Args:
        provider: the route.
        route: its name.
        counts: where to; of all routes of a process.
        now: monotonic, in s.
    """

    def __init__(
        self, provider: Provider, *, route: str, counts: GatewayCounts, now: Callable[[], float]
    ) -> None:
        self._provider = provider
        self._route = route
        self._counts = counts
        self._now = now

    @property
    def name(self) -> str:
        """See Provider."""
        return self._provider.name

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        """See Provider."""
        began, outcome = self._now(), "unknown"
        try:
            answer = await self._provider.chat(request, call)
            outcome = OK
        except asyncio.CancelledError:
            outcome = CANCELLED
            raise
        except SeatrialError as error:
            outcome = error.code
            raise
        finally:
            seconds = self._now() - began
            self._counts.ended(self._route, call.journal, outcome=outcome, seconds=seconds)
        return answer

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider."""
        with self._counting(call) as stopwatch:
            async with aclosing(self._provider.stream(request, call)) as chunks:
                async for chunk in chunks:
                    if stopwatch.first_token_s is None and chunk.speaks:
                        stopwatch.first_token_s = self._now() - stopwatch.began
                    yield chunk

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:
        """See Provider."""
        with self._counting(call):
            return await self._provider.embed(request, call)

    async def close(self) -> None:
        """See Provider."""
        await self._provider.close()

    @contextmanager
    def _counting(self, call: Call) -> Iterator[_Stopwatch]:
        stopwatch = _Stopwatch(self._now())
        outcome = "unknown"
        try:
            yield stopwatch
            outcome = OK
        except (asyncio.CancelledError, GeneratorExit):
            outcome = CANCELLED
            raise
        except SeatrialError as error:
            outcome = error.code
            raise
        finally:
            self._counts.ended(
                self._route,
                call.journal,
                outcome=outcome,
                seconds=self._now() - stopwatch.began,
                first_token_s=stopwatch.first_token_s,
            )


class _Stopwatch:
    __slots__ = ("began", "first_token_s")

    def __init__(self, began: float) -> None:
        self.began = began
        self.first_token_s: float | None = None
