"""Assignment: by share, sticky, monotone, and independent of other experiments."""

from __future__ import annotations

import uuid
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from experiment_units import an_experiment
from scipy import stats

from seatrial.experiments.assignment import (
    SlotsTaken,
    assigned,
    check_disjoint,
    room,
)
from seatrial.experiments.design import Experiment, Slots, Variant
from seatrial.release.trial import group_position

N = 10_000
RNG = np.random.default_rng(1)
KEYS = {
    "user-1": [f"user-{i}".encode() for i in range(N)],
    "integers": [str(i).encode() for i in range(N)],
    "bytes": [i.to_bytes(8, "little") for i in range(N)],
    "uuid": [str(uuid.UUID(bytes=RNG.bytes(16), version=4)).encode() for _ in range(N)],
    "padded": [f"{i:012d}".encode() for i in range(N)],
}
NAMES = ("button", "button-2", "a", "b", "price_test", "new-ranker")


def named(name: str, *shares: float, traffic: float = 1.0) -> Experiment:
    variants = tuple(Variant(name=f"v{i}", share=share) for i, share in enumerate(shares))
    return an_experiment(name=name, variants=variants, traffic=traffic)


@pytest.mark.parametrize("kind", KEYS)
def test_units_fall_by_share(kind: str) -> None:
    experiment = named("prices", 0.5, 0.3, 0.2, traffic=0.6)
    got = Counter(assigned(experiment, key) for key in KEYS[kind])
    seen = [got[None], got["v0"], got["v1"], got["v2"]]
    expected = np.array([0.4, 0.3, 0.18, 0.12]) * N
    # One of five kinds of keys falls below 1e-4 in one of 2,000 salts.
    assert stats.chisquare(seen, expected).pvalue > 1e-4


@pytest.mark.parametrize("kind", KEYS)
def test_experiments_are_independent_also_for_neighbouring_keys(kind: str) -> None:
    """All pairs of six experiments: p-values are those of chance, none tiny, not too many small."""
    places = {}
    for name in NAMES:
        experiment = named(name, 1, 1, 1)
        places[name] = np.array([int(str(assigned(experiment, key))[1]) for key in KEYS[kind]])
    p = []
    for one, other in combinations(NAMES, 2):
        table = np.bincount(3 * places[one] + places[other], minlength=9).reshape(3, 3)
        p.append(stats.chi2_contingency(table).pvalue)
    assert min(p) > 1e-4
    assert sum(x < 0.05 for x in p) <= 5  # of 15; binomial: 6 or more once in 20,000


@pytest.mark.parametrize("kind", KEYS)
def test_a_neighbours_variant_says_nothing(kind: str) -> None:
    experiment = named("button", 1, 1)
    got = np.array([assigned(experiment, key) == "v1" for key in KEYS[kind]])
    table = np.bincount(2 * got[:-1] + got[1:], minlength=4).reshape(2, 2)
    assert stats.chi2_contingency(table).pvalue > 1e-4


def test_it_is_sticky_and_depends_on_the_name_alone() -> None:
    a, b = named("button", 1, 1), named("button", 5, 5)
    assert all(assigned(a, key) == assigned(b, key) for key in KEYS["user-1"][:2_000])


def test_names_with_slashes_are_kept_apart() -> None:
    one, other = (
        an_experiment(name=name, variants=(Variant(name=a), Variant(name=b)))
        for name, a, b in (("x/y", "a", "b"), ("x", "y/a", "y/b"))
    )
    same = [str(assigned(other, key)).endswith(str(assigned(one, key))) for key in KEYS["uuid"]]
    assert 0.45 < np.mean(same) < 0.55


def test_more_traffic_moves_nobody_who_is_in() -> None:
    few, many = (named("button", 1, 2, traffic=t) for t in (0.1, 0.5))
    moved = Counter((assigned(few, key), assigned(many, key)) for key in KEYS["uuid"])
    assert {before for before, after in moved if before != after} == {None}


def test_a_share_that_grows_takes_units_and_loses_none() -> None:
    before, after = named("button", 5, 3, 2), named("button", 4, 3, 5)
    moved = {
        (assigned(before, key), assigned(after, key))
        for key in KEYS["uuid"]
        if assigned(before, key) != assigned(after, key)
    }
    assert moved == {("v0", "v2"), ("v1", "v2"), ("v0", "v1")}
    alone = named("button", 1, 1), named("button", 1, 3)
    assert {
        (assigned(alone[0], key), assigned(alone[1], key))
        for key in KEYS["uuid"]
        if assigned(alone[0], key) != assigned(alone[1], key)
    } == {("v0", "v1")}


def test_a_variant_that_is_added_takes_units_only_into_itself() -> None:
    two, three = named("button", 1, 1), named("button", 1, 1, 1)
    moved = {
        assigned(three, key)
        for key in KEYS["integers"]
        if assigned(two, key) != assigned(three, key)
    }
    assert moved == {"v2"}


def placed(name: str, start: float, end: float, group: str = "checkout") -> Experiment:
    return an_experiment(name=name, slots=Slots(group=group, start=start, end=end))


def test_experiments_of_a_group_share_no_unit() -> None:
    one, other = placed("one", 0.0, 0.3), placed("other", 0.3, 1.0)
    check_disjoint([one, other])
    got = Counter(
        (assigned(one, key) is not None, assigned(other, key) is not None) for key in KEYS["user-1"]
    )
    assert (True, True) not in got
    assert got[True, False] == pytest.approx(0.3 * N, rel=0.05)
    assert sum(got.values()) == got[True, False] + got[False, True]


def test_within_its_slots_an_experiment_splits_evenly() -> None:
    one = placed("one", 0.0, 0.5)
    got = Counter(assigned(one, key) for key in KEYS["user-1"])
    half = N / 4
    assert abs(got["control"] - got["variant-1"]) < 5 * np.sqrt(half)
    low = [group_position("checkout", key) < 0.25 for key in KEYS["user-1"]]
    table = np.zeros((2, 2))
    for key, is_low in zip(KEYS["user-1"], low, strict=True):
        if (variant := assigned(one, key)) is not None:
            table[int(is_low), int(variant == "control")] += 1
    assert stats.chi2_contingency(table).pvalue > 1e-4


def test_slots_that_overlap_are_refused() -> None:
    with pytest.raises(SlotsTaken, match="'one' and 'other' both take"):
        check_disjoint([placed("other", 0.2, 0.5), placed("one", 0.0, 0.3)])
    check_disjoint([placed("one", 0.0, 0.3), placed("other", 0.2, 0.5, group="search")])


def test_room_is_found_between_experiments() -> None:
    running = [placed("b", 0.5, 0.8), placed("a", 0.0, 0.3)]
    assert room(running, "checkout", 0.2) == Slots(group="checkout", start=0.3, end=0.5)
    assert room(running, "search", 1.0) == Slots(group="search", start=0.0, end=1.0)
    with pytest.raises(SlotsTaken, match=r"widest room is 0\.2"):
        room(running, "checkout", 0.25)
