"""A quote of rates that are known."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from seatrial.gateway.chat.response import Usage
from seatrial.gateway.prices.rates import Rates


class RatedQuote(msgspec.Struct, frozen=True, kw_only=True):
    """The prices of a model, now and while a call that begins now may last.

    Args:
        version: where they are from.
        rates: what is paid now.
        later: what may be paid instead when the call ends: prices of another hour, or of
            tomorrow. The worst case counts them, the cost does not.
    """

    version: str
    rates: Rates
    later: tuple[Rates, ...] = ()

    def cost(self, usage: Usage) -> Decimal:
        """What a call with this usage costs, in USD."""
        return self.rates.cost(usage)

    def worst_case(self, input_tokens: int, output_tokens: int) -> Decimal:
        """The most that a call with at most so many tokens can cost, in USD."""
        most = self.rates.worst_case(input_tokens, output_tokens)
        for rates in self.later:
            most = max(most, rates.worst_case(input_tokens, output_tokens))
        return most

    def cost_units(self, usage: Usage) -> int:
        """See Quote."""
        return self.rates.cost_units(usage)

    def worst_case_units(self, input_tokens: int, output_tokens: int) -> int:
        """See Quote."""
        most = self.rates.worst_case_units(input_tokens, output_tokens)
        for rates in self.later:
            most = max(most, rates.worst_case_units(input_tokens, output_tokens))
        return most
