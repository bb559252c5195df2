"""DuckDB: structs and vectors, errors by what to do next, and reading only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from seatrial.adapters.tables.duckdb import DuckdbSource
from seatrial.kernel.errors import MissingExtra
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import SourceMissing, SourceUnavailable, SourceUnreadable
from seatrial.testing.table_source_suite import together


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA s")
        connection.execute(
            "CREATE TABLE s.log AS SELECT i::DOUBLE AS x, {'a': i, 'b': 'k' || i} AS inner, "
            "[i, i]::FLOAT[2] AS v, 1.25::DECIMAL(5, 2) AS m, 'u'::ENUM ('u', 'w') AS e "
            "FROM range(5) t(i)"
        )
    return path


def rows(path: Path, columns: Columns | None = None, **options: Any) -> dict[str, list[Any]]:
    return together(list(DuckdbSource(path, columns, **options).chunks()))


def test_structs_decimals_and_enums_are_read(path: Path) -> None:
    columns = Columns(ignored=("v",))
    found = rows(path, columns, table="s.log", max_rows=2)
    assert found["inner.a"] == [0, 1, 2, 3, 4]
    assert found["inner.b"] == ["k0", "k1", "k2", "k3", "k4"]
    assert (found["m"], found["e"]) == ([1.25] * 5, ["u"] * 5)


def test_vectors_are_read(path: Path) -> None:
    (chunk,) = DuckdbSource(path, Columns(features=("v",)), table="s.log").chunks()
    assert chunk.table.columns["v"].shape == (5, 2)  # type: ignore[union-attr]


def test_a_query_is_read(path: Path) -> None:
    assert rows(path, query="SELECT x FROM s.log WHERE x > 2;") == {"x": [3, 4]}
    (chunk,) = DuckdbSource(path, query="SELECT x FROM s.log WHERE x > 9").chunks()
    assert (chunk.table.n, chunk.columns.features) == (0, ("x",))


@pytest.mark.parametrize("query", ["DROP TABLE s.log", "SELECT 1); DROP TABLE s.log; --", "selec"])
def test_nothing_can_be_written(path: Path, query: str) -> None:
    with pytest.raises(SourceUnreadable, match=r"a query of .* cannot be read"):
        rows(path, query=query)
    assert len(rows(path, table="s.log")["x"]) == 5


def test_what_is_not_there_is_missing(path: Path) -> None:
    with pytest.raises(SourceMissing, match="is not there"):
        rows(path, table="nothing")
    with pytest.raises(SourceMissing, match="no file"):
        rows(path.parent / "b.db", table="log")
    assert not (path.parent / "b.db").exists()
    (path.parent / "b.db").write_bytes(b"no database" * 500)
    with pytest.raises(SourceUnreadable):
        rows(path.parent / "b.db", table="log")


_HOLD = """
import duckdb, sys
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_file_that_another_process_writes_is_unavailable(path: Path) -> None:
    command = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(SourceUnavailable, match="held by another process"):
            rows(path, table="s.log")
        holder.communicate(b"")


def test_without_duckdb_the_extra_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtra, match=r"seatrial\[duckdb\]"):
        rows(path, table="s.log")
