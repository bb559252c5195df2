"""How much features matter: as the answers to the reference rows tell, and as a person says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seatrial.monitoring.rows.columns import NoSuchColumn
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.monitoring.summaries.importance import (
    LEAST_ROWS,
    N_ROWS,
    Importance,
    Origin,
    importance_of,
)

N = 3_000
RNG = np.random.default_rng(0)
A, B = RNG.normal(size=N), RNG.normal(size=N)
PLAN = Coded(RNG.integers(-1, 4, N).astype(np.int32), ("basic", "pro", "team", "free"))
BONUS = np.array([0.5, 0.0, 0.0, 2.0, 0.0])
FEATURES: Mapping[str, Column] = {"a": A, "b": B, "plan": PLAN, "flag": B > 0}
SCORE = 1 / (1 + np.exp(-(2.0 * A + BONUS[PLAN.codes + 1])))


def found(
    answers: Mapping[str, Column] | None, features: Mapping[str, Column] = FEATURES
) -> Importance:
    n = len(next(iter(features.values())))
    table = None if answers is None else Table(columns=answers, n=n)
    return importance_of(Table(columns=features, n=n), table)


@pytest.mark.parametrize(
    "answers",
    [
        {"probability": SCORE},
        {"probabilities": np.stack([1 - SCORE, SCORE], axis=1)},
        {"amount": 1e6 * SCORE, "probability": SCORE},
        {"prediction": (SCORE > 0.5).astype(np.int64)},
        {"prediction": Coded((SCORE > 0.5).astype(np.int32), ("no", "yes"))},
    ],
    ids=["scores", "scores of classes", "numbers", "classes", "names"],
)
def test_features_that_answers_follow_matter_and_others_hardly(answers: dict[str, Column]) -> None:
    importance = found(answers)
    by = importance.by_feature
    assert importance.origin is Origin.ANSWERS
    assert importance.explained is not None
    assert importance.explained > 0.5
    assert by["a"] > 2 * by["plan"] > 4 * max(by["b"], by["flag"])
    assert sum(by.values()) == pytest.approx(len(by), rel=1e-3)
    assert "explains" in importance.said["en"]


@pytest.mark.parametrize(
    ("answers", "features", "why"),
    [
        (None, FEATURES, "no predictions"),
        ({}, FEATURES, "no predictions"),
        ({"p": np.full(N, 0.5)}, FEATURES, "do not vary"),
        ({"p": SCORE}, {"c": np.ones(N), "v": np.ones((N, 3))}, "do not vary"),
        ({"p": RNG.random(N)}, FEATURES, "do not explain"),
        ({"p": np.where(np.arange(N) < LEAST_ROWS - 1, SCORE, np.nan)}, FEATURES, "200 reference"),
    ],
)
def test_where_it_is_not_known_the_report_says_why(
    answers: dict[str, Column] | None, features: dict[str, Column], why: str
) -> None:
    importance = found(answers, features)
    assert importance.by_feature == {}
    assert importance.origin is Origin.UNKNOWN
    assert why in importance.why
    assert why in importance.said["en"]
    assert importance.said["zh"].isascii() is False
    assert importance.why not in importance.said["zh"]


def test_a_person_knows_better_and_names_only_what_is_there() -> None:
    importance = found({"p": SCORE}).with_given({"b": 7.0, "a": 0.0}, FEATURES)
    assert importance.by_feature["b"] == 7.0
    assert importance.by_feature["a"] == 0.0
    assert importance.by_feature["plan"] == found({"p": SCORE}).by_feature["plan"]
    assert "set by hand for b, a" in importance.said["en"]
    with pytest.raises(NoSuchColumn, match="'bb'") as bad:
        importance.with_given({"bb": 1.0}, FEATURES)
    assert "a, b, plan, flag" in bad.value.remedy


def test_of_many_rows_some_are_looked_at_always_the_same() -> None:
    n = 3 * N_ROWS
    rng = np.random.default_rng(5)
    a = rng.normal(size=n)
    features: dict[str, Column] = {"a": a, "b": rng.normal(size=n)}
    first, again = (found({"p": a}, features) for _ in range(2))
    assert first == again
    assert first.by_feature["a"] > 50 * first.by_feature["b"]


_ANY = st.floats(width=32)


@settings(max_examples=30)
@given(
    column=st.lists(_ANY, min_size=1, max_size=20),
    answers=st.lists(_ANY, min_size=1, max_size=20),
)
def test_no_number_whatever_is_too_much(column: list[float], answers: list[float]) -> None:
    def long(values: list[float]) -> NDArray[np.float64]:
        return np.resize(np.array(values), 400)

    importance = found({"p": long(answers)}, {"x": long(column), "y": np.arange(400.0)})
    assert all(np.isfinite(value) and value >= 0 for value in importance.by_feature.values())
    assert (importance.origin is Origin.UNKNOWN) == (importance.by_feature == {})
