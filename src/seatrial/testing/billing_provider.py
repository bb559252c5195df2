"""A vendor in memory that bills what it does, for tests of money: a word is a token.

It goes on to the end of an answer whoever listens, as vendors may, and bills all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.failures import ProviderFailure
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.money import units
from seatrial.gateway.chat.provider import Chunks
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import (
    ChatResponse,
    Choice,
    Chunk,
    Embeddings,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    Usage,
    UsageReported,
)
from seatrial.gateway.prices.terms import STANDARD, Terms


class WordCounter:
    """`gateway.tokens.counter.TokenCounter` that counts words, as `BillingProvider` does."""

    exact = True
    ready = True

    def load(self) -> None:
        """See TokenCounter."""

    def text(self, text: str) -> int:
        """See TokenCounter."""
        return len(text.split())

    def request(self, request: ChatRequest) -> int:
        """See TokenCounter."""
        return sum(self.text(message.text) for message in request.messages)

    def bound(self, request: ChatRequest) -> int:
        """See TokenCounter."""
        return self.request(request)

    def ceiling(self, request: ChatRequest) -> int:
        """See TokenCounter."""
        return self.request(request)

    def cut(self, text: str, max_tokens: int) -> str:
        """See TokenCounter."""
        return " ".join(text.split()[:max_tokens])


class FlatPrice(msgspec.Struct, frozen=True):
    """`gateway.prices.book.Quote` and `PriceBook` of one price for every model.

    Args:
        token_usd: of input and output alike.
    """

    token_usd: Decimal
    version: str = "flat"

    def quote(self, provider: str, model: str, terms: Terms = STANDARD) -> FlatPrice:  # noqa: ARG002
        """See PriceBook."""
        return self

    def cost(self, usage: Usage) -> Decimal:
        """See Quote."""
        return self.worst_case(usage.input_tokens, usage.output_tokens)

    def worst_case(self, input_tokens: int, output_tokens: int) -> Decimal:
        """See Quote."""
        return (input_tokens + output_tokens) * self.token_usd

    def cost_units(self, usage: Usage) -> int:
        """See Quote."""
        return units(self.cost(usage))

    def worst_case_units(self, input_tokens: int, output_tokens: int) -> int:
        """See Quote."""
        return units(self.worst_case(input_tokens, output_tokens))


class BillingProvider:
    """`gateway.chat.provider.Provider` that answers in words and keeps its own books.

    Args:
        price: what it bills.
        n_words: of a whole answer; a lower ``max_tokens`` cuts it.
        tells_usage: whether it says how many tokens it was.
        fault: given the number of a request, from 0, the failure that it ends with, or None; one
            that may be paid comes after all the work, and is billed.
        wait_s: before the answer, and before each piece of a stream, by the loop's clock.
    """

    def __init__(
        self,
        price: FlatPrice,
        *,
        name: str = "billing",
        n_words: int = 10,
        tells_usage: bool = True,
        fault: Callable[[int], ProviderFailure | None] = lambda _: None,
        wait_s: float = 0.0,
    ) -> None:
        self.name = name
        self.billed_usd = Decimal(0)
        self.n_paid = 0
        self.n_asked = 0
        self._price = price
        self._n_words = n_words
        self._tells_usage = tells_usage
        self._fault = fault
        self._wait_s = wait_s

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:  # noqa: ARG002
        """See Provider."""
        usage = self._work(request)
        await asyncio.sleep(self._wait_s)
        text, reason = self._answer(request)
        return ChatResponse(
            id="bill",
            model=request.model,
            choices=tuple(
                Choice(index=index, message=said(Role.ASSISTANT, text), finish_reason=reason)
                for index in range(request.n)
            ),
            usage=usage if self._tells_usage else None,
        )

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:  # noqa: ARG002
        """See Provider."""
        usage = self._work(request)
        text, reason = self._answer(request)
        yield Chunk(events=(Started(id="bill", model=request.model),))
        for index in range(request.n):
            for word in text.split():
                await asyncio.sleep(self._wait_s)
                yield Chunk(events=(TextDelta(text=f"{word} ", index=index),))
            yield Chunk(events=(Finished(reason=reason, index=index),))
        if self._tells_usage:
            yield Chunk(events=(UsageReported(usage=usage),))

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:  # noqa: ARG002
        """See Provider."""
        words = sum(len(text.split()) for text in request.inputs)
        usage = Usage(input_tokens=words, output_tokens=0)
        self._bill(usage)
        await asyncio.sleep(self._wait_s)
        return Embeddings(
            model=request.model,
            vectors=tuple((float(len(text)),) for text in request.inputs),
            usage=usage if self._tells_usage else None,
        )

    async def close(self) -> None:
        """See Provider."""

    def _work(self, request: ChatRequest) -> Usage:
        """Do, and bill, all of it, or fail.   Raises: the fault that is due."""
        failure = self._fault(self.n_asked)
        self.n_asked += 1
        usage = Usage(
            input_tokens=WordCounter().request(request),
            output_tokens=request.n * self._length(request),
        )
        if failure is None or failure.may_be_paid:
            self._bill(usage)
        if failure is not None:
            raise failure
        return usage

    def _bill(self, usage: Usage) -> None:
        self.n_paid += 1
        self.billed_usd += self._price.cost(usage)

    def _length(self, request: ChatRequest) -> int:
        return min(self._n_words, request.max_tokens or self._n_words)

    def _answer(self, request: ChatRequest) -> tuple[str, FinishReason]:
        length = self._length(request)
        reason = FinishReason.STOP if length == self._n_words else FinishReason.CUT
        return " ".join(["word"] * length), reason
