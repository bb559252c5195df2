from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from seatrial.adapters.export.xgboost import export
from seatrial.adapters.serving.onnxruntime import OnnxEngine
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


@pytest.mark.parametrize(("kind", "n_classes"), [("binary", 2), ("classes", 3)])
def test_a_bare_booster_that_classifies_agrees(kind, n_classes, agree, bare, data, signed):
    x, y = data[kind]
    objective = (
        {"objective": "binary:logistic"}
        if n_classes == 2
        else {"objective": "multi:softprob", "num_class": n_classes}
    )
    booster = xgboost.train({**objective, "nthread": 1}, xgboost.DMatrix(x, y), 4)
    model = bare(booster, n_classes)
    exported = agree("xgboost", model, signed(model, x), x)
    assert exported.form is Form.FLOAT32, exported.reason


@pytest.mark.parametrize("objective", ["reg:squarederror", "count:poisson"])
def test_a_bare_booster_that_predicts_a_number_agrees(objective, answers, data, signed):
    x, y = data["regression"]
    booster = xgboost.train({"objective": objective, "nthread": 1}, xgboost.DMatrix(x, y), 5)
    signature = signed(booster, x)
    made = export(booster, **arguments(signature, Form.FLOAT32))
    answer = OnnxEngine(made["onnx"], signature).predict(x)
    np.testing.assert_allclose(answer["prediction"], booster.inplace_predict(x), rtol=1e-5)


def test_names_of_features_do_not_matter(answers, data, signed):
    x, y = data["binary"]
    frame = pd.DataFrame(x, columns=[f"measure {j}" for j in range(x.shape[1])])
    model = xgboost.XGBClassifier(**SMALL).fit(frame, y)
    signature = signed(model, x)
    made = export(model, **arguments(signature, Form.FLOAT32))
    answer = OnnxEngine(made["onnx"], signature).predict(x)
    np.testing.assert_allclose(answer["probabilities"], model.predict_proba(frame), atol=1e-6)
    assert model.get_booster().feature_names == list(frame.columns)


def test_trees_after_the_best_one_are_left_out(data, signed):
    x, y = data["binary"]
    model = xgboost.XGBClassifier(n_estimators=40, n_jobs=1, early_stopping_rounds=2)
    model.fit(x[:300], y[:300], eval_set=[(x[300:], y[300:])], verbose=False)
    assert model.best_iteration < 38
    signature = signed(model, x)
    made = export(model, **arguments(signature, Form.FLOAT32))
    answer = OnnxEngine(made["onnx"], signature).predict(x)
    np.testing.assert_allclose(answer["probabilities"], model.predict_proba(x), atol=1e-6)


def test_categories_are_refused(data, signed):
    x, y = data["binary"]
    frame = pd.DataFrame(x[:, :3], columns=["a", "b", "c"])
    frame["c"] = pd.Categorical(np.where(x[:, 2] > 80, "high", "low"))
    model = xgboost.XGBClassifier(**SMALL, enable_categorical=True).fit(frame, y)
    made = export(model, **arguments(signed(model, x[:, :3]), Form.FLOAT32))
    assert made["onnx"] is None
    assert "categorical features have no ONNX form" in str(made["reason"])


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
