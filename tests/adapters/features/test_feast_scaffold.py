import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from seatrial.adapters.features.feast_repository import open_folder
from seatrial.adapters.features.feast_scaffold import N_DAYS, N_USERS, write_repository
from seatrial.features.failures import RepositoryExists
from seatrial.kernel.errors import Invalid

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_a_repository_is_written_whole(tmp_path: Path) -> None:
    settings, definitions, data = write_repository(tmp_path / "a" / "b", project="users", now=NOW)
    assert open_folder(settings.parent).project == "users"
    assert open_folder(settings.parent).online == {
        "type": "sqlite",
        "path": "data/online_store.db",
    }
    ast.parse(definitions.read_text())
    table = pq.read_table(data)
    assert table.num_rows == N_USERS * N_DAYS
    assert set(table.column_names) >= {"user_id", "purchase_count_30d", "avg_order_value"}
    times = table.column("event_timestamp").to_pylist()
    assert max(times) == NOW - timedelta(hours=1)
    assert len(set(times)) == N_DAYS


def test_the_values_hang_together(tmp_path: Path) -> None:
    """Who bought nothing in thirty days has no average, and nobody else is without."""
    data = write_repository(tmp_path, project="users", now=NOW)[2]
    table = pq.read_table(data)
    counts = table.column("purchase_count_30d").to_pylist()
    averages = table.column("avg_order_value").to_pylist()
    assert [n == 0 for n in counts] == [value is None for value in averages]
    assert 0 < counts.count(0) < len(counts) / 4
    assert all(value > 0 for value in averages if value is not None)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    write_repository(tmp_path, project="users", now=NOW)
    with pytest.raises(RepositoryExists, match=r"feature_store\.yaml is there already"):
        write_repository(tmp_path, project="users", now=NOW)


@pytest.mark.parametrize("project", ["", "Users", "a-b", "1a", "sqlite", "a" * 60])
def test_a_name_that_feast_does_not_take_is_told(tmp_path: Path, project: str) -> None:
    with pytest.raises(Invalid, match="no name of a project"):
        write_repository(tmp_path, project=project, now=NOW)
