"""Records end where Python's own reader says they do."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.tables.csv_records import record_ends

fields = st.text(st.sampled_from("ab ,\";\n\r'|"), max_size=6)


@given(
    st.lists(st.lists(fields, min_size=2, max_size=3), max_size=8),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(",;|"),
    st.sampled_from(["\n", "\r\n"]),
)
def test_records_end_as_they_were_written(
    rows: list[list[str]], quoting: int, delimiter: str, ending: str
) -> None:
    text = io.StringIO(newline="")
    ends = []
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=ending)  # type: ignore[arg-type]
    for row in rows:
        writer.writerow(row)
        ends.append(text.tell())
    assert record_ends(text.getvalue().encode(), delimiter).tolist() == ends


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("", []),
        ("a", []),
        ("\n\n", [1, 2]),
        ('5" pipe,1\n2,3\n', [10, 14]),
        ('screen 24",1\n2,3\n', [13, 17]),
        ('"a\nb",1\nc,"d\n', [8]),
        ('"","a ""b"", c"\n"x"\n', [16, 20]),
        ('",",1\n', [6]),
        ('"a\n""\nb"\n', [9]),
    ],
)
def test_a_quote_counts_only_at_the_border_of_a_field(text: str, ends: list[int]) -> None:
    assert record_ends(text.encode(), ",").tolist() == ends
