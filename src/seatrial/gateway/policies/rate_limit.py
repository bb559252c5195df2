"""Requests and tokens a minute, by key.

Tokens are taken by an estimate before the call, and set right by the usage after it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import TypeVar

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.messages import Text
from seatrial.gateway.chat.provider import Chunks, Pending, Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Embeddings, Usage, UsageReported
from seatrial.gateway.policies.gcra import Limits
from seatrial.gateway.policies.limit_store import LimitStore
from seatrial.kernel.errors import LimitExceeded, SeatrialError

Q = TypeVar("Q", ChatRequest, EmbeddingRequest)
A = TypeVar("A", ChatResponse, Embeddings)

_BYTES_A_TOKEN = 4
_SHORT_ANSWER = 256


class RateLimitExceeded(LimitExceeded):
    """The key asked for more than it may this minute; ``facts["retry_after_s"]``."""

    code = "gateway.rate_limited"
    retryable = True


class LargerThanLimit(LimitExceeded):
    """One request alone is more than the key may ask for at once."""

    code = "gateway.request_over_rate_limit"


def rough_tokens(request: ChatRequest | EmbeddingRequest) -> int:
    """An estimate of what a request will use, answer included, that costs no time: a token for
    every four bytes of text, and for the answer ``max_tokens``, or 256 where it is open."""
    if isinstance(request, EmbeddingRequest):
        return sum(len(text.encode()) for text in request.inputs) // _BYTES_A_TOKEN + 1
    n_bytes = sum(
        len(part.text.encode())
        for message in request.messages
        for part in message.parts
        if isinstance(part, Text)
    )
    answer = _SHORT_ANSWER if request.max_tokens is None else request.max_tokens
    return n_bytes // _BYTES_A_TOKEN + 1 + answer * request.n


class RateLimit:
    """Holds keys to their limits.

    A request that failed keeps its place among the requests and gets its tokens back; of one that
    was given up by its caller, or whose usage is not told, the estimate stands. What the estimate
    fell short of is owed: the next request waits for it.

    Args:
        limits_of: the limits of a call's key; None for no limits.
        estimate: tokens a request will use, answer included, >= 0.
        now: monotonic, in s; of all that share the store.
        key_name: of a key, by its id.
    """

    def __init__(
        self,
        provider: Provider,
        store: LimitStore,
        limits_of: Callable[[Call], Limits | None],
        *,
        estimate: Callable[[ChatRequest | EmbeddingRequest], int] = rough_tokens,
        now: Callable[[], float] = time.monotonic,
        key_name: Callable[[str | None], str | None] = lambda _: None,
    ) -> None:
        self._provider = provider
        self._store = store
        self._limits_of = limits_of
        self._estimate = estimate
        self._now = now
        self._key_name = key_name

    @property
    def name(self) -> str:
        """See Provider."""
        return self._provider.name

    def chat(self, request: ChatRequest, call: Call) -> Pending[ChatResponse]:
        """See Provider.   Raises: RateLimitExceeded, LargerThanLimit."""
        return self._whole(self._provider.chat, request, call)

    def embed(self, request: EmbeddingRequest, call: Call) -> Pending[Embeddings]:
        """See Provider.   Raises: RateLimitExceeded, LargerThanLimit."""
        return self._whole(self._provider.embed, request, call)

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider.   Raises: RateLimitExceeded, LargerThanLimit."""
        limits = self._limits_of(call)
        n_tokens = 0 if limits is None else await self._take(request, call, limits)
        usage: Usage | None = None
        spoke = False
        try:
            async with aclosing(self._provider.stream(request, call)) as pieces:
                async for piece in pieces:
                    spoke = spoke or piece.speaks
                    for event in piece.events:
                        if isinstance(event, UsageReported):
                            usage = event.usage
                    yield piece
        except SeatrialError:
            if limits is not None and not spoke:
                await self._correct(call, limits, -n_tokens)
            raise
        if limits is not None:
            await self._settle(call, limits, n_tokens, usage)

    async def close(self) -> None:
        """See Provider."""
        await self._provider.close()

    def _whole(self, ask: Callable[[Q, Call], Pending[A]], request: Q, call: Call) -> Pending[A]:
        limits = self._limits_of(call)
        return ask(request, call) if limits is None else self._limited(ask, request, call, limits)

    async def _limited(
        self, ask: Callable[[Q, Call], Pending[A]], request: Q, call: Call, limits: Limits
    ) -> A:
        n_tokens = await self._take(request, call, limits)
        try:
            answer = await ask(request, call)
        except SeatrialError:
            await self._correct(call, limits, -n_tokens)
            raise
        await self._settle(call, limits, n_tokens, answer.usage)
        return answer

    async def _take(
        self, request: ChatRequest | EmbeddingRequest, call: Call, limits: Limits
    ) -> int:
        n_tokens = 0 if limits.tokens is None else self._estimate(request)
        refusal = await self._store.take(call.key or "", limits, n_tokens, self._now())
        if refusal is None:
            return n_tokens
        name = self._key_name(call.key) or call.key
        who = "Calls without a key" if name is None else f"The key {name!r}"
        if math.isinf(refusal.wait_s):
            raise LargerThanLimit(
                f"{who} may use {refusal.rate.most:g} tokens at once; the request would use about"
                f" {n_tokens}.",
                remedy="Shorten it, or set a smaller max_tokens.",
                limit=refusal.rate.most,
            )
        raise RateLimitExceeded(
            f"{who} may use {refusal.rate.per_minute:g} {refusal.what} a minute,"
            " and that is used up.",
            remedy=f"Try again in {math.ceil(refusal.wait_s)} s.",
            retry_after_s=refusal.wait_s,
            limit=refusal.rate.per_minute,
            what=refusal.what,
        )

    async def _settle(self, call: Call, limits: Limits, n_tokens: int, usage: Usage | None) -> None:
        if usage is not None:
            used = usage.input_tokens + usage.output_tokens
            await self._correct(call, limits, used - n_tokens)

    async def _correct(self, call: Call, limits: Limits, n_tokens: int) -> None:
        if limits.tokens is not None and n_tokens:
            await self._store.correct(call.key or "", limits, n_tokens, self._now())
