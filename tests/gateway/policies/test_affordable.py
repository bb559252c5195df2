"""How long an answer may be for the money there is."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.money import units
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.policies.affordable import UNKNOWN_MAXIMUM, affordable_tokens, span
from seatrial.gateway.prices.quotes import RatedQuote
from seatrial.gateway.prices.rates import Rates, TokenPrices
from seatrial.testing.billing_provider import FlatPrice

PRICES = st.decimals("0.000001", "0.01", places=6)


def request(**facts):
    return ChatRequest(model="m", messages=(said(Role.USER, "hi"),), **facts)


def quote(price_in, price_out, per_request=Decimal(0)):
    kinds = {
        name: price_out if "output" in name or name == "reasoning" else price_in
        for name in TokenPrices.__struct_fields__
    }
    return RatedQuote(version="v", rates=Rates(base=TokenPrices(**kinds), per_request=per_request))


@given(
    PRICES,
    PRICES,
    PRICES,
    st.integers(0, 10_000),
    st.integers(1, 200_000),
    st.integers(1, 5),
    st.integers(1, 100),
    st.floats(0, 1),
)
def test_the_longest_affordable_answer_is_affordable_and_the_next_is_not(
    price_in, price_out, per_request, input_tokens, max_tokens, n, floor, share
):
    priced = quote(price_in, price_out, per_request)
    asked = span(
        request(max_tokens=max_tokens, n=n),
        priced,
        input_tokens=input_tokens,
        maximum=None,
        floor=floor,
    )
    assert asked.least <= asked.most
    amount = asked.least + int((asked.most - asked.least) * share)
    tokens = affordable_tokens(asked, priced, amount)
    assert asked.least_tokens <= tokens <= max_tokens
    assert units(priced.worst_case(input_tokens, tokens * n)) <= amount
    if tokens < max_tokens:
        assert units(priced.worst_case(input_tokens, (tokens + 1) * n)) > amount


def test_who_says_nothing_gets_the_maximum():
    price = FlatPrice(Decimal(1))

    def most(max_tokens, maximum):
        asked = request(max_tokens=max_tokens)
        return span(asked, price, input_tokens=0, maximum=maximum, floor=16).most_tokens

    assert (most(None, 100), most(None, None), most(5, 100)) == (100, UNKNOWN_MAXIMUM, 5)


@pytest.mark.parametrize(
    ("thinking", "least"),
    [
        ({"type": "enabled", "budget_tokens": 1024}, 1040),
        ({"type": "enabled", "budget_tokens": 5000}, 4000),
        ({"type": "disabled"}, 16),
        ({"budget_tokens": "many"}, 16),
        ({"budget_tokens": -5}, 16),
        (None, 16),
    ],
)
def test_an_answer_is_not_cut_into_what_it_was_given_to_think(thinking, least):
    asked = request(max_tokens=4000, raw={"thinking": thinking})
    found = span(asked, FlatPrice(Decimal(1)), input_tokens=0, maximum=None, floor=16)
    assert found.least_tokens == least


def test_vectors_have_no_length():
    asked = span(
        EmbeddingRequest(model="m", inputs=("a",)),
        FlatPrice(Decimal(1)),
        input_tokens=7,
        maximum=100,
        floor=16,
    )
    assert asked.most == asked.least == 7 * 10**12


def test_free_tokens_are_all_affordable():
    free = FlatPrice(Decimal(0))
    asked = span(request(), free, input_tokens=7, maximum=100, floor=16)
    assert affordable_tokens(asked, free, 0) == 100
