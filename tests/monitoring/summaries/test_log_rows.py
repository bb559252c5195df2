"""Rows of a log get the names of the profile they are compared with."""

from __future__ import annotations

import numpy as np

from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.log_rows import answers_of, features_of, kinds_of
from seatrial.monitoring.summaries.profiling import profile_of

NAMES = Coded(np.array([0, 1], np.int32), ("a", "b"))
LABELS = Coded(np.array([0, 1], np.int32), ("no", "yes"))
BUNDLE = profile_of(
    Table(
        columns={
            "x": np.array([1.0, 2.0]),
            "plan": NAMES,
            "vip": np.array([True, False]),
            "vector": np.ones((2, 3)),
        },
        n=2,
    ),
    predictions=Table(
        columns={
            "label": LABELS,
            "probabilities.no": np.array([0.9, 0.1]),
            "probabilities.yes": np.array([0.1, 0.9]),
        },
        n=2,
    ),
)


def answers(columns: dict[str, object], **roles: object) -> dict[str, list[object]]:
    table = Table(columns=columns, n=2)
    found = answers_of(table, Columns(features=(), **roles), BUNDLE)
    assert found is not None
    return {
        name: list(c.values) if isinstance(c, Coded) else c.tolist()
        for name, c in found.columns.items()
    }


def test_features_are_those_with_no_other_role_and_the_columns_to_split_by() -> None:
    table = Table(columns={"x": np.ones(2), "plan": NAMES, "p": np.ones(2)}, n=2)
    assert list(features_of(table, Columns(prediction="p")).columns) == ["x", "plan"]
    roles = Columns(prediction="p", features=("x",))
    assert list(features_of(table, roles, segments=("plan", "gone")).columns) == ["x", "plan"]


def test_without_a_profile_answers_keep_their_names() -> None:
    table = Table(columns={"p": NAMES, "s": np.ones(2)}, n=2)
    found = answers_of(table, Columns(prediction="p", scores=("s",)))
    assert found is not None
    assert list(found.columns) == ["p", "s"]


def test_no_answer_is_none() -> None:
    assert answers_of(Table(columns={"x": np.ones(2)}, n=2), Columns(prediction="gone")) is None


def test_the_prediction_of_another_server_is_the_label_of_the_bundle() -> None:
    assert answers({"guess": LABELS}, prediction="guess") == {"label": ["no", "yes"]}


def test_answers_of_a_prediction_log_lose_their_prefix() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8]])
    found = answers(
        {"outputs.label": LABELS, "outputs.probabilities": scores},
        prediction="outputs.label",
        scores=("outputs.probabilities",),
    )
    assert found == {
        "label": ["no", "yes"],
        "probabilities.no": [0.9, 0.2],
        "probabilities.yes": [0.1, 0.8],
    }


def test_a_column_of_scores_for_each_class_is_taken_in_order() -> None:
    found = answers({"p0": np.array([0.9, 0.2]), "p1": np.array([0.1, 0.8])}, scores=("p0", "p1"))
    assert found == {"probabilities.no": [0.9, 0.2], "probabilities.yes": [0.1, 0.8]}


def test_scores_of_another_number_of_classes_keep_their_name_and_are_no_class() -> None:
    assert list(answers({"s": np.ones((2, 3))}, scores=("s",))) == ["s"]


def test_columns_are_read_as_the_profile_knows_them_and_booleans_by_their_type() -> None:
    assert kinds_of(BUNDLE, ["x", "plan", "vip", "vector", "new", "label"]) == {
        "x": "number",
        "vector": "embedding",
        "plan": "name",
        "label": "name",
    }
