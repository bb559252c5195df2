"""Money as whole numbers: sums are exact in every database, whatever the order of adding.

The unit is 10^-12 USD. Prices are told per million tokens with at most six decimals, so the price
of one token, and with it of every call, is a whole number of units. 64 bits hold 9.2 million USD of
them, which is why no budget may be larger than `MOST_USD`.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

UNITS_PER_USD = 10**12
MOST_USD = Decimal(9_000_000)

_SCALE = Decimal(UNITS_PER_USD)


def units(cost_usd: Decimal) -> int:
    """A cost in USD, >= 0, in units; what is smaller than a unit counts as one."""
    return int((cost_usd * _SCALE).to_integral_value(ROUND_CEILING))


def limit_units(limit_usd: Decimal) -> int:
    """A limit in USD, in units; what is smaller than a unit is not there."""
    return int((limit_usd * _SCALE).to_integral_value(ROUND_FLOOR))


def plain_usd(amount_usd: Decimal) -> str:
    """An amount as people write it: no exponent, no zeros at its end."""
    return f"{amount_usd.normalize():f}" if amount_usd else "0"


def usd(n_units: int) -> Decimal:
    """Units in USD, exactly."""
    return Decimal(n_units).scaleb(-12)
