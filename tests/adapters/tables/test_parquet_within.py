"""Small files that stand for more than fits anywhere are refused before they are read."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.adapters.labels.label_files import LabelsUnreadable, read_labels
from seatrial.adapters.labels.outcome_files import read_outcomes
from seatrial.adapters.tables.parquet_within import parquet_within
from seatrial.experiments.entries import BadOutcomes


def packed(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


MANY = packed(id=pa.array(["a"] * 300_000), label=pa.array(["b"] * 300_000))
LONG = packed(id=pa.array(["x" * 1_000_000] * 1000), label=pa.array(["b"] * 1000))
NESTED = packed(id=pa.array([["a"] * 300_000]), label=pa.array(["b"]))


def test_what_is_within_is_read_as_it_is() -> None:
    data = packed(id=["a", None, "a"], n=[1, 2, 3])
    assert parquet_within(data, max_values=3).to_pylist() == parquet_within(data).to_pylist()
    assert parquet_within(data, columns=["n"], max_values=3).column_names == ["n"]
    assert parquet_within(packed(id=pa.array([], pa.string())), max_values=1).num_rows == 0


@pytest.mark.parametrize(
    ("data", "said"),
    [(MANY, "300,000 values"), (NESTED, "300,000 values"), (LONG, "a text of 1,000,000 bytes")],
)
def test_what_unfolds_without_end_is_refused(data: bytes, said: str) -> None:
    assert len(data) < 100_000
    with pytest.raises(ValueError, match=said):
        parquet_within(data, max_values=200_000)
    with pytest.raises(LabelsUnreadable, match=said):
        read_labels(data, max_rows=200_000)
    with pytest.raises(BadOutcomes, match=said):
        read_outcomes(data, max_rows=200_000)


def test_a_file_of_ones_own_is_read_whatever_it_holds() -> None:
    assert len(read_labels(MANY)) == 300_000
