import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.errors import Invalid
from seatrial.release.position import position
from seatrial.release.variant import Split

shares = st.floats(min_value=0, max_value=1)
keys = st.binary(min_size=0, max_size=40)


@given(st.text(max_size=30), keys)
def test_a_position_is_in_the_unit_interval_and_sticky(salt: str, key: bytes) -> None:
    assert 0.0 <= position(salt, key) < 1.0
    assert position(salt, key) == position(salt, key)


@given(keys, shares, shares)
def test_raising_the_share_moves_nobody_back_to_stable(key: bytes, a: float, b: float) -> None:
    low, high = sorted((a, b))
    at = position("churn-2", key)
    before = Split(stable=1, canary=2, canary_share=low).pick(at)
    after = Split(stable=1, canary=2, canary_share=high).pick(at)
    assert not (before == 2 and after == 1)


@given(shares, keys)
def test_every_key_is_answered_by_a_version_of_the_split(share: float, key: bytes) -> None:
    split = Split(stable=1, canary=2, canary_share=share)
    assert split.pick(position("s", key)) in split.versions


def test_the_share_of_keys_is_the_share_of_the_split() -> None:
    split = Split(stable=1, canary=2, canary_share=0.05)
    n = 100_000
    got = sum(split.pick(position("churn-2", f"user-{i}".encode())) == 2 for i in range(n))
    # Binomial(100,000, 0.05): six standard deviations are 414.
    assert abs(got - 5000) < 414


def test_different_rollouts_try_their_canary_on_different_keys() -> None:
    split = Split(stable=1, canary=2, canary_share=0.05)
    both = sum(
        split.pick(position("churn-2", key)) == 2 and split.pick(position("churn-3", key)) == 2
        for key in (f"user-{i}".encode() for i in range(100_000))
    )
    # Independent shares meet in 0.25 %: 250 of 100,000, six standard deviations are 95.
    assert abs(both - 250) < 95


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_the_unit_interval_is_refused(share: float) -> None:
    with pytest.raises(Invalid, match="canary_share"):
        Split(stable=1, canary=2, canary_share=share)


def test_a_share_without_a_version_is_refused() -> None:
    with pytest.raises(Invalid, match="no version"):
        Split(stable=1, canary_share=0.1)


def test_a_full_share_takes_every_key_and_none_takes_no_key() -> None:
    everything = Split(stable=1, canary=2, canary_share=1.0)
    nothing = Split(stable=1, canary=2, canary_share=0.0)
    for key in (f"k{i}".encode() for i in range(1000)):
        assert everything.pick(position("s", key)) == 2
        assert nothing.pick(position("s", key)) == 1


def test_a_shadow_copies_its_share_and_answers_nobody() -> None:
    split = Split(stable=1, shadow=2, shadow_share=0.5)
    assert split.pick(0.1) == 1
    assert split.copies(0.1) == 2
    assert split.copies(0.9) is None
    assert split.versions == (1, 2)
