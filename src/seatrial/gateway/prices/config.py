"""What a configuration says of prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from seatrial.gateway.prices.entries import PriceEntry, token_prices
from seatrial.gateway.prices.rates import Rates, Tier, TokenPrices
from seatrial.kernel.config import ConfigModel

Price = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=12)]
"""In USD. Digits are bounded so that costs of any number of tokens are exact."""


class _Prices(ConfigModel):
    """Prices of kinds of tokens."""

    input: Price = Field(description="Plain input, in USD.")
    output: Price = Field(description="Plain output, in USD; 0 for embeddings.")
    cached: Price | None = Field(default=None, description="Read from the cache; else as input.")
    cache_write: Price | None = Field(
        default=None, description="Written to the cache; else as input."
    )
    cache_write_1h: Price | None = Field(
        default=None, description="Written for an hour; else as cache_write."
    )
    input_audio: Price | None = Field(default=None, description="Else as input.")
    cached_audio: Price | None = Field(default=None, description="Else as input_audio.")
    output_audio: Price | None = Field(default=None, description="Else as output.")
    reasoning: Price | None = Field(default=None, description="Else as output.")

    def prices(self, per: int) -> TokenPrices:
        """Of one token each."""
        given = self.model_dump(
            include={
                "cached",
                "cache_write",
                "cache_write_1h",
                "input_audio",
                "cached_audio",
                "output_audio",
                "reasoning",
            },
            exclude_none=True,
        )
        return token_prices(given, per=per, input_price=self.input, output_price=self.output)


class PriceTierConfig(_Prices):
    """Prices of all tokens of a call with a long input."""

    above: int = Field(ge=0, description="For calls with more tokens of input than this.")


class PriceConfig(_Prices):
    """What a model costs, for one that the list of prices lacks or has wrong."""

    model: str = Field(min_length=1, description="Its name, or the beginning of names and `*`.")
    provider: str = Field(default="", description="The vendor; empty for every one.")
    per: Literal[1000, 1_000_000] = Field(
        default=1000, description="How many tokens the prices are for: 1000 or 1000000."
    )
    per_request: Price = Field(default=Decimal(0), description="Besides tokens, for each call.")
    service_tier: str | None = Field(
        default=None, description="The tier the prices are for; none for the standard one."
    )
    tiers: tuple[PriceTierConfig, ...] = Field(
        default=(), description="Other prices for long inputs, ascending."
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        bounds = [tier.above for tier in self.tiers]
        if bounds != sorted(set(bounds)):
            raise ValueError(f"tiers must ascend, and these begin above {bounds}")
        return self

    def entry(self) -> PriceEntry:
        """As books take it."""
        return PriceEntry(
            model=self.model,
            provider=self.provider,
            terms=() if self.service_tier is None else (("service_tier", self.service_tier),),
            rates=Rates(
                base=self.prices(self.per),
                tiers=tuple(Tier(t.above, t.prices(self.per)) for t in self.tiers),
                per_request=self.per_request,
            ),
        )
