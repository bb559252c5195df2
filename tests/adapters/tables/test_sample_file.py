"""Tables are read by content, bounded, typed, and refused with the column's name."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.adapters.tables.sample_file import read_sample, sample_of
from seatrial.packaging.sample import BadSample

ROWS = [
    {"age": 20, "score": 1.5, "city": "Bonn", "ok": True},
    {"age": 40, "score": None, "city": None, "ok": False},
    {"age": 60, "score": 3.5, "city": "Lima", "ok": True},
]
CSV = "age,score,city,ok\n20,1.5,Bonn,true\n40,,,false\n60,3.5,Lima,true\n"


def written(folder: Path, kind: str) -> Path:
    path = folder / "data"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif kind == "csv":
        path.write_text(CSV)
    elif kind == "csv with a mark":
        path.write_text("\ufeff" + CSV, encoding="utf-8")
    elif kind == "json":
        path.write_text(json.dumps(ROWS))
    else:
        path.write_text("".join(json.dumps(r) + "\n" for r in ROWS))
    return path


KINDS = ["parquet", "csv", "csv with a mark", "json", "jsonl"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_columns(tmp_path: Path, kind: str) -> None:
    sample = read_sample(written(tmp_path, kind))
    assert list(sample.columns) == ["age", "score", "city", "ok"]
    assert sample.columns["age"].dtype == np.int64
    np.testing.assert_array_equal(sample.columns["score"], [1.5, np.nan, 3.5])
    assert sample.columns["city"].tolist() == ["Bonn", None, "Lima"]
    assert sample.columns["ok"].dtype == np.bool_
    assert sample.n_rows == 3


@pytest.mark.parametrize("kind", KINDS)
def test_no_more_rows_than_asked_for_are_kept(tmp_path: Path, kind: str) -> None:
    sample = read_sample(written(tmp_path, kind), max_rows=2)
    assert sample.n_rows == 2
    assert all(len(c) == 2 for c in sample.columns.values())


def test_the_head_of_a_parquet_file_is_read_without_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "big"
    pq.write_table(pa.table({"a": np.arange(100_000)}), path, row_group_size=1000)
    sample = read_sample(path, max_rows=1500)
    assert (sample.n_rows, sample.n_total) == (1500, 100_000)
    assert sample.columns["a"][-1] == 1499


def test_types_of_tables_become_numbers_and_strings(tmp_path: Path) -> None:
    table = pa.table(
        {
            "whole with a gap": pa.array([1, None]),
            "small": pa.array([1, 2], pa.int8()),
            "money": pa.array([Decimal("1.5"), None], pa.decimal128(5, 2)),
            "day": pa.array([date(2026, 1, 2), None]),
            "kind": pa.array(["a", "b"]).dictionary_encode(),
            "nothing": pa.nulls(2),
            "maybe": pa.array([True, None]),
        }
    )
    pq.write_table(table, tmp_path / "t")
    columns = read_sample(tmp_path / "t").columns
    np.testing.assert_array_equal(columns["whole with a gap"], [1.0, np.nan])
    assert columns["small"].dtype == np.int64
    np.testing.assert_array_equal(columns["money"], [1.5, np.nan])
    assert columns["day"].tolist() == ["2026-01-02", None]
    assert columns["kind"].tolist() == ["a", "b"]
    assert np.isnan(columns["nothing"]).all()
    np.testing.assert_array_equal(columns["maybe"], [1.0, np.nan])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"a,b\n", "has no rows"),
        (b"[]", "has no rows"),
        (b"a,a\n1,2\n", "column 'a' twice"),
        (b"a,b\n1,2\n3\n", "cannot be read"),
        ("a,b\nKöln,1\n".encode("latin1"), "no UTF-8 text"),
        (b"[1, 2]", "Row 0 is int"),
        (b'{"a": 1}\n{"a": \n', "cannot be read"),
        (b"[{]", "cannot be read"),
        (b"PAR1 and no more", "cannot be read"),
        (b'{"a": [1, 2]}\n{"a": [1]}\n', "column 'a' holds list"),
        (b'{"a": 1}\n{"a": "x"}\n', "cannot be read"),
        (b"\x00\x01\x02\xff" * 100, "data"),
        (b'{"a": 18446744073709551616}\n', "more than 64 bits"),
        (b'{"a": [18446744073709551616, 1]}\n', "more than 64 bits"),
        (b'{"a": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}", "too deeply"),
        (b"[" * 1_000_000, "too deeply"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(
    tmp_path: Path, data: bytes, said: str
) -> None:
    path = tmp_path / "data"
    path.write_bytes(data)
    with pytest.raises(BadSample, match=said) as caught:
        read_sample(path)
    assert caught.value.remedy


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSample, match="nowhere"):
        read_sample(tmp_path / "nowhere.csv")


def test_a_frame_is_read_as_its_file_would_be(tmp_path: Path) -> None:
    import pandas as pd

    expected = read_sample(written(tmp_path, "parquet"))
    for frame in (pa.Table.from_pylist(ROWS), pd.DataFrame(ROWS)):
        found = sample_of(frame, name="data")
        assert list(found.columns) == list(expected.columns)
        for name, column in found.columns.items():
            assert column.tolist() == pytest.approx(expected.columns[name].tolist(), nan_ok=True)


@pytest.mark.parametrize("frame", [7, [1, 2], {"age": [1]}])
def test_what_is_no_frame_is_refused(frame: object) -> None:
    with pytest.raises(BadSample, match="neither a file nor a frame"):
        sample_of(frame, name="data")


def test_a_frame_without_rows_is_refused() -> None:
    with pytest.raises(BadSample, match="has no rows"):
        sample_of(pa.table({"age": pa.array([], pa.int64())}), name="data")


def test_a_header_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gbk.csv"
    path.write_bytes("年龄,流失\n41,1\n".encode("gbk"))
    with pytest.raises(BadSample, match=r"gbk\.csv cannot be read"):
        read_sample(path)
