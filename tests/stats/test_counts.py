import pytest

from seatrial.stats.counts import BadStatistic, Counts, check_share


@pytest.mark.parametrize(("n", "k"), [(-1, 0), (3, 4), (3, -1)])
def test_impossible_counts_are_refused_with_both_numbers(n: int, k: int) -> None:
    with pytest.raises(BadStatistic, match=f"{k} events in {n} trials") as caught:
        Counts(n=n, k=k)
    assert caught.value.facts == {"n": n, "k": k}


def test_a_rate_without_trials_is_unknown_not_zero() -> None:
    assert Counts(n=0, k=0).rate is None
    assert (Counts(n=3, k=1) + Counts(n=1, k=1)).rate == 0.5


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, 5.0, float("nan")])
def test_a_share_outside_the_open_unit_interval_is_refused_by_name(value: float) -> None:
    with pytest.raises(BadStatistic, match="alpha is") as caught:
        check_share("alpha", value)
    assert "0.05 for 5 %" in caught.value.remedy
