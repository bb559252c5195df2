"""Every book of prices against the suite that defines one."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from seatrial.adapters.llm.prices_genai import GenaiPrices
from seatrial.gateway.prices.config import PriceConfig, PriceTierConfig
from seatrial.gateway.prices.defaults import DEFAULTS
from seatrial.gateway.prices.entries import ChainedBook, EntryBook
from seatrial.testing.price_book_suite import PriceBookSuite

OWN = PriceConfig(
    provider="acme",
    model="anvil",
    input=Decimal("0.003"),
    output=Decimal("0.015"),
    cached=Decimal("0.0003"),
    cache_write_1h=Decimal("0.006"),
    input_audio=Decimal("0.04"),
    tiers=(PriceTierConfig(above=128_000, input=Decimal("0.006"), output=Decimal("0.01")),),
)


def listed() -> GenaiPrices:
    return GenaiPrices(now=datetime(2026, 11, 20, tzinfo=UTC).timestamp)


class TestEntryBook(PriceBookSuite):
    @pytest.fixture
    def book(self) -> EntryBook:
        return EntryBook([OWN.entry()])

    @pytest.fixture
    def known(self) -> tuple[str, str]:
        return "acme", "anvil"


class TestGenaiPrices(PriceBookSuite):
    @pytest.fixture
    def book(self) -> GenaiPrices:
        return listed()

    @pytest.fixture(
        params=[("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-audio"), ("openai", "gpt-5.4")],
        ids=lambda known: known[1],
    )
    def known(self, request: pytest.FixtureRequest) -> tuple[str, str]:
        found: tuple[str, str] = request.param
        return found


class TestChainedBook(PriceBookSuite):
    @pytest.fixture
    def book(self) -> ChainedBook:
        return ChainedBook([EntryBook([OWN.entry()]), listed(), EntryBook(DEFAULTS)])

    @pytest.fixture(
        params=[("acme", "anvil"), ("openai", "gpt-4o"), ("openai", "gpt-3.5")],
        ids=lambda known: known[1],
    )
    def known(self, request: pytest.FixtureRequest) -> tuple[str, str]:
        found: tuple[str, str] = request.param
        return found
