"""Rows of tables as text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.loading.rows import TableLines, header_names, row_text


@given(st.lists(st.text(" \nabc", max_size=4), max_size=6))
def test_columns_have_names_of_one_line_each(cells):
    names = header_names(cells)
    assert len(names) == len(cells)
    assert all(name and "\n" not in name for name in names)


def test_blank_names_get_numbers_and_repeated_ones_too():
    assert header_names(["a", "", "a", " a "]) == ["a", "column 2", "a 2", "a 3"]


def test_a_row_says_which_column_is_which():
    assert row_text(["name", "city"], ["Ada", " 伦敦 "]) == "name: Ada; city: 伦敦"
    assert row_text(["name", "city"], ["", "x", "more"]) == "city: x; more"
    assert row_text([], ["a", "b"]) == "a; b"
    assert row_text(["a"], [" "]) == ""


def test_names_of_columns_that_no_row_fills_are_not_lost() -> None:
    table = TableLines(["Report of 2026", "", "name", " "])
    assert [table.line(["", "", "Ada"]), table.line(["", "7"])] == ["name: Ada", "column 2: 7"]
    assert table.rest() == "Report of 2026"
    assert TableLines().rest() == ""
