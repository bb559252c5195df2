"""Adjusted p-values: by hand, and the chance of even one wrong rejection by simulation."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seatrial.stats.holm import holm


def test_the_example_of_a_textbook() -> None:
    assert np.allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


def test_one_test_is_not_adjusted_and_none_is_none() -> None:
    assert holm([0.2]).tolist() == [0.2]
    assert holm([]).shape == (0,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_it_keeps_order_and_lies_between_the_p_value_and_bonferroni(p_values: list[float]) -> None:
    p, adjusted = np.array(p_values), holm(p_values)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, p * len(p)) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


def test_even_one_true_hypothesis_is_rejected_no_oftener_than_asked_for() -> None:
    rng = np.random.default_rng(0)
    n, wrong = 4_000, 0
    for _ in range(n):
        shared = rng.random()  # half of the tests depend on each other as much as they can
        p = np.concatenate([np.full(5, shared), rng.random(5), [1e-9]])
        wrong += bool((holm(p)[:10] <= 0.05).any())
    assert wrong / n <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n)
