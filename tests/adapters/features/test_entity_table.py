"""Files of entity rows: what they may hold, and what is said of the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from seatrial.adapters.features.entity_table import EntityTable
from seatrial.features.failures import EntityInvalid
from seatrial.features.view import Field, ValueType

KEYS = {"user_id": Field("user_id", ValueType.INT64)}
WORDS = {"shop": Field("shop", ValueType.STRING)}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAMP = pa.timestamp("us", "UTC")
TWO = {"user_id": [1, 2], "at": pa.array([NOON, NOON], STAMP), "label": [True, False]}


def table(file: Path, keys: Any = KEYS, **options: Any) -> EntityTable:
    return EntityTable(file, **{"keys": keys, "time_column": "at", "zone": None, **options})


def of(folder: Path, columns: Any, **options: Any) -> EntityTable:
    parquet.write_table(pa.table(columns), folder / "rows.parquet")
    return table(folder / "rows.parquet", **options)


def text(folder: Path, content: str, **options: Any) -> EntityTable:
    (folder / "rows.csv").write_text(content, "utf-8")
    return table(folder / "rows.csv", **options)


def rows(made: EntityTable, size: int = 100) -> list[dict[str, Any]]:
    return [row for chunk in made.chunks(size) for row in chunk.to_pylist()]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_rows_come_in_their_order_whatever_the_size(tmp_path: Path, size: int) -> None:
    made = of(tmp_path, {k: pa.concat_arrays([pa.array(v)] * 3) for k, v in TWO.items()})
    assert made.n_rows == 6
    chunks = list(made.chunks(size))
    assert max(map(len, chunks)) <= size
    assert pa.concat_tables(chunks)["user_id"].to_pylist() == [1, 2] * 3
    assert chunks[0].schema.field("at").type == STAMP


def test_csv_is_read_with_quotes_and_zones(tmp_path: Path) -> None:
    content = 'at,user_id,note\n2026-03-01T12:00:00Z,1,"a, b"\n2026-03-01T14:30:00.5+02:00,2,\n'
    made = rows(text(tmp_path, content), 1)
    assert [row["at"] for row in made] == [NOON, NOON.replace(minute=30, microsecond=500_000)]
    assert [(row["user_id"], row["note"]) for row in made] == [(1, "a, b"), (2, "")]


def test_a_shop_in_namibia_is_no_missing_value(tmp_path: Path) -> None:
    made = text(tmp_path, "shop,at,n\nNA,2026-03-01T12:00:00Z,NA\n", keys=WORDS)
    assert [(row["shop"], row["n"]) for row in rows(made)] == [("NA", None)]


def test_other_types_of_keys_and_times_are_put_right(tmp_path: Path) -> None:
    stamps = pa.array([NOON, NOON], pa.timestamp("ns", "Asia/Tokyo"))
    for keys in (pa.array([1, 2], pa.int8()), pa.array([1.0, 2.0]), pa.array([1, 2], pa.uint64())):
        found = rows(of(tmp_path, TWO | {"user_id": keys, "at": stamps}))
        assert [(row["user_id"], row["at"]) for row in found] == [(1, NOON), (2, NOON)]
    shops = pa.array(["eu", "us"]).dictionary_encode()
    found = rows(of(tmp_path, {"shop": shops, "at": TWO["at"]}, keys=WORDS))
    assert [row["shop"] for row in found] == ["eu", "us"]


def test_below_a_microsecond_a_time_is_that_before(tmp_path: Path) -> None:
    """Never that after: it would see what became true meanwhile."""
    ns = pa.array([999], pa.int64()).cast(pa.timestamp("ns", "UTC"))
    (found,) = rows(of(tmp_path, {"user_id": [1], "at": ns}))
    assert found["at"] == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.date32()])
def test_times_without_a_zone_are_refused_until_it_is_named(tmp_path: Path, kind: Any) -> None:
    bare = pa.array([NOON.replace(tzinfo=None, hour=0)] * 2, pa.timestamp("us")).cast(kind)
    with pytest.raises(EntityInvalid, match="'at' that name no zone") as told:
        rows(of(tmp_path, TWO | {"at": bare}))
    assert "--timezone UTC" in told.value.remedy
    found = rows(of(tmp_path, TWO | {"at": bare}, zone="Europe/Berlin"))
    assert found[0]["at"] == datetime(2026, 2, 28, 23, tzinfo=UTC)


def test_a_time_that_a_zone_has_twice_or_never_is_named(tmp_path: Path) -> None:
    for clock in ("2026-10-25T02:30:00", "2026-03-29T02:30:00"):
        content = f"user_id,at\n1,2026-03-01T12:00:00\n2,{clock}\n"
        with pytest.raises(EntityInvalid, match=r"row 2, which is not a time that Europe") as told:
            rows(text(tmp_path, content, zone="Europe/Berlin"))
        assert told.value.facts["row"] == 2


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"user_id": ["1", "2"]}, "join key 'user_id' as string, not as a whole number"),
        ({"user_id": [True, False]}, "as bool"),
        ({"user_id": [1, None]}, "no value in 'user_id' of row 2"),
        ({"user_id": [1.0, float("nan")]}, "'nan' in 'user_id' of row 2"),
        ({"user_id": [1.5, 2.0]}, r"'1\.5' in 'user_id' of row 1"),
        ({"user_id": pa.array([1, 2**63], pa.uint64())}, "'9223372036854775808' in 'user_id'"),
        ({"at": [1, 2]}, "times in 'at' as int64"),
        ({"at": ["2026-03-01", "x"]}, "times in 'at' as string"),
        ({"at": pa.array([NOON, None], STAMP)}, "no value in 'at' of row 2"),
    ],
)
def test_what_is_no_key_or_no_time_is_named_with_its_row(
    tmp_path: Path, columns: dict[str, Any], why: str
) -> None:
    with pytest.raises(EntityInvalid, match=why):
        rows(of(tmp_path, TWO | columns))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty"),
        ("user_id\n1\n", "no column 'at'"),
        ("user,at\n1,2\n", "no column 'user_id' .did you mean 'user'"),
        ("user_id,user_id,at\n1,2,3\n", "column 'user_id' twice"),
        ("user_id,at\nx,2026-03-01T00:00:00Z\n", "'x' in 'user_id' of row 1"),
        ("user_id,at\n1,2026-03-01T00:00:00Z\n2,soon\n", "'soon' in 'at' of row 2|in 'at' of row"),
        ("user_id,at\n1,2026-03-01T00:00:00Z\n2,2026-03-01T00:00:00\n", "like the others"),
        ("user_id,at\n1\n", "cannot be read"),
        ("user_id,at\n,2026-03-01T00:00:00Z\n", "'' in 'user_id' of row 1"),
        ("user_id,at\n1,\n", "'' in 'at' of row 1"),
    ],
)
def test_csv_that_does_not_fit_is_told(tmp_path: Path, content: str, why: str) -> None:
    with pytest.raises(EntityInvalid, match=why):
        rows(text(tmp_path, content))


def test_the_row_is_counted_over_all_chunks(tmp_path: Path) -> None:
    columns = {"user_id": [*range(10), None], "at": pa.array([NOON] * 11, STAMP)}
    with pytest.raises(EntityInvalid, match="of row 11"):
        rows(of(tmp_path, columns), 3)


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv", "rows.txt"])
def test_other_files_are_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(EntityInvalid, match=r"is not there|neither"):
        table(tmp_path / name)
    (tmp_path / name).write_bytes(b"\xff\xfe\x00broken" * 50)
    with pytest.raises(EntityInvalid, match=r"cannot be read|neither Parquet nor CSV|no column"):
        rows(table(tmp_path / name))


def test_a_header_that_is_no_utf8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "gbk.csv"
    path.write_bytes("user_id,at,流失\n1,2026-03-01T00:00:00Z,0\n".encode("gbk"))
    with pytest.raises(EntityInvalid, match="cannot be read"):
        table(path)
