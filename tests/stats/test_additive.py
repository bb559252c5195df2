"""An additive stand-in for a model: whom it credits, and when it stands for nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seatrial.stats.additive import additive

Groups = NDArray[np.intp]


def drawn(n: int, d: int, seed: int = 0, *, n_groups: int = 5) -> list[Groups]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, n_groups, n) for _ in range(d)]


def test_a_column_moves_answers_by_what_shuffling_it_does() -> None:
    groups = drawn(4_000, 3)
    effects = [np.array([0.0, 1, 4, 9, 16]), np.array([0.0, 0, 0, 2, 2]), np.zeros(5)]
    answers = sum(e[g] for e, g in zip(effects, groups, strict=True))
    assert isinstance(answers, np.ndarray)
    found = additive(groups, answers[:, None])
    assert found is not None
    rng = np.random.default_rng(1)
    shuffled = [
        np.abs(e[g] - e[rng.permutation(g)]).mean() for e, g in zip(effects, groups, strict=True)
    ]
    assert found.moved == pytest.approx(shuffled, rel=0.05, abs=0.02)
    assert found.explained == pytest.approx(1.0, abs=1e-4)


def test_a_column_that_only_follows_another_is_not_credited() -> None:
    rng = np.random.default_rng(2)
    used = rng.integers(0, 5, 3_000)
    follows = np.where(rng.random(3_000) < 0.85, used, rng.integers(0, 5, 3_000))
    found = additive([follows, used], used[:, None].astype(np.float64))
    assert found is not None
    assert found.moved[0] < 0.02 * found.moved[1]


def test_what_chance_explains_is_taken_off() -> None:
    rng = np.random.default_rng(3)
    explained = []
    for seed in range(20):
        found = additive(drawn(300, 10, seed), rng.normal(size=(300, 1)))
        assert found is not None
        explained.append(found.explained)
    # 40 free effects of 300 rows explain 13 % of noise.
    assert float(np.mean(explained)) < 0.03


@pytest.mark.parametrize(
    ("groups", "answers"),
    [
        (drawn(50, 2), np.ones((50, 1))),
        (drawn(8, 3), np.arange(8.0)[:, None]),
        ([np.zeros(0, np.intp)], np.zeros((0, 1))),
    ],
    ids=["constant answers", "more groups than rows", "no rows"],
)
def test_nothing_is_said_where_nothing_can_be(
    groups: list[Groups], answers: NDArray[np.float64]
) -> None:
    assert additive(groups, answers) is None


@given(seed=st.integers(0, 1_000), n=st.integers(30, 80), k=st.integers(1, 3))
def test_the_order_of_rows_and_the_unit_of_answers_change_nothing(
    seed: int, n: int, k: int
) -> None:
    rng = np.random.default_rng(seed)
    groups = [np.unique(rng.integers(0, 4, n), return_inverse=True)[1] for _ in range(3)]
    answers, order = rng.normal(size=(n, k)), rng.permutation(n)
    found = additive(groups, answers)
    other = additive([g[order] for g in groups], 3.0 + 2.0 * answers[order])
    assert found is not None
    assert other is not None
    assert other.moved == pytest.approx(2.0 * found.moved)
    assert other.explained == pytest.approx(found.explained)
    assert (found.moved >= 0).all()
