"""The log of another server, as answers of a served model: what is taken, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from seatrial.kernel.errors import SeatrialError
from seatrial.monitoring.performance.batch import BatchPerformance
from seatrial.monitoring.performance.log_answers import (
    MOST_NUMBERED_CLASSES,
    log_answers,
    log_reference,
    other_classes,
    says_performance,
)
from seatrial.monitoring.performance.reference import BadReference
from seatrial.monitoring.performance.served_reference import Origin, ServedReference
from seatrial.monitoring.performance.verdict import Level, PerformanceRules
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.scores import BadScores
from seatrial.monitoring.rows.table import Coded, Column, Table

COLUMNS = Columns(prediction="said", scores=("p",), label="y")
BARE = Columns(prediction="said", label="y")


def coded(values: np.ndarray, names: tuple[str, ...]) -> Coded:
    return Coded(values.astype(np.int32), names)


def binary(seed: int, n: int = 2_000, **more: Column) -> Table:
    rng = np.random.default_rng(seed)
    p = rng.beta(0.5, 0.5, n)
    columns: Mapping[str, Column] = {
        "p": p,
        "said": (p > 0.5).astype(np.int64),
        "y": (rng.random(n) < p).astype(np.int64),
    }
    return Table(columns={**columns, **more}, n=n)


def regression(seed: int, n: int = 2_000) -> Table:
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 2, n)
    return Table(columns={"x": x, "said": 3 * x, "y": 3 * x + rng.normal(0, 0.5 + x)}, n=n)


def judged(served: ServedReference, table: Table, columns: Columns = COLUMNS) -> BatchPerformance:
    batch = BatchPerformance(
        served, endpoint="log", version=1, rules=PerformanceRules(), window_rows=500
    )
    batch.add(log_answers(table, columns, served.reference).table)
    return batch


def accuracy(table: Table) -> float:
    return float((table.columns["said"] == table.columns["y"]).mean())  # type: ignore[union-attr]


def test_a_reference_says_of_which_rows_it_is() -> None:
    found = log_reference(binary(1), COLUMNS, holdout=True)
    assert (found.origin, found.flatters, found.n) == (Origin.HOLDOUT, False, 2_000)
    assert log_reference(binary(1), COLUMNS, holdout=False).flatters
    assert found.reference.main.value == accuracy(binary(1))
    assert says_performance(COLUMNS)
    assert not says_performance(Columns(features=("x",)))


def test_the_same_rows_are_judged_the_same_however_classes_are_written() -> None:
    table = binary(2)
    served = log_reference(table, COLUMNS, holdout=True)
    said, label = (np.asarray(table.columns[name]) for name in ("said", "y"))
    for written in (
        {"y": label.astype(bool)},
        {"y": label.astype(np.float32), "said": said.astype(np.float64)},
        {"y": coded(label, ("0.0", "1.0")), "said": coded(said, ("0", "1"))},
        {"y": coded(label, ("false", "true"))},
        {
            "p": np.column_stack(
                [1 - np.asarray(table.columns["p"]), np.asarray(table.columns["p"])]
            )
        },
    ):
        other = Table(columns={**table.columns, **written}, n=table.n)
        found = log_reference(other, COLUMNS, holdout=True)
        assert found.reference.main == served.reference.main, written.keys()
        batch = judged(served, other)
        real = batch.measured()
        assert real is not None
        assert real.metrics[0].value == served.reference.main.value, written.keys()


def test_without_a_column_of_predictions_the_most_probable_class_is_the_answer() -> None:
    table = binary(3)
    asked = replace(COLUMNS, prediction=None)
    served = log_reference(table, asked, holdout=True)
    assert served.reference.main.value == accuracy(table)
    real = judged(served, table, asked).measured()
    assert real is not None
    assert real.metrics[0].value == accuracy(table)


def test_probabilities_by_column_are_matched_to_classes_by_name() -> None:
    rng = np.random.default_rng(4)
    p = rng.dirichlet([1, 1, 1], 3_000)
    true = (rng.random(3_000)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    names = ("cat", "dog", "hen")
    columns: dict[str, Column] = {f"p_{name}": p[:, k] for k, name in enumerate(names)}
    columns |= {"said": coded(p.argmax(axis=1), names), "y": coded(true, names)}
    asked = Columns(prediction="said", label="y", scores=("p_hen", "p_cat", "p_dog"))
    found = log_reference(Table(columns=columns, n=3_000), asked, holdout=True)
    assert found.reference.classes == names
    assert found.reference.main.value == pytest.approx((p.argmax(axis=1) == true).mean())
    estimate = judged(found, Table(columns=columns, n=3_000), asked).estimated()
    assert estimate.label_free == pytest.approx(found.reference.main.value, abs=0.01)


def test_probabilities_of_the_other_class_are_refused_with_the_order_expected() -> None:
    table = binary(5)
    turned = Table(columns={**table.columns, "p": 1 - np.asarray(table.columns["p"])}, n=table.n)
    with pytest.raises(BadScores, match="another class than the predicted one") as refused:
        log_reference(turned, COLUMNS, holdout=True)
    assert "0, 1" in refused.value.remedy


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (replace(COLUMNS, label=None), "no column of labels"),
        (replace(COLUMNS, label="gone"), "no column of labels"),
        (Columns(label="y"), "no column of predictions or probabilities"),
    ],
)
def test_a_reference_that_lacks_a_column_says_which(columns: Columns, said: str) -> None:
    with pytest.raises(BadReference, match=said):
        log_reference(binary(6), columns, holdout=True)


def test_one_class_only_thirty_rows_and_margins_are_refused() -> None:
    zeros = np.zeros(500, np.int64)
    one = Table(columns={"p": np.full(500, 0.1), "said": zeros, "y": zeros}, n=500)
    with pytest.raises(BadReference, match="all '0'"):
        log_reference(one, COLUMNS, holdout=True)
    with pytest.raises(BadReference, match="30 rows"):
        log_reference(binary(7, 30), COLUMNS, holdout=True)
    nothing = Table(columns={**one.columns, "y": np.full(500, np.nan)}, n=500)
    with pytest.raises(BadReference, match="all '0'"):
        log_reference(nothing, COLUMNS, holdout=True)
    margins = binary(8)
    wide = 8 * np.asarray(margins.columns["p"]) - 4
    with pytest.raises(BadScores, match="without a probability between 0 and 1"):
        log_reference(Table(columns={**margins.columns, "p": wide}, n=2_000), COLUMNS, holdout=True)
    with pytest.raises(BadScores, match="names, not probabilities"):
        log_reference(
            Table(columns={**margins.columns, "p": coded(np.zeros(2_000), ("x",))}, n=2_000),
            COLUMNS,
            holdout=True,
        )


def test_scores_that_are_none_leave_the_estimate_and_not_the_measurement() -> None:
    served = log_reference(binary(9), COLUMNS, holdout=True)
    table = binary(10)
    p = np.asarray(table.columns["p"]).copy()
    p[:300], p[300:600], p[600:900] = np.nan, 1.7, -0.2
    batch = judged(served, Table(columns={**table.columns, "p": p}, n=2_000))
    assert batch.state.n_unusable == 900
    assert batch.estimated().n == 1_100
    real = batch.measured()
    assert real is not None
    assert (real.n, real.metrics[0].value) == (2_000, accuracy(table))
    auc = next(metric for metric in real.metrics if metric.name == "auc")
    assert auc.n == 1_100


def test_a_log_without_its_probabilities_is_measured_all_the_same() -> None:
    served = log_reference(binary(11), COLUMNS, holdout=True)
    table = binary(12)
    batch = judged(served, table, BARE)
    assert batch.estimated().value is None
    assert batch.estimated().reason == "no prediction with a usable score yet"
    real = batch.measured()
    assert real is not None
    assert real.metrics[0].value == accuracy(table)


def test_a_label_that_is_no_class_counts_as_a_wrong_prediction() -> None:
    served = log_reference(binary(13), COLUMNS, holdout=True)
    table = binary(14)
    label = coded(np.asarray(table.columns["y"]), ("0", "1"))
    label.codes[:500] = 2
    strange = Coded(label.codes, ("0", "1", "maybe"))
    real = judged(served, Table(columns={**table.columns, "y": strange}, n=2_000)).measured()
    right = np.asarray(table.columns["said"]) == np.asarray(table.columns["y"])
    assert real is not None
    assert real.metrics[0].value == right[500:].sum() / 2_000


def test_an_answer_that_is_no_class_is_left_out_and_said() -> None:
    served = log_reference(binary(15), COLUMNS, holdout=True)
    table = binary(16)
    said = np.asarray(table.columns["said"]).copy()
    said[:7] = 9
    found = log_answers(
        Table(columns={**table.columns, "said": said}, n=2_000), COLUMNS, served.reference
    )
    assert found.n_other == 7
    assert "7 rows of log.csv predict a class" in other_classes("log.csv", found.n_other).message
    batch = BatchPerformance(
        served, endpoint="log", version=1, rules=PerformanceRules(), window_rows=500
    )
    batch.add(found.table)
    assert batch.progress.n_seen == 1_993


def test_labels_from_elsewhere_go_over_those_of_the_log() -> None:
    served = log_reference(binary(17), COLUMNS, holdout=True)
    table = binary(18, y=np.full(2_000, np.nan))
    truth = ["" if row % 2 else str(row % 4 // 2) for row in range(2_000)]
    batch = BatchPerformance(
        served, endpoint="log", version=1, rules=PerformanceRules(), window_rows=500
    )
    batch.add(log_answers(table, COLUMNS, served.reference, truth=truth).table)
    said = np.asarray(table.columns["said"])[::2]
    wanted = np.array([int(text) for text in truth if text])
    real = batch.measured()
    assert real is not None
    assert (real.n_labelled, real.metrics[0].value) == (1_000, (said == wanted).mean())


def test_whether_numbers_are_classes_is_said_by_their_number_or_by_the_configuration() -> None:
    rng = np.random.default_rng(19)
    counts = rng.integers(0, 8, 1_000)
    table = Table(columns={"said": counts, "y": np.where(counts > 5, 0, counts)}, n=1_000)
    assert log_reference(table, BARE, holdout=True).reference.classes is not None
    forced = replace(BARE, kinds={"said": "number"})
    assert log_reference(table, forced, holdout=True).reference.main.name == "mae"
    many = rng.integers(0, 4 * MOST_NUMBERED_CLASSES, 1_000)
    amounts = Table(columns={"said": many, "y": many + rng.integers(0, 2, 1_000)}, n=1_000)
    assert log_reference(amounts, BARE, holdout=True).reference.main.name == "mae"


def test_a_classifier_without_probabilities_is_measured_and_says_why_not_estimated() -> None:
    served = log_reference(binary(20), BARE, holdout=True)
    table = binary(21)
    broken = Table(columns={**table.columns, "y": 1 - np.asarray(table.columns["said"])}, n=2_000)
    batch = judged(served, broken, BARE)
    found, real = batch.estimated(), batch.measured()
    assert (found.level, found.value) == (Level.UNKNOWN, None)
    assert found.reason.startswith("without probabilities nothing is known of the accuracy")
    assert batch.state.n_unusable == 0
    assert real is not None
    assert (real.level, real.metrics[0].value) == (Level.CRITICAL, 0.0)


def test_a_regressor_is_estimated_and_measured() -> None:
    served = log_reference(regression(22), BARE, holdout=True)
    assert served.reference.loss is not None
    batch = judged(served, regression(23), BARE)
    found, real = batch.estimated(), batch.measured()
    assert real is not None
    assert found.value is not None
    assert found.label_free == pytest.approx(real.metrics[0].value, rel=0.1)
    assert [metric.name for metric in real.metrics] == ["mae", "rmse"]


def test_vectors_of_numbers_are_measured_number_by_number() -> None:
    rng = np.random.default_rng(24)

    def rows(noise: float) -> Table:
        said = rng.normal(size=(600, 3))
        return Table(columns={"said": said, "y": said + rng.normal(0, noise, (600, 3))}, n=600)

    served = log_reference(rows(1.0), BARE, holdout=True)
    worse = rows(2.0)
    batch = judged(served, worse, BARE)
    found, real = batch.estimated(), batch.measured()
    assert found.reason.startswith("of several numbers a row no error is estimated")
    assert real is not None
    error = np.abs(np.asarray(worse.columns["said"]) - np.asarray(worse.columns["y"]))
    assert real.metrics[0].value == pytest.approx(error.mean())
    assert (real.level, real.n) == (Level.CRITICAL, 1_800)
    with pytest.raises(BadScores, match="3 numbers a row"):
        judged(served, Table(columns={"said": np.zeros((9, 2))}, n=9), BARE)


def test_a_log_in_one_piece_and_in_many_says_the_same() -> None:
    served = log_reference(binary(25), COLUMNS, holdout=True)
    table = binary(26)
    whole = judged(served, table)
    parts = BatchPerformance(
        served, endpoint="log", version=1, rules=PerformanceRules(), window_rows=500
    )
    for start in range(0, 2_000, 130):
        rows = slice(start, start + 130)
        some = Table(
            columns={name: np.asarray(c)[rows] for name, c in table.columns.items()},
            n=len(range(*rows.indices(2_000))),
        )
        parts.add(log_answers(some, COLUMNS, served.reference).table)
    in_parts, at_once = parts.measured(), whole.measured()
    assert in_parts is not None
    assert at_once is not None
    assert in_parts.metrics == at_once.metrics
    assert in_parts.unexplained == pytest.approx(at_once.unexplained)
    one, other = parts.estimated(), whole.estimated()
    assert one.value == pytest.approx(other.value, abs=1e-9)
    assert [m.value for m in one.others] == pytest.approx([m.value for m in other.others])
    assert {k: w.n for k, w in parts.state.windows.items()} == dict.fromkeys(range(4), 500)


def test_a_reference_or_a_typed_error_comes_of_any_columns() -> None:
    rng = np.random.default_rng(27)
    odd: list[Column] = [
        np.full(300, np.nan),
        np.full(300, np.inf),
        np.zeros(300),
        rng.normal(size=300),
        rng.normal(size=(300, 2)),
        rng.random(300) < 0.5,
        rng.integers(-(2**62), 2**62, 300),
        coded(np.full(300, -1), ()),
        coded(rng.integers(0, 3, 300), ("a", "b", "")),
        coded(np.arange(300), tuple(f"n{k}" for k in range(300))),
    ]
    n_good, remedies = 0, set()
    for said in odd:
        for label in odd:
            for p in (None, *odd):
                columns = {"said": said, "y": label} | ({} if p is None else {"p": p})
                asked = BARE if p is None else COLUMNS
                try:
                    served = log_reference(Table(columns=columns, n=300), asked, holdout=True)
                    judged(served, Table(columns=columns, n=300), asked)
                except SeatrialError as problem:
                    remedies.add(problem.remedy)
                else:
                    n_good += 1
    assert n_good > 10
    assert all(remedies)
