"""Outcomes in files, whatever form they have."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.adapters.labels.outcome_files import read_outcomes
from seatrial.experiments.entries import BadOutcomes

AT = "2026-03-01T12:00:00+00:00"
ROWS = [
    {"user": "007", "metric": "bought", "value": 1.0, "id": "12e4", "at": AT},
    {"user": "u2", "metric": "device", "value": "phone"},
]


def parquet() -> bytes:
    at = [datetime(2026, 3, 1, 12, tzinfo=UTC)]
    columns = {"user": ["007"], "metric": ["bought"], "value": [1.0], "id": ["12e4"], "at": at}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(ROWS).encode(),
        "\n".join(map(json.dumps, ROWS)).encode(),
        b"\xef\xbb\xbfuser,metric,value,id,at\n007,bought,1,12e4,2026-03-01T12:00:00+00:00\n"
        b"u2,device,phone,,\n\n",
        b"user;metric;value;id;at\n007;bought;1;12e4;2026-03-01T12:00:00+00:00\nu2;device;phone;;\n",
    ],
    ids=["json", "lines", "csv", "semicolons"],
)
def test_the_same_rows_are_read_from_every_form(data: bytes) -> None:
    assert read_outcomes(data) == ROWS


def test_parquet_is_read_with_its_times() -> None:
    assert read_outcomes(parquet()) == ROWS[:1]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  \n",
        b"[1,",
        b"{not json}",
        b"PAR1 broken",
        b"user,metric\nu1\n",
        "user,value\nü,1".encode("latin-1"),
        b"[" * 100_000,
    ],
)
def test_what_is_no_table_is_refused(data: bytes) -> None:
    with pytest.raises(BadOutcomes):
        read_outcomes(data)
