"""Prices that are written down, by a user or here, and a book of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Final

import msgspec

from seatrial.gateway.prices.book import PriceBook, Quote
from seatrial.gateway.prices.quotes import RatedQuote
from seatrial.gateway.prices.rates import Rates, TokenPrices
from seatrial.gateway.prices.terms import STANDARD, Terms

PER_1K: Final = 1_000
PER_MILLION: Final = 1_000_000
MAX_CACHED_QUOTES: Final = 4096
"""Callers choose names of models, so that what is remembered of them is bounded."""


def token_prices(
    prices: Mapping[str, Decimal], *, per: int, input_price: Decimal, output_price: Decimal
) -> TokenPrices:
    """Prices of one token each from prices of ``per`` tokens.

    A kind without a price of its own costs what plain tokens of its side cost; one hour in the
    cache costs what five minutes cost; cached audio costs what audio costs.

    Args:
        prices: of kinds with their own price, by the names of `TokenPrices`.
        per: 1,000 or 1,000,000: what the prices are for.
    """
    one = Decimal(1).scaleb(1 - len(str(per)))
    write = prices.get("cache_write", input_price)
    audio = prices.get("input_audio", input_price)
    full = {
        "input": input_price,
        "output": output_price,
        "cached": prices.get("cached", input_price),
        "cache_write": write,
        "cache_write_1h": prices.get("cache_write_1h", write),
        "input_audio": audio,
        "cached_audio": prices.get("cached_audio", audio),
        "output_audio": prices.get("output_audio", output_price),
        "reasoning": prices.get("reasoning", output_price),
    }
    return TokenPrices(**{kind: price * one for kind, price in full.items()})


class PriceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What someone says that a model costs.

    Args:
        provider: the vendor; "" for every one.
        model: its name, or the beginning of names and ``*``. Case does not matter.
        terms: the terms it speaks for; of others it says nothing.
        source: what the version of a quote begins with.
    """

    model: str
    rates: Rates
    provider: str = ""
    terms: Terms = STANDARD
    source: str = "own"

    @property
    def version(self) -> str:
        """The source and a digest of everything the entry says."""
        said = msgspec.json.encode(self, order="deterministic")
        return f"{self.source} {sha256(said).hexdigest()[:12]}"

    def speaks_for(self, provider: str, model: str, terms: Terms) -> bool:
        """Whether it prices this call; names in lower case. An unknown vendor may be any."""
        mine = self.model.lower()
        return (
            self.terms == terms
            and (not self.provider or not provider or self.provider.lower() == provider)
            and (model.startswith(mine[:-1]) if mine.endswith("*") else model == mine)
        )

    @property
    def precision(self) -> tuple[bool, bool, int]:
        """Greater for one that says more precisely what it is about."""
        return not self.model.endswith("*"), bool(self.provider), len(self.model)


class EntryBook:
    """A book of entries; the most precise one that speaks for a call counts."""

    def __init__(self, entries: Iterable[PriceEntry]) -> None:
        self._entries = sorted(entries, key=lambda entry: entry.precision, reverse=True)
        self._quotes: dict[tuple[str, str, Terms], Quote | None] = {}

    def quote(self, provider: str, model: str, terms: Terms = STANDARD) -> Quote | None:
        """The prices of a model, or None."""
        key = (provider, model, terms)
        if key not in self._quotes:
            if len(self._quotes) >= MAX_CACHED_QUOTES:
                self._quotes.clear()
            self._quotes[key] = self._found(provider.lower(), model.lower(), terms)
        return self._quotes[key]

    def _found(self, provider: str, model: str, terms: Terms) -> Quote | None:
        for entry in self._entries:
            if entry.speaks_for(provider, model, terms):
                return RatedQuote(version=entry.version, rates=entry.rates)
        return None


class ChainedBook:
    """Books in order; the first that knows a model prices it."""

    def __init__(self, books: Iterable[PriceBook]) -> None:
        self._books = tuple(books)

    def quote(self, provider: str, model: str, terms: Terms = STANDARD) -> Quote | None:
        """The prices of a model, or None where no book knows it."""
        for book in self._books:
            if (found := book.quote(provider, model, terms)) is not None:
                return found
        return None
