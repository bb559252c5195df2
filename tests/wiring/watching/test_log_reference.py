"""What rows are compared with, and errors that name what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.kernel.errors import SeatrialError
from seatrial.monitoring.rows.columns import Columns, NoSuchColumn
from seatrial.monitoring.rows.source import SourceMissing, SourceUnreadable
from seatrial.monitoring.watching.data_config import DataConfig
from seatrial.monitoring.watching.watch_file import ReferenceConfig
from seatrial.wiring.watching.log_reference import (
    Known,
    NoReferenceRows,
    known_reference,
    log_columns,
    names_in,
)
from seatrial.wiring.workspace import open_workspace

_NOTHING = Columns()


def known(folder: Path, source: object, columns: Columns = _NOTHING, **more: object) -> Known:
    return known_reference(
        ReferenceConfig.model_validate(source),
        columns=columns,
        segments=more.get("segments", ()),  # type: ignore[arg-type]
        folder=folder,
        workspace=lambda: open_workspace(home=folder / "home", environment={}),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [
        f"{20 + i % 40},{'ab'[i % 2]},{i % 3},{'true' if i % 5 else 'false'}" for i in range(300)
    ]
    (tmp_path / "rows.csv").write_text("\n".join(["age,plan,code,vip", *lines]) + "\n")
    (tmp_path / "few.csv").write_text("\n".join(["age,plan,code,vip", *lines[:10]]) + "\n")
    (tmp_path / "none.csv").write_text("age,plan,code,vip\n")
    (tmp_path / "labels.csv").write_text("label\n1\n0\n")
    (tmp_path / "bad.parquet").write_text("hello")
    return tmp_path


def test_the_rows_become_a_profile(folder: Path) -> None:
    found = known(folder, "rows.csv")
    assert (found.profile.n, list(found.profile.features)) == (300, ["age", "plan", "code", "vip"])
    assert (found.name, found.notes, found.problems) == ("rows.csv", [], ())


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        ("none.csv", NoReferenceRows, "'none.csv' has no rows"),
        ("labels.csv", NoReferenceRows, "no column that is a feature"),
        ("nowhere.csv", SourceMissing, "nowhere.csv"),
        ("bad.parquet", SourceUnreadable, "bad.parquet cannot be read as Parquet"),
        ({"source": "rows.csv", "columns": {"label": "plam"}}, NoSuchColumn, "'plam'"),
        ("churn@3", SeatrialError, "no model 'churn'"),
    ],
)
def test_what_is_no_reference_is_said(
    folder: Path, source: object, error: type[SeatrialError], said: str
) -> None:
    with pytest.raises(error, match=said):
        known(folder, source)


def test_ten_rows_are_a_reference_with_a_note(folder: Path) -> None:
    (note,) = known(folder, "few.csv").notes
    assert "10 rows" in note


def test_roles_of_the_log_that_the_reference_lacks_are_left_out(folder: Path) -> None:
    found = known(folder, "rows.csv", Columns(at="when", id=("request",), prediction="answer"))
    assert list(found.profile.features) == ["age", "plan", "code", "vip"]
    assert found.profile.predictions == {}


@pytest.mark.parametrize("roles", [Columns(features=("agee",)), Columns(segments=("plann",))])
def test_features_and_segments_must_be_in_the_reference(folder: Path, roles: Columns) -> None:
    with pytest.raises(NoSuchColumn) as bad:
        known(folder, "rows.csv", roles)
    assert bad.value.facts["nearest"] in ("age", "plan")


def test_numbers_are_split_by_ranges_unless_they_are_said_to_be_names(folder: Path) -> None:
    found = known(folder, "rows.csv", segments=("code",))
    assert found.segments is not None
    assert set(found.segments.segments["code"]) == {"<= 0", "0 to 1", "> 1"}
    found = known(folder, "rows.csv", Columns(kinds={"code": "name"}), segments=("code",))
    assert found.segments is not None
    assert set(found.segments.segments["code"]) == {"0", "1", "2"}


def test_the_log_is_read_as_the_reference_was(folder: Path) -> None:
    found = known(folder, "rows.csv")
    names = ("age", "plan", "new", "vip")
    columns = log_columns(Columns(), found, names, ("plan", "gone"))
    assert columns.kinds == {"age": "number", "plan": "name"}
    assert columns.segments == ("plan",)


def test_a_log_that_is_not_written_yet_has_no_columns(folder: Path) -> None:
    (folder / "new.csv").write_text("")
    assert names_in(DataConfig(source="new.csv"), folder=folder, follow=True) == ()
    assert names_in(DataConfig(source="rows.csv"), folder=folder) == ("age", "plan", "code", "vip")
