"""Roles are found where a name means one thing only, and refused by name where they are wrong."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.monitoring.rows.columns import (
    Columns,
    DuplicateColumn,
    NoSuchColumn,
    rename_log,
)
from seatrial.monitoring.rows.identities import ids_of
from seatrial.monitoring.rows.table import Coded, Table

LOG = (
    "request_id",
    "at",
    "endpoint",
    "version",
    "revision",
    "outcome",
    "latency_s",
    "n_rows",
    "row",
)


def test_what_is_not_said_is_found_by_its_name() -> None:
    found = Columns().among(("Timestamp", "age", "prediction", "y_true", "request_id", "y_score"))
    assert (found.at, found.prediction, found.label) == ("Timestamp", "prediction", "y_true")
    assert (found.id, found.scores, found.features) == (("request_id",), ("y_score",), ("age",))
    assert set(found.inferred) == {"at", "prediction", "label", "id", "scores"}


@pytest.mark.parametrize("name", ["date", "time", "weight", "score", "y", "id", "class"])
def test_names_that_a_feature_may_bear_are_features(name: str) -> None:
    assert Columns().among((name,)).features == (name,)


def test_what_is_said_is_not_found_again_for_another_role() -> None:
    found = Columns(features=("target", "prediction")).among(("target", "prediction", "at"))
    assert (found.label, found.prediction, found.at) == (None, None, "at")
    assert found.features == ("target", "prediction")


def test_a_segment_that_was_asked_for_may_be_a_feature() -> None:
    found = Columns(segments=("city",)).among(("age", "city"))
    assert found.features == ("age", "city")
    assert found.read == ("age", "city")


def test_columns_that_are_ignored_are_not_read() -> None:
    assert Columns(ignored=("at",)).among(("at", "age")).read == ("age",)


def test_roles_in_a_prediction_log_of_seatrial() -> None:
    names = rename_log(
        (*LOG, "inputs.age", "inputs.label", "outputs.label", "outputs.probabilities")
    )
    found = Columns().among(names)
    assert found.features == ("age", "label")
    assert found.label is None
    assert (found.prediction, found.scores) == ("outputs.label", ("outputs.probabilities",))
    assert (found.id, found.segments, found.at) == (("request_id", "row"), ("version",), "at")
    assert not set(found.read) & {"outcome", "latency_s", "endpoint"}


def test_a_feature_keeps_its_name_before_a_field_of_the_log() -> None:
    names = rename_log((*LOG, "inputs.version", "inputs.at", "outputs.value"))
    assert "log.version" in names
    found = Columns().among(names)
    assert found.features == ("version", "at")
    assert (found.at, found.segments) == ("log.at", ("log.version",))
    assert found.prediction == "outputs.value"


@pytest.mark.parametrize(
    ("columns", "named", "nearest"),
    [
        (Columns(label="aeg"), "aeg", "age"),
        (Columns(at="AGE"), "AGE", "age"),
        (Columns(features=("x9",)), "x9", None),
        (Columns(ignored=("ctiy",)), "ctiy", "city"),
        (Columns(kinds={"agee": "name"}), "agee", "age"),
        (Columns(id=("age", "row")), "row", None),
    ],
)
def test_a_column_that_is_not_there_is_named(
    columns: Columns, named: str, nearest: str | None
) -> None:
    with pytest.raises(NoSuchColumn, match=f"no column '{named}'") as caught:
        columns.among(("age", "city"))
    assert caught.value.facts == {"column": named, "nearest": nearest}
    assert "'age'" in str(caught.value) or nearest == "city"


def test_one_column_has_one_role() -> None:
    with pytest.raises(DuplicateColumn, match="'age' was given two roles"):
        Columns(label="age", weight="age").among(("age",))


def test_one_name_is_one_column() -> None:
    with pytest.raises(DuplicateColumn, match="column 'b' twice"):
        Columns().among(("a", "b", "c", "b"))


def test_a_later_part_may_lack_columns() -> None:
    asked = Columns(
        at="at", id=("a", "b"), label="y", features=("x", "z"), kinds={"z": "name", "x": "name"}
    )
    there, missing = asked.where_there(("b", "x", "y"))
    assert missing == ("z", "a", "at")
    assert (there.at, there.id, there.label) == (None, (), "y")
    assert (there.features, there.kinds) == (("x",), {"x": "name"})
    assert asked.where_there(("at", "a", "b", "y", "x", "z")) == (asked, ())


def test_features_of_a_table_are_those_it_has() -> None:
    table = Table(columns={"y": np.zeros(1), "new": np.zeros(1), "x": np.zeros(1)}, n=1)
    assert Columns(label="y").features_of(table) == ("new", "x")
    assert Columns(label="y", features=("x", "gone")).features_of(table) == ("x",)


def test_ids_are_texts_joined_from_their_parts() -> None:
    request = Coded(np.array([0, 0, 1, -1], np.int32), ("r1", "r2"))
    row = Coded(np.array([0, 1, 0, 0], np.int32), ("0", "1"))
    table = Table(columns={"request_id": request, "row": row}, n=4)
    both = Columns(id=("request_id", "row"))
    assert ids_of(table, both) == ("r1/0", "r1/1", "r2/0", None)
    assert ids_of(table, Columns(id=("request_id",))) == ("r1", "r1", "r2", None)
    assert ids_of(table, Columns()) is None
    assert ids_of(table, Columns(id=("gone",))) is None


def test_identifiers_are_read_as_names_so_that_they_stay_exact() -> None:
    assert Columns(id=("n",)).kind_of("n") == "name"
    assert Columns(kinds={"x": "number"}).kind_of("x") == "number"
    assert Columns().kind_of("x") is None
