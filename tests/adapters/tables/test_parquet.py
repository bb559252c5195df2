"""Parquet files, folders of them, and seatrial's own prediction log; what is broken is said."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.adapters.tables import parquet_log
from seatrial.adapters.tables.parquet import ParquetSource
from seatrial.monitoring.rows.columns import Columns, DuplicateColumn, NoSuchColumn
from seatrial.monitoring.rows.identities import ids_of
from seatrial.monitoring.rows.source import Chunk, SourceDenied, SourceMissing, SourceUnreadable
from seatrial.serving.sample import Record, encode, values_of
from seatrial.serving.spool import Spool
from seatrial.testing.clock import FakeClock
from seatrial.testing.table_source_suite import together


def write(path: Path, columns: dict[str, Any], **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)


def chunks(path: Path, columns: Columns | None = None, **options: Any) -> list[Chunk]:
    return list(ParquetSource(path, columns, **options).chunks())


def flaws(found: list[Chunk]) -> list[tuple[str, str, int | None]]:
    return [(p.flaw, p.where, p.n) for chunk in found for p in chunk.problems]


# --- which files


def test_a_folder_is_read_in_the_order_of_names_without_hidden_ones(tmp_path: Path) -> None:
    for i, name in enumerate(["b/2.parquet", "a/1.pq", ".c/x.parquet", "a/_y.parquet", "a/z.txt"]):
        write(tmp_path / name, {"x": [float(i)]})
    assert together(chunks(tmp_path)) == {"x": [1.0, 0.0]}
    assert together(chunks(tmp_path / "*" / "?.p*")) == {"x": [1.0, 0.0]}
    assert together(chunks(tmp_path / "**" / "*.parquet")) == {"x": [0.0]}


def test_an_empty_folder_has_no_chunks_and_a_pattern_may_match_later(tmp_path: Path) -> None:
    assert chunks(tmp_path) == []
    source = ParquetSource(tmp_path / "*.parquet")
    assert list(source.chunks()) == []
    write(tmp_path / "a.parquet", {"x": [1.0]})
    assert together(list(source.chunks())) == {"x": [1.0]}


def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"no file or folder '.*nowhere.parquet'"):
        chunks(tmp_path / "nowhere.parquet")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_denied(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", {"x": [1.0]})
    (tmp_path / "a.parquet").chmod(0)
    with pytest.raises(SourceDenied, match=r"a.parquet may not be read"):
        chunks(tmp_path / "a.parquet")


# --- what is in them


def test_the_prediction_log_is_read_as_the_data_the_model_knows(tmp_path: Path) -> None:
    records = [
        Record(
            request_id=f"r{i}",
            at=datetime(2030, 1, 1, 0, i, tzinfo=UTC).timestamp(),
            endpoint="churn",
            version=2,
            revision=1,
            outcome="ok" if i else "error:timeout",
            latency_s=0.1,
            n_rows=2,
            rows=2,
            inputs={
                "age": values_of(np.array([i, i + 0.5])),
                "city": values_of(np.array(["Ulm", None], dtype=object)),
            },
            outputs={
                "label": values_of(np.array([0, 1])),
                "probabilities": values_of(np.array([[0.9, 0.1], [0.2, 0.8]])),
            }
            if i
            else {},
        )
        for i in range(3)
    ]
    for name, some in (("w0", records[:1]), ("w1", records[1:])):
        spool = Spool(tmp_path / "spool", name=name, clock=FakeClock())
        spool.append([encode(one) for one in some])
        spool.close()
    parquet_log.convert(tmp_path / "spool", tmp_path / "log")
    failed, answered = sorted(chunks(tmp_path / "log" / "churn"), key=lambda c: c.table.n)
    assert together([failed, answered])["age"] == [0, 0.5, 1, 1.5, 2, 2.5]
    assert answered.columns.features == ("age", "city")
    assert answered.columns.prediction == "outputs.label"
    assert answered.columns.scores == ("outputs.probabilities",)
    scores = answered.table.columns["outputs.probabilities"]
    assert isinstance(scores, np.ndarray)
    assert scores.shape == (4, 2)
    assert ids_of(answered.table, answered.columns) == ("r1/0", "r1/1", "r2/0", "r2/1")
    assert answered.table.at is not None
    assert answered.table.at[0] == np.datetime64("2030-01-01T00:01")
    # Its requests only failed: there are features and a time, and nothing was predicted.
    assert failed.columns.prediction is None
    assert "outputs.label" not in failed.table.columns


def test_small_row_groups_are_read_together_and_large_ones_apart(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", {"x": np.arange(100.0), "c": list("ab") * 50}, row_group_size=10)
    assert [c.table.n for c in chunks(tmp_path / "a.parquet", max_rows=35)] == [30, 30, 30, 10]
    assert [c.table.n for c in chunks(tmp_path / "a.parquet", max_rows=6)] == [6, 4] * 10
    assert together(chunks(tmp_path, max_rows=35))["x"] == list(range(100))


def test_only_the_columns_with_a_role_are_read(tmp_path: Path) -> None:
    table = pa.table({"s": [{"a": 1.0, "b": 2.0}], "c": ["x"], "s.a": [9.0]})
    pq.write_table(table.select(["s", "c"]), tmp_path / "a.parquet")
    (chunk,) = chunks(tmp_path, Columns(features=("s.b",)))
    assert together([chunk]) == {"s.b": [2.0]}
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DuplicateColumn, match=r"'s.a'"):
        chunks(tmp_path / "a.parquet")


def test_rows_without_columns_still_count(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", {"x": np.arange(10.0)})
    found = chunks(tmp_path, Columns(features=()), max_rows=4)
    assert [c.table.n for c in found] == [4, 4, 2]
    assert found[0].table.columns == {}


def test_a_file_without_columns_or_rows_is_one_empty_chunk(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", {})
    (chunk,) = chunks(tmp_path / "a.parquet")
    assert (chunk.table.n, chunk.columns.read) == (0, ())


def test_ten_thousand_columns_are_read(tmp_path: Path) -> None:
    names = [f"x{i}" for i in range(10_000)]
    write(tmp_path / "a.parquet", {name: [1.0] for name in names})
    (chunk,) = chunks(tmp_path)
    assert list(chunk.table.columns) == names


# --- parts that differ


def test_a_later_part_may_have_other_columns_and_types(tmp_path: Path) -> None:
    write(tmp_path / "1.parquet", {"x": [1.0], "y": [0], "c": ["a"]})
    write(tmp_path / "2.parquet", {"x": ["2", "?"], "new": [7.0, 8.0], "c": ["b", "c"]})
    columns = Columns(label="y", kinds={"x": "number"})
    first, second = chunks(tmp_path, columns)
    assert first.columns.label == "y"
    assert second.columns.label is None
    assert together([second]) == {"x": [2.0, None], "new": [7.0, 8.0], "c": ["b", "c"]}
    assert [(p.flaw, p.column) for p in second.problems] == [("column", "y"), ("value", "x")]


def test_the_first_part_must_have_what_was_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "1.parquet", {"x": [1.0]})
    write(tmp_path / "2.parquet", {"y": [1.0]})
    with pytest.raises(NoSuchColumn):
        chunks(tmp_path, Columns(label="y"))


# --- what is broken


def test_parts_that_cannot_be_read_are_left_out_and_said(tmp_path: Path) -> None:
    write(tmp_path / "1.parquet", {"x": [1.0]})
    (tmp_path / "2.parquet").write_bytes(b"")
    (tmp_path / "3.parquet").write_bytes(b"PAR1 and no more")
    write(tmp_path / "4.parquet", {"x": [4.0]})
    found = chunks(tmp_path)
    assert together(found) == {"x": [1.0, 4.0], "at": []}
    assert flaws(found) == [("part", "2.parquet", None), ("part", "3.parquet", None)]
    # Not said again, until they change.
    source = ParquetSource(tmp_path)
    cursor = list(source.chunks())[-1].cursor
    assert list(source.chunks(after=cursor)) == []
    write(tmp_path / "2.parquet", {"x": [2.0]})
    assert together(list(source.chunks(after=cursor)))["x"] == [2.0]


@pytest.mark.parametrize(("data", "said"), [(b"", "is empty"), (b"PAR1xx", "cannot be read")])
def test_a_file_that_is_read_alone_and_broken_is_an_error(
    tmp_path: Path, data: bytes, said: str
) -> None:
    (tmp_path / "a.parquet").write_bytes(data)
    with pytest.raises(SourceUnreadable, match=said):
        chunks(tmp_path / "a.parquet")


def broken(path: Path, group: int) -> None:
    """Spoil the pages of one row group."""
    metadata = pq.read_metadata(path).row_group(group)
    data = bytearray(path.read_bytes())
    for i in range(metadata.num_columns):
        column = metadata.column(i)
        start = column.dictionary_page_offset or column.data_page_offset
        data[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(data)


@pytest.mark.parametrize("max_rows", [4, 10, 25, 1000])
def test_a_broken_row_group_is_left_out_and_its_neighbours_are_read(
    tmp_path: Path, max_rows: int
) -> None:
    path = tmp_path / "a.parquet"
    write(path, {"x": np.arange(50.0)}, row_group_size=10, use_dictionary=False)
    broken(path, 2)
    found = chunks(path, max_rows=max_rows)
    assert together(found)["x"] == [i for i in range(50) if not 20 <= i < 30]
    assert flaws(found) == [("part", "a.parquet", 10)]
    assert list(ParquetSource(path).chunks(after=found[-1].cursor)) == []


def test_when_the_last_row_group_is_broken_it_is_still_said(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write(path, {"x": np.arange(20.0)}, row_group_size=10, use_dictionary=False)
    broken(path, 1)
    found = chunks(path, max_rows=10)
    assert together(found)["x"] == list(range(10))
    assert flaws(found) == [("part", "a.parquet", 10)]


# --- files that change while they are followed


def test_new_parts_are_read_wherever_they_sort(tmp_path: Path) -> None:
    write(tmp_path / "m.parquet", {"x": [1.0]})
    source = ParquetSource(tmp_path)
    cursor = list(source.chunks())[-1].cursor
    write(tmp_path / "a.parquet", {"x": [2.0]})
    write(tmp_path / "z" / "b.parquet", {"x": [3.0]})
    new = list(source.chunks(after=cursor))
    assert together(new) == {"x": [2.0, 3.0]}
    (tmp_path / "m.parquet").unlink()  # the log is pruned
    assert list(source.chunks(after=new[-1].cursor)) == []


def test_a_file_that_is_replaced_is_read_anew_and_said(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write(path, {"x": np.arange(30.0)})
    source = ParquetSource(path)
    cursor = list(source.chunks())[-1].cursor
    write(path, {"x": np.arange(40.0) + 1})
    new = list(source.chunks(after=cursor))
    assert together(new)["x"] == list(range(1, 41))
    assert [p.flaw for c in new for p in c.problems] == ["replaced"]


def test_a_file_that_is_only_touched_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write(path, {"x": np.arange(30.0)})
    source = ParquetSource(path)
    cursor = list(source.chunks())[-1].cursor
    os.utime(path, (1, 1))
    assert list(source.chunks(after=cursor)) == []


def test_a_file_that_loses_rows_is_said_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write(path, {"x": np.arange(30.0)})
    source = ParquetSource(path)
    cursor = list(source.chunks())[-1].cursor
    write(path, {"x": np.arange(20.0)})
    (cut,) = source.chunks(after=cursor)
    assert (cut.table.n, [p.flaw for p in cut.problems]) == (0, ["truncated"])
    write(path, {"x": np.arange(22.0)})
    assert together(list(source.chunks(after=cut.cursor)))["x"] == [20, 21]


def test_a_file_that_is_truncated_while_it_is_read_does_not_end_the_process(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.parquet"
    rng = np.random.default_rng(1)
    write(path, {"x": rng.normal(size=200_000)}, row_group_size=50_000)
    reading = ParquetSource(path, max_rows=1_000).chunks()
    found = [next(iter(reading))]
    with path.open("rb+") as file:
        file.truncate(1000)
    found += reading
    left_out = sum(p.n or 0 for c in found for p in c.problems if p.flaw == "part")
    assert left_out >= 150_000
    assert left_out + sum(c.table.n for c in found) == 200_000


def test_the_place_in_a_folder_is_plain_json_and_small(tmp_path: Path) -> None:
    for i in range(20):
        write(tmp_path / f"part-{i}.parquet", {"x": [float(i)], "c": ["a"]})
    found = chunks(tmp_path)
    assert len(found[-1].cursor) < 20 * 120


def test_reading_values_of_which_none_is_missing_loads_no_pandas(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", {"x": [1.0], "ok": [True], "c": ["a"]})
    code = (
        "import sys; from seatrial.adapters.tables.parquet import ParquetSource; "
        "list(ParquetSource(sys.argv[1]).chunks()); print('pandas' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"False\n"
