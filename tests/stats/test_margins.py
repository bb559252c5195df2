"""The same names on both sides: the level is kept with few rows, and a change is seen."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats.margins import same_names


def shares(k: int, power: float) -> np.ndarray:
    found = 1 / np.arange(1, k + 1) ** power
    return found / found.sum()


@pytest.mark.parametrize(
    ("n", "m", "k"),
    [(110, 600, 300), (110, 600, 20), (60, 300, 300), (30, 30, 5), (2_000, 500, 50)],
)
def test_without_a_change_small_p_values_are_as_rare_as_they_say(n: int, m: int, k: int) -> None:
    rng = np.random.default_rng(0)
    p, trials = shares(k, 1.2), 4_000
    found = np.array(
        [same_names(rng.multinomial(n, p), rng.multinomial(m, p)) for _ in range(trials)]
    )
    for level in (0.05, 0.01, 0.001):
        share = (found <= level).mean()
        assert share <= level + 4 * np.sqrt(level * (1 - level) / trials), level


@pytest.mark.parametrize("k", [100, 1_000])
def test_one_rare_name_that_grows_is_not_lost_among_the_others(k: int) -> None:
    rng = np.random.default_rng(2)
    p = shares(k, 1.2)
    for _ in range(20):
        then, now = rng.multinomial(10_000, p), rng.multinomial(1_000, p)
        now[-1] += 20
        assert same_names(then, now) < 1e-4


def test_a_new_name_grows_from_nothing_and_many_new_ones_do_not() -> None:
    then = np.array([400, 300, 200])
    assert same_names(then, then // 3, uncounted=(0, 12), newcomers=[12]) < 1e-4
    assert same_names(np.append(then, 9), np.append(then // 3, 0), uncounted=(0, 3)) > 0.05
    assert same_names(then, then, uncounted=(30, 30), newcomers=[1] * 30) == 1.0


def test_a_name_that_is_counted_by_luck_is_no_evidence() -> None:
    """Of many names alike, those that the reference met most are counted one by one."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(400):
        then, now = (
            rng.multinomial(20_000, shares(2_000, 0.0)),
            rng.multinomial(20_000, shares(2_000, 0.0)),
        )
        top = np.argsort(-then, kind="stable")[:500]
        rest = (int(then.sum() - then[top].sum()), int(now.sum() - now[top].sum()))
        found.append(same_names(then[top], now[top], uncounted=rest, least=int(then[top].min())))
    assert (np.array(found) <= 0.05).mean() <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 400)


def test_another_mix_is_seen_and_so_is_a_new_name() -> None:
    rng = np.random.default_rng(1)
    p = shares(20, 1.0)
    then = rng.multinomial(400, p)
    assert same_names(then, rng.multinomial(400, p[::-1])) < 1e-9
    moved = rng.multinomial(400, p)
    assert same_names(np.append(then, 0), np.append(moved, 60)) < 1e-6


@pytest.mark.parametrize(
    ("reference", "current"),
    [([], []), ([0, 0], [3, 4]), ([3, 4], [0, 0]), ([5, 4], [1, 2]), ([100], [200])],
)
def test_too_few_rows_or_names_are_no_evidence(reference: list[int], current: list[int]) -> None:
    assert same_names(np.array(reference, np.int64), np.array(current, np.int64)) == 1.0


def test_a_name_the_reference_had_and_the_window_has_not_is_seen() -> None:
    assert same_names(np.array([100, 100]), np.array([200, 0])) < 1e-9
