"""Prices and windows of models by the package genai-prices: dated, tiered, offline.

The list is read once, when the book is made; each model is turned into rates when it is first
asked for. Only the data inside the package counts, never one fetched later, so that its version
says what a price was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from seatrial.gateway.prices.entries import MAX_CACHED_QUOTES, PER_MILLION, token_prices
from seatrial.gateway.prices.quotes import RatedQuote
from seatrial.gateway.prices.rates import Rates, Tier, TokenPrices
from seatrial.gateway.prices.terms import STANDARD, Terms
from seatrial.gateway.tokens.windows import Window
from seatrial.kernel.errors import MissingExtra

if TYPE_CHECKING:
    from seatrial.gateway.prices.book import Quote

_OWN_KINDS: Final = {
    "cache_read_mtok": "cached",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "cache_audio_read_mtok": "cached_audio",
    "output_audio_mtok": "output_audio",
    "output_reasoning_mtok": "reasoning",
}
# A usage does not tell these apart from plain tokens, which therefore cost what the dearest costs.
_UNSEEN_INPUT: Final = ("input_mtok", "input_image_mtok", "input_video_mtok")
_UNSEEN_OUTPUT: Final = (
    "output_mtok",
    "output_image_mtok",
    "output_video_mtok",
    "output_citation_mtok",
)
_DAY: Final = timedelta(days=1)


class GenaiPrices:
    """A `PriceBook` and a `Windows` over the data of genai-prices.

    Args:
        now: seconds since 1970.

    Raises: MissingExtra.
    """

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        try:
            import genai_prices
            from genai_prices.data import providers
        except ImportError as missing:
            raise MissingExtra("genai_prices", "gateway") from missing
        self._version = f"genai-prices {genai_prices.__version__}"
        self._providers: list[Any] = providers
        self._now = now
        self._quotes: dict[tuple[str, str, Terms], tuple[float, Quote | None]] = {}

    @property
    def version(self) -> str:
        """The package and its version."""
        return self._version

    def quote(self, provider: str, model: str, terms: Terms = STANDARD) -> Quote | None:
        """The prices of a model now, or None; remembered until they may change."""
        now = self._now()
        remembered = self._quotes.get((provider, model, terms))
        if remembered is None or now >= remembered[0]:
            if len(self._quotes) >= MAX_CACHED_QUOTES:
                self._quotes.clear()
            at = datetime.fromtimestamp(now, UTC)
            found, resold = self._model(provider, model)
            # Another vendor's terms are not those of who sells its models on.
            unknown = found is None or (resold and terms)
            quote = None if unknown else self._quoted(found, at, terms)
            remembered = (_changes_at(found, at), quote)
            self._quotes[provider, model, terms] = remembered
        return remembered[1]

    def window(self, provider: str, model: str) -> Window | None:
        """The context window of a model, or None; the list does not say how long answers may be."""
        found, _ = self._model(provider, model)
        if found is None or not found.context_window:
            return None
        return Window(context_tokens=found.context_window)

    def _model(self, provider: str, model: str) -> tuple[Any, bool]:
        """The list's entry for a model, and whether it is another vendor's, sold on. Vendors are
        matched by their whole name only: one that merely sounds like another has its own prices."""
        vendor = provider.lower()
        for listed in self._providers:
            named = (
                listed.id == vendor
                if vendor
                else listed.model_match is not None and listed.model_match.is_match(model.lower())
            )
            if named:
                found = listed.find_model(model, all_providers=self._providers)
                return found, all(found is not own for own in listed.models)
        return None, False

    def _quoted(self, model: Any, at: datetime, terms: Terms) -> Quote | None:
        rates = _rates(model, at, terms)
        if rates is None:
            return None
        later = {
            other for other in _rates_soon(model, at, terms) if other is not None and other != rates
        }
        return RatedQuote(version=self._version, rates=rates, later=tuple(later))


def _rates(model: Any, at: datetime, terms: Terms) -> Rates | None:
    """The rates at a moment; None for models that are not sold by the token, or not on these
    terms."""
    prices = dict(model.get_prices(at).__dict__)
    if terms:
        variant = _variant(model, at, dict(terms))
        if variant is None:
            return None
        prices.update(variant)
    given = {key: price for key, price in prices.items() if price is not None}
    if "input_mtok" not in given or ("audio" in model.id and "input_audio_mtok" not in given):
        # A model for audio that is listed without its price costs many times its text.
        return None
    starts = sorted({t.start for p in given.values() for t in getattr(p, "tiers", ())})
    per_thousand_requests = _at(given.get("requests_kcount", Decimal(0)), 0)
    return Rates(
        base=_token_prices(given, 0),
        tiers=tuple(Tier(start, _token_prices(given, start + 1)) for start in starts),
        per_request=per_thousand_requests.scaleb(-3),
    )


def _rates_soon(model: Any, at: datetime, terms: Terms) -> Iterator[Rates | None]:
    """The rates of a call that begins now and ends within a day: vendors price it by its end."""
    for then in (*_next_hours(model, at), at + _DAY):
        yield _rates(model, then, terms)


def _variant(model: Any, at: datetime, terms: Mapping[str, str]) -> dict[str, Any] | None:
    """The prices that differ on these terms; None where the list does not know them."""
    for variant in model.price_variants or ():
        if variant.when == terms and (variant.constraint is None or variant.constraint.active(at)):
            return dict(variant.prices.__dict__)
    return None


def _token_prices(given: Mapping[str, Any], input_tokens: int) -> TokenPrices:
    own = {kind: _at(given[key], input_tokens) for key, kind in _OWN_KINDS.items() if key in given}
    return token_prices(
        own,
        per=PER_MILLION,
        input_price=max(_at(given[k], input_tokens) for k in _UNSEEN_INPUT if k in given),
        output_price=max(
            (_at(given[k], input_tokens) for k in _UNSEEN_OUTPUT if k in given),
            default=Decimal(0),
        ),
    )


def _at(price: Any, input_tokens: int) -> Decimal:
    """A price, tiered or not, for an input of this length."""
    found: Decimal = getattr(price, "base", price)
    for tier in getattr(price, "tiers", ()):
        if input_tokens > tier.start:
            found = tier.price
    return found


def _next_hours(model: Any, at: datetime) -> list[datetime]:
    """When within a day the prices of a model change by the hour, if they do."""
    if not isinstance(model.prices, list):
        return []
    hours = {
        hour
        for dated in model.prices
        if hasattr(dated.constraint, "start_time")
        for hour in (dated.constraint.start_time, dated.constraint.end_time)
    }
    today = (datetime.combine(at.date(), hour, hour.tzinfo or UTC) for hour in hours)
    return sorted(then if then > at else then + _DAY for then in today)


def _changes_at(model: Any, at: datetime) -> float:
    """Until when a quote holds, in seconds since 1970: no longer than the day, in UTC."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
    hours = [] if model is None else _next_hours(model, at)
    return min(midnight, *hours).timestamp() if hours else midnight.timestamp()
