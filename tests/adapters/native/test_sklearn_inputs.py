"""Where a missing value may enter, what an encoder knows, and where trees branch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from seatrial.adapters.native.sklearn_inputs import inputs_of
from seatrial.packaging.model_facts import InputFact, Kind

X = np.linspace(10, 50, 40).reshape(20, 2)
Y = np.arange(20) % 2
FRAME = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": pd.Series(["u", "v"] * 10, dtype=object)})


def shown(model: Any, *names: str) -> dict[str, InputFact]:
    return {fact.name: fact for fact in inputs_of(model, names)}


@pytest.mark.parametrize(
    ("steps", "nullable"),
    [
        ([LogisticRegression()], False),
        ([StandardScaler(), LogisticRegression()], False),
        ([SimpleImputer(), LogisticRegression()], True),
        ([StandardScaler(), SimpleImputer(), LogisticRegression()], True),
        ([KNNImputer(), StandardScaler(), LogisticRegression()], True),
        ([FunctionTransformer(np.log1p), SimpleImputer(), LogisticRegression()], True),
        (
            [FunctionTransformer(np.log1p, validate=True), SimpleImputer(), LogisticRegression()],
            False,
        ),
        ([StandardScaler(), HistGradientBoostingClassifier(max_iter=2)], True),
        (["passthrough", LogisticRegression()], False),
        (
            [FeatureUnion([("s", StandardScaler()), ("i", SimpleImputer())]), LogisticRegression()],
            False,
        ),
        (
            [
                FeatureUnion([("s", StandardScaler()), ("i", SimpleImputer())]),
                HistGradientBoostingClassifier(max_iter=2),
            ],
            True,
        ),
    ],
)
def test_a_missing_value_passes_until_a_step_absorbs_or_refuses_it(
    steps: list[Any], nullable: bool
) -> None:
    model = make_pipeline(*steps).fit(X, Y)
    assert {f.nullable for f in shown(model, "a", "b").values()} == {nullable}
    if nullable:  # the model itself agrees
        model.predict(np.full((1, 2), np.nan))
    else:
        with pytest.raises(ValueError, match="NaN"):
            model.predict(np.full((1, 2), np.nan))


def test_columns_that_no_step_reads_are_left_out() -> None:
    transformer = ColumnTransformer([("s", StandardScaler(), ["b"])], remainder="drop")
    model = make_pipeline(transformer, LogisticRegression()).fit(FRAME, Y)
    assert list(shown(model, "a", "b", "c")) == ["b"]
    model.predict(FRAME[["b"]])


@pytest.mark.parametrize(
    "chosen", [["a", "b"], [0, 1], slice(0, 2), slice("a", "b"), np.array([True, True, False])]
)
def test_columns_are_found_however_they_were_chosen(chosen: Any) -> None:
    transformer = ColumnTransformer([("n", SimpleImputer(), chosen), ("c", OneHotEncoder(), ["c"])])
    model = make_pipeline(transformer, LogisticRegression()).fit(FRAME, Y)
    found = shown(model, "a", "b", "c")
    assert [found[n].nullable for n in "abc"] == [True, True, False]
    assert found["c"].categories == ("u", "v")


@pytest.mark.parametrize(
    ("encoder", "closed", "nullable"),
    [
        (OneHotEncoder(), True, False),
        (OneHotEncoder(handle_unknown="ignore"), False, True),
        (OrdinalEncoder(), True, False),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), False, True),
    ],
)
def test_an_encoder_shows_its_categories_and_whether_others_are_refused(
    encoder: Any, closed: bool, nullable: bool
) -> None:
    model = make_pipeline(encoder, LogisticRegression()).fit(FRAME[["c"]], Y)
    fact = shown(model, "c")["c"]
    assert (fact.kind, fact.categories) == (Kind.STRING, ("u", "v"))
    assert (fact.closed, fact.nullable) == (closed, nullable)


def test_an_imputer_before_an_encoder_takes_missing_strings() -> None:
    model = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(), LogisticRegression()
    ).fit(FRAME[["c"]], Y)
    fact = shown(model, "c")["c"]
    assert fact.kind is Kind.STRING
    assert fact.nullable


def test_texts_are_strings() -> None:
    model = make_pipeline(
        ColumnTransformer([("t", TfidfVectorizer(token_pattern=r"\w"), "c")]), LogisticRegression()
    ).fit(FRAME, Y)
    assert shown(model, "a", "b", "c")["c"].kind is Kind.STRING


@pytest.mark.parametrize(
    "scaler", [StandardScaler(), MinMaxScaler(), RobustScaler(), "passthrough"]
)
def test_edges_of_trees_behind_scalers_are_in_the_inputs_own_scale(scaler: Any) -> None:
    model = make_pipeline(scaler, DecisionTreeClassifier(max_depth=1)).fit(X, X[:, 0] > 30)
    edges = [e for f in shown(model, "a", "b").values() for e in f.edges]
    assert len(edges) == 1
    assert 28 < edges[0] < 33


def test_a_forest_shows_where_it_branches_bounded() -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(400, 1))
    model = RandomForestClassifier(20).fit(data, rng.integers(0, 2, 400))
    edges = shown(model, "a")["a"].edges
    assert 32 < len(edges) < 140
    assert list(edges) == sorted(edges)


def test_a_logarithm_bounds_its_inputs() -> None:
    model = make_pipeline(FunctionTransformer(np.log), LogisticRegression()).fit(X, Y)
    low = shown(model, "a", "b")["a"].low
    assert low is not None
    assert low > 0
