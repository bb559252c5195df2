"""The reference of a served version: what it is made from, and how it is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest
from served_models import REFERENCE, SIGNATURE, reference

from seatrial.monitoring.performance.reference import BadReference
from seatrial.monitoring.performance.served_reference import (
    Origin,
    ReferenceUnreadable,
    learn_reference,
    read_reference,
    write_reference,
)
from seatrial.monitoring.rows.scores import BadScores
from seatrial.monitoring.rows.served import column_of
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

REGRESSION = Signature(
    features=(
        Feature(name="x", dtype=Dtype.FLOAT64),
        Feature(name="prediction", dtype=Dtype.FLOAT64),
    ),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT64),),
    task=Task.REGRESSION,
    matrix=True,
)


def test_the_record_is_the_same_byte_by_byte_and_reads_back() -> None:
    record = write_reference(REFERENCE)
    text = json.dumps(record, allow_nan=False)
    assert text == json.dumps(write_reference(reference()), allow_nan=False)
    again = read_reference(json.loads(text))
    assert (again.origin, again.n) == (Origin.HOLDOUT, REFERENCE.n)
    assert again.reference.metrics == REFERENCE.reference.metrics
    assert json.dumps(write_reference(again), allow_nan=False) == text


def test_it_says_what_it_was_made_from() -> None:
    assert "was not trained on" in REFERENCE.said
    assert "flatters" in reference(origin=Origin.SAMPLE).said
    assert "--holdout" in reference(origin=Origin.SAMPLE).said


@pytest.mark.parametrize(
    "labels", [np.array([0, 1] * 200), np.array([0.0, 1.0] * 200), np.array([False, True] * 200)]
)
def test_numbers_and_booleans_are_classes_too(labels: np.ndarray) -> None:
    classes = tuple(np.unique(labels).tolist()) if labels.dtype.kind != "f" else (0, 1)
    signature = Signature(
        features=SIGNATURE.features,
        outputs=(
            Output(name="label", dtype=Dtype.INT64, classes=classes),
            Output(name="probabilities", dtype=Dtype.FLOAT64, width=2, classes=classes),
        ),
        task=Task.CLASSIFICATION,
        matrix=True,
    )
    second = np.where(np.arange(400) % 4 == 0, 0.5, labels.astype(float))
    answers = {"label": labels, "probabilities": np.column_stack([1 - second, second])}
    found = learn_reference(signature, np.zeros((400, 1)), answers, labels, origin=Origin.SAMPLE)
    assert found.reference.main.value == 1.0


def test_a_regressors_feature_may_have_the_name_of_its_answer() -> None:
    rng = np.random.default_rng(1)
    rows = rng.uniform(0, 2, (2_000, 2))
    answer = 3 * rows[:, 0]
    truth = answer + rng.normal(0, 0.2 + rows[:, 1])
    found = learn_reference(REGRESSION, rows, {"prediction": answer}, truth, origin=Origin.HOLDOUT)
    assert found.reference.loss is not None
    names = {binning.name for binning in found.reference.loss.binnings}
    assert names == {"x", "prediction", "outputs.prediction"}
    assert found.reference.main.name == "mae"


def test_a_classifier_without_probabilities_is_measured_and_nothing_is_estimated() -> None:
    bare = Signature(
        features=SIGNATURE.features,
        outputs=(Output(name="label", dtype=Dtype.STRING),),
        task=Task.CLASSIFICATION,
        matrix=True,
    )
    labels = np.array(["a", "b"] * 100, dtype=object)
    answers = {"label": np.array(["a"] * 20 + ["a", "b"] * 90, dtype=object)}
    found = learn_reference(
        bare, np.zeros((200, 1)), answers, column_of(labels), origin=Origin.SAMPLE
    )
    assert found.reference.classes == ("a", "b")
    assert not found.reference.estimates
    assert [m.name for m in found.reference.metrics] == ["accuracy", "precision", "recall", "f1"]
    assert found.reference.main.value == 0.95
    assert read_reference(json.loads(json.dumps(write_reference(found)))) == found


def test_a_regressor_of_several_numbers_is_measured_by_all_of_them() -> None:
    several = Signature(
        features=SIGNATURE.features,
        outputs=(Output(name="prediction", dtype=Dtype.FLOAT64, width=2),),
        task=Task.REGRESSION,
        matrix=True,
    )
    rng = np.random.default_rng(3)
    answer = rng.normal(size=(400, 2))
    error = rng.normal(size=(400, 1)) @ np.ones((1, 2))  # both err alike
    answers = {"prediction": answer}
    rows = np.zeros((400, 1))
    found = learn_reference(several, rows, answers, answer + error, origin=Origin.HOLDOUT)
    assert (found.reference.width, found.reference.estimates, found.n) == (2, False, 800)
    assert found.reference.main.value == pytest.approx(np.abs(error).mean())
    one_of_them = np.abs(error[:, 0]).std(ddof=1) / 20
    assert found.reference.main.standard_error == pytest.approx(one_of_them, rel=0.01)
    assert read_reference(json.loads(json.dumps(write_reference(found)))) == found
    texts = column_of(np.array([str(row) for row in (answer + error).tolist()], dtype=object))
    of_texts = learn_reference(several, rows, answers, texts, origin=Origin.HOLDOUT)
    assert of_texts.reference.main.value == pytest.approx(found.reference.main.value)
    with pytest.raises(BadScores, match="holds 1 numbers a row for predictions of 2"):
        learn_reference(several, rows, answers, np.zeros(400), origin=Origin.HOLDOUT)


def test_few_rows_are_no_reference() -> None:
    answers = {"prediction": np.arange(20.0)}
    with pytest.raises(BadReference):
        learn_reference(REGRESSION, np.zeros((20, 2)), answers, np.zeros(20), origin=Origin.SAMPLE)


@pytest.mark.parametrize(
    "change",
    [{"schema": 2}, {"origin": "hearsay"}, {"n": "many"}, {"reference": None}],
)
def test_another_record_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((ReferenceUnreadable, BadReference)):
        read_reference({**write_reference(REFERENCE), **change})
