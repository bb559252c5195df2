from __future__ import annotations

import numpy as np
import onnx
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression

from seatrial.adapters.export.onnx_trees import is_tree
from seatrial.adapters.export.onnx_wide import widen
from seatrial.adapters.export.sklearn import export
from seatrial.adapters.serving.onnxruntime import OnnxEngine
from seatrial.packaging.export import Form, arguments


@pytest.mark.parametrize("form", [Form.FLOAT32, Form.FLOAT64])
@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("binary", GradientBoostingClassifier(n_estimators=20)),
        ("named", GradientBoostingClassifier(n_estimators=5)),
        ("named", ExtraTreesClassifier(10, random_state=0)),
        ("holes", HistGradientBoostingClassifier(max_iter=5)),
        ("regression", RandomForestRegressor(5, max_depth=6, random_state=0)),
    ],
    ids=["logistic", "softmax", "averaged", "missing", "regression"],
)
def test_the_wide_graph_takes_every_branch_the_trees_take(form, kind, model, data, signed):
    x, y = data[kind]
    model.fit(x, y)
    signature = signed(model, x)
    made = export(model, **arguments(signature, form))
    assert not any(is_tree(n) for n in onnx.load_from_string(made["wide"]).graph.node)
    trees, wide = (OnnxEngine(made[k], signature).predict(x) for k in ("onnx", "wide"))
    for name, values in trees.items():
        if name == "label":
            assert (wide[name] == values).all()
        else:
            scale = max(1.0, float(np.abs(values).max()))
            np.testing.assert_allclose(wide[name], values, rtol=0, atol=3e-6 * scale)


def test_one_row_and_no_row_work(data, signed):
    x, y = data["binary"]
    model = GradientBoostingClassifier(n_estimators=2).fit(x, y)
    signature = signed(model, x)
    made = export(model, **arguments(signature, Form.FLOAT32))
    engine = OnnxEngine(made["wide"], signature)
    assert engine.predict(x[:1])["probabilities"].shape == (1, 2)
    assert engine.predict(x[:0])["probabilities"].shape == (0, 2)


def test_a_model_without_trees_has_no_wide_graph(data, signed):
    x, y = data["classes"]
    model = LogisticRegression(max_iter=1000).fit(x, y)
    assert export(model, **arguments(signed(model, x), Form.FLOAT32))["wide"] is None


def test_trees_that_are_too_deep_have_no_wide_graph(data, signed):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3000, 2)), rng.normal(size=3000)
    model = RandomForestRegressor(1, random_state=0).fit(x, y)
    assert export(model, **arguments(signed(model, x), Form.FLOAT32))["wide"] is None


def test_widening_leaves_the_graph_it_was_given_as_it_was(data, signed):
    x, y = data["binary"]
    model = GradientBoostingClassifier(n_estimators=2).fit(x, y)
    made = export(model, **arguments(signed(model, x), Form.FLOAT32))
    graph = onnx.load_from_string(made["onnx"])
    widen(graph)
    assert graph.SerializeToString(deterministic=True) == made["onnx"]
