"""What a call to one vendor may use, certainly used, and costs."""

from __future__ import annotations

from msgspec.structs import replace

from seatrial.gateway.chat.failures import ProviderFailure
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.policies.received import Received
from seatrial.gateway.prices.book import PriceBook, Quote
from seatrial.gateway.prices.terms import Terms, terms_of
from seatrial.gateway.tokens.counter import TokenCounter
from seatrial.gateway.tokens.estimate import EstimatingEncoder
from seatrial.kernel.errors import Denied, Invalid, MissingExtra, NotFound

_NEVER_SENT = (Invalid, NotFound, Denied, MissingExtra)
"""Errors of the gateway itself, from before anything was sent."""

_QUICK = EstimatingEncoder()


class Priced:
    """A request with its prices, as of now.

    Args:
        vendor: the price book's name of the provider.
        counter: of the request's model.
    """

    __slots__ = ("_counter", "_prices", "_terms", "_vendor", "quote", "request")

    def __init__(
        self,
        request: ChatRequest | EmbeddingRequest,
        prices: PriceBook,
        vendor: str,
        counter: TokenCounter,
    ) -> None:
        self.request = request
        self._prices = prices
        self._vendor = vendor
        self._counter = counter
        self._terms = terms_of(request.raw)
        self.quote: Quote | None = prices.quote(vendor, request.model, self._terms)
        """None where no price is known."""

    @property
    def version(self) -> str | None:
        """Of the prices."""
        return None if self.quote is None else self.quote.version

    def input_bound(self) -> int:
        """Tokens that the input cannot exceed."""
        if not self._counter.exact:
            return self.input_ceiling()
        if isinstance(self.request, ChatRequest):
            return self._counter.bound(self.request)
        return sum(self._counter.text(text) for text in self.request.inputs)

    def input_ceiling(self) -> int:
        """Tokens that the bound cannot exceed; quickly told, by the length of texts alone."""
        if isinstance(self.request, ChatRequest):
            if self._counter.exact:
                return self._counter.ceiling(self.request)
            return self._counter.bound(self.request)
        # No token is shorter than a byte; some models put a mark before and after each text.
        return sum(len(text.encode("utf-8", "replace")) + 2 for text in self.request.inputs)

    def estimate(self, received: Received, *, quickly: bool = False) -> Usage:
        """What certainly was used, as far as the gateway can count; never less than the provider
        told before it fell silent.

        Args: quickly: by the make of texts alone, so that no vocabulary is loaded.
        """
        output_tokens = received.tokens(_QUICK.count if quickly else self._counter.text)
        told = received.usage
        if told is not None:
            return replace(told, output_tokens=max(told.output_tokens, output_tokens))
        if quickly:
            input_tokens = self.input_ceiling()
        elif isinstance(self.request, ChatRequest) and self._counter.exact:
            input_tokens = self._counter.request(self.request)
        else:
            input_tokens = self.input_bound()
        return Usage(input_tokens=input_tokens, output_tokens=output_tokens)

    def cost(self, usage: Usage, terms: Terms) -> int | None:
        """What it costs, in units, at the terms that the provider says it worked at; None where no
        price is known."""
        quote = self.quote
        if terms and terms != self._terms:
            quote = self._prices.quote(self._vendor, self.request.model, terms) or quote
        return None if quote is None else quote.cost_units(usage)


def unpaid(error: BaseException) -> bool:
    """Whether an attempt that ended so, before any of the answer came, was certainly not paid."""
    if isinstance(error, ProviderFailure):
        return not error.may_be_paid
    return isinstance(error, _NEVER_SENT)
