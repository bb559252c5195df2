"""Labels from CSV, Parquet, JSON and JSON Lines."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.labels.label_files import LabelsUnreadable, read_labels
from seatrial.kernel.errors import SeatrialError

PAIRS = [("007", "yes"), ("12e4", "no"), ("模型/1", "")]


def parquet(**columns: list[object]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        "id,label\n007,yes\n12e4,no\n模型/1,\n".encode(),
        "\ufeffid;x;label\n007;1;yes\n12e4;2;no\n模型/1;3;\n".encode(),
        json.dumps([{"id": a, "label": b or None} for a, b in PAIRS]).encode(),
        b"\n".join(json.dumps({"id": a, "label": b}).encode() for a, b in PAIRS),
        json.dumps({"labels": [{"id": a, "label": b} for a, b in PAIRS]}, indent=1).encode(),
        parquet(id=["007", "12e4", "模型/1"], label=["yes", "no", None]),
    ],
    ids=["csv", "csv-semicolons", "json", "jsonl", "json-object", "parquet"],
)
def test_ids_stay_what_they_are_in_every_format(data: bytes) -> None:
    assert read_labels(data) == PAIRS


def test_numbers_and_booleans_are_named_as_classes_are() -> None:
    rows = [{"id": "a", "label": 1}, {"id": "b", "label": 2.0}, {"id": 3, "label": True}]
    assert read_labels(json.dumps(rows).encode()) == [("a", "1"), ("b", "2"), ("3", "True")]
    found = read_labels(parquet(id=[1, 2], label=[0.5, float("nan")]))
    assert found == [("1", "0.5"), ("2", "")]


def test_columns_can_be_named() -> None:
    data = b"key,what,id,label\na,1,x,9\n"
    assert read_labels(data, id_column="key", label_column="what") == [("a", "1")]
    with pytest.raises(LabelsUnreadable, match="'kay'") as caught:
        read_labels(data, id_column="kay")
    assert caught.value.facts["field"] == "id"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\n", "no column for the id"),
        (b"id,x\n1,2\n", "no column for the label"),
        (b"id,label\n1,2,3\n", "Row 0 has 3 values"),
        (b'[{"id": "a", "label": [1]}]', "list, not a class"),
        (b'[{"id": null, "label": 1}]', "the id None"),
        (b"[1, 2]", "int, not an object"),
        (b'[{"id": "a"', "cannot be read"),
        (b"PAR1 and no more", "Parquet"),
        (b"id,label\n\xff\xfe,1\n", "cannot be read"),
    ],
)
def test_what_is_no_table_of_labels_says_why(data: bytes, said: str) -> None:
    with pytest.raises(LabelsUnreadable, match=said):
        read_labels(data)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = read_labels(data)
    except SeatrialError:
        return
    assert all(isinstance(a, str) and isinstance(b, str) for a, b in found)
