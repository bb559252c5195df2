"""Splits by user: by share, sticky, monotone, and apart where a group says so."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.release.trial import Arm, BadTrial, Trial

KEYS = [f"user-{i}".encode() for i in range(3000)]
SHARES = st.lists(st.floats(0.01, 10), min_size=2, max_size=5)


def trial(name: str = "e", shares: tuple[float, ...] = (1, 1), **more: object) -> Trial:
    arms = tuple(Arm(name=f"arm-{i}", version=i + 1, share=s) for i, s in enumerate(shares))
    return Trial(experiment=name, arms=arms, **more)  # type: ignore[arg-type]


@given(key=st.binary(min_size=1, max_size=60), shares=SHARES, traffic=st.floats(0.01, 1))
def test_a_key_is_in_one_arm_or_in_none_whenever_it_is_asked(
    key: bytes, shares: list[float], traffic: float
) -> None:
    one = trial(shares=tuple(shares), traffic=traffic)
    place = one.place(key)
    assert place == one.place(key)
    assert place is None or 0 <= place < len(shares)


@given(key=st.binary(min_size=1, max_size=60), shares=SHARES, more=st.floats(1.0, 5.0))
def test_an_arm_that_grows_loses_nobody(key: bytes, shares: list[float], more: float) -> None:
    grown = (shares[0] * more, *shares[1:])
    if trial(shares=tuple(shares)).place(key) == 0:
        assert trial(shares=grown).place(key) == 0


@given(key=st.binary(min_size=1, max_size=60), low=st.floats(0.01, 1), high=st.floats(0.01, 1))
def test_more_traffic_moves_nobody_to_another_arm(key: bytes, low: float, high: float) -> None:
    low, high = sorted((low, high))
    before = trial(traffic=low).place(key)
    assert before is None or trial(traffic=high).place(key) == before


@given(
    key=st.binary(min_size=1, max_size=60),
    cuts=st.lists(st.floats(0, 1), min_size=2, max_size=6, unique=True),
)
def test_no_key_is_in_two_trials_of_a_group_whose_places_do_not_overlap(
    key: bytes, cuts: list[float]
) -> None:
    cuts.sort()
    trials = [
        trial(f"e{i}", group="checkout", start=a, end=b) for i, (a, b) in enumerate(pairwise(cuts))
    ]
    assert sum(one.place(key) is not None for one in trials) <= 1
    assert not any(a.overlaps(b) for i, a in enumerate(trials) for b in trials[:i])


def test_the_arm_of_one_experiment_says_nothing_of_the_arm_in_another() -> None:
    first, second = trial("price"), trial("ranking")
    met = Counter((first.place(key), second.place(key)) for key in KEYS)
    # Chi-square with one degree of freedom; 10.8 is its 0.999 quantile.
    expected = len(KEYS) / 4
    assert sum((met[a, b] - expected) ** 2 / expected for a in (0, 1) for b in (0, 1)) < 16.3


def test_keys_are_split_by_share_and_traffic() -> None:
    found = Counter(trial(shares=(3, 1), traffic=0.5).place(key) for key in KEYS)
    for place, share in ((0, 0.375), (1, 0.125), (None, 0.5)):
        assert abs(found[place] / len(KEYS) - share) < 0.04


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ({}, {}, True),
        ({"group": "a"}, {"group": "b"}, True),
        ({"group": "a", "end": 0.5}, {"group": "a", "start": 0.5}, False),
        ({"group": "a", "end": 0.6}, {"group": "a", "start": 0.5}, True),
        ({"end": 0.5}, {"start": 0.5}, True),
    ],
)
def test_who_could_be_in_both(one: object, other: object, overlap: bool) -> None:
    assert trial("x", **one).overlaps(trial("y", **other)) is overlap  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "broken",
    [
        {"shares": (1,)},
        {"shares": (1, 0)},
        {"shares": (1, float("inf"))},
        {"traffic": 0.0},
        {"traffic": 1.5},
        {"start": 0.5, "end": 0.5},
        {"end": 2.0},
    ],
)
def test_a_split_nobody_could_follow_is_refused(broken: object) -> None:
    with pytest.raises(BadTrial):
        trial(**broken)  # type: ignore[arg-type]
