"""Evidence over windows: rarely for nothing however small the reference, soon for something."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from seatrial.stats.detector_state import BadDetectorState
from seatrial.stats.mean_detector import MeanDetector
from seatrial.stats.mean_state import MeanState
from seatrial.stats.vector_counts import Moments
from seatrial.stats.vector_reference import blocks, counted, domain_reference, whole_vectors
from seatrial.stats.whole_vectors import WholeVectors

WIDTH = 8
NO_CUT = 700.0


def drawn(
    rng: np.random.Generator, n: int, *, shift: float = 0.0, copies: float = 0.0
) -> np.ndarray:  # type: ignore[type-arg]
    found = rng.standard_t(8, size=(n, WIDTH)) * np.linspace(1, 2, WIDTH)
    found[:, 2] += shift
    found[rng.random(n) < copies] = 4.0
    return found.astype(np.float32)


def made(
    rng: np.random.Generator, n: int, *, copies: float = 0.0
) -> tuple[WholeVectors, MeanDetector]:
    rows = drawn(rng, n, copies=copies)
    whole = whole_vectors(rows, 0)
    return whole, MeanDetector(domain_reference(whole, rows))


def of(whole: WholeVectors, rows: NDArray[np.float32]) -> Moments:
    return counted(WIDTH, blocks(whole, rows))[0]


@pytest.mark.parametrize(("n_reference", "copies"), [(200, 0.0), (1_000, 0.0), (1_000, 0.1)])
def test_without_drift_few_runs_reach_a_budget_though_the_reference_is_small(
    n_reference: int, copies: float
) -> None:
    rng, budget, n_windows, runs = np.random.default_rng(0), 200.0, 40, 60
    reached = 0
    for _ in range(runs):
        whole, detector = made(rng, n_reference, copies=copies)
        state = detector.start()
        for number in range(n_windows):
            window = of(whole, drawn(rng, 300, copies=copies))
            state = detector.step(state, window, number=number, log_most=NO_CUT)
            if detector.log_evidence(state) >= math.log(budget):
                reached += 1
                break
            state = detector.learning(state, window)
    assert reached <= binom.ppf(0.999, runs, n_windows / budget)
    assert reached <= 0.25 * runs


def test_comparing_with_the_reference_alone_would_gather_its_error() -> None:
    """What `learning` is there for: without it most runs of a small reference alarm."""
    rng, reached = np.random.default_rng(1), 0
    for _ in range(20):
        whole, detector = made(rng, 200)
        state = detector.start()
        for number in range(40):
            window = of(whole, drawn(rng, 300))
            state = detector.step(state, window, number=number, log_most=NO_CUT)
        reached += detector.log_evidence(state) >= math.log(200)
    assert reached >= 10


def test_a_shift_is_found_soon_and_its_beginning_and_size_are_named() -> None:
    rng = np.random.default_rng(2)
    whole, detector = made(rng, 20_000)
    state, number = detector.start(), 0
    while detector.log_evidence(state) < math.log(30_000):
        window = of(whole, drawn(rng, 500, shift=0.4 if number >= 6 else 0.0))
        state = detector.step(state, window, number=number, log_most=NO_CUT)
        number += 1
        assert number < 16
    assert number > 6
    assert abs(detector.since(state) - 6) <= 1


def test_a_strong_shift_is_found_in_its_first_window() -> None:
    rng = np.random.default_rng(3)
    whole, detector = made(rng, 5_000)
    window = of(whole, drawn(rng, 1_000, shift=2.0))
    state = detector.step(detector.start(), window, number=0, log_most=NO_CUT)
    assert detector.log_evidence(state) > math.log(30_000)


def test_how_far_apart_rows_are_is_told_without_flattery() -> None:
    rng = np.random.default_rng(4)
    whole, detector = made(rng, 20_000)
    state = detector.start()
    assert detector.separation(state) is None
    found = []
    for shift in (0.0, 1.0):
        recent = of(whole, drawn(rng, 4_000, shift=shift))
        told = detector.separation(replace(state, recent=recent))
        assert told is not None
        found.append(told[1])
    unit = float(np.std(drawn(rng, 50_000)[:, 2]))
    assert found[0] < 0.005, "the size of chance is not told as one"
    assert found[1] == pytest.approx((1.0 / unit) ** 2, rel=0.25)


def test_evidence_is_cut_so_that_a_repaired_drift_is_over_soon() -> None:
    rng = np.random.default_rng(5)
    whole, detector = made(rng, 5_000)
    state, most = detector.start(), math.log(30_000) + 5
    for number in range(30):
        window = of(whole, drawn(rng, 500, shift=1.0))
        state = detector.step(state, window, number=number, log_most=most)
    assert detector.log_evidence(state) == pytest.approx(most, abs=0.01)
    for number in range(30, 50):
        window = of(whole, drawn(rng, 500))
        state = detector.step(state, window, number=number, log_most=most)
    assert detector.log_evidence(state) < math.log(10_000)


def test_a_window_without_rows_changes_nothing() -> None:
    _, detector = made(np.random.default_rng(0), 500)
    state = detector.start()
    assert detector.step(state, Moments.none(WIDTH), number=0, log_most=NO_CUT) is state
    assert detector.log_evidence(state) < -600


def test_a_state_is_read_back_and_damage_is_seen() -> None:
    rng = np.random.default_rng(0)
    whole, detector = made(rng, 500)
    window = of(whole, drawn(rng, 200))
    state = detector.step(detector.start(), window, number=0, log_most=NO_CUT)
    state = detector.learning(state, window)
    again = MeanState.decode(state.encode())
    assert again.encode() == state.encode()
    assert detector.step(again, window, number=1, log_most=NO_CUT).encode() == (
        detector.step(state, window, number=1, log_most=NO_CUT).encode()
    )
    for damaged in (b"", b"x", state.encode()[:-9], b"\x91\x01"):
        with pytest.raises(BadDetectorState):
            MeanState.decode(damaged)
