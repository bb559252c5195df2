import pytest

from seatrial.gateway.prices.terms import STANDARD, terms_of


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"service_tier": "auto"},
        {"service_tier": "default"},
        {"service_tier": None},
        {"service_tier": 7},
        {"service_tier": "standard_only", "speed": "standard"},
    ],
)
def test_what_is_not_asked_for_is_standard(body):
    assert terms_of(body) == STANDARD


def test_a_faster_tier_is_a_term_of_its_own():
    assert terms_of({"service_tier": "priority", "model": "m"}) == (("service_tier", "priority"),)
    both = {"speed": "fast", "service_tier": "flex"}
    assert terms_of(both) == (("service_tier", "flex"), ("speed", "fast"))
