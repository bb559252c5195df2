import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.stats.calibration import (
    N_LEVELS,
    OWN_MAP_ROWS,
    UNUSABLE,
    BadCalibration,
    Calibration,
    ConfidenceCounts,
    levels,
)
from seatrial.stats.counts import BadStatistic


def rows(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An overconfident model of two classes: right with the square of its confidence."""
    confidence = rng.uniform(0.5, 1, n)
    return confidence, rng.integers(0, 2, n), rng.random(n) < confidence**2


def counted(confidence: np.ndarray, predicted: np.ndarray, right: np.ndarray) -> ConfidenceCounts:
    return ConfidenceCounts.of(levels(confidence), predicted, right, n_classes=2)


def test_an_overconfident_model_is_brought_down_to_its_true_chances() -> None:
    calibration = Calibration.fit(counted(*rows(np.random.default_rng(1), 60_000)))
    asked = np.array([0.55, 0.7, 0.9])
    found = calibration.chances(levels(asked), np.zeros(3, int))
    np.testing.assert_allclose(found, asked**2, atol=0.03)


def test_the_isotonic_fit_is_that_of_an_independent_library() -> None:
    from scipy.optimize import isotonic_regression

    confidence, predicted, right = rows(np.random.default_rng(2), 3_000)
    counts = counted(confidence, np.zeros_like(predicted), right)
    used = np.flatnonzero(counts.n[0])
    rate = counts.n_right[0][used] / counts.n[0][used]
    oracle = isotonic_regression(rate, weights=counts.n[0][used])
    calibration = Calibration.fit(counts)
    blocks = calibration.block[0][used]
    assert len(np.unique(oracle.x.round(12))) == len(np.unique(blocks))
    for block in np.unique(blocks):
        assert np.ptp(oracle.x[blocks == block]) < 1e-12


def test_the_expectation_of_a_window_is_its_accuracy_within_the_stated_errors() -> None:
    rng = np.random.default_rng(3)
    z = []
    for _ in range(200):
        calibration = Calibration.fit(counted(*rows(rng, 1_000)))
        confidence, predicted, right = rows(rng, 500)
        shifted = confidence < 0.8  # other rows than in the reference, the same chances
        window = counted(confidence[shifted], predicted[shifted], right[shifted])
        said = calibration.expect(window)
        assert said is not None
        error = window.n_right.sum() / said.n - said.mean
        z.append(error / np.sqrt(said.row_variance / said.n + said.map_variance))
    # The standard deviation of 200 standard normal numbers lies in 0.85 to 1.15 with 99.7 %.
    assert 0.8 < np.std(z) < 1.2
    assert abs(np.mean(z)) < 0.3


def test_scores_that_say_nothing_or_the_opposite_expect_the_mean_of_all_rows() -> None:
    rng = np.random.default_rng(4)
    confidence = rng.uniform(0.5, 1, 4_000)
    right = rng.random(4_000) < 1.4 - confidence
    calibration = Calibration.fit(counted(confidence, np.zeros(4_000, int), right))
    found = calibration.chances(levels(np.array([0.51, 0.99])), np.zeros(2, int))
    np.testing.assert_allclose(found, right.mean(), atol=0.01)


def test_constant_scores_and_a_single_class_have_one_chance() -> None:
    right = np.arange(400) % 4 > 0
    calibration = Calibration.fit(counted(np.full(400, 0.9), np.ones(400, int), right))
    said = calibration.expect(counted(np.full(9, 0.9), np.ones(9, int), np.zeros(9, bool)))
    assert said is not None
    assert said.mean == pytest.approx(0.75, abs=0.005)


def test_certainty_of_the_sample_is_no_certainty_of_the_map() -> None:
    calibration = Calibration.fit(counted(np.ones(20), np.ones(20, int), np.ones(20, bool)))
    assert calibration.chances(levels(np.array([1.0])), np.ones(1, int))[0] < 0.98


def test_a_rare_class_uses_the_map_of_all_classes() -> None:
    rng = np.random.default_rng(5)
    confidence, _, right = rows(rng, 2_000)
    predicted = (np.arange(2_000) < OWN_MAP_ROWS - 1).astype(int)
    calibration = Calibration.fit(counted(confidence, predicted, right))
    all_rows = Calibration.fit(counted(confidence, np.zeros(2_000, int), right))
    np.testing.assert_array_equal(calibration.chance[1], all_rows.chance[0])


def test_what_is_no_probability_is_left_out_and_marked() -> None:
    level = levels(np.array([np.nan, -0.1, 1.1, np.inf, 0.0, 1.0]))
    assert level.tolist() == [UNUSABLE] * 4 + [0, N_LEVELS - 1]
    counts = ConfidenceCounts.of(level, np.zeros(6, int), n_classes=1)
    assert counts.n_rows == 2
    calibration = Calibration.fit(counted(*rows(np.random.default_rng(6), 300)))
    assert (
        np.isnan(calibration.chances(level, np.zeros(6, int))).tolist() == [True] * 4 + [False] * 2
    )


def test_nothing_is_expected_of_no_rows_and_nothing_is_learned_from_none() -> None:
    calibration = Calibration.fit(counted(*rows(np.random.default_rng(7), 300)))
    assert calibration.expect(ConfidenceCounts.empty(2)) is None
    with pytest.raises(BadStatistic, match="there are 0"):
        Calibration.fit(ConfidenceCounts.empty(2))


given_rows = st.lists(
    st.tuples(st.floats(-0.2, 1.2), st.integers(0, 2), st.booleans()), min_size=1, max_size=40
)


@given(given_rows, st.integers(0, 40))
def test_any_partition_of_the_rows_gives_the_same_counts(
    given: list[tuple[float, int, bool]], cut: int
) -> None:
    confidence, predicted, right = (np.array(column) for column in zip(*given, strict=True))

    def count(part: slice) -> ConfidenceCounts:
        level = levels(confidence[part])
        return ConfidenceCounts.of(level, predicted[part], right[part], n_classes=3)

    whole = count(slice(None))
    assert count(slice(cut)) + count(slice(cut, None)) == whole
    assert ConfidenceCounts.decode(whole.encode()) == whole
    assert whole + ConfidenceCounts.empty(3) == whole


@given(given_rows)
def test_a_higher_confidence_is_never_worth_less(given: list[tuple[float, int, bool]]) -> None:
    confidence, predicted, right = (np.array(column) for column in zip(*given, strict=True))
    counts = ConfidenceCounts.of(levels(confidence), predicted, right, n_classes=3)
    if counts.n_rows:
        chance = Calibration.fit(counts).chance
        assert (np.diff(chance, axis=1) >= 0).all()
        assert ((chance > 0) & (chance < 1)).all()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (b"\x00", "cannot be read"),
        (b"\x95\x02\x01\x90\x90\x90", "version 2"),
        (b"\x95\x01\x01\x91\x01\x91\x01\x91\x02", "more rows are right"),
        (b"\x95\x01\x01\x91\xcd\xff\xff\x91\x01\x91\x01", "out of range"),
        (b"\x95\x01\x00\x90\x90\x90", "fit together"),
    ],
)
def test_damaged_counts_are_refused(damage: bytes, says: str) -> None:
    with pytest.raises(BadCalibration, match=says):
        ConfidenceCounts.decode(damage)
