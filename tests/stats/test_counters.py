from hypothesis import given
from hypothesis import strategies as st

from seatrial.stats.counters import growth

ADDED = st.lists(st.integers(0, 50), min_size=1, max_size=8)


@given(first=ADDED, second=ADDED, base=st.integers(0, 1000))
def test_a_restart_that_is_seen_loses_nothing(
    first: list[int], second: list[int], base: int
) -> None:
    before = [base + sum(first[:n]) for n in range(1, len(first) + 1)]
    after = [sum(second[:n]) for n in range(1, len(second) + 1)]
    if after[0] >= before[-1]:
        before[-1] = after[0] + 1  # or nobody could see it
    grown = before[-1] - before[0] + after[-1]
    assert growth([*before, *after], from_zero=False) == grown
    assert growth([*before, *after], from_zero=True) == grown + before[0]


def test_what_was_counted_before_the_first_reading_is_left_out() -> None:
    assert growth([100, 103, 110], from_zero=False) == 10
    assert growth([100], from_zero=False) == 0
    assert growth([], from_zero=True) == 0
