import numpy as np
import pytest

from seatrial.stats.calibration import Calibration, ConfidenceCounts, levels
from seatrial.stats.expected_performance import ExpectedMetric, expected_metrics
from seatrial.stats.performance import ClassSums, Metric


def counted(
    predicted: np.ndarray, confidence: np.ndarray, right: np.ndarray | None, *, n_classes: int = 2
) -> ConfidenceCounts:
    return ConfidenceCounts.of(levels(confidence), predicted, right, n_classes=n_classes)


def binary(
    rng: np.random.Generator, n: int, *, a: float = 1.0, b: float = 2.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Predicted and true class, confidence, probability of the second class: calibrated."""
    score = rng.beta(a, b, n)
    true = (rng.random(n) < score).astype(int)
    predicted = (score > 0.4).astype(int)
    return predicted, true, np.where(predicted == 1, score, 1 - score), score


def learned(seed: int, n: int) -> Calibration:
    predicted, true, confidence, _ = binary(np.random.default_rng(seed), n)
    return Calibration.fit(counted(predicted, confidence, predicted == true))


def named(found: tuple[ExpectedMetric, ...]) -> dict[str, ExpectedMetric]:
    return {one.name: one for one in found}


def real(predicted: np.ndarray, true: np.ndarray, score: np.ndarray) -> dict[str, Metric]:
    sums = ClassSums.of(true, predicted, levels(score), n_classes=2)
    return {metric.name: metric for metric in sums.metrics()}


def test_what_is_expected_of_other_scores_is_what_their_labels_say() -> None:
    calibration = learned(1, 200_000)
    # Other scores than the reference's: fewer positives, and surer ones.
    predicted, true, confidence, score = binary(np.random.default_rng(2), 200_000, a=0.5, b=3.0)
    found = named(expected_metrics(counted(predicted, confidence, None), calibration))
    measured = real(predicted, true, score)
    assert set(found) == {"precision", "recall", "f1", "auc"}
    for name, one in found.items():
        # Some 16,000 rows are predicted positive: labels alone scatter by 0.004.
        assert one.value == pytest.approx(measured[name].value, abs=0.012), name


def test_the_error_is_the_scatter_over_references() -> None:
    rng = np.random.default_rng(3)
    predicted, _, confidence, _ = binary(rng, 5_000)
    window = counted(predicted, confidence, None)
    runs = [named(expected_metrics(window, learned(100 + k, 2_000))) for k in range(200)]
    for name in ("precision", "recall", "f1"):
        scatter = np.std([run[name].value for run in runs])
        said = np.mean([run[name].standard_error for run in runs])
        # 200 runs know the scatter to 3 / sqrt(2 * 200) = 15 %; between the blocks of the
        # isotonic map chances are interpolated, which the error does not know of.
        assert said == pytest.approx(scatter, rel=0.3), name


def test_a_gradient_is_the_change_that_a_moved_chance_makes() -> None:
    calibration = learned(4, 4_000)
    predicted, _, confidence, _ = binary(np.random.default_rng(5), 3_000)
    window = counted(predicted, confidence, None)
    h = 1e-5
    up, down = (
        named(
            expected_metrics(
                window,
                Calibration(
                    calibration.chance + step, calibration.block, calibration.block_variance
                ),
            )
        )
        for step in (h, -h)
    )
    still = named(expected_metrics(window, calibration))
    moved = named(expected_metrics(window, calibration, moved_variance=1e-2))
    for name, one in moved.items():
        slope = (up[name].value - down[name].value) / (2 * h)
        wanted = np.hypot(still[name].standard_error, 0.1 * slope)
        assert one.standard_error == pytest.approx(wanted, rel=1e-4), name


def test_steps_add_up() -> None:
    calibration = learned(6, 3_000)
    predicted, _, confidence, _ = binary(np.random.default_rng(7), 900)
    whole = counted(predicted, confidence, None)
    parts = [counted(predicted[k::3], confidence[k::3], None) for k in range(3)]
    assert expected_metrics(parts[0] + parts[1] + parts[2], calibration) == expected_metrics(
        whole, calibration
    )


def test_a_class_that_is_never_predicted_has_no_precision_and_no_rows_have_nothing() -> None:
    calibration = learned(8, 3_000)
    window = counted(np.zeros(50, int), np.full(50, 0.9), None)
    assert "precision" not in named(expected_metrics(window, calibration))
    assert expected_metrics(ConfidenceCounts.empty(2), calibration) == ()


def test_one_sure_row_has_no_auc() -> None:
    calibration = learned(9, 3_000)
    window = counted(np.zeros(1, int), np.full(1, 0.99), None)
    assert "auc" not in named(expected_metrics(window, calibration))


def test_of_several_classes_the_mean_precision_is_given_and_nothing_else() -> None:
    rng = np.random.default_rng(10)

    def drawn(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        p = rng.dirichlet([0.6, 1.0, 0.4], n)
        true = (rng.random(n)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
        predicted = p.argmax(axis=1)
        return predicted, true, p.max(axis=1)

    predicted, true, confidence = drawn(60_000)
    calibration = Calibration.fit(counted(predicted, confidence, predicted == true, n_classes=3))
    predicted, true, confidence = drawn(60_000)
    found = named(expected_metrics(counted(predicted, confidence, None, n_classes=3), calibration))
    measured = {m.name: m.value for m in ClassSums.of(true, predicted, None, n_classes=3).metrics()}
    assert set(found) == {"precision"}
    assert found["precision"].value == pytest.approx(measured["precision"], abs=0.01)
