"""Pieces of every format: the same rows, the same flaws, in the places where they lie."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.scoring.parse import Reading, parse, stream_of
from seatrial.adapters.scoring.rows import Checked, checked
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task, n_rows
from seatrial.testing.models import column_signature, matrix_signature

MIXED = column_signature()


def csv_of(text: str | bytes, signature: Signature = MIXED, **more: Any) -> Checked:
    reading = Reading(form="csv", sources=signature.names, names=signature.names, **more)
    content = np.frombuffer(text.encode() if isinstance(text, str) else text, np.uint8)
    return checked(parse(content, reading, signature.features), signature)


def json_of(*lines: object, signature: Signature = MIXED) -> Checked:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    reading = Reading(form="jsonl", sources=signature.names)
    content = np.frombuffer(text.encode(), np.uint8)
    return checked(parse(content, reading, signature.features), signature)


def arrow_of(table: pa.Table, signature: Signature = MIXED) -> Checked:
    reading = Reading(form="parquet", sources=signature.names)
    return checked(parse(stream_of(table), reading, signature.features), signature)


def test_every_dtype_is_read_alike_from_all_formats() -> None:
    rows: list[dict[str, Any]] = [
        {"age": 1.5, "visits": 3, "member": True, "plan": "pro", "note": "a, b"},
        {"age": None, "visits": 4, "member": False, "plan": "basic", "note": None},
    ]
    found = [
        csv_of('1.5,3,true,pro,"a, b"\n,4.0,0,basic,\n'),
        json_of(*rows),
        arrow_of(pa.Table.from_pylist(rows)),
        arrow_of(
            pa.Table.from_pylist(rows).set_column(
                3, "plan", pa.array(["pro", "basic"]).dictionary_encode()
            )
        ),
    ]
    for one in found:
        assert isinstance(one.batch, dict)
        assert not one.flaws
        np.testing.assert_array_equal(one.batch["age"], [1.5, np.nan])
        assert one.batch["visits"].tolist() == [3, 4]
        assert one.batch["visits"].dtype == np.int64
        assert one.batch["member"].tolist() == [True, False]
        assert one.batch["plan"].tolist() == ["pro", "basic"]
        assert one.batch["note"].tolist() == ["a, b", None]


@pytest.mark.parametrize(
    ("line", "field", "said"),
    [
        ("old,3,true,pro,x", "age", "'old'"),
        ("1_0,3,true,pro,x", "age", "'1_0'"),
        ("1.5,3.5,true,pro,x", "visits", "3.5"),
        ("1.5,,true,pro,x", "visits", "is missing"),
        ("1.5,99999999999999999999,true,pro,x", "visits", "99999999999999999999"),
        ("1.5,3,maybe,pro,x", "member", "'maybe'"),
        ("1.5,3,true,gold,x", "plan", "unknown category 'gold'"),
        ("1.5,3,true,,x", "plan", "is missing"),
        ("1.5,3,true,pro,\udcff", "note", "not a string"),
    ],
)
def test_a_field_that_does_not_fit_is_named_and_costs_no_other_row(
    line: str, field: str, said: str
) -> None:
    good = "1.5,3,true,pro,x\n"
    found = csv_of((good + line + "\n" + good).encode("utf-8", "surrogateescape"))
    assert list(found.flaws) == [1]
    assert found.flaws[1].field == field
    assert said in found.flaws[1].problem
    assert "in row" not in found.flaws[1].problem
    assert found.rows.tolist() == [0, 2]
    assert found.batch is not None
    assert n_rows(found.batch) == 2


def test_blank_lines_are_no_rows_and_lines_of_other_lengths_are_bad_ones() -> None:
    found = csv_of('1,3,true,pro,x\n\n1,3\n"2",3,true,pro,"two\nlines"\n\n1,2,3,4,5,6\n')
    assert found.rows.tolist() == [0, 2]
    assert [(f.row, f.code) for f in found.flaws.values()] == [
        (1, "scoring.bad_line"),
        (3, "scoring.bad_line"),
    ]
    found = json_of({"age": 1}, "", "[1]", "{", {"visits": 1})
    assert sorted(found.flaws) == [0, 1, 2, 3]
    assert found.batch is None


def test_tensors_are_lists_of_one_shape() -> None:
    signature = Signature(
        features=(Feature(name="image", dtype=Dtype.FLOAT32, shape=(2, 2)),),
        outputs=(Output(name="prediction", dtype=Dtype.FLOAT32),),
        task=Task.OTHER,
        matrix=False,
    )
    image = [[1.0, 2.0], [3.0, 4.0]]
    rows: list[dict[str, Any]] = [{"image": image}, {"image": image}]
    for found in (
        json_of(*rows, signature=signature),
        arrow_of(pa.Table.from_pylist(rows), signature),
    ):
        assert isinstance(found.batch, dict)
        assert found.batch["image"].shape == (2, 2, 2)
    rows[0] = {"image": [[1.0, 2.0]]}
    for found in (
        json_of(*rows, signature=signature),
        arrow_of(pa.Table.from_pylist(rows), signature),
    ):
        assert list(found.flaws) == [0]
        assert found.rows.tolist() == [1]


@given(bad=st.lists(st.booleans(), min_size=1, max_size=300))
def test_exactly_the_bad_rows_are_found_wherever_they_lie(bad: list[bool]) -> None:
    signature = matrix_signature()
    wrong = np.array(bad)
    values = np.arange(len(bad), dtype=np.float32)
    table = pa.table({"age": values, "income": np.where(wrong, np.nan, values), "tenure": values})
    found = arrow_of(table, signature)
    assert sorted(found.flaws) == np.flatnonzero(wrong).tolist()
    assert found.rows.tolist() == np.flatnonzero(~wrong).tolist()
    if found.batch is not None:
        assert isinstance(found.batch, np.ndarray)
        assert found.batch.dtype == np.float32
        np.testing.assert_array_equal(found.batch[:, 1], values[~wrong])


VALUES = [0.0, 1.5, -7.0, float("nan"), float("inf"), 1e300, 2.0**60]


@given(
    rows=st.lists(st.tuples(*[st.sampled_from(VALUES)] * 3), min_size=1, max_size=80),
    nullable=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    wide=st.booleans(),
)
def test_a_matrix_holds_what_looking_at_each_value_alone_would_let_in(
    rows: list[tuple[float, ...]], nullable: tuple[bool, ...], wide: bool
) -> None:
    """That all rows are good may be seen at one look; what is found must not depend on it."""
    dtype = Dtype.FLOAT64 if wide else Dtype.FLOAT32
    features = tuple(Feature(name=f"x{i}", dtype=dtype, nullable=n) for i, n in enumerate(nullable))
    signature = replace(matrix_signature(), features=features)
    values = np.array(rows)
    table = {f"x{i}": values[:, i] for i in range(2)}
    # Whole numbers in a column of integers, where there are no others.
    whole = np.isfinite(values[:, 2]).all() and (np.abs(values[:, 2]) < 2**62).all()
    table["x2"] = values[:, 2].astype(np.int64) if whole else values[:, 2]
    found = arrow_of(pa.table(table), signature)
    with np.errstate(over="ignore"):
        given_ = np.column_stack([table[f"x{i}"].astype(dtype.numpy) for i in range(3)])
    fits = np.isfinite(given_) | (np.isnan(given_) & np.array(nullable))
    good = fits.all(axis=1)
    assert found.rows.tolist() == np.flatnonzero(good).tolist()
    assert sorted(found.flaws) == np.flatnonzero(~good).tolist()
    for row, flaw in found.flaws.items():
        assert flaw.field == f"x{int((~fits[row]).argmax())}"
    if found.batch is not None:
        assert isinstance(found.batch, np.ndarray)
        assert found.batch.dtype == dtype.numpy
        np.testing.assert_array_equal(found.batch, given_[good])


def test_a_missing_value_in_parquet_is_nan_or_named() -> None:
    ages = [1.0, None, 3.0]
    for kind in (pa.float16(), pa.float32(), pa.float64(), pa.decimal128(5, 2), pa.int8()):
        table = {"age": pa.array(ages).cast(kind), "income": [1.0, 2.0, 3.0], "tenure": [1, 2, 3]}
        found = arrow_of(pa.table(table), matrix_signature())
        assert (found.rows.tolist(), list(found.flaws)) == ([0, 2], [1])
        assert "missing" in found.flaws[1].problem
        assert isinstance(found.batch, np.ndarray)
        np.testing.assert_array_equal(found.batch[:, 0], [1, 3])


def test_json_lines_that_lack_a_name_have_nothing_there() -> None:
    found = json_of(
        {"age": 1, "visits": 3, "member": True, "plan": "pro", "note": "x", "more": [{}]},
        {"visits": 3, "member": True, "plan": "pro"},
    )
    assert isinstance(found.batch, dict)
    np.testing.assert_array_equal(found.batch["age"], [1, np.nan])
    assert found.batch["note"].tolist() == ["x", None]
