"""Sums of records."""

from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.response import Usage
from seatrial.gateway.ledger.budget import Payer
from seatrial.gateway.ledger.usage import (
    By,
    Record,
    State,
    UsageQuestion,
    UsageSum,
    day_name,
    hour_name,
    merged,
    minute_name,
    summed,
    two_digits,
)

ALL = UsageQuestion(since_us=0, until_us=2**51)
PAYERS = st.builds(
    Payer,
    provider=st.sampled_from(["openai", "anthropic"]),
    model=st.sampled_from(["a", "b"]),
    key=st.sampled_from([None, "k1", "k2"]),
    tags=st.sampled_from([{}, {"team": "x"}, {"org": "y"}]),
)
RECORDS = st.builds(
    Record,
    id=st.just("a"),
    at_us=st.integers(0, 2**51 - 1),
    payer=PAYERS,
    cost=st.none() | st.integers(0, 2**62),
    usage=st.none()
    | st.builds(Usage, input_tokens=st.integers(0, 10**6), output_tokens=st.integers(0, 10**6)),
    estimated=st.booleans(),
    latency_us=st.none() | st.integers(0, 10**9),
    failure=st.sampled_from([None, "gateway.stream_cut"]),
    n=st.integers(1, 9),
)
KEPT = st.lists(st.tuples(st.sampled_from(State), RECORDS), max_size=20)


@given(KEPT, st.lists(st.sampled_from(By), unique=True).map(tuple))
def test_every_way_to_tell_apart_adds_up_to_the_same(kept, by):
    question = UsageQuestion(since_us=0, until_us=2**51, by=by, tag="team")
    parts = summed(kept, question)
    whole = summed(kept, ALL)
    assert merged(UsageSum(**{f: getattr(p, f) for f in _fields}) for p in parts) == whole
    assert len({part.group for part in parts}) == len(parts)


_fields = [name for name in UsageSum.__struct_fields__ if name != "group"]


@given(KEPT)
def test_open_ones_do_not_count(kept):
    closed = [one for one in kept if one[0] is not State.OPEN]
    assert summed(kept, ALL) == summed(closed, ALL)
    made = [one for one in closed if one[0] is not State.COUNTED]
    counted = sum(record.n for state, record in closed if state is State.COUNTED)
    assert sum(one.n for one in summed(kept, ALL)) == len(made)
    assert sum(one.n_hits + one.n_refused for one in summed(kept, ALL)) == counted


def test_money_is_confirmed_by_a_settlement_that_is_no_estimate():
    payer = Payer(provider="", model="")
    kept = [
        (State.SETTLED, Record(id="a", at_us=0, payer=payer, cost=1)),
        (State.SETTLED, Record(id="b", at_us=0, payer=payer, cost=2, estimated=True)),
        (State.LAPSED, Record(id="c", at_us=0, payer=payer, cost=4, estimated=True)),
        (State.SETTLED, Record(id="d", at_us=0, payer=payer)),
    ]
    (found,) = summed(kept, ALL)
    assert (found.cost, found.unconfirmed, found.n_lapsed, found.n_unpriced) == (7, 6, 1, 1)
    assert (str(found.cost_usd), str(found.unconfirmed_usd)) == ("7E-12", "6E-12")


def test_days_are_named_as_people_write_them():
    assert day_name(0) == "1970-01-01"
    assert day_name(20_783) == "2026-11-26"
    assert hour_name(20_783 * 24 + 9) == "2026-11-26T09"
    assert minute_name((20_783 * 24 + 9) * 60 + 5) == "2026-11-26T09:05"


@given(st.integers(0, 10**13))
def test_two_digits_are_within_a_tenth_below(number):
    cut = two_digits(number)
    assert cut <= number < cut * 1.1 + 1
    assert str(cut).rstrip("0")[2:] == ""
    assert two_digits(cut) == cut
