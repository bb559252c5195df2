from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from seatrial.adapters.export import sklearn as export_sklearn
from seatrial.adapters.export.sklearn import export
from seatrial.adapters.serving.onnxruntime import OnnxEngine
from seatrial.packaging.export import Form, arguments
from seatrial.packaging.parity import RowKind
from seatrial.registry.signature import Dtype, Feature, Signature


def scaled(model: Any) -> Pipeline:
    return make_pipeline(StandardScaler(), model)


FLOAT32, ROUNDED, FLOAT64 = Form.FLOAT32, Form.ROUNDED, Form.FLOAT64

ZOO: dict[str, tuple[Callable[[], Any], str, Form]] = {
    "gradient boosting": (lambda: GradientBoostingClassifier(n_estimators=8), "binary", FLOAT32),
    "three named classes": (lambda: GradientBoostingClassifier(n_estimators=4), "named", FLOAT32),
    "scaled gradient boosting": (
        lambda: scaled(GradientBoostingClassifier(n_estimators=20)),
        "binary",
        ROUNDED,
    ),
    "boosted regression": (
        lambda: GradientBoostingRegressor(n_estimators=8),
        "regression",
        FLOAT32,
    ),
    "histogram boosting": (
        lambda: HistGradientBoostingClassifier(max_iter=8),
        "binary",
        FLOAT64,
    ),
    "histogram, missing": (lambda: HistGradientBoostingClassifier(max_iter=8), "holes", FLOAT64),
    "histogram, three classes": (
        lambda: HistGradientBoostingClassifier(max_iter=4),
        "named",
        FLOAT64,
    ),
    "histogram regression": (
        lambda: HistGradientBoostingRegressor(max_iter=8),
        "regression",
        FLOAT64,
    ),
    "random forest": (
        lambda: RandomForestClassifier(8, max_depth=5, random_state=0),
        "binary",
        FLOAT32,
    ),
    "random forest, missing": (
        lambda: RandomForestClassifier(8, max_depth=5, random_state=0),
        "holes",
        FLOAT32,
    ),
    "forest regression": (
        lambda: RandomForestRegressor(8, max_depth=5, random_state=0),
        "regression",
        FLOAT32,
    ),
    "extra trees": (lambda: ExtraTreesClassifier(8, random_state=0), "named", FLOAT32),
    "tree": (lambda: DecisionTreeClassifier(max_depth=4), "named", FLOAT32),
    "logistic regression": (lambda: scaled(LogisticRegression()), "named", ROUNDED),
    "ridge": (lambda: scaled(Ridge()), "regression", ROUNDED),
    "ridge classifier": (lambda: scaled(RidgeClassifier()), "named", FLOAT32),
    "support vectors": (lambda: scaled(SVC()), "classes", FLOAT32),
    "support vector regression": (lambda: scaled(SVR()), "regression", FLOAT32),
    "linear support vectors": (lambda: scaled(LinearSVC()), "binary", FLOAT32),
    "network": (
        lambda: scaled(MLPClassifier((8,), max_iter=2000, tol=1e-2, random_state=0)),
        "binary",
        ROUNDED,
    ),
    "naive Bayes": (GaussianNB, "binary", ROUNDED),
    "voting": (
        lambda: VotingClassifier(
            [("a", scaled(LogisticRegression())), ("b", DecisionTreeClassifier(max_depth=3))],
            voting="soft",
        ),
        "binary",
        FLOAT32,
    ),
    "calibrated": (
        lambda: CalibratedClassifierCV(GradientBoostingClassifier(n_estimators=3), cv=2),
        "binary",
        FLOAT32,
    ),
    "bagging": (lambda: BaggingClassifier(n_estimators=3, random_state=0), "binary", FLOAT32),
    "adaboost": (lambda: AdaBoostClassifier(n_estimators=3), "binary", FLOAT32),
    "stacking": (
        lambda: StackingRegressor(
            [("a", Ridge()), ("b", DecisionTreeRegressor(max_depth=3))],
            LinearRegression(),
            cv=2,
        ),
        "regression",
        ROUNDED,
    ),
    "isolation forest": (
        lambda: IsolationForest(n_estimators=5, random_state=0),
        "regression",
        FLOAT32,
    ),
}


@pytest.mark.parametrize("name", list(ZOO))
def test_answers_are_the_models_own_on_the_sample_on_random_rows_and_at_edges(
    name, agree, data, signed
):
    make, kind, form = ZOO[name]
    x, y = data[kind]
    model = make().fit(x, y)
    exported = agree("scikit-learn", model, signed(model, x), x)
    assert exported.form is form, exported.reason
    assert exported.opset == {"ai.onnx": 18, "ai.onnx.ml": 3}
    assert {d.kind for d in exported.parity.differences} == set(RowKind)


def thresholds(model: GradientBoostingClassifier) -> list[tuple[int, float]]:
    trees = [e[0].tree_ for e in model.estimators_]
    return [
        (int(f), float(t))
        for tree in trees
        for f, t in zip(tree.feature, tree.threshold, strict=True)
        if f >= 0
    ]


def test_rows_at_every_threshold_and_one_step_around_it_agree(agree, data, signed):
    x, y = data["binary"]
    model = GradientBoostingClassifier(n_estimators=20).fit(x, y)
    rows = []
    for i, (feature, threshold) in enumerate(thresholds(model)):
        near = np.float32(threshold)
        for value in (
            threshold,
            near,
            np.nextafter(near, np.float32(np.inf)),
            np.nextafter(near, np.float32(-np.inf)),
            np.nextafter(threshold, np.inf),
            np.nextafter(threshold, -np.inf),
        ):
            row = x[i % len(x)].copy()
            row[feature] = value
            rows.append(row)
    exported = agree("scikit-learn", model, signed(model, x), x, {RowKind.EDGE: np.array(rows)})
    assert exported.form is Form.FLOAT32
    edges = next(d for d in exported.parity.differences if d.kind is RowKind.EDGE)
    assert edges.n > 500
    assert edges.within


def test_scaling_in_float32_moves_rows_over_edges_and_is_refused(data, signed, answers):
    x, y = data["binary"]
    model = scaled(GradientBoostingClassifier(n_estimators=20)).fit(x, y)
    scaler, trees = model[0], model[1]
    rows = []
    for i, (feature, threshold) in enumerate(thresholds(trees)):
        value = threshold * scaler.scale_[feature] + scaler.mean_[feature]
        for step in np.linspace(-1e-6, 1e-6, 9):
            row = x[i % len(x)].copy()
            row[feature] = value * (1 + step)
            rows.append(row)
    signature = signed(model, x)
    edges = np.array(rows)
    native = answers(model, signature, edges)["probabilities"]
    worst = {}
    for form in (Form.FLOAT32, Form.ROUNDED):
        made = export(model, **arguments(signature, form))
        answer = OnnxEngine(made["onnx"], signature).predict(edges)["probabilities"]
        worst[form] = np.abs(answer - native).max()
    assert worst[Form.FLOAT32] > 1e-3
    assert worst[Form.ROUNDED] < 1e-6


def test_the_wide_graph_of_trees_agrees_too_and_is_a_graph_of_its_own(agree, data, signed):
    x, y = data["binary"]
    model = RandomForestClassifier(8, max_depth=5, random_state=0).fit(x, y)
    exported = agree("scikit-learn", model, signed(model, x), x)
    assert exported.wide is not None
    assert exported.wide != exported.onnx


def test_neighbours_that_tie_differ_and_the_reason_says_where(agree, data, signed):
    x, y = data["classes"]
    model = KNeighborsClassifier(4).fit(np.round(x), y)
    exported = agree("scikit-learn", model, signed(model, x), np.round(x))
    assert exported.onnx is None
    assert "over tolerance" in exported.reason
    assert "rows" in exported.reason


def people() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    n = 200
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "income": rng.lognormal(8, 1, n),
            "city": rng.choice(np.array(["Bern", "Lyon", "Oslo"], dtype=object), n),
            "children": rng.integers(0, 4, n),
            "member": rng.random(n) < 0.3,
        }
    )
    answer = np.where((frame.age > 38) & (frame.city != "Lyon"), "yes", "no")
    return frame, answer


MIXED = (
    Feature(name="age", dtype=Dtype.FLOAT64, nullable=True),
    Feature(name="income", dtype=Dtype.FLOAT64),
    Feature(name="city", dtype=Dtype.STRING),
    Feature(name="children", dtype=Dtype.INT64),
    Feature(name="member", dtype=Dtype.BOOL),
)


@pytest.mark.parametrize(
    "last",
    [LogisticRegression(), GradientBoostingClassifier(n_estimators=5)],
    ids=["linear", "trees"],
)
def test_mixed_columns_become_one_input_each(last, agree, signed_columns):
    frame, y = people()
    frame.loc[::9, "age"] = np.nan
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer(
        [
            ("numbers", numbers, ["age", "income"]),
            ("names", OneHotEncoder(handle_unknown="ignore"), ["city", "children"]),
            ("rest", "passthrough", ["member"]),
        ]
    )
    model = make_pipeline(columns, last).fit(frame, y)
    signature = signed_columns(model, MIXED, matrix=False)
    sample = {name: frame[name].to_numpy() for name in signature.names}
    unknown = {k: v[:4].copy() for k, v in sample.items()} | {
        "city": np.array(["Paris", "", "Bern ", "oslo"], dtype=object)
    }
    exported = agree("scikit-learn", model, signature, sample, {RowKind.EDGE: unknown})
    assert exported.onnx is not None, exported.reason


def test_columns_chosen_by_name_are_cut_out_of_a_matrix(data, answers, signed_columns):
    frame, y = people()
    numbers = frame[["age", "income"]]
    columns = ColumnTransformer(
        [("i", StandardScaler(), ["income"]), ("a", MinMaxScaler(), ["age"])]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(numbers, y)
    features = tuple(Feature(name=n, dtype=Dtype.FLOAT64) for n in numbers)
    signature = signed_columns(model, features, matrix=True)
    made = export(model, **arguments(signature, Form.FLOAT64))
    answer = OnnxEngine(made["onnx"], signature).predict(numbers.to_numpy())
    np.testing.assert_allclose(
        answer["probabilities"], model.predict_proba(numbers), rtol=0, atol=1e-9
    )


ODD_NAMES = [
    *("plan type", "plan_type", "plan.type", 'it\'s "q"', "城市"),
    *("1st", "label", "input", "t0", " lead"),
]


@pytest.mark.parametrize("words", [True, False], ids=["mixed", "numbers"])
def test_names_that_graphs_cannot_bear_stay_apart(words, agree, signed_columns):
    rng = np.random.default_rng(0)
    kinds = [Dtype.STRING if words and at % 3 == 0 else Dtype.FLOAT64 for at in range(10)]
    features = tuple(
        Feature(name=name, dtype=kind) for name, kind in zip(ODD_NAMES, kinds, strict=True)
    )
    frame = pd.DataFrame(
        {
            f.name: rng.choice(np.array(["a", "b"], object), 120)
            if f.dtype is Dtype.STRING
            else rng.normal(at, 1 + at, 120)
            for at, f in enumerate(features)
        }
    )
    texts = [f.name for f in features if f.dtype is Dtype.STRING]
    numbers = [f.name for f in features if f.dtype is not Dtype.STRING]
    steps = [
        ("n", StandardScaler(), numbers[::-1]),
        ("t", OneHotEncoder(handle_unknown="ignore"), texts),
    ]
    model = make_pipeline(ColumnTransformer(steps), LogisticRegression())
    model.fit(frame, (frame["plan_type"] > 1).astype(int))
    signature = signed_columns(model, features, matrix=not words)
    columns = {name: frame[name].to_numpy() for name in ODD_NAMES}
    if words:
        exported = agree("scikit-learn", model, signature, columns)
        assert exported.onnx is not None, exported.reason
        return
    made = export(model, **arguments(signature, Form.FLOAT64))
    answer = OnnxEngine(made["onnx"], signature).predict(frame.to_numpy())
    np.testing.assert_allclose(
        answer["probabilities"], model.predict_proba(frame), rtol=0, atol=1e-9
    )


class Doubler(BaseEstimator, TransformerMixin):
    def fit(self, x, y=None):
        self.n_features_in_ = x.shape[1]
        return self

    def transform(self, x):
        return x * 2


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (FunctionTransformer(np.log1p), "FunctionTransformer(numpy.log1p) has no ONNX form."),
        (Doubler(), "Doubler has no ONNX form."),
    ],
)
def test_a_step_without_onnx_form_is_named(step, reason, agree, data, signed):
    x, y = data["classes"]
    model = make_pipeline(step, LogisticRegression(max_iter=1000)).fit(x, y)
    exported = agree("scikit-learn", model, signed(model, x), x)
    assert exported.onnx is None
    assert exported.reason == reason


def test_categories_of_histogram_trees_are_refused_not_taken_for_numbers(data, signed):
    x, y = data["regression"]
    model = HistGradientBoostingRegressor(max_iter=2, categorical_features=[1]).fit(x, y)
    made = export(model, **arguments(signed(model, x), Form.FLOAT64))
    assert made["onnx"] is None
    assert "categorical features has no ONNX form" in str(made["reason"])


def test_an_output_the_model_does_not_have_is_refused_with_its_name(data, signed):
    x, y = data["regression"]
    model = Ridge().fit(x, y)
    wanted = arguments(signed(model, x), Form.FLOAT32) | {"outputs": ["label", "probabilities"]}
    made = export(model, **wanted)
    assert made["onnx"] is None
    assert "'label', 'probabilities'" in str(made["reason"])


def test_conversion_leaves_the_model_as_it_was(data, signed):
    x, y = data["binary"]
    model = VotingClassifier([("a", GaussianNB())], voting="soft").fit(x, y)
    export(model, **arguments(signed(model, x), Form.FLOAT32))
    assert model.flatten_transform is True


DIGEST = """
import hashlib
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from seatrial.adapters.export import sklearn as export_sklearn
from seatrial.adapters.export.sklearn import export
x, y = load_breast_cancer(return_X_y=True)
trees = GradientBoostingClassifier(n_estimators=3, random_state=0)
model = make_pipeline(StandardScaler(), trees).fit(x, y)
made = export(model, columns=[[f"x{j}", "float64"] for j in range(30)], matrix=True,
              outputs=["label", "probabilities"], form="float64_rounded")
digest = hashlib.sha256(made["onnx"] + made["wide"]).hexdigest()
"""


@pytest.mark.slow
def test_the_same_model_gives_the_same_bytes_in_any_process():
    here: dict[str, str] = {}
    exec(DIGEST, here)
    elsewhere = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{DIGEST}\nprint(digest)"],
        env={"PYTHONHASHSEED": "12345", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.strip() == here["digest"]


@pytest.mark.parametrize("kind", ["binary", "named"])
@pytest.mark.parametrize("make", [LinearSVC, RidgeClassifier])
def test_labels_without_scores_can_be_computed_in_float64(kind, make, data, signed):
    x, y = data[kind]
    model = scaled(make()).fit(x, y)
    signature = signed(model, x)
    made = export(model, **arguments(signature, Form.FLOAT64))
    answer = OnnxEngine(made["onnx"], signature).predict(x)
    assert (answer["label"] == model.predict(x)).all()


def test_rows_of_float32_need_no_float64_for_histogram_trees(agree, data, signed):
    x, y = data["binary"]
    model = HistGradientBoostingClassifier(max_iter=5).fit(x, y)
    signature: Signature = signed(model, x, Dtype.FLOAT32)
    exported = agree("scikit-learn", model, signature, x.astype(np.float32))
    assert exported.form is Form.FLOAT32, exported.reason


def test_gaps_before_trees_are_filled_in_float64(agree, data, signed):
    x, y = data["holes"]
    model = make_pipeline(
        SimpleImputer(strategy="median"), GradientBoostingClassifier(n_estimators=10)
    ).fit(x, y)
    exported = agree("scikit-learn", model, signed(model, x), x)
    assert exported.onnx is not None, exported.reason
    made = export(model, **arguments(signed(model, x), Form.FLOAT64))
    kinds = {node.op_type for node in onnx.load_from_string(made["onnx"]).graph.node}
    assert "Imputer" not in kinds
    assert {"IsNaN", "Where"} <= kinds


@pytest.mark.parametrize(
    ("imputer", "fills"),
    [
        (SimpleImputer(), True),
        (SimpleImputer(strategy="constant", fill_value=-1.0), True),
        (SimpleImputer(add_indicator=True), False),
        (SimpleImputer(missing_values=-1.0), False),
    ],
)
def test_an_imputer_that_does_more_than_fill_gaps_is_left_to_the_library(imputer, fills):
    rows = np.array([[1.0, 2.0], [-1.0, 3.0]])
    if np.isnan(imputer.missing_values):
        rows[1, 0] = np.nan
    assert export_sklearn._fills_every_gap(imputer.fit(rows)) is fills


def test_a_column_without_any_value_is_dropped_by_the_library_not_filled():
    imputer = SimpleImputer().fit(np.array([[np.nan, 1.0], [np.nan, 2.0]]))
    assert not export_sklearn._fills_every_gap(imputer)


@pytest.mark.parametrize("form", list(Form))
def test_probabilities_never_leave_0_and_1(form, data, signed):
    x, y = data["named"]
    model = RandomForestClassifier(30, random_state=0).fit(x, y)
    signature = signed(model, x)
    made = export(model, **arguments(signature, form))
    for graph in (made["onnx"], made["wide"]):
        if graph is not None:
            found = OnnxEngine(graph, signature).predict(np.concatenate([x] * 9))["probabilities"]
            assert 0.0 <= found.min() <= found.max() <= 1.0
