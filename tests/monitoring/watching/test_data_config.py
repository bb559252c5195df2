"""What the section of data may say, and what it is told when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.kernel.config import ConfigInvalid, ConfigModel, load
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.watching.data_config import DataConfig, without_password


class _File(ConfigModel):
    data: DataConfig


def loaded(folder: Path, text: str) -> _File:
    path = folder / "monitoring.yaml"
    path.write_text(text)
    return load(path, _File, {})


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("log/*.csv", "log/*.csv"),
        ("a@b:c.parquet", "a@b:c.parquet"),
        ("sqlite:///log.db", "sqlite:///log.db"),
        ("postgresql://ann@db/x", "postgresql://ann@db/x"),
        ("postgresql://ann:s3cret@db:5432/x", "postgresql://ann@db:5432/x"),
        ("postgres://ann:s3c@ret@db", "postgres://ann@db"),
        (
            "postgresql://db/x?user=ann&password=s3cret&sslmode=require",
            "postgresql://db/x?user=ann&password=&sslmode=require",
        ),
    ],
)
def test_a_password_in_an_address_is_shown_to_nobody(source: str, shown: str) -> None:
    assert without_password(source) == shown
    assert "s3c" not in without_password(source)


def test_a_whole_section_is_read(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        """
data:
  source: postgresql://watch@db/production
  table: predictions
  columns:
    timestamp: made_at
    id: [request, row]
    prediction: answer
    scores: p_yes
    label: outcome
    weight: w
    segments: region
    features: [age, income]
    ignore: note
    numeric: age
    categorical: [region]
    embeddings: vector
    time_zone: Asia/Shanghai
""",
    )
    assert found.data.kind == "postgresql"
    assert found.data.columns.columns() == Columns(
        at="made_at",
        id=("request", "row"),
        prediction="answer",
        scores=("p_yes",),
        label="outcome",
        weight="w",
        segments=("region",),
        features=("age", "income"),
        ignored=("note",),
        kinds={"age": "number", "region": "name", "vector": "embedding"},
        time_zone="Asia/Shanghai",
    )


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("a.parquet", "parquet"),
        ("a.PQ", "parquet"),
        ("log", "parquet"),
        ("log/*.csv", "csv"),
        ("a.tsv", "csv"),
        ("C.D/log", "parquet"),
    ],
)
def test_the_name_of_a_file_says_what_it_is(source: str, kind: str) -> None:
    assert DataConfig(source=source).kind == kind


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data: {source: ''}", "data.source"),
        ("data: {source: a.csv, table: t}", "csv has neither tables nor queries"),
        ("data: {source: 'sqlite:///a.db'}", "either a table or a query"),
        ("data: {source: 'sqlite:///a.db', table: t, query: q}", "either a table or a query"),
        ("data: {source: a.parquet, encoding: gbk}", "are for csv"),
        ("data: {source: a.csv, encoding: klingon}", "is no encoding"),
        ("data: {source: a.csv, delimiter: '::'}", "data.delimiter"),
        ("data: {source: a.csv, columns: {timestam: x}}", "did you mean 'timestamp'"),
        ("data: {source: a.csv, columns: {time_zone: Mars/Olympus}}", "is no time zone"),
        ("data: {source: a.csv, columns: {numeric: a, categorical: [b, a]}}", "'a' is said to be"),
        ("data: {source: a.csv, columns: {numeric: a, embeddings: a}}", "both numeric and embed"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigInvalid, match=said):
        loaded(tmp_path, text)


def test_a_text_is_short_for_a_source(tmp_path: Path) -> None:
    assert loaded(tmp_path, "data: log/*.csv").data == DataConfig(source="log/*.csv")


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb", "postgresql"])
def test_a_table_may_stand_behind_the_address_of_a_database(tmp_path: Path, scheme: str) -> None:
    named = DataConfig(source=f"{scheme}:///a.db", table="seen")
    assert loaded(tmp_path, f"data: '{scheme}:///a.db#seen'").data == named
    assert DataConfig(source=f"{scheme}:///a.db#seen") == named
    assert DataConfig(source="sqlite:///a#b.db", query="SELECT 1").source == "sqlite:///a#b.db"
    assert DataConfig(source="a#b.csv").source == "a#b.csv"


def test_a_password_in_the_address_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        loaded(tmp_path, "data: {source: 'postgresql://u:hunter2@h/d'}")
    assert "hunter2" not in str(caught.value)
