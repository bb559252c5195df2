"""What every book of prices must do; see `gateway.prices.book.PriceBook`."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise, product

from seatrial.gateway.chat.response import Usage
from seatrial.gateway.prices.book import PriceBook, Quote

COUNTS = (0, 1, 999, 128_001, 300_000, 2_000_000)
SHARES = (0, 0.3, 1)


def usages() -> list[Usage]:
    """Of all sizes, and split in many ways, some of them impossible."""
    return [
        Usage(
            input_tokens=read,
            output_tokens=written,
            cached_tokens=int(read * cached),
            cache_write_tokens=int(read * kept),
            cache_write_1h_tokens=int(read * kept * cached),
            reasoning_tokens=int(written * kept),
            input_audio_tokens=int(read * heard),
            output_audio_tokens=int(written * heard),
        )
        for read, written in product(COUNTS, COUNTS)
        for cached, kept, heard in product(SHARES, SHARES, SHARES)
    ]


class PriceBookSuite:
    """Subclass it as ``Test...`` with the fixtures ``book`` and ``known``: vendor and model, by
    name, that the book prices on standard terms and no others."""

    def test_a_known_model_has_a_quote_that_says_where_it_is_from(
        self, book: PriceBook, known: tuple[str, str]
    ) -> None:
        """The same each time."""
        versions = {_quote(book, known).version for _ in range(3)}
        assert len(versions) == 1
        assert versions.pop()

    def test_nobody_else_has_one(self, book: PriceBook, known: tuple[str, str]) -> None:
        """Neither another model nor another vendor's."""
        provider, model = known
        assert book.quote(provider, "no-such-model") is None
        assert book.quote("no-such-vendor", model) is None
        assert book.quote("", "no-such-model") is None

    def test_terms_that_are_not_known_have_none(
        self, book: PriceBook, known: tuple[str, str]
    ) -> None:
        """Nothing is sold faster at the price of slower."""
        assert book.quote(*known, (("service_tier", "no-such-tier"),)) is None

    def test_names_are_known_in_any_case(self, book: PriceBook, known: tuple[str, str]) -> None:
        """As vendors take them."""
        usage = Usage(input_tokens=1000, output_tokens=1000)
        shouted = book.quote(known[0].upper(), known[1].upper())
        assert shouted is not None
        assert shouted.cost(usage) == _quote(book, known).cost(usage)

    def test_no_usage_costs_more_than_the_worst_case(
        self, book: PriceBook, known: tuple[str, str]
    ) -> None:
        """However it is split."""
        quote = _quote(book, known)
        for usage in usages():
            cost = quote.cost(usage)
            assert isinstance(cost, Decimal)
            assert 0 <= cost <= quote.worst_case(usage.input_tokens, usage.output_tokens)

    def test_the_worst_case_grows_with_both_counts(
        self, book: PriceBook, known: tuple[str, str]
    ) -> None:
        """Across every tier."""
        quote = _quote(book, known)
        for (less, more), fixed in product(pairwise(COUNTS), COUNTS):
            assert quote.worst_case(less, fixed) <= quote.worst_case(more, fixed)
            assert quote.worst_case(fixed, less) <= quote.worst_case(fixed, more)

    def test_a_model_that_is_sold_is_not_free(
        self, book: PriceBook, known: tuple[str, str]
    ) -> None:
        """To the last digit, in proportion."""
        quote = _quote(book, known)
        once = quote.cost(Usage(input_tokens=7, output_tokens=3))
        assert once > 0
        assert quote.cost(Usage(input_tokens=700, output_tokens=300)) == 100 * once


def _quote(book: PriceBook, known: tuple[str, str]) -> Quote:
    quote = book.quote(*known)
    assert quote is not None
    return quote
