"""Places survive being stored; chunks stay small whatever the data are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import Chunk, CursorInvalid, place_of, rows_per_chunk
from seatrial.monitoring.rows.table import Table


def test_a_cursor_is_the_place_as_text() -> None:
    place = {"of": "files", "files": {"日志.csv": [1, 2, 3, True, [4, 5]]}}
    chunk = Chunk(table=Table(columns={}, n=0), columns=Columns(), place=place)
    assert json.loads(chunk.cursor) == place
    assert place_of(chunk.cursor, "files") == place
    assert place_of(None, "files") == {}


@pytest.mark.parametrize("cursor", ["", "nonsense", "[1]", "{}", '{"of":"sqlite"}', "null"])
def test_a_place_of_other_data_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalid, match="read from the beginning"):
        place_of(cursor, "files")


@pytest.mark.parametrize(
    ("n_columns", "n_rows"), [(0, 65_536), (1, 65_536), (60, 16_666), (10_000, 256), (10**6, 256)]
)
def test_a_chunk_has_a_bounded_number_of_values(n_columns: int, n_rows: int) -> None:
    assert rows_per_chunk(n_columns) == n_rows


def test_chunks_hold_no_more_than_they_show() -> None:
    chunk = Chunk(table=Table(columns={"a": np.zeros(3)}, n=3), columns=Columns(), place={})
    assert chunk.problems == ()
