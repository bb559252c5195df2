"""Money as whole numbers."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.money import MOST_USD, UNITS_PER_USD, limit_units, units, usd

PRICES = st.decimals(0, 1000, places=6)
"""Of a million tokens."""


@given(PRICES, st.integers(0, 10**7))
def test_what_any_number_of_tokens_costs_is_exact(price, n_tokens):
    cost = price / 1_000_000 * n_tokens
    assert usd(units(cost)) == cost == usd(limit_units(cost))


@given(st.decimals(0, 9_000_000, places=18))
def test_finer_amounts_round_against_the_spender(amount):
    assert limit_units(amount) <= amount * UNITS_PER_USD <= units(amount)
    assert units(amount) - limit_units(amount) <= 1


def test_the_largest_budget_fits_64_bits():
    assert limit_units(MOST_USD) < 2**63
    assert usd(limit_units(MOST_USD)) == MOST_USD
    assert usd(1) == Decimal("0.000000000001")
