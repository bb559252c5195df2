from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import genai_prices
import pytest
from genai_prices import data, types
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.adapters.llm.prices_genai import GenaiPrices
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.prices.defaults import DEFAULTS
from seatrial.gateway.prices.entries import MAX_CACHED_QUOTES, ChainedBook, EntryBook

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BY_ID = {provider.id: provider for provider in data.providers}
# Kinds of tokens or fees that a usage of ours does not have, and a price is folded for.
UNSEEN = ("image", "video", "citation", "audio")


ONE_EACH = Usage(input_tokens=1000, output_tokens=1000)


class Clock:
    def __init__(self, at=NOW):
        self.at = at

    def __call__(self):
        return self.at.timestamp()


@pytest.fixture(scope="module")
def book():
    return GenaiPrices(now=Clock())


def sold_by_the_token():
    for vendor in ("openai", "anthropic", "google", "deepseek", "mistral", "x-ai"):
        for model in BY_ID[vendor].models:
            prices = model.get_prices(NOW)
            if (
                BY_ID[vendor].find_model(model.id) is model
                and "input_mtok" in prices.__dict__
                and not any(kind in key for key in (model.id, *prices.__dict__) for kind in UNSEEN)
            ):
                yield vendor, model.id


TEXT_MODELS = sorted(sold_by_the_token())
PARTS = st.tuples(*[st.integers(0, 150_000)] * 6)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(TEXT_MODELS), PARTS)
def test_a_cost_is_what_the_package_itself_says(book, named, parts):
    vendor, model = named
    plain, cached, five_minutes, hour, said, thought = parts
    usage = Usage(
        input_tokens=plain + cached + five_minutes + hour,
        output_tokens=said + thought,
        cached_tokens=cached,
        cache_write_tokens=five_minutes + hour,
        cache_write_1h_tokens=hour,
        reasoning_tokens=thought,
    )
    theirs = genai_prices.calc_price(
        types.Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=cached,
            cache_write_tokens=five_minutes + hour,
            cache_write_5m_tokens=five_minutes,
            cache_write_1h_tokens=hour,
            output_reasoning_tokens=thought,
        ),
        model,
        provider_id=vendor,
        genai_request_timestamp=NOW,
    )
    quote = book.quote(vendor, model)
    assert quote.cost(usage) == theirs.total_price
    assert quote.cost(usage) <= quote.worst_case(usage.input_tokens, usage.output_tokens)


def test_audio_costs_what_the_package_says(book):
    usage = Usage(
        input_tokens=900, output_tokens=90, input_audio_tokens=300, output_audio_tokens=50
    )
    theirs = genai_prices.calc_price(
        types.Usage(
            input_tokens=900, output_tokens=90, input_audio_tokens=300, output_audio_tokens=50
        ),
        "gpt-audio",
        provider_id="openai",
        genai_request_timestamp=NOW,
    )
    assert book.quote("openai", "gpt-audio").cost(usage) == theirs.total_price
    assert theirs.total_price > book.quote("openai", "gpt-4o").cost(usage)


def test_a_version_names_the_package(book):
    assert book.version == f"genai-prices {genai_prices.__version__}"
    assert book.quote("openai", "gpt-4o").version == book.version


def test_who_is_not_listed_has_no_price(book):
    assert book.quote("openai", "gpt-99") is None
    assert book.quote("openai", "ft:gpt-4o:acme") is None
    assert book.quote("no-such-vendor", "gpt-4o") is None


def test_a_vendor_whose_name_contains_another_is_not_that_one(book):
    """The package itself takes ``my-openai`` for ``openai``."""
    assert book.quote("my-openai", "gpt-4o") is None


def test_an_unknown_vendor_is_found_by_the_model(book):
    known = book.quote("anthropic", "claude-sonnet-4-5")
    assert book.quote("", "claude-sonnet-4-5").cost(ONE_EACH) == known.cost(ONE_EACH)


@pytest.mark.parametrize(
    "model", ["whisper-1", "tts-1", "moderation"], ids=["by the hour", "by characters", "no price"]
)
def test_what_is_not_sold_by_the_token_has_no_price(book, model):
    assert BY_ID["openai"].find_model(model) is not None
    assert book.quote("openai", model) is None


def test_embeddings_cost_their_input(book):
    quote = book.quote("openai", "text-embedding-3-small")
    assert quote.cost(Usage(input_tokens=1_000_000, output_tokens=0)) == Decimal("0.02")


def test_tokens_that_a_usage_does_not_tell_apart_cost_the_dearest(book):
    quote = book.quote("google", "gemini-2.5-flash-image")
    assert quote.cost(Usage(input_tokens=0, output_tokens=1_000_000)) == 30


def test_a_faster_tier_costs_more_and_an_unknown_one_has_no_price(book):
    fast = book.quote("openai", "gpt-4o", (("service_tier", "priority"),))
    assert fast.cost(ONE_EACH) == Decimal("0.02125")
    assert fast.cost(ONE_EACH) > book.quote("openai", "gpt-4o").cost(ONE_EACH)
    assert book.quote("openai", "gpt-4o", (("service_tier", "warp"),)) is None
    assert book.quote("openai", "gpt-4", (("service_tier", "priority"),)) is None


def test_the_terms_of_a_vendor_are_not_those_of_who_sells_its_models_on(book):
    fast = (("service_tier", "priority"),)
    assert BY_ID["azure"].find_model("gpt-4.1") is None
    assert book.quote("azure", "gpt-4.1").cost(ONE_EACH) == Decimal("0.01")
    assert book.quote("openai", "gpt-4.1", fast) is not None
    assert book.quote("azure", "gpt-4.1", fast) is None


def test_a_fee_for_each_request_is_paid(book):
    assert book.quote("perplexity", "sonar").worst_case(0, 0) == Decimal("0.012")


def million(quote):
    return quote.cost(Usage(input_tokens=1_000_000, output_tokens=0))


def test_prices_change_on_their_day_and_the_day_before_counts_them():
    """gpt-5.6-luna became cheaper on 2026-07-30, deepseek-v4-pro dearer on 2026-08-17."""
    clock = Clock(datetime(2026, 8, 15, 23, 59, tzinfo=UTC))
    book = GenaiPrices(now=clock)
    before = million(book.quote("deepseek", "deepseek-v4-pro"))
    assert before == Decimal("0.435")
    clock.at = datetime(2026, 8, 16, 12, tzinfo=UTC)
    eve = book.quote("deepseek", "deepseek-v4-pro")
    assert million(eve) == before
    assert eve.worst_case(1_000_000, 0) > before
    clock.at = datetime(2026, 8, 17, 12, tzinfo=UTC)
    assert million(book.quote("deepseek", "deepseek-v4-pro")) > before


def test_prices_of_the_hour_change_with_it_and_the_worst_case_counts_all():
    clock = Clock(datetime(2026, 11, 20, 0, 29, tzinfo=UTC))
    book = GenaiPrices(now=clock)
    night = book.quote("deepseek", "deepseek-chat")
    clock.at += timedelta(minutes=1)
    day = book.quote("deepseek", "deepseek-chat")
    assert (million(night), million(day)) == (Decimal("0.135"), Decimal("0.27"))
    assert night.worst_case(1_000_000, 0) == day.worst_case(1_000_000, 0) == Decimal("0.27")
    clock.at = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
    assert million(book.quote("deepseek", "deepseek-chat")) == Decimal("0.135")


def test_a_quote_is_made_once_a_day():
    clock = Clock(datetime(2026, 11, 20, 0, 0, 1, tzinfo=UTC))
    book = GenaiPrices(now=clock)
    first = book.quote("openai", "gpt-4o")
    clock.at = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC)
    assert book.quote("openai", "gpt-4o") is first
    clock.at = datetime(2026, 11, 21, tzinfo=UTC)
    assert book.quote("openai", "gpt-4o") is not first


def dated_prices():
    for vendor, name in TEXT_MODELS:
        model = BY_ID[vendor].find_model(name)
        for dated in model.prices if isinstance(model.prices, list) else ():
            if isinstance(dated.constraint, types.StartDateConstraint):
                yield vendor, name, datetime.combine(dated.constraint.start_date, time(12), UTC)


@pytest.mark.parametrize("eve", [timedelta(0), timedelta(days=1)], ids=["on", "before"])
def test_every_dated_price_is_paid_from_its_day_on(eve):
    usage = Usage(input_tokens=1000, output_tokens=100)
    checked = 0
    for vendor, model, start in dated_prices():
        quote = GenaiPrices(now=Clock(start - eve)).quote(vendor, model)
        theirs = genai_prices.calc_price(
            types.Usage(input_tokens=1000, output_tokens=100),
            model,
            provider_id=vendor,
            genai_request_timestamp=start - eve,
        )
        assert quote.cost(usage) == theirs.total_price, (model, start)
        checked += 1
    assert checked > 20


def test_a_model_for_audio_without_a_price_of_audio_has_none(book):
    """Its audio costs sixteen times what its text does."""
    listed = BY_ID["openai"].find_model("gpt-4o-audio-preview")
    assert "input_audio_mtok" not in listed.get_prices(NOW).__dict__
    assert book.quote("openai", "gpt-4o-audio-preview") is None


def test_names_that_callers_make_up_do_not_fill_the_memory(book):
    for number in range(MAX_CACHED_QUOTES + 10):
        assert book.quote("no-such-vendor", f"x{number}") is None
    assert len(book._quotes) <= MAX_CACHED_QUOTES


def test_defaults_fill_what_the_list_lacks_and_nothing_else(book):
    chain = ChainedBook([book, EntryBook(DEFAULTS)])
    assert book.quote("openai", "gpt-3.5") is None
    assert chain.quote("openai", "gpt-3.5").version.startswith("default ")
    assert chain.quote("openai", "gpt-4").version == book.version


def test_the_list_and_the_defaults_agree_where_both_know_a_model(book):
    usage = Usage(input_tokens=3000, output_tokens=1000, cached_tokens=500, cache_write_tokens=100)
    defaults = EntryBook(DEFAULTS)
    both = [e for e in DEFAULTS if book.quote(e.provider, e.model) is not None]
    assert len(both) >= 10
    for e in both:
        mine, theirs = defaults.quote(e.provider, e.model), book.quote(e.provider, e.model)
        assert mine.cost(usage) == theirs.cost(usage), e.model


def test_windows_are_those_of_the_list(book):
    assert book.window("openai", "gpt-4o").context_tokens == 128_000
    assert book.window("anthropic", "claude-3-haiku").max_output_tokens is None
    assert book.window("openai", "gpt-99") is None
    assert book.window("openai", "tts-1") is None
