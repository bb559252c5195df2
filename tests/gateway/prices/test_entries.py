from decimal import Decimal

from seatrial.gateway.chat.response import Usage
from seatrial.gateway.prices.defaults import DEFAULTS
from seatrial.gateway.prices.entries import (
    MAX_CACHED_QUOTES,
    PER_1K,
    PER_MILLION,
    ChainedBook,
    EntryBook,
    PriceEntry,
    token_prices,
)
from seatrial.gateway.prices.rates import Rates

ONE_EACH = Usage(input_tokens=1000, output_tokens=1000)


def entry(model, input_price="1", output_price="2", per=PER_1K, **more):
    prices = token_prices(
        {}, per=per, input_price=Decimal(input_price), output_price=Decimal(output_price)
    )
    return PriceEntry(model=model, rates=Rates(base=prices), **more)


def cost(book, provider, model, terms=()):
    quote = book.quote(provider, model, terms)
    return None if quote is None else quote.cost(ONE_EACH)


def test_per_thousand_and_per_million_are_the_same_money():
    thousand = token_prices({}, per=PER_1K, input_price=Decimal("0.03"), output_price=Decimal(0))
    million = token_prices({}, per=PER_MILLION, input_price=Decimal(30), output_price=Decimal(0))
    assert thousand == million
    assert thousand.input == Decimal("0.00003")


def test_a_kind_without_a_price_costs_what_its_side_costs():
    prices = token_prices(
        {"cache_write": Decimal(5), "input_audio": Decimal(40)},
        per=PER_MILLION,
        input_price=Decimal(4),
        output_price=Decimal(8),
    )
    millionth = Decimal("0.000001")
    assert prices.cached == 4 * millionth
    assert prices.cache_write_1h == prices.cache_write == 5 * millionth
    assert prices.cached_audio == prices.input_audio == 40 * millionth
    assert prices.reasoning == prices.output_audio == prices.output == 8 * millionth


def test_who_is_not_known_has_no_price():
    book = EntryBook([entry("gpt-4", provider="openai")])
    assert cost(book, "openai", "gpt-4-32k") is None
    assert cost(book, "azure", "gpt-4") is None
    assert cost(ChainedBook([book]), "openai", "gpt-5") is None


def test_names_are_matched_whole_or_by_their_beginning_in_any_case():
    book = EntryBook([entry("Qwen*"), entry("qwen-max", "10")])
    assert cost(book, "vllm", "QWEN-2.5") == 3
    assert cost(book, "vllm", "qwen-max") == 12


def test_the_most_precise_entry_counts_whatever_the_order():
    entries = [entry("a*", "1"), entry("a-b*", "10"), entry("a-b*", "20", provider="x")]
    for ordered in (entries, entries[::-1]):
        book = EntryBook(ordered)
        assert cost(book, "y", "a-c") == 3
        assert cost(book, "y", "a-b-c") == 12
        assert cost(book, "x", "a-b-c") == 22


def test_an_unknown_vendor_may_be_any():
    assert cost(EntryBook([entry("gpt-4", provider="openai")]), "", "gpt-4") == 3


def test_an_entry_says_nothing_of_other_terms():
    fast = (("service_tier", "priority"),)
    book = EntryBook([entry("m"), entry("n"), entry("n", "10", terms=fast)])
    assert cost(book, "x", "m", fast) is None
    assert cost(book, "x", "n", fast) == 12
    assert cost(book, "x", "n") == 3


def test_the_first_book_that_knows_a_model_prices_it():
    chain = ChainedBook([EntryBook([entry("a", "7")]), EntryBook([entry("a"), entry("b")])])
    assert cost(chain, "", "a") == 9
    assert cost(chain, "", "b") == 3


def test_a_version_tells_one_entry_from_another():
    dear, cheap = entry("m", "2"), entry("m", "1")
    assert dear.version != cheap.version
    assert dear.version == entry("m", "2").version
    assert dear.version.startswith("own ")
    assert EntryBook([dear]).quote("", "m").version == dear.version


def test_a_quote_is_made_once():
    book = EntryBook([entry("m")])
    assert book.quote("x", "m") is book.quote("x", "m")


def test_names_that_callers_make_up_do_not_fill_the_memory():
    book = EntryBook([entry("m")])
    for number in range(MAX_CACHED_QUOTES + 10):
        assert book.quote("", f"x{number}") is None
    assert len(book._quotes) <= MAX_CACHED_QUOTES


def test_the_defaults_have_the_published_prices():
    book = EntryBook(DEFAULTS)
    thousand_each = {
        ("openai", "gpt-4"): "0.09",
        ("openai", "gpt-3.5"): "0.0020",
        ("anthropic", "claude-3-opus"): "0.090",
        ("anthropic", "claude-3-haiku"): "0.00150",
    }
    for (provider, model), expected in thousand_each.items():
        assert cost(book, provider, model) == Decimal(expected)
    assert book.quote("openai", "gpt-4").version.startswith("default ")
    assert book.quote("openai", "gpt-4-32k") is None


def test_a_default_of_anthropic_prices_its_cache():
    usage = Usage(
        input_tokens=3000,
        output_tokens=0,
        cached_tokens=1000,
        cache_write_tokens=2000,
        cache_write_1h_tokens=1000,
    )
    quote = EntryBook(DEFAULTS).quote("anthropic", "claude-3-opus")
    assert quote.cost(usage) == Decimal("0.0015") + Decimal("0.01875") + Decimal("0.03")
