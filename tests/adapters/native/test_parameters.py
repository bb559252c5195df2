"""Known classes with parameters that make them read files or call code."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from seatrial.adapters.native.opening import open_model
from seatrial.adapters.native.parameters import check_parameters
from seatrial.adapters.picklescan import dangerous
from seatrial.registry.scan import scan
from seatrial.registry.unsafe import UnsafeModel


def nested(step: Any) -> Any:
    return Pipeline([("c", ColumnTransformer([("t", step, "text")])), ("m", LinearRegression())])


def shadowed() -> Any:
    step = CountVectorizer()
    step.decode = np.asarray
    return step


REFUSED: dict[str, tuple[Any, str]] = {
    "filename": (nested(CountVectorizer(input="filename")), r"CountVectorizer\(input='filename'\)"),
    "file": (nested(TfidfVectorizer(input="file")), r"TfidfVectorizer\(input='file'\)"),
    "hashing": (nested(HashingVectorizer(input="filename")), "opens the files that clients name"),
    "union": (FeatureUnion([("a", CountVectorizer(input="filename"))]), "input='filename'"),
    "array": ({"steps": np.array([CountVectorizer(input="filename")])}, "input='filename'"),
    "record": (
        np.array([(CountVectorizer(input="filename"),)], [("o", object)]),
        "input='filename'",
    ),
    "analyzer": (nested(CountVectorizer(analyzer=bytearray)), r"analyzer=builtins\.bytearray"),
    "tokenizer": (nested(CountVectorizer(tokenizer=list)), r"tokenizer=builtins\.list"),
    "reduction": (make_pipeline(FunctionTransformer(np.max), Ridge()), r"func=numpy\.max"),
    "class": (FunctionTransformer(CountVectorizer), r"func=sklearn\.feature_extraction"),
    "target": (TransformedTargetRegressor(func=np.log, inverse_func=np.sum), "inverse_func"),
    "shadow": (shadowed(), "own method 'decode' was replaced"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_parameter_that_reads_files_or_runs_code_is_refused_by_name(case: str) -> None:
    model, why = REFUSED[case]
    with pytest.raises(UnsafeModel, match=why):
        check_parameters(model, "model.pkl")


def test_models_people_train_pass() -> None:
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(30, 3)) ** 2, np.arange(30) % 2
    texts = make_pipeline(TfidfVectorizer(stop_words=["an"]), LinearRegression())
    for model in (
        texts.fit(["an apple", "one pear"], [0, 1]),
        make_pipeline(FunctionTransformer(np.log1p), GradientBoostingClassifier(n_estimators=3)),
        TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1),
        GaussianProcessRegressor(RBF(), optimizer=None),
    ):
        if model is not texts:
            model.fit(rows, labels)
        check_parameters(pickle.loads(pickle.dumps(model)), "model.pkl")


def test_loading_refuses_it_and_trust_lets_it_in(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    model = make_pipeline(CountVectorizer(input="filename", vocabulary=["a"]), LinearRegression())
    sample = tmp_path / "text.txt"
    sample.write_text("a b a")
    path.write_bytes(pickle.dumps(model.fit([str(sample)] * 2, [0, 1])))
    with pytest.raises(UnsafeModel, match=r"model\.pkl holds CountVectorizer"):
        open_model(path, scan(path, second_opinion=dangerous))
    open_model(path, scan(path, trust=True, second_opinion=dangerous))


@pytest.mark.parametrize(
    "booster", [b"cxgboost.core\nBooster", b"clightgbm.basic\nBooster"], ids=["xgb", "lgb"]
)
def test_a_booster_made_of_a_file_the_pickle_names_is_refused(
    tmp_path: Path, booster: bytes
) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(booster + b"\n(NNS'/etc/passwd'\ntR.")
    with pytest.raises(UnsafeModel, match="makes a booster of a file"):
        scan(path, second_opinion=dangerous)
