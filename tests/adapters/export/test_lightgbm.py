from __future__ import annotations

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from seatrial.adapters.export.lightgbm import export
from seatrial.packaging.export import Form, arguments
from seatrial.packaging.parity import RowKind
from seatrial.registry.signature import Dtype

SMALL = {"n_estimators": 8, "n_jobs": 1, "verbose": -1}


def classifier() -> lightgbm.LGBMClassifier:
    return lightgbm.LGBMClassifier(**SMALL)


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("binary", classifier()),
        ("holes", classifier()),
        ("named", classifier()),
        ("regression", lightgbm.LGBMRegressor(**SMALL)),
    ],
    ids=["binary", "missing", "three named classes", "regression"],
)
def test_rows_of_float64_need_trees_that_compare_in_float64(kind, model, agree, data, signed):
    x, y = data[kind]
    model.fit(x, y)
    exported = agree("lightgbm", model, signed(model, x), x)
    assert exported.form is Form.FLOAT64, exported.reason
    assert exported.wide is not None


def test_rows_of_float32_agree_in_float32(agree, data, signed):
    x, y = data["binary"]
    model = classifier().fit(x, y)
    exported = agree("lightgbm", model, signed(model, x, Dtype.FLOAT32), x.astype(np.float32))
    assert exported.form is Form.FLOAT32, exported.reason


def test_rows_at_every_threshold_and_one_step_around_it_agree(agree, data, signed):
    x, y = data["binary"]
    model = classifier().fit(x, y)
    frame = model.booster_.trees_to_dataframe().dropna(subset=["threshold"])
    rows = []
    for i, (name, threshold) in enumerate(
        zip(frame.split_feature, frame.threshold.astype(float), strict=True)
    ):
        for value in (
            threshold,
            np.nextafter(threshold, np.inf),
            np.nextafter(threshold, -np.inf),
        ):
            row = x[i % len(x)].copy()
            row[int(name.removeprefix("Column_"))] = value
            rows.append(row)
    exported = agree("lightgbm", model, signed(model, x), x, {RowKind.EDGE: np.array(rows)})
    assert exported.form is Form.FLOAT64, exported.reason


def test_categories_given_as_numbers_agree(agree, data, signed):
    x, y = data["binary"]
    x = x.copy()
    x[:, 0] = np.random.default_rng(0).integers(0, 8, len(x))
    y = (y + (x[:, 0] % 3 == 1)) % 2
    model = classifier().fit(x, y, categorical_feature=[0])
    known = {0: tuple(range(8))}
    exported = agree("lightgbm", model, signed(model, x, categories=known), x)
    assert exported.onnx is not None, exported.reason


def test_categories_of_pandas_are_refused(data, signed):
    x, y = data["binary"]
    frame = pd.DataFrame(x[:, :3], columns=["a", "b", "c"])
    frame["c"] = pd.Categorical(np.where(x[:, 2] > 80, "high", "low"))
    model = classifier().fit(frame, y)
    made = export(model, **arguments(signed(model, x[:, :3]), Form.FLOAT64))
    assert made["onnx"] is None
    assert "pandas categories have no ONNX form" in str(made["reason"])


@pytest.mark.parametrize(("kind", "n_classes"), [("binary", 2), ("classes", 3)])
def test_a_bare_booster_that_classifies_agrees(kind, n_classes, agree, bare, data, signed):
    x, y = data[kind]
    model = bare(classifier().fit(x, y).booster_, n_classes)
    exported = agree("lightgbm", model, signed(model, x), x)
    assert exported.form is Form.FLOAT64, exported.reason


def test_a_bare_booster_that_predicts_a_number_agrees(agree, data, signed):
    x, y = data["regression"]
    booster = lightgbm.LGBMRegressor(**SMALL).fit(x, y).booster_
    exported = agree("lightgbm", booster, signed(booster, x), x)
    assert exported.form is Form.FLOAT64, exported.reason


def test_an_objective_without_onnx_form_is_named(data, signed):
    x, y = data["binary"]
    ranker = lightgbm.LGBMRanker(**SMALL).fit(x, y, group=[len(x)])
    made = export(ranker.booster_, **arguments(signed(ranker, x), Form.FLOAT64))
    assert made["onnx"] is None
    assert "objective lambdarank has no ONNX form" in str(made["reason"])


def test_a_pipeline_can_end_in_a_booster(agree, data, signed):
    x, y = data["binary"]
    model = make_pipeline(StandardScaler(), classifier()).fit(x, y)
    exported = agree("scikit-learn", model, signed(model, x), x)
    assert exported.form is Form.FLOAT64, exported.reason
