"""The prices of a model as numbers, and what a usage costs at them.

Providers bill every token once. A usage says how many of the input were read from a cache, written
to one, or audio, and how many of the output were audio or reasoning; the rest is plain. Where these
can overlap and the usage does not say how (audio that was cached), they overlap no more than they
must.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from operator import ne

import msgspec

from seatrial.gateway.chat.money import units, usd
from seatrial.gateway.chat.response import Usage


class TokenPrices(msgspec.Struct, frozen=True, kw_only=True):
    """What one token costs, by kind, in USD, each >= 0.

    Args:
        input, output: plain tokens.
        cached: read from the provider's cache.
        cache_write, cache_write_1h: written to it, for five minutes and for an hour.
        input_audio, cached_audio, output_audio, reasoning: as their names say.
    """

    input: Decimal
    output: Decimal
    cached: Decimal
    cache_write: Decimal
    cache_write_1h: Decimal
    input_audio: Decimal
    cached_audio: Decimal
    output_audio: Decimal
    reasoning: Decimal

    @property
    def dearest_input(self) -> Decimal:
        """The dearest kind of input."""
        return max(
            self.input,
            self.cached,
            self.cache_write,
            self.cache_write_1h,
            self.input_audio,
            self.cached_audio,
        )

    @property
    def dearest_output(self) -> Decimal:
        """The dearest kind of output."""
        return max(self.output, self.output_audio, self.reasoning)


class Tier(msgspec.Struct, frozen=True):
    """The prices of all tokens of a call whose input is longer than ``above`` tokens."""

    above: int
    prices: TokenPrices


class Rates(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All prices of a model at one moment.

    Args:
        base: of calls below the first tier.
        tiers: ascending.
        per_request: in USD, besides the tokens.
    """

    base: TokenPrices
    tiers: tuple[Tier, ...] = ()
    per_request: Decimal = Decimal(0)

    def cost(self, usage: Usage) -> Decimal:
        """What a call costs, in USD. Parts that are said to be more than the whole are cut to it.

        At most `worst_case` of the same input and output.
        """
        prices = self._prices(usage.input_tokens)
        return self.per_request + _input_cost(prices, usage) + _output_cost(prices, usage)

    def worst_case(self, input_tokens: int, output_tokens: int) -> Decimal:
        """The most that at most so many tokens can cost, in USD, however they are split.

        A shorter input may meet a dearer tier than a longer one, so that every tier counts that
        the input reaches.
        """
        dearest_input, dearest_output = self._ceilings[0][1:]
        for above, for_input, for_output in self._ceilings[1:]:
            if input_tokens <= above:
                break
            dearest_input, dearest_output = for_input, for_output
        return self.per_request + input_tokens * dearest_input + output_tokens * dearest_output

    def cost_units(self, usage: Usage) -> int:
        """`cost` in units of `ledger.money`; what is smaller than one counts as one."""
        flat = self._flat
        if flat is None or not _is_plain(usage):
            return units(self.cost(usage))
        per_request, for_input, for_output, _, _ = flat
        return per_request + usage.input_tokens * for_input + usage.output_tokens * for_output

    def worst_case_units(self, input_tokens: int, output_tokens: int) -> int:
        """`worst_case` in units of `ledger.money`; what is smaller than one counts as one."""
        flat = self._flat
        if flat is None:
            return units(self.worst_case(input_tokens, output_tokens))
        return flat[0] + input_tokens * flat[3] + output_tokens * flat[4]

    @cached_property
    def _flat(self) -> tuple[int, int, int, int, int] | None:
        """Of rates without tiers whose prices are whole units: of a request, and of a token of
        input and of output, plain and at most. Whole numbers add up at a tenth of the time."""
        base = self.base
        prices = (
            self.per_request,
            base.input,
            base.output,
            base.dearest_input,
            base.dearest_output,
        )
        whole = tuple(map(units, prices))
        if self.tiers or any(map(ne, map(usd, whole), prices)):
            return None
        return whole[0], whole[1], whole[2], whole[3], whole[4]

    def _prices(self, input_tokens: int) -> TokenPrices:
        found = self.base
        for tier in self.tiers:
            if input_tokens <= tier.above:
                break
            found = tier.prices
        return found

    @cached_property
    def _ceilings(self) -> Sequence[tuple[int, Decimal, Decimal]]:
        """Of each tier: where it begins, and the dearest prices up to and in it."""
        found = [(0, self.base.dearest_input, self.base.dearest_output)]
        for tier in self.tiers:
            _, for_input, for_output = found[-1]
            prices = tier.prices
            found.append(
                (
                    tier.above,
                    max(for_input, prices.dearest_input),
                    max(for_output, prices.dearest_output),
                )
            )
        return found


def _is_plain(usage: Usage) -> bool:
    """Whether all tokens are of the plain kinds."""
    return not (
        usage.cached_tokens
        or usage.cache_write_tokens
        or usage.reasoning_tokens
        or usage.input_audio_tokens
        or usage.output_audio_tokens
    )


def _input_cost(prices: TokenPrices, usage: Usage) -> Decimal:
    total = usage.input_tokens
    if not (usage.cached_tokens or usage.cache_write_tokens or usage.input_audio_tokens):
        return total * prices.input
    written = min(usage.cache_write_tokens, total)
    hour = min(usage.cache_write_1h_tokens, written)
    cached = min(usage.cached_tokens, total - written)
    audio = min(usage.input_audio_tokens, total)
    plain = total - written - cached - audio
    cached_audio = 0
    if plain < 0:
        # The parts overlap: audio that was cached first, then audio that was written.
        cached_audio = min(-plain, cached)
        cached -= cached_audio
        audio += plain
        plain = 0
    return (
        plain * prices.input
        + cached * prices.cached
        + (written - hour) * prices.cache_write
        + hour * prices.cache_write_1h
        + audio * prices.input_audio
        + cached_audio * prices.cached_audio
    )


def _output_cost(prices: TokenPrices, usage: Usage) -> Decimal:
    total = usage.output_tokens
    if not (usage.reasoning_tokens or usage.output_audio_tokens):
        return total * prices.output
    audio = min(usage.output_audio_tokens, total)
    reasoning = min(usage.reasoning_tokens, total - audio)
    return (
        (total - audio - reasoning) * prices.output
        + audio * prices.output_audio
        + reasoning * prices.reasoning
    )
