"""Prices for models that the list of prices may lack, as the vendors published them.

Names are whole, for a longer one may be a dearer model (``gpt-4-32k``).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from seatrial.gateway.prices.entries import PER_1K, PriceEntry, token_prices
from seatrial.gateway.prices.rates import Rates

_OPUS_CACHE: Final = {"cached": "0.0015", "cache_write": "0.01875", "cache_write_1h": "0.03"}
_HAIKU_CACHE: Final = {"cached": "0.00003", "cache_write": "0.0003", "cache_write_1h": "0.0005"}
"""docs.anthropic.com, prompt caching."""


def _per_1k(
    provider: str,
    model: str,
    input_price: str,
    output_price: str,
    others: Mapping[str, str] | None = None,
) -> PriceEntry:
    return PriceEntry(
        provider=provider,
        model=model,
        source="default",
        rates=Rates(
            base=token_prices(
                {kind: Decimal(price) for kind, price in (others or {}).items()},
                per=PER_1K,
                input_price=Decimal(input_price),
                output_price=Decimal(output_price),
            )
        ),
    )


DEFAULTS: Final[tuple[PriceEntry, ...]] = (
    *(
        _per_1k(provider, model, "0.03", "0.06")
        for provider in ("openai", "azure")
        for model in ("gpt-4", "gpt-4-0314", "gpt-4-0613")
    ),
    *(
        _per_1k(provider, model, "0.0005", "0.0015")
        for provider in ("openai", "azure")
        for model in ("gpt-3.5", "gpt-3.5-turbo", "gpt-3.5-turbo-0125", "gpt-35-turbo")
    ),
    *(
        _per_1k("anthropic", model, "0.015", "0.075", _OPUS_CACHE)
        for model in ("claude-3-opus", "claude-3-opus-latest", "claude-3-opus-20240229")
    ),
    *(
        _per_1k("anthropic", model, "0.00025", "0.00125", _HAIKU_CACHE)
        for model in ("claude-3-haiku", "claude-3-haiku-20240307")
    ),
)
"""Asked last."""
