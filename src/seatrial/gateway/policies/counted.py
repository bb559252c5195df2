"""Counts what comes of the requests of a route."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager

from seatrial.gateway.chat.call import CacheUse, Call
from seatrial.gateway.chat.provider import Chunks, Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Embeddings, Usage, UsageReported
from seatrial.gateway.policies.metrics import OK, GatewayCounts
from seatrial.gateway.policies.spans import CANCELLED
from seatrial.gateway.policies.tallies import Preferred, Tallies
from seatrial.kernel.errors import SeatrialError


class Counted:
    """`Provider` that counts; stands outermost of a route.

    Args:
        provider: the route.
        route: its name.
        counts: where to; of all routes of a process.
        now: monotonic, in s.
        tallies: of calls that make no attempt; None where nobody asks.
        preferred: who answers for the route if the cache does not.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        route: str,
        counts: GatewayCounts,
        now: Callable[[], float],
        tallies: Tallies | None = None,
        preferred: Preferred | None = None,
    ) -> None:
        self._tallies = tallies
        self._preferred = preferred
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
        seen, outcome = _Seen(self._now()), "unknown"
        try:
            answer = await self._provider.chat(request, call)
            seen.usage, outcome = answer.usage, OK
        except asyncio.CancelledError:
            outcome = CANCELLED
            raise
        except SeatrialError as error:
            outcome = error.code
            raise
        finally:
            self._count(call, seen, outcome)
        return answer

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider."""
        with self._counting(call) as seen:
            async with aclosing(self._provider.stream(request, call)) as chunks:
                async for chunk in chunks:
                    if seen.first_token_s is None and chunk.speaks:
                        seen.first_token_s = self._now() - seen.began
                    if call.journal.cache in _GIVEN_AGAIN:
                        for event in chunk.events:
                            if isinstance(event, UsageReported):
                                seen.usage = event.usage
                    yield chunk

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:
        """See Provider."""
        with self._counting(call) as seen:
            answer = await self._provider.embed(request, call)
            seen.usage = answer.usage
            return answer

    async def close(self) -> None:
        """See Provider."""
        await self._provider.close()

    @contextmanager
    def _counting(self, call: Call) -> Iterator[_Seen]:
        seen = _Seen(self._now())
        outcome = "unknown"
        try:
            yield seen
            outcome = OK
        except (asyncio.CancelledError, GeneratorExit):
            outcome = CANCELLED
            raise
        except SeatrialError as error:
            outcome = error.code
            raise
        finally:
            self._count(call, seen, outcome)

    def _count(self, call: Call, seen: _Seen, outcome: str) -> None:
        self._counts.ended(
            self._route,
            call.journal,
            outcome=outcome,
            seconds=self._now() - seen.began,
            first_token_s=seen.first_token_s,
        )
        if not call.journal.attempts and outcome != CANCELLED:
            self._tally(call, outcome, seen.usage)

    def _tally(self, call: Call, outcome: str, usage: Usage | None) -> None:
        if self._tallies is None or self._preferred is None:
            return
        failure = None if outcome == OK else outcome
        if failure is not None or call.journal.cache in _GIVEN_AGAIN:
            self._tallies.add(self._preferred, call, usage=usage, failure=failure)


_GIVEN_AGAIN = (CacheUse.HIT, CacheUse.SEMANTIC, CacheUse.JOINED)


class _Seen:
    __slots__ = ("began", "first_token_s", "usage")

    def __init__(self, began: float) -> None:
        self.began = began
        self.first_token_s: float | None = None
        self.usage: Usage | None = None
