"""Every name of data finds its adapter."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.adapters.tables.postgres import PostgresSource
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.watching.data_config import DataConfig
from seatrial.wiring.watching.table_sources import open_source

EXAMPLES = Path(__file__).parents[3] / "examples" / "monitoring"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    table = pa.table({"age": [1.0, 2.0], "city": ["Ulm", "武汉"]})
    (tmp_path / "log").mkdir()
    pq.write_table(table, tmp_path / "log" / "part.parquet")
    (tmp_path / "a.csv").write_bytes("age;city\n1;Ulm\n2;武汉\n".encode("gbk"))
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE log (age REAL, city TEXT)")
        connection.executemany("INSERT INTO log VALUES (?, ?)", [(1, "Ulm"), (2, "武汉")])
    connection.close()
    with duckdb.connect(str(tmp_path / "a.duckdb")) as other:
        other.register("given", table)
        other.execute("CREATE TABLE log AS SELECT * FROM given")
    return tmp_path


@pytest.mark.parametrize(
    "section",
    [
        {"source": "log"},
        {"source": "log/part.parquet"},
        {"source": "l*/*.parquet"},
        {"source": "a.csv", "encoding": "gbk"},
        {"source": "a.csv", "encoding": "gbk", "delimiter": ";"},
        {"source": "sqlite:///a.db", "table": "log"},
        {"source": "sqlite:///a.db", "query": "SELECT * FROM log;"},
        {"source": "a.db", "format": "sqlite", "table": "log"},
        {"source": "duckdb:///a.duckdb", "table": "log"},
        {"source": "a.duckdb", "query": "SELECT * FROM main.log"},
    ],
)
def test_a_source_is_found_by_its_name(folder: Path, section: dict[str, str]) -> None:
    source = open_source(DataConfig(**section), folder=folder)  # type: ignore[arg-type]
    (chunk,) = source.chunks()
    assert chunk.table.n == 2
    assert chunk.table.columns["age"].tolist() == [1, 2]  # type: ignore[union-attr]
    assert chunk.table.columns["city"].values == ("Ulm", "武汉")  # type: ignore[union-attr]


def test_a_path_may_be_absolute(folder: Path) -> None:
    config = DataConfig(source=f"sqlite:///{folder / 'a.db'}", table="log")
    (chunk,) = open_source(config, folder=Path("/elsewhere")).chunks()
    assert chunk.table.n == 2


def test_a_followed_csv_leaves_the_line_that_is_being_written(folder: Path) -> None:
    (folder / "b.csv").write_text("age\n1\n2")
    config = DataConfig(source="b.csv")
    assert [c.table.n for c in open_source(config, folder=folder).chunks()] == [2]
    assert [c.table.n for c in open_source(config, folder=folder, follow=True).chunks()] == [1]


def test_roles_may_come_from_elsewhere(folder: Path) -> None:
    columns = Columns(features=("city",))
    (chunk,) = open_source(DataConfig(source="log"), folder=folder, columns=columns).chunks()
    assert list(chunk.table.columns) == ["city"]


def test_a_server_is_not_asked_before_rows_are_wanted() -> None:
    config = DataConfig(source="postgresql://u:hunter2@nowhere.invalid/db", table="log")
    source = open_source(config, folder=Path())
    assert isinstance(source, PostgresSource)
    assert "hunter2" not in source.name


@pytest.mark.parametrize(
    ("name", "n", "right"), [("reference", 2_000, 0.88), ("current", 4_000, 0.59)]
)
def test_the_example_data_are_what_their_page_says(name: str, n: int, right: float) -> None:
    config = DataConfig.model_validate(
        {"source": f"{name}.parquet", "columns": {"segments": "region"}}
    )
    (chunk,) = open_source(config, folder=EXAMPLES).chunks()
    columns, table = chunk.columns, chunk.table
    assert (columns.at, columns.id) == ("timestamp", ("prediction_id",))
    assert (columns.prediction, columns.label) == ("prediction", "label")
    assert columns.scores == ("probability",)
    assert len(columns.features or ()) == 9
    assert table.n == n
    assert float(np.mean(table.columns["prediction"] == table.columns["label"])) == pytest.approx(
        right, abs=0.005
    )
    assert (EXAMPLES / f"{name}.parquet").stat().st_size < 150_000
