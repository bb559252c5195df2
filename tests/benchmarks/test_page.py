"""Filling a block leaves the rest of a page alone."""

from __future__ import annotations

import pytest

from benchmarks.serving.page import fill, marks

BEGIN, END = marks("tables")


def test_a_page_keeps_everything_around_its_marks() -> None:
    page = f"# Title\n\n{BEGIN}\nold\n{END}\n\nmore\n"
    filled = fill(page, {"tables": "new\n", "summary": "absent"})
    assert filled == f"# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nmore\n"


def test_filling_twice_changes_nothing() -> None:
    once = fill(f"{BEGIN}\n{END}\n", {"tables": "text"})
    assert fill(once, {"tables": "text"}) == once


@pytest.mark.parametrize("page", ["# Title\n", BEGIN], ids=["no marks", "never closed"])
def test_a_page_without_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="lacks marks"):
        fill(page, {"tables": "new"})


def test_a_block_whose_name_begins_like_another_is_another() -> None:
    begin, end = marks("summary, zh")
    page = f"{begin}\n{end}\n"
    assert (
        fill(page, {"summary": "English", "summary, zh": "中文"}) == f"{begin}\n\n中文\n\n{end}\n"
    )
