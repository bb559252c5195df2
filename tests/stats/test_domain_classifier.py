"""A classifier that is told nothing sees nothing; one with something to see sees it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from seatrial.stats.domain_classifier import (
    LEAST_ROWS,
    DomainReference,
    DomainTest,
    tell_apart,
)
from seatrial.stats.roc import normal_tail
from seatrial.stats.vector_reference import blocks, counted, domain_reference, whole_vectors

WIDTH = 24

Vectors = NDArray[np.floating]


def rows(rng: np.random.Generator, n: int, *, copies: float = 0.0) -> Vectors:
    """Correlated rows; a share of them is one and the same vector."""
    mixing = np.random.default_rng(5).normal(size=(WIDTH, WIDTH)) / 4 + np.eye(WIDTH)
    found = rng.standard_t(6, size=(n, WIDTH)) @ mixing
    found[rng.random(n) < copies] = -1.5
    return found.astype(np.float32)


def told_apart(before: Vectors, after: Vectors) -> dict[str, DomainTest]:
    whole = whole_vectors(before, 0)
    reference = domain_reference(whole, before)
    moments, sample, _, _ = counted(WIDTH, blocks(whole, after))
    return {test.view: test for test in tell_apart(reference, moments, sample)}


@pytest.mark.parametrize("copies", [0.0, 0.3])
def test_without_drift_chances_are_as_stated(copies: float) -> None:
    rng = np.random.default_rng(0)
    found = [
        told_apart(rows(rng, 500, copies=copies), rows(rng, 300, copies=copies)) for _ in range(200)
    ]
    most = int(binom.ppf(0.9999, len(found), 0.05))
    for view in ("level", "spread"):
        tests = [one[view] for one in found]
        assert sum(t.mean_p_value <= 0.05 for t in tests) <= most, view
        assert sum(t.p_value <= 0.05 for t in tests) <= most, view
        if not copies:  # of a vector that many rows share, all or none are kept
            assert sum(t.auc.p_value <= 0.05 for t in tests) <= most, view
            areas = [(t.auc.value - 0.5) / t.auc.standard_error for t in tests]
            assert np.std(areas) == pytest.approx(1, abs=0.25)


def test_a_shift_is_seen_by_level_and_its_area_is_that_of_normal_scores() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.normal(size=(6_000, WIDTH)), rng.normal(size=(6_000, WIDTH))
    after[:, 3] += 1.0
    found = told_apart(before, after)["level"]
    assert found.p_value < 1e-12
    assert found.auc.value == pytest.approx(
        1 - normal_tail(0.5**0.5), abs=4 * found.auc.standard_error
    )
    assert sum(found.n_tested) + sum(found.n_trained) == 12_000


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_wider_or_narrower_spread_is_seen_by_spread_alone(factor: float) -> None:
    rng = np.random.default_rng(2)
    found = told_apart(rows(rng, 4_000), rows(rng, 4_000) * np.float32(factor))
    assert found["spread"].p_value < 1e-9
    assert found["level"].p_value > 1e-3


def test_turned_axes_are_seen_though_no_mean_moves() -> None:
    rng = np.random.default_rng(3)
    scale = np.array([3.0] * 4 + [1.0] * (WIDTH - 4))
    turn = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0]
    found = told_apart(
        rng.normal(size=(3_000, WIDTH)) * scale, (rng.normal(size=(3_000, WIDTH)) * scale) @ turn
    )
    assert found["spread"].auc.value > 0.9


def test_a_small_cluster_of_new_rows_is_seen() -> None:
    rng = np.random.default_rng(4)
    after = rows(rng, 10_000)
    after[:200] = rows(rng, 200) * np.float32(0.3) + np.float32(3)
    assert min(t.p_value for t in told_apart(rows(rng, 10_000), after).values()) < 1e-4


def test_too_few_rows_say_nothing() -> None:
    rng = np.random.default_rng(0)
    assert told_apart(rows(rng, 40), rows(rng, 500)) == {}
    assert told_apart(rows(rng, 500), rows(rng, 2 * LEAST_ROWS - 20)) == {}
    assert len(told_apart(rows(rng, 500), rows(rng, 3 * LEAST_ROWS))) == 2
    assert told_apart(np.ones((500, WIDTH)), np.ones((500, WIDTH))) == {}, "one row, many times"


def test_constant_vectors_are_compared_without_a_fault() -> None:
    rng = np.random.default_rng(0)
    before, after = np.zeros((400, WIDTH)), np.zeros((400, WIDTH))
    before[:, 0], after[:, 0] = rng.normal(size=400), rng.normal(size=400)
    quiet = told_apart(before, after)
    assert all(0 <= t.p_value <= 1 and t.p_value > 1e-4 for t in quiet.values())
    after[:, 5] = 0.7
    assert told_apart(before, after)["level"].auc.value == 1


def test_the_direction_is_the_shift_over_the_shrunk_covariance() -> None:
    some = rows(np.random.default_rng(0), 5_000)
    reference = domain_reference(whole_vectors(some, 0), some)
    direction, shift = np.ones(WIDTH), np.arange(WIDTH) / WIDTH
    assert isinstance(reference, DomainReference)
    found = reference.direction(0, shift)
    values, axes = reference.variances[0], reference.axes[0]
    shrunk = axes.T @ np.diag(0.9 * values[:-1] + 0.1 * values[-1] / WIDTH) @ axes
    np.testing.assert_allclose(shrunk @ found, shift, atol=0.02)
    assert reference.variance(0, direction) == pytest.approx(
        direction @ shrunk @ direction, rel=0.02
    )
