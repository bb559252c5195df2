"""The benchmark of vectors makes the drifts it names, and counts as it says."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.monitor.embeddings import DRIFTS, WIDTH, Quiet, World, level, quiet, seen


@pytest.fixture(scope="module")
def world() -> World:
    return World(1)


def test_rows_are_of_unit_length_and_drift_as_named(world: World) -> None:
    made = {drift: world.rows(np.random.default_rng(0), 4_000, drift) for drift in DRIFTS}
    for drift in (DRIFTS[0], DRIFTS[2], DRIFTS[3]):
        assert np.linalg.norm(made[drift], axis=1) == pytest.approx(1, abs=1e-5)
    assert made[DRIFTS[0]].shape == (4_000, WIDTH)
    steps = made[DRIFTS[1]] - made[DRIFTS[0]]
    assert np.ptp(steps, axis=0).max() < 1e-5, "every row by the same step"
    along = made[DRIFTS[0]] @ (steps[0] / np.linalg.norm(steps[0]))
    assert np.linalg.norm(steps[0]) == pytest.approx(0.1 * along.std(), rel=0.1)
    assert (made[DRIFTS[2]] != made[DRIFTS[0]]).all(axis=1).any()


def test_what_turns_is_seen_and_what_does_not_drift_is_not() -> None:
    assert seen(DRIFTS[2], 3_000, 2).found == 1
    assert level(600, 200, 6).one_percent <= 2 / 6


def test_runs_without_drift_are_held_against_what_the_promise_allows() -> None:
    (found,) = quiet(600, 200, 2, 3, (1e6,))
    assert (found.reached, found.allowed) == (0, 0)
    # 5 are expected of 100 runs of 50 windows; 11 or more come 1.1 times in 100.
    assert Quiet(1, 1, 100, 50, 1_000.0, 0).allowed == 11
