"""Answers as JSON Lines: each row a line of its own, whatever its texts hold."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.scoring.output import JsonLines

TEXTS = st.one_of(st.none(), st.text('},{"\\\nab', max_size=8), st.just("},{"))


@given(rows=st.lists(st.tuples(TEXTS, st.lists(st.integers(0, 9), max_size=2)), max_size=20))
def test_each_row_is_a_line_whatever_its_texts_hold(rows: list[tuple[Any, list[int]]]) -> None:
    table = pa.table(
        {
            "row": pa.array(range(len(rows)), pa.int64()),
            "text": pa.array([text for text, _ in rows], pa.string()),
            "parts": pa.array(
                [[{"n": n} for n in parts] for _, parts in rows],
                pa.list_(pa.struct([("n", pa.int64())])),
            ),
        }
    )
    file = io.BytesIO()
    JsonLines(file).write_table(table)
    lines = file.getvalue().splitlines(keepends=True)
    assert [json.loads(line) for line in lines] == table.to_pylist()
    assert all(line.endswith(b"}\n") for line in lines)


@pytest.mark.parametrize("n", [1, 999, 1_000, 1_001, 2_500])
def test_rows_written_some_at_once_are_those_of_one_by_one(n: int) -> None:
    table = pa.table({"row": range(n), "p": [i / 7 for i in range(n)]})
    file = io.BytesIO()
    JsonLines(file).write_table(table)
    assert file.getvalue() == b"".join(
        json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in table.to_pylist()
    )
