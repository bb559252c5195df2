import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seatrial.stats.calibration import levels
from seatrial.stats.performance import UNKNOWN_CLASS, ClassSums, ErrorSums, Metric


def named(sums: ClassSums | ErrorSums) -> dict[str, Metric]:
    return {metric.name: metric for metric in sums.metrics()}


def binary(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    score = rng.beta(1, 2, n)
    true = (rng.random(n) < score).astype(int)
    return true, (score > 0.4).astype(int), score


def summed(true: np.ndarray, predicted: np.ndarray, score: np.ndarray) -> ClassSums:
    return ClassSums.of(true, predicted, levels(score), n_classes=2)


def test_the_metrics_of_a_classifier_are_those_of_an_independent_library() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    true, predicted, score = binary(np.random.default_rng(1), 3_000)
    found = named(summed(true, predicted, score))
    assert found["accuracy"].value == pytest.approx(sklearn.accuracy_score(true, predicted))
    assert found["f1"].value == pytest.approx(sklearn.f1_score(true, predicted))
    assert found["precision"].value == pytest.approx(sklearn.precision_score(true, predicted))
    assert found["recall"].value == pytest.approx(sklearn.recall_score(true, predicted))
    assert found["auc"].value == pytest.approx(sklearn.roc_auc_score(true, score), abs=5e-4)


def test_the_f1_of_several_classes_is_the_mean_over_those_that_occur() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(2)
    true, predicted = rng.integers(0, 4, 500), rng.integers(0, 4, 500)
    sums = ClassSums.of(true, predicted, None, n_classes=5)
    macro = sklearn.f1_score(true, predicted, average="macro")
    assert named(sums)["f1"].value == pytest.approx(macro)
    assert "auc" not in named(sums)
    for name in ("precision", "recall"):
        score = getattr(sklearn, f"{name}_score")
        assert named(sums)[name].value == pytest.approx(score(true, predicted, average="macro"))


def test_standard_errors_are_the_scatter_over_samples() -> None:
    rng = np.random.default_rng(3)
    runs = [named(summed(*binary(rng, 400))) for _ in range(400)]
    for name in ("accuracy", "precision", "recall", "f1", "auc"):
        scatter = np.std([run[name].value for run in runs])
        said = np.mean([run[name].standard_error for run in runs])
        # 400 runs give a scatter within 3 / sqrt(2 * 400) = 11 % of the truth
        assert said == pytest.approx(scatter, rel=0.11), name


def test_the_standard_errors_of_a_regressor_are_the_scatter_over_samples() -> None:
    rng = np.random.default_rng(4)
    runs = [named(ErrorSums.of(rng.normal(0, 2, 300))) for _ in range(400)]
    for name in ("mae", "rmse"):
        scatter = np.std([run[name].value for run in runs])
        said = np.mean([run[name].standard_error for run in runs])
        assert said == pytest.approx(scatter, rel=0.11), name


def test_errors_have_the_mean_of_a_half_normal() -> None:
    found = named(ErrorSums.of(stats.norm(0, 3).ppf((np.arange(20_000) + 0.5) / 20_000)))
    assert found["mae"].value == pytest.approx(3 * math.sqrt(2 / math.pi), rel=1e-3)
    assert found["rmse"].value == pytest.approx(3, rel=1e-3)


def test_a_class_the_model_does_not_have_counts_as_a_wrong_prediction() -> None:
    sums = ClassSums.of(np.array([1, UNKNOWN_CLASS]), np.array([1, 1]), None, n_classes=2)
    assert named(sums)["accuracy"].value == 0.5
    assert named(sums)["f1"].value == pytest.approx(2 / 3)


def test_one_class_only_has_an_accuracy_and_no_auc() -> None:
    sums = summed(np.zeros(9, int), np.zeros(9, int), np.full(9, 0.1))
    assert set(named(sums)) == {"accuracy"}
    assert named(sums)["accuracy"].value == 1


def test_constant_scores_tell_nothing_apart() -> None:
    sums = summed(np.array([0, 1, 0, 1]), np.ones(4, int), np.full(4, 0.7))
    assert named(sums)["auc"].value == 0.5


def test_without_a_row_there_is_no_metric() -> None:
    assert ClassSums.empty(2).metrics() == ()
    assert ErrorSums.empty().metrics() == ()
    assert named(ErrorSums.of(np.array([2.0])))["mae"].standard_error is None


def test_an_enormous_error_that_is_corrected_leaves_no_trace() -> None:
    rng = np.random.default_rng(5)
    fine = rng.normal(size=200)
    sums = ErrorSums.of(np.append(fine, 1e9)) - ErrorSums.of(np.array([1e9]))
    for name, metric in named(ErrorSums.of(fine)).items():
        assert named(sums)[name].value == pytest.approx(metric.value, rel=1e-12)


rows = st.lists(
    st.tuples(st.integers(-1, 1), st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=30
)


@given(rows, st.integers(0, 30))
def test_any_partition_of_the_rows_gives_the_same_sums(
    given: list[tuple[int, int, float]], cut: int
) -> None:
    true, predicted, score = (np.array(column) for column in zip(*given, strict=True))
    whole = summed(true, predicted, score)
    if 0 < cut < len(true):
        first = summed(true[:cut], predicted[:cut], score[:cut])
        parts = first + summed(true[cut:], predicted[cut:], score[cut:])
        assert parts.metrics() == whole.metrics()
        assert (parts - first).n == whole.n - first.n
    assert (whole - whole).metrics() == ()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.integers(0, 30))
def test_any_partition_of_the_errors_gives_the_same_metrics(errors: list[float], cut: int) -> None:
    given = np.array(errors)
    parts = ErrorSums.of(given[:cut]) + ErrorSums.of(given[cut:])
    for name, metric in named(ErrorSums.of(given)).items():
        assert named(parts)[name].value == pytest.approx(metric.value, rel=1e-9)
