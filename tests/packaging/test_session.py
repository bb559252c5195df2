"""Real models of every kind: loaded in a child, described, and answering as they do here."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import lightgbm as lgb
import numpy as np
import onnx.helper
import onnx.parser
import pandas as pd
import pytest
import xgboost as xgb
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from seatrial.packaging.random_rows import random_rows
from seatrial.packaging.sample import Sample
from seatrial.packaging.session import ModelSession
from seatrial.registry.signature import Batch, Dtype, Signature, Task
from seatrial.serving.failures import EngineFailed, NotAModel, UnsupportedModel, VersionMismatch

N = 60
RNG = np.random.default_rng(7)
FRAME = pd.DataFrame(
    {
        "age": RNG.normal(40, 10, N),
        "income": RNG.lognormal(3, 1, N),
        "city": pd.Series(RNG.choice(["Bonn", "Kyiv", "Lima"], N), dtype=object),
        "rooms": RNG.integers(1, 5, N),
    }
)
NUMBERS = FRAME[["age", "income"]]
ARRAY = NUMBERS.to_numpy()
Y = (FRAME["age"] > 40).to_numpy().astype(np.int64)
NAMES = np.array(["no", "yes"], dtype=object)[Y]
CATEGORICAL = FRAME[["age"]].assign(city=FRAME["city"].astype("category"))
MIXED = ColumnTransformer(
    [
        ("number", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income"]),
        ("city", OneHotEncoder(), ["city"]),
        ("rooms", OrdinalEncoder(), ["rooms"]),
    ]
)
TEXTS = ["good film", "bad film", "good play", "bad play"] * 5


@dataclass(frozen=True)
class Case:
    """How to train a model, and what its signature must be."""

    train: Callable[[], Any]
    outputs: dict[str, Dtype]
    task: Task = Task.CLASSIFICATION
    dtypes: tuple[Dtype, ...] = (Dtype.FLOAT64, Dtype.FLOAT64)
    nullable: tuple[bool, ...] = (False, False)
    classes: tuple[object, ...] | None = None


F4, F8, I8, B, S = Dtype.FLOAT32, Dtype.FLOAT64, Dtype.INT64, Dtype.BOOL, Dtype.STRING
BINARY = {"label": I8, "probabilities": F8}
NAMED = {"label": S, "probabilities": F8}
REGRESSION = {"prediction": F8}
MIXED_IN = {"dtypes": (F8, F8, S, I8), "nullable": (True, True, False, False)}

CASES: dict[str, Case] = {
    "logistic": Case(lambda: LogisticRegression().fit(ARRAY, Y), BINARY, classes=(0, 1)),
    "demo": Case(
        lambda: make_pipeline(
            FunctionTransformer(np.log),
            StandardScaler(),
            GradientBoostingClassifier(n_estimators=4),
        ).fit(np.abs(ARRAY) + 1, NAMES),
        NAMED,
        classes=("no", "yes"),
    ),
    "forest of names": Case(
        lambda: RandomForestClassifier(4).fit(NUMBERS, NAMES),
        NAMED,
        dtypes=(F4, F4),
        nullable=(True, True),
        classes=("no", "yes"),
    ),
    "mixed columns": Case(
        lambda: make_pipeline(MIXED, LogisticRegression()).fit(FRAME, NAMES), NAMED, **MIXED_IN
    ),
    "search over mixed columns": Case(
        lambda: GridSearchCV(
            make_pipeline(MIXED, LogisticRegression()), {"logisticregression__C": [1, 2]}, cv=2
        ).fit(FRAME, Y),
        BINARY,
        **MIXED_IN,
    ),
    "selected columns": Case(
        lambda: make_pipeline(
            ColumnTransformer(
                [("c", OneHotEncoder(handle_unknown="ignore"), make_column_selector("city"))],
                remainder=StandardScaler(),
            ),
            HistGradientBoostingRegressor(max_iter=3),
        ).fit(FRAME, FRAME["age"]),
        REGRESSION,
        Task.REGRESSION,
        dtypes=(F8, F8, S, F8),
        nullable=(True, True, True, True),
    ),
    "vote of pipelines": Case(
        lambda: VotingClassifier(
            [
                ("a", make_pipeline(MIXED, LogisticRegression())),
                ("b", make_pipeline(MIXED, DecisionTreeClassifier())),
            ],
            voting="soft",
        ).fit(FRAME, Y),
        BINARY,
        **MIXED_IN,
    ),
    "boosted regression": Case(
        lambda: HistGradientBoostingRegressor(max_iter=3).fit(ARRAY, FRAME["age"]),
        REGRESSION,
        Task.REGRESSION,
        nullable=(True, True),
    ),
    "polynomial": Case(
        lambda: make_pipeline(PolynomialFeatures(), PCA(2), LinearRegression()).fit(ARRAY, Y),
        REGRESSION,
        Task.REGRESSION,
    ),
    "linear svm": Case(lambda: LinearSVC().fit(ARRAY, NAMES), {"label": S}),
    "svm": Case(lambda: SVC().fit(ARRAY, Y), {"label": I8}),
    "two targets": Case(
        lambda: KNeighborsRegressor().fit(ARRAY, np.c_[Y, Y]), REGRESSION, Task.REGRESSION
    ),
    "naive bayes of booleans": Case(
        lambda: GaussianNB().fit(ARRAY, Y.astype(bool)), {"label": B, "probabilities": F8}
    ),
    "calibrated": Case(lambda: CalibratedClassifierCV(LinearSVC(), cv=2).fit(ARRAY, Y), BINARY),
    "clusters": Case(lambda: KMeans(2, n_init=1).fit(ARRAY), {"prediction": I8}, Task.OTHER),
    "outliers": Case(
        lambda: IsolationForest(n_estimators=4).fit(ARRAY),
        {"prediction": I8},
        Task.OTHER,
        nullable=(True, True),
    ),
    "texts": Case(
        lambda: make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, ["p", "n"] * 10),
        NAMED,
        dtypes=(S,),
        nullable=(False,),
    ),
    "two labels": Case(
        lambda: MultiOutputClassifier(LogisticRegression()).fit(ARRAY, np.c_[Y, 1 - Y]),
        {"label": I8},
    ),
    "xgboost": Case(
        lambda: xgb.XGBClassifier(n_estimators=3).fit(NUMBERS, Y),
        {"label": I8, "probabilities": F4},
        dtypes=(F4, F4),
        nullable=(True, True),
    ),
    "xgboost categories": Case(
        lambda: xgb.XGBRegressor(n_estimators=3, enable_categorical=True).fit(CATEGORICAL, Y),
        {"prediction": F4},
        Task.REGRESSION,
        dtypes=(F4, S),
        nullable=(True, True),
    ),
    "lightgbm": Case(
        lambda: lgb.LGBMClassifier(n_estimators=3, verbose=-1).fit(NUMBERS, NAMES),
        NAMED,
        nullable=(True, True),
    ),
    "lightgbm categories": Case(
        lambda: lgb.LGBMRegressor(n_estimators=3, verbose=-1).fit(CATEGORICAL, Y),
        REGRESSION,
        Task.REGRESSION,
        dtypes=(F8, S),
        nullable=(True, True),
    ),
}


@pytest.fixture(scope="module")
def session() -> Iterator[ModelSession]:
    with ModelSession() as session:
        yield session


def trained(case: Case) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return case.train()


def as_trained_on(batch: Batch, signature: Signature, model: Any) -> Any:
    if not isinstance(batch, dict):
        return pd.DataFrame(batch, columns=list(signature.names)) if signature.named else batch
    if signature.names == ("text",):
        return batch["text"]
    frame = pd.DataFrame({k: pd.Series(v, dtype=v.dtype) for k, v in batch.items()})
    frame = frame.replace({None: np.nan})
    if isinstance(model, xgb.XGBModel | lgb.LGBMModel):
        frame["city"] = frame["city"].astype("category")
    return frame


@pytest.mark.parametrize("name", CASES)
def test_a_model_is_described_from_itself_and_answers_the_same_in_its_child(
    session: ModelSession, tmp_path: Path, name: str
) -> None:
    case = CASES[name]
    model = trained(case)
    path = tmp_path / "model.bin"
    path.write_bytes(pickle.dumps(model))
    session.load(path)
    signature, described = session.introduce()

    assert signature.task is case.task
    assert {o.name: o.dtype for o in signature.outputs} == case.outputs
    assert tuple(f.dtype for f in signature.features) == case.dtypes
    assert tuple(f.nullable for f in signature.features) == case.nullable
    if case.classes is not None:
        assert signature.outputs[1].classes == case.classes

    rows = random_rows(signature, 24, seed=3, hints=described.hints)
    got = session.predict(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        there = as_trained_on(rows, signature, model)
        expected = np.asarray(model.predict(there))
        np.testing.assert_array_equal(next(iter(got.values())), expected)
        if "probabilities" in got:
            np.testing.assert_array_equal(got["probabilities"], model.predict_proba(there))


def test_string_columns_show_their_categories(session: ModelSession, tmp_path: Path) -> None:
    joblib.dump(trained(CASES["mixed columns"]), tmp_path / "m", compress=3)
    session.load(tmp_path / "m")
    signature, _ = session.introduce()
    by_name = {f.name: f for f in signature.features}
    assert by_name["city"].categories == ("Bonn", "Kyiv", "Lima")
    assert by_name["rooms"].categories == (1, 2, 3, 4)
    assert by_name["age"].categories is None
    assert not signature.matrix


def test_missing_strings_are_what_they_were_at_training(
    session: ModelSession, tmp_path: Path
) -> None:
    for gap in (None, np.nan):
        city = FRAME["city"].to_numpy(copy=True)
        city[:7] = gap
        frame = pd.DataFrame({"city": pd.Series(city, dtype=object)})
        model = make_pipeline(
            ColumnTransformer([("c", OneHotEncoder(), ["city"])]), LogisticRegression()
        ).fit(frame, Y)
        (tmp_path / "m").write_bytes(pickle.dumps(model))
        session.load(tmp_path / "m")
        signature, _ = session.introduce()
        assert signature.features[0].nullable
        assert signature.features[0].categories == ("Bonn", "Kyiv", "Lima")
        got = session.predict({"city": np.array([None, "Bonn"], dtype=object)})
        expected = model.predict_proba(
            pd.DataFrame({"city": pd.Series([gap, "Bonn"], dtype=object)})
        )
        np.testing.assert_array_equal(got["probabilities"], expected)


@pytest.mark.parametrize("suffix", ["json", "ubj"])
def test_xgboosts_own_files_answer_like_the_classifier(
    session: ModelSession, tmp_path: Path, suffix: str
) -> None:
    model = xgb.XGBClassifier(n_estimators=3).fit(NUMBERS, Y)
    path = tmp_path / f"model.{suffix}"
    model.save_model(path)
    session.load(path)
    signature, described = session.introduce()
    assert signature.names == ("age", "income")
    rows = random_rows(signature, 24, seed=3, hints=described.hints)
    got = session.predict(rows)
    np.testing.assert_array_equal(got["label"], model.predict(rows))
    np.testing.assert_allclose(got["probabilities"], model.predict_proba(rows), rtol=1e-6)


def test_lightgbms_own_file_answers_like_the_classifier(
    session: ModelSession, tmp_path: Path
) -> None:
    three = RNG.integers(0, 3, N)
    model = lgb.LGBMClassifier(n_estimators=3, verbose=-1).fit(ARRAY, three)
    model.booster_.save_model(tmp_path / "model.txt")
    session.load(tmp_path / "model.txt")
    signature, _ = session.introduce()
    assert not signature.named
    assert signature.outputs[1].classes == (0, 1, 2)
    got = session.predict(ARRAY)
    np.testing.assert_array_equal(got["probabilities"], model.predict_proba(ARRAY))


def test_an_onnx_graph_is_its_own_signature(session: ModelSession, tmp_path: Path) -> None:
    helper = onnx.helper
    graph = helper.make_graph(
        [helper.make_node("ReduceSum", ["X", "axes"], ["y"], keepdims=0)],
        "sum",
        [helper.make_tensor_value_info("X", onnx.TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n"])],
        [helper.make_tensor("axes", onnx.TensorProto.INT64, [1], [1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    (tmp_path / "m").write_bytes(model.SerializeToString())
    session.load(tmp_path / "m")
    signature, _ = session.introduce()
    assert signature.matrix
    assert [f.dtype for f in signature.features] == [F4] * 3
    assert not any(f.nullable for f in signature.features)  # a sum with a gap is no number
    got = session.predict(np.arange(6, dtype=np.float32).reshape(2, 3))
    np.testing.assert_array_equal(got["y"], [3, 12])


def test_rows_that_would_fill_the_memory_are_refused_before_any_is_made(
    session: ModelSession, tmp_path: Path
) -> None:
    model = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["": 18]>
        net (uint8[n, 8193, 8192] scan) => (uint8[n, 8193, 8192] same) { same = Identity (scan) }
    """)
    (tmp_path / "m").write_bytes(model.SerializeToString())
    session.load(tmp_path / "m")
    with pytest.raises(UnsupportedModel, match=r"'scan' has the shape \[8193, 8192\]") as refused:
        session.introduce()
    assert "tiles of an image" in refused.value.remedy


def test_a_graph_that_answers_other_rows_than_were_asked_is_refused(
    session: ModelSession, tmp_path: Path
) -> None:
    given = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 4])
    answers = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [4, "n"])
    node = onnx.helper.make_node("Transpose", ["x"], ["y"], perm=[1, 0])
    graph = onnx.helper.make_graph([node], "turned", [given], [answers])
    sets = [onnx.helper.make_opsetid("", 18)]
    path = tmp_path / "turned.onnx"
    made = onnx.helper.make_model(graph, opset_imports=sets, ir_version=9)
    path.write_bytes(made.SerializeToString())
    session.load(path)
    with pytest.raises(UnsupportedModel, match=r"\[4, 8\] for 8 rows"):
        session.introduce(None)


def test_the_sample_gives_names_ranges_and_the_label(session: ModelSession, tmp_path: Path) -> None:
    model = LogisticRegression().fit(ARRAY, Y)
    (tmp_path / "m").write_bytes(pickle.dumps(model))
    session.load(tmp_path / "m")
    columns = {"age": ARRAY[:, 0], "income": ARRAY[:, 1], "target": Y}
    sample = Sample(columns=columns, n_rows=N, n_total=N)
    signature, described = session.introduce(sample)
    assert signature.names == ("age", "income")
    assert signature.named
    np.testing.assert_array_equal(described.labels, Y)
    np.testing.assert_array_equal(described.rows, ARRAY)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (StandardScaler().fit(ARRAY), "no predict"),
        (LogisticRegression(), "never trained"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "never trained"),
    ],
    ids=["transformer", "untrained", "untrained pipeline"],
)
def test_what_cannot_predict_is_no_model(
    session: ModelSession, tmp_path: Path, value: object, said: str
) -> None:
    (tmp_path / "m").write_bytes(pickle.dumps(value))
    with pytest.raises(NotAModel, match=said):
        session.load(tmp_path / "m")


def test_another_minor_version_of_scikit_learn_is_refused_unless_accepted(
    session: ModelSession, tmp_path: Path
) -> None:
    model = LogisticRegression().fit(ARRAY, Y)
    state = model.__getstate__()
    data = pickle.dumps(model).replace(state["_sklearn_version"].encode(), b"0.8.9")
    (tmp_path / "m").write_bytes(data)
    with pytest.raises(VersionMismatch, match=r"scikit-learn 0\.8\.9") as caught:
        session.load(tmp_path / "m")
    assert "pip install scikit-learn==0.8.9" in caught.value.remedy
    session.load(tmp_path / "m", any_version=True)
    assert session.facts().trained_version == "0.8.9"


def test_exporters_get_the_librarys_own_model(session: ModelSession, tmp_path: Path) -> None:
    model = RandomForestClassifier(2).fit(ARRAY, Y)
    (tmp_path / "m").write_bytes(pickle.dumps(model))
    session.load(tmp_path / "m")
    with pytest.raises(EngineFailed, match="TypeError"):  # our own function, wrong arguments
        session.call("seatrial.adapters.tables.sample_file:read_sample", rows=1)


def test_facts_name_what_must_be_installed(session: ModelSession, tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), xgb.XGBClassifier(n_estimators=2)).fit(ARRAY, Y)
    (tmp_path / "m").write_bytes(pickle.dumps(model))
    session.load(tmp_path / "m")
    packages = dict(session.facts().packages)
    assert {"scikit-learn", "numpy", "xgboost-cpu"} <= packages.keys()
    assert packages["numpy"] == np.__version__


def test_lightgbms_names_are_those_of_the_sample_again(tmp_path: Path) -> None:
    names = {"age": "age of", "city": "home  city"}
    frame = CATEGORICAL.rename(columns=names)
    model = lgb.LGBMClassifier(n_estimators=4, min_child_samples=5, verbose=-1).fit(frame, Y)
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(model))
    columns = {n: frame[n].to_numpy().astype(object if "city" in n else float) for n in frame}
    with ModelSession() as session:
        session.load(path)
        signature, described = session.introduce(Sample(columns=columns, n_rows=N, n_total=N))
        assert signature.names == ("age of", "home  city")
        assert described.rows is not None
        answer = session.predict(described.rows)
    np.testing.assert_allclose(answer["probabilities"], model.predict_proba(frame))
