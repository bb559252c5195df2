"""The port: what a model costs. Who has no price says so; nothing is free for want of one."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from seatrial.gateway.chat.response import Usage
from seatrial.gateway.prices.terms import STANDARD, Terms


class Quote(Protocol):
    """The prices of one model, on one day."""

    @property
    def version(self) -> str:
        """Where the prices are from, and of when; kept with every cost."""
        ...

    def cost(self, usage: Usage) -> Decimal:
        """What a call with this usage costs, in USD, exactly."""
        ...

    def worst_case(self, input_tokens: int, output_tokens: int) -> Decimal:
        """The most that a call with at most so many tokens can cost, in USD, however they are
        split among cached, written to a cache, reasoning and audio.

        Monotone in both arguments.
        """
        ...

    def cost_units(self, usage: Usage) -> int:
        """`cost` in units of `ledger.money`; what is smaller than one counts as one."""
        ...

    def worst_case_units(self, input_tokens: int, output_tokens: int) -> int:
        """`worst_case` in units of `ledger.money`; what is smaller than one counts as one."""
        ...


class PriceBook(Protocol):
    """Prices of all models."""

    def quote(self, provider: str, model: str, terms: Terms = STANDARD) -> Quote | None:
        """The prices of a model today; None where nobody knows them.

        Args:
            provider: the vendor, such as ``openai``; "" where it is not known.
            model: as the vendor names it.
            terms: what the request asks for besides, `terms_of` it: a faster tier costs more.
        """
        ...
