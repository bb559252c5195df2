from __future__ import annotations

import numpy as np
import pytest
import xgboost
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from seatrial.adapters.export_xgboost import export
from seatrial.packaging.export import Form, arguments
from seatrial.packaging.parity import RowKind

SMALL = {"n_estimators": 8, "n_jobs": 1}


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("binary", xgboost.XGBClassifier(**SMALL)),
        ("holes", xgboost.XGBClassifier(**SMALL)),
        ("classes", xgboost.XGBClassifier(**SMALL)),
        ("regression", xgboost.XGBRegressor(**SMALL)),
        ("binary", xgboost.XGBRFClassifier(n_estimators=8, n_jobs=1)),
    ],
    ids=["binary", "missing", "three classes", "regression", "forest"],
)
def test_models_of_the_sklearn_interface_agree_in_float32(kind, model, agree, data, signed):
    x, y = data[kind]
    model.fit(x, y)
    exported = agree("xgboost", model, signed(model, x), x)
    assert exported.form is Form.FLOAT32, exported.reason
    assert exported.wide is not None


def test_rows_at_every_threshold_and_one_step_around_it_agree(agree, data, signed):
    x, y = data["binary"]
    model = xgboost.XGBClassifier(**SMALL).fit(x, y)
    frame = model.get_booster().trees_to_dataframe()
    splits = frame[frame.Feature != "Leaf"]
    rows = []
    for i, (name, text) in enumerate(zip(splits.Feature, splits.Split, strict=True)):
        threshold = np.float32(text)
        for value in (
            threshold,
            np.nextafter(threshold, np.float32(np.inf)),
            np.nextafter(threshold, np.float32(-np.inf)),
        ):
            row = x[i % len(x)].copy()
            row[int(name[1:])] = value
            rows.append(row)
    exported = agree("xgboost", model, signed(model, x), x, {RowKind.EDGE: np.array(rows)})
    assert exported.form is Form.FLOAT32, exported.reason


@pytest.mark.parametrize(
    ("kind", "objective"), [("binary", "binary:logistic"), ("regression", "reg:squarederror")]
)
def test_a_bare_booster_answers_as_its_predict(kind, objective, agree, data, signed):
    x, y = data[kind]
    booster = xgboost.train({"objective": objective, "nthread": 1}, xgboost.DMatrix(x, y), 5)
    exported = agree("xgboost", booster, signed(booster, x), x)
    assert exported.form is Form.FLOAT32, exported.reason


def test_a_bare_booster_of_several_classes_answers_one_column_each(agree, data, signed):
    x, y = data["classes"]
    settings = {"objective": "multi:softprob", "num_class": 3, "nthread": 1}
    booster = xgboost.train(settings, xgboost.DMatrix(x, y), 3)
    exported = agree("xgboost", booster, signed(booster, x, width=3), x)
    assert exported.form is Form.FLOAT32, exported.reason


def test_a_pipeline_that_scales_in_float64_needs_rounding_before_the_trees(agree, data, signed):
    x, y = data["binary"]
    model = make_pipeline(StandardScaler(), xgboost.XGBClassifier(**SMALL)).fit(x, y)
    exported = agree("scikit-learn", model, signed(model, x), x)
    assert exported.form is Form.ROUNDED, exported.reason


def test_an_objective_without_onnx_form_is_named(data, signed):
    x, y = data["binary"]
    booster = xgboost.train({"objective": "binary:hinge", "nthread": 1}, xgboost.DMatrix(x, y), 2)
    made = export(booster, **arguments(signed(booster, x), Form.FLOAT32))
    assert made["onnx"] is None
    assert "binary:hinge has no ONNX form" in str(made["reason"])
