from decimal import Decimal

import pytest
from pydantic import ValidationError

from seatrial.gateway.chat.response import Usage
from seatrial.gateway.prices.config import PriceConfig
from seatrial.gateway.prices.entries import EntryBook


def quote(terms=(), **said):
    return EntryBook([PriceConfig.model_validate(said).entry()]).quote("", "m", terms)


def test_prices_are_per_thousand_tokens_unless_it_says_million():
    usage = Usage(input_tokens=1000, output_tokens=1000)
    assert quote(model="m", input=0.03, output=0.06).cost(usage) == Decimal("0.09")
    assert quote(model="m", input=30, output=60, per=1_000_000).cost(usage) == Decimal("0.09")


def test_every_kind_can_have_its_price():
    usage = Usage(
        input_tokens=6,
        output_tokens=3,
        cached_tokens=1,
        cache_write_tokens=2,
        cache_write_1h_tokens=1,
        input_audio_tokens=2,
        reasoning_tokens=1,
        output_audio_tokens=1,
    )
    said = {
        "model": "m",
        "input": 1,
        "cached": 0.1,
        "cache_write": 5,
        "cache_write_1h": 20,
        "input_audio": 40,
        "output": 2,
        "reasoning": 3,
        "output_audio": 7,
        "per_request": 0.5,
    }
    assert quote(**said).cost(usage) == Decimal("0.6181")


def test_tiers_price_long_inputs():
    tiers = [{"above": 10, "input": 2000, "output": 0}]
    long = quote(model="m", input=1000, output=0, tiers=tiers)
    assert long.cost(Usage(input_tokens=10, output_tokens=0)) == 10
    assert long.cost(Usage(input_tokens=11, output_tokens=0)) == 22


def test_a_price_may_be_for_one_tier_of_service():
    fast = (("service_tier", "priority"),)
    assert quote(fast, model="m", input=1, output=1, service_tier="priority") is not None
    assert quote(model="m", input=1, output=1, service_tier="priority") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"input": -1},
        {"input": "NaN"},
        {"input": "1e30"},
        {"per": 100},
        {"model": ""},
        {"inptu": 1},
        {"tiers": [{"above": 5, "input": 1, "output": 1}, {"above": 5, "input": 1, "output": 1}]},
    ],
)
def test_a_wrong_price_is_refused(wrong):
    with pytest.raises(ValidationError):
        PriceConfig.model_validate({"model": "m", "input": 1, "output": 1, **wrong})
