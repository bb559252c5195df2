"""The drift detector: exact means of its e-values, its budget, what it finds and when."""

from __future__ import annotations

import itertools
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from seatrial.stats.changes import COMPONENTS
from seatrial.stats.counts import BadStatistic
from seatrial.stats.detector_state import LEAST_LOG, BadDetectorState, DetectorState
from seatrial.stats.dirichlet import log_count_law
from seatrial.stats.edetector import BUDGET, MARGIN, EDetector

K = 32
EQUAL = np.full(K, 1 / K)


def _shares(level: float = 0.0, spread: float = 1.0) -> np.ndarray:
    edges = stats.norm.ppf(np.arange(K + 1) / K)
    return np.diff(stats.norm.cdf((edges - level) / spread))


def _windows_of(n: int, k: int) -> np.ndarray:
    """Every way to put n rows into k bins."""
    cuts = itertools.combinations(range(n + k - 1), k - 1)
    return np.array([np.diff([-1, *c, n + k - 1]) - 1 for c in cuts], dtype=float)


def _arrangements(windows: np.ndarray) -> np.ndarray:
    """Log number of orders in which the rows of each window may come."""
    n = windows.sum(axis=1)
    ways: np.ndarray = special.gammaln(n + 1) - special.gammaln(windows + 1).sum(axis=1)
    return ways


def _after(detector: EDetector, *windows: np.ndarray) -> DetectorState:
    state = detector.start()
    for window in windows:
        state, _ = detector.step(state, window)
    return state


# The e-values.


@given(
    st.lists(st.integers(0, 30), min_size=3, max_size=3),
    st.integers(0, 3),
    st.integers(1, 12),
    st.lists(st.integers(0, 9), min_size=3, max_size=3),
)
@settings(max_examples=40)
def test_no_component_can_expect_to_gain_given_the_reference_and_the_windows_so_far(
    reference: list[int], n_ordered: int, n_rows: int, before: list[int]
) -> None:
    every = _windows_of(n_rows, 3)
    detector = EDetector(np.tile(reference, (len(every), 1)), n_ordered=[n_ordered] * len(every))
    state = _after(detector, np.tile(before, (len(every), 1)))
    after, _ = detector.step(state, every)
    part = log(min(1.0, n_rows / 100))
    log_e = after.log_evidence - np.logaddexp(state.log_evidence, part)
    law = EDetector(np.array([reference]), n_ordered=[n_ordered])._prior[0] + np.array(before)
    chance = np.exp(log_count_law(np.tile(law, (len(every), 1)), every) + _arrangements(every))
    assert chance.sum() == pytest.approx(1, abs=1e-9)
    gains = chance @ np.exp(log_e)
    assert (gains <= 1 + 1e-9).all()
    free = np.array([c.sign == 0 for c in COMPONENTS])
    np.testing.assert_allclose(gains[free], 1, atol=1e-9)


def test_with_a_reference_beyond_doubt_nothing_is_wasted() -> None:
    every = _windows_of(8, 4)
    reference = np.tile([4e12, 3e12, 2e12, 1e12], (len(every), 1))
    detector = EDetector(reference, n_ordered=[4] * len(every))
    log_e = _after(detector, every).log_evidence - log(8 / 100)
    gains = stats.multinomial.pmf(every, 8, [0.4, 0.3, 0.2, 0.1]) @ np.exp(log_e)
    np.testing.assert_allclose(gains, 1, atol=1e-4)


def test_the_evidence_is_the_recursion_of_shiryaev_and_roberts() -> None:
    detector = EDetector(np.full((1, 4), 10_000), n_ordered=[4])
    windows = [np.array([[30, 20, 25, 25]]), np.array([[60, 60, 40, 40]]), np.array([[9, 9, 9, 9]])]
    state, total = detector.start(), np.zeros(len(COMPONENTS))
    for window in windows:
        alone, _ = detector.step(
            DetectorState(
                n_windows=state.n_windows,
                alarmed=False,
                log_evidence=np.full_like(state.log_evidence, LEAST_LOG),
                log_run=state.log_run,
                since=state.since,
                learned=state.learned,
                recent=state.recent,
            ),
            window,
        )
        part = min(1.0, window.sum() / 100)
        total = (total + part) * np.exp(alone.log_evidence[0]) / part
        state, _ = detector.step(state, window)
    np.testing.assert_allclose(np.exp(state.log_evidence[0]), total, rtol=1e-9)


# The budget.


@pytest.mark.parametrize(
    ("n_reference", "n_rows", "n_ordered"),
    [(1_000, 1_000, K), (1_000, 10**6, K), (30, 1_000, K), (1_000, 1_000, 0), (10**5, 200, K)],
)
def test_false_alarms_keep_the_budget_over_references_and_windows(
    n_reference: int, n_rows: int, n_ordered: int
) -> None:
    """The chance of evidence B within t windows is at most t / B: here 40 / 400."""
    rng, n_runs, n_windows, level = np.random.default_rng(11), 500, 40, log(400)
    shares = (
        rng.dirichlet(np.full(K, 1.0), n_runs) if n_ordered == 0 else np.tile(EQUAL, (n_runs, 1))
    )
    reference = rng.multinomial(n_reference, shares)
    detector = EDetector(reference, n_ordered=[n_ordered] * n_runs, budget=1e300)
    state, ever = detector.start(), np.zeros(n_runs, dtype=bool)
    for _ in range(n_windows):
        state, evidence = detector.step(state, rng.multinomial(n_rows, shares))
        ever |= evidence.log_column >= level
    assert ever.sum() <= stats.binom.ppf(1 - 1e-6, n_runs, n_windows / exp(level))


def test_copies_of_one_column_alarm_no_more_often_than_the_column() -> None:
    rng = np.random.default_rng(2)
    reference = np.full((1, K), 30)
    one = EDetector(reference, n_ordered=[K])
    many = EDetector(np.tile(reference, (7, 1)), n_ordered=[K] * 7)
    a, b = one.start(), many.start()
    for _ in range(10):
        window = rng.multinomial(500, EQUAL, size=1)
        a, alone = one.step(a, window)
        b, together = many.step(b, np.tile(window, (7, 1)))
        assert together.log_total == pytest.approx(alone.log_total, abs=1e-9)


def test_clustered_rows_alarm_without_their_clustering_and_keep_the_budget_with_it() -> None:
    rng, rho, n_runs = np.random.default_rng(4), 0.01, 200
    reference = np.full((n_runs, K), 3_000)
    plain = EDetector(reference, n_ordered=[K] * n_runs, budget=1e300)
    aware = EDetector(
        reference, n_ordered=[K] * n_runs, clustering=rho, reference_windows=96, budget=1e300
    )
    states, peaks = [plain.start(), aware.start()], np.full((2, n_runs), -np.inf)
    for _ in range(25):
        window = rng.multinomial(1_000, rng.dirichlet(EQUAL * (1 / rho - 1), n_runs))
        for i, detector in enumerate((plain, aware)):
            states[i], evidence = detector.step(states[i], window)
            peaks[i] = np.maximum(peaks[i], evidence.log_column)
    over = (peaks >= log(400)).sum(axis=1)
    assert over[0] > 0.9 * n_runs
    assert over[1] <= stats.binom.ppf(1 - 1e-6, n_runs, 25 / 400)


def test_idle_columns_do_not_use_up_the_budget_by_waiting() -> None:
    detector = EDetector(np.full((2, 4), 1_000), n_ordered=[4, 0], budget=50)
    state = detector.start()
    for i in range(400):
        window = np.zeros((2, 4))
        window[:, i % 4] = 1
        state, evidence = detector.step(state, window)
    assert not evidence.alarm
    before = state
    state, evidence = detector.step(state, np.zeros((2, 4)))
    assert state is before


# What is found.


@pytest.mark.parametrize(
    ("now", "most"),
    [
        (_shares(0.1), 6.0),
        (_shares(0.2), 2.0),
        (_shares(0, 1.1), 4.0),
        (_shares(0, 0.9), 4.0),
        (EQUAL * (1 + 0.6 * (np.arange(K) % 2) - 0.3), 2.0),
    ],
)
def test_small_drifts_are_found_within_a_few_windows(now: np.ndarray, most: float) -> None:
    rng, n_runs = np.random.default_rng(5), 60
    level = log(50 * MARGIN * BUDGET)  # as one of 50 columns
    detector = EDetector(
        rng.multinomial(100_000, EQUAL, size=n_runs), n_ordered=[K] * n_runs, budget=1e300
    )
    state = _after(detector, *(rng.multinomial(1_000, EQUAL, size=n_runs) for _ in range(10)))
    found_at, since = np.full(n_runs, np.inf), np.zeros(n_runs)
    for t in range(1, 31):
        state, evidence = detector.step(state, rng.multinomial(1_000, now, size=n_runs))
        new = (evidence.log_column >= level) & np.isinf(found_at)
        found_at[new], since[new] = t, evidence.since[new]
    assert found_at.mean() <= most
    assert abs(np.median(since) - 10) <= 1
    assert (np.abs(since - 10) <= 3).mean() > 0.9


def test_more_drift_is_more_evidence() -> None:
    sizes = (0.0, 0.1, 0.2, 0.4, 0.8)
    detector = EDetector(np.full((5, K), 3_000), n_ordered=[K] * 5, budget=1e300)
    window = np.stack([1_000 * _shares(size) for size in sizes])
    _, evidence = detector.step(detector.start(), window)
    assert (np.diff(evidence.log_column) > 0).all()
    _, larger = detector.step(detector.start(), 3 * window)
    assert (larger.log_column[2:] > evidence.log_column[2:]).all()


def test_columns_are_treated_alike_in_any_order() -> None:
    rng = np.random.default_rng(6)
    reference, window = rng.integers(50, 90, (6, 8)), rng.integers(0, 30, (6, 8))
    ordered, weights, order = np.array([8, 0, 7, 3, 8, 0]), np.arange(1.0, 7), rng.permutation(6)
    one = EDetector(reference, n_ordered=ordered, weights=weights)
    two = EDetector(reference[order], n_ordered=ordered[order], weights=weights[order])
    _, a = one.step(one.start(), window)
    _, b = two.step(two.start(), window[order])
    np.testing.assert_allclose(a.log_column[order], b.log_column)
    assert a.log_total == pytest.approx(b.log_total)


def test_missing_values_where_there_were_none_and_new_names_are_found_at_once() -> None:
    reference = np.array([[5_000, 5_000, 0, 0], [5_000, 4_000, 1_000, 0], [9_999, 0, 0, 0]])
    detector = EDetector(reference, n_ordered=[2, 0, 1], n_bins=[3, 4, 2])
    quiet = np.array([[50, 50, 0, 0], [50, 40, 10, 0], [100, 0, 0, 0]])
    state, _ = detector.step(detector.start(), quiet)
    for column, window in enumerate(([35, 35, 30, 0], [45, 35, 10, 10], [70, 30, 0, 0])):
        other = quiet.copy()
        other[column] = window
        _, evidence = detector.step(state, other)
        assert evidence.alarm, column
        assert evidence.log_column.argmax() == column


def test_a_constant_column_that_stays_constant_says_nothing() -> None:
    detector = EDetector([[800, 0, 0]], n_ordered=[1], n_bins=[1])
    state = _after(detector, *([np.array([[900, 0, 0]])] * 20))
    _, evidence = detector.step(state, [[900, 0, 0]])
    assert evidence.log_total == LEAST_LOG


def test_windows_are_learned_except_while_the_alarm_sounds() -> None:
    detector = EDetector(np.full((1, K), 50), n_ordered=[K])
    quiet, drifted = np.full((1, K), 30), 960 * _shares(1.5)[None, :]
    state = _after(detector, quiet)
    np.testing.assert_array_equal(state.learned, quiet)
    after, evidence = detector.step(state, drifted)
    assert evidence.alarm
    assert after.alarmed
    np.testing.assert_array_equal(after.learned, quiet)
    once_more, _ = detector.step(after, drifted)
    np.testing.assert_array_equal(once_more.learned, quiet)
    again, evidence = detector.step(once_more, quiet)
    assert not evidence.alarm
    np.testing.assert_array_equal(again.learned, 2 * quiet)


@pytest.mark.parametrize(
    ("level", "n_drifted", "most"), [(0.1, 150, 15), (0.5, 150, 8), (2.0, 3, 8)]
)
def test_a_drift_that_is_repaired_is_no_alarm_soon_however_long_it_was(
    level: float, n_drifted: int, most: int
) -> None:
    rng = np.random.default_rng(9)
    detector = EDetector(np.full((2, K), 3_000), n_ordered=[K, K])
    state = detector.start()
    for _ in range(n_drifted):
        state, evidence = detector.step(state, rng.multinomial(1_000, _shares(level), size=2))
    assert evidence.alarm
    learned = state.learned
    after = 0
    while evidence.alarm:
        np.testing.assert_array_equal(state.learned, learned)
        after += 1
        state, evidence = detector.step(state, rng.multinomial(1_000, EQUAL, size=2))
    assert after <= most
    assert state.learned.sum() > learned.sum()


def test_a_column_that_vanishes_keeps_its_evidence_and_goes_on_when_it_returns() -> None:
    detector = EDetector(np.full((2, K), 3_000), n_ordered=[K, K])
    drifted = np.stack([1_000 * _shares(0.1), 1_000 * EQUAL])
    gone = drifted * [[0], [1]]
    state, before = detector.step(detector.start(), drifted)
    state, without = detector.step(state, gone)
    assert without.log_column[0] == before.log_column[0]
    _, again = detector.step(state, drifted)
    assert again.log_column[0] > before.log_column[0] + 2


# Values.


@given(
    st.lists(
        st.lists(st.sampled_from([0, 1, 2, 50, 10**6, 10**12]), min_size=6, max_size=6),
        min_size=1,
        max_size=5,
    ),
    st.lists(st.sampled_from([0, 1, 30, 10**9]), min_size=6, max_size=6),
    st.integers(0, 6),
)
def test_hostile_counts_give_finite_evidence(
    windows: list[list[int]], reference: list[int], n_ordered: int
) -> None:
    detector = EDetector([reference], n_ordered=[n_ordered])
    state = detector.start()
    for window in windows:
        state, evidence = detector.step(state, [window])
        assert np.isfinite(evidence.log_total)
        assert np.isfinite(evidence.log_column).all()
        for array in (state.log_evidence, state.log_run, state.learned, state.recent):
            assert np.isfinite(array).all()
        assert DetectorState.decode(state.encode()).encode() == state.encode()


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
@settings(max_examples=25)
def test_parts_of_a_window_added_in_any_way_are_the_window(seed: int, n_parts: int) -> None:
    rng = np.random.default_rng(seed)
    parts = rng.integers(0, 40, (n_parts, 2, 8))
    detector = EDetector(rng.integers(20, 90, (2, 8)), n_ordered=[8, 0])
    state, whole = detector.step(detector.start(), parts.sum(axis=0))
    added = np.zeros((2, 8))
    for part in rng.permutation(parts):
        added = added + part
    other, by_parts = detector.step(detector.start(), added)
    assert state.encode() == other.encode()
    assert whole.log_total == by_parts.log_total


def test_a_stored_state_goes_on_as_the_one_it_was() -> None:
    rng = np.random.default_rng(8)
    detector = EDetector(rng.integers(200, 900, (3, 8)), n_ordered=[8, 0, 5])
    windows = rng.integers(0, 90, (6, 3, 8))
    state = _after(detector, *windows[:3])
    frozen = state.encode()
    other = DetectorState.decode(frozen)
    for window in windows[3:]:
        state, one = detector.step(state, window)
        other, two = detector.step(other, window)
        assert one.log_total == two.log_total
        np.testing.assert_array_equal(one.since, two.since)
    assert DetectorState.decode(frozen).encode() == frozen


def test_a_step_changes_no_argument() -> None:
    detector = EDetector(np.full((1, 4), 100), n_ordered=[4])
    state, window = detector.start(), np.array([[9.0, 1, 1, 1]])
    before, given_window = state.encode(), window.copy()
    detector.step(state, window)
    assert state.encode() == before
    np.testing.assert_array_equal(window, given_window)


@pytest.mark.parametrize("data", [b"", b"\x00", b"nonsense"])
def test_bytes_that_are_no_state_are_refused(data: bytes) -> None:
    with pytest.raises(BadDetectorState, match="cannot be used"):
        DetectorState.decode(data)


def test_the_state_of_another_detector_is_refused() -> None:
    one = EDetector(np.ones((1, 4)), n_ordered=[4])
    two = EDetector(np.ones((2, 4)), n_ordered=[4, 4])
    with pytest.raises(BadDetectorState, match="columns and components"):
        two.step(one.start(), np.ones((2, 4)))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"reference": np.ones(4)}, "shape"),
        ({"reference": [[1.0, -1.0]]}, "negative"),
        ({"reference": [[1.0, np.nan]]}, "no number"),
        ({"n_ordered": [5]}, "n_ordered"),
        ({"n_ordered": [1, 1]}, "n_ordered"),
        ({"n_bins": [1], "n_ordered": [1]}, "not in use"),
        ({"weights": [0.0]}, "weights"),
        ({"clustering": 1.0}, "clustering"),
        ({"reference_windows": 0}, "reference_windows"),
        ({"n_bins": [0]}, "n_bins"),
        ({"budget": 0.5}, "budget"),
        ({"budget": float("nan")}, "budget"),
    ],
)
def test_a_wrong_setting_is_named(arguments: dict, named: str) -> None:
    with pytest.raises(BadStatistic, match=named):
        EDetector(**{"reference": np.ones((1, 2)), "n_ordered": [2]} | arguments)


@pytest.mark.parametrize(
    "window", [[[1, 2]], [[1, 1, 1, -1]], [[1, 1, 1, float("inf")]], [[1, 1, 1, 1]]]
)
def test_a_wrong_window_is_refused(window: list) -> None:
    detector = EDetector([[5, 5, 5, 0]], n_ordered=[3], n_bins=[3])
    with pytest.raises(BadStatistic):
        detector.step(detector.start(), window)
