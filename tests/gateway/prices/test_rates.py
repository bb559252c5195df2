from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.money import units
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.prices.entries import PER_MILLION, token_prices
from seatrial.gateway.prices.rates import Rates, Tier, TokenPrices

COUNT = st.integers(0, 2_000_000)
PRICE = st.decimals(0, 200, places=6)
PRICES = st.builds(
    lambda values: TokenPrices(**{k: v / PER_MILLION for k, v in values.items()}),
    st.fixed_dictionaries(dict.fromkeys(TokenPrices.__struct_fields__, PRICE)),
)
RATES = st.builds(
    lambda base, tiers, per_request: Rates(
        base=base,
        tiers=tuple(Tier(above, prices) for above, prices in sorted(tiers.items())),
        per_request=per_request,
    ),
    PRICES,
    st.dictionaries(st.integers(0, 1_000_000), PRICES, max_size=3),
    PRICE,
)
# Also such as no provider should send: parts greater than the whole.
USAGES = st.builds(Usage, **dict.fromkeys(Usage.__struct_fields__, COUNT))

CLAUDE = Rates(
    base=token_prices(
        {
            "cached": Decimal("0.3"),
            "cache_write": Decimal("3.75"),
            "cache_write_1h": Decimal(6),
        },
        per=PER_MILLION,
        input_price=Decimal(3),
        output_price=Decimal(15),
    )
)
AUDIO = Rates(
    base=token_prices(
        {"cached": Decimal("1.25"), "input_audio": Decimal(40), "output_audio": Decimal(80)},
        per=PER_MILLION,
        input_price=Decimal("2.5"),
        output_price=Decimal(10),
    )
)


@given(RATES, USAGES, COUNT, COUNT)
def test_units_are_the_same_to_the_last(rates, usage, i, o):
    plain = Usage(input_tokens=i, output_tokens=o)
    for one in (
        rates,
        Rates(base=rates.base),
        Rates(base=rates.base, per_request=Decimal("1e-13")),
    ):
        for used in (usage, plain):
            assert one.cost_units(used) == units(one.cost(used))
        assert one.worst_case_units(i, o) == units(one.worst_case(i, o))


@given(RATES, USAGES, COUNT, COUNT)
def test_no_split_of_the_tokens_costs_more_than_the_worst_case(rates, usage, more, longer):
    most = rates.worst_case(usage.input_tokens + more, usage.output_tokens + longer)
    assert 0 <= rates.cost(usage) <= most


@given(RATES, COUNT, COUNT, COUNT, COUNT)
def test_the_worst_case_grows_with_both_counts(rates, i, o, more, longer):
    assert rates.worst_case(i, o) <= rates.worst_case(i + more, o + longer)


@given(PRICES, COUNT, COUNT)
def test_the_worst_case_is_reached(prices, i, o):
    """A single price for all kinds leaves nothing to guess."""
    flat = Rates(
        base=TokenPrices(**dict.fromkeys(TokenPrices.__struct_fields__, prices.dearest_input))
    )
    assert flat.cost(Usage(input_tokens=i, output_tokens=o)) == flat.worst_case(i, o)


@given(st.lists(st.tuples(PRICE, PRICE), min_size=3, max_size=3), COUNT, COUNT)
def test_the_worst_case_of_dearer_tiers_is_what_their_tokens_cost(prices, i, o):
    dearer = sorted(prices), sorted(price for _, price in prices)
    base, *more = (
        token_prices({}, per=PER_MILLION, input_price=of_input, output_price=of_output)
        for (of_input, _), of_output in zip(*dearer, strict=True)
    )
    rates = Rates(base=base, tiers=tuple(map(Tier, (500, 700_000), more)))
    assert rates.worst_case(i, o) == rates.cost(Usage(input_tokens=i, output_tokens=o))


def test_each_kind_is_paid_once_at_its_own_price():
    usage = Usage(
        input_tokens=10_000,
        output_tokens=1_000,
        cached_tokens=4_000,
        cache_write_tokens=3_000,
        cache_write_1h_tokens=1_000,
        reasoning_tokens=900,
    )
    expected = (
        3_000 * Decimal(3)  # plain
        + 4_000 * Decimal("0.3")
        + 2_000 * Decimal("3.75")
        + 1_000 * Decimal(6)
        + 1_000 * Decimal(15)
    ) / PER_MILLION
    assert CLAUDE.cost(usage) == expected


def test_audio_has_its_own_price_on_both_sides():
    usage = Usage(
        input_tokens=1_000,
        output_tokens=500,
        cached_tokens=200,
        input_audio_tokens=300,
        output_audio_tokens=400,
    )
    expected = (
        500 * Decimal("2.5") + 200 * Decimal("1.25") + 300 * 40 + 100 * 10 + 400 * 80
    ) / PER_MILLION
    assert AUDIO.cost(usage) == expected


def test_audio_and_cache_overlap_no_more_than_they_must():
    prices = token_prices(
        {"cached": Decimal(1), "input_audio": Decimal(40), "cached_audio": Decimal(2)},
        per=PER_MILLION,
        input_price=Decimal(4),
        output_price=Decimal(0),
    )
    usage = Usage(input_tokens=100, output_tokens=0, cached_tokens=70, input_audio_tokens=50)
    # 20 tokens must be both, which leaves 50 of cached text and 30 of new audio.
    assert Rates(base=prices).cost(usage) == Decimal(50 * 1 + 30 * 40 + 20 * 2) / PER_MILLION


@pytest.mark.parametrize(("tokens", "price"), [(200_000, 3), (200_001, 6)])
def test_a_tier_prices_all_tokens_of_a_longer_input(tokens, price):
    longer = token_prices({}, per=PER_MILLION, input_price=Decimal(6), output_price=Decimal(22))
    rates = Rates(base=CLAUDE.base, tiers=(Tier(200_000, longer),))
    usage = Usage(input_tokens=tokens, output_tokens=0)
    assert rates.cost(usage) == Decimal(tokens * price) / PER_MILLION


def test_a_cheaper_tier_does_not_hide_the_dearer_one_below_it():
    """A call may stay below the tier that its bound reaches."""
    cheap = token_prices({}, per=PER_MILLION, input_price=Decimal(1), output_price=Decimal(1))
    dear = token_prices({}, per=PER_MILLION, input_price=Decimal(9), output_price=Decimal(9))
    rates = Rates(base=dear, tiers=(Tier(100, cheap),))
    below = rates.cost(Usage(input_tokens=100, output_tokens=10))
    assert (
        rates.worst_case(101, 10) >= below > rates.cost(Usage(input_tokens=101, output_tokens=10))
    )


def test_a_price_for_the_request_is_paid_without_any_token():
    rates = Rates(base=CLAUDE.base, per_request=Decimal("0.005"))
    assert rates.cost(Usage(input_tokens=0, output_tokens=0)) == Decimal("0.005")
    assert rates.worst_case(0, 0) == Decimal("0.005")


def test_costs_are_exact_however_long_a_call_is():
    usage = Usage(input_tokens=123_456_789, output_tokens=987_654_321, cached_tokens=1)
    expected = Decimal(123_456_788) * 3 + Decimal("0.3") + Decimal(987_654_321) * 15
    assert CLAUDE.cost(usage) * PER_MILLION == expected
