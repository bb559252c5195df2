from decimal import Decimal

from seatrial.gateway.chat.money import units
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.prices.entries import PER_MILLION, token_prices
from seatrial.gateway.prices.quotes import RatedQuote
from seatrial.gateway.prices.rates import Rates


def rates(price):
    return Rates(
        base=token_prices(
            {}, per=PER_MILLION, input_price=Decimal(price), output_price=Decimal(price)
        )
    )


def test_prices_of_later_count_in_the_worst_case_only():
    quote = RatedQuote(version="v", rates=rates(2), later=(rates(1), rates(5)))
    usage = Usage(input_tokens=600_000, output_tokens=400_000)
    assert quote.cost(usage) == 2
    assert quote.worst_case(600_000, 400_000) == 5
    assert quote.cost_units(usage) == units(Decimal(2))
    assert quote.worst_case_units(600_000, 400_000) == units(Decimal(5))


def test_a_dearer_now_stays_the_worst_case():
    quote = RatedQuote(version="v", rates=rates(7), later=(rates(1),))
    assert quote.worst_case(1_000_000, 0) == 7
