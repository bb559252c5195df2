"""The frame of a report."""

from __future__ import annotations

import pytest

from seatrial.kernel.report_page import page, share, size, table, terms


def test_a_page_needs_nothing_else_and_links_to_the_other_language():
    text = page("A & B", "<p>x</p>", "en", {"en": "a.html", "zh": "b.html"}, style=".mine{}")
    assert ".mine{}</style>" in text
    assert "<title>A &amp; B</title>" in text
    assert '<a href="b.html" lang="zh">中文</a>' in text
    assert "a.html" not in text
    assert "<script" not in text


def test_what_is_told_is_text_and_never_markup():
    assert "&lt;b&gt;" in table(["n"], [["<b>"]])
    assert "&lt;b&gt;" in terms([("n", "<b>")])


def test_numbers_stand_to_the_right_and_one_row_stands_out():
    text = table(["name", "n"], [["a", "1"], ["b", "2"]], chosen=1)
    assert "<td>a</td><td class=number>1</td>" in text
    assert text.count("<tr class=chosen>") == 1


@pytest.mark.parametrize(("value", "said"), [(0.034, "3.4%"), (0.5, "50%"), (0.0, "0%")])
def test_shares_are_percentages(value, said):
    assert share(value) == said


@pytest.mark.parametrize(("n", "said"), [(512, "512 B"), (1500, "1.5 kB"), (2_000_000, "2 MB")])
def test_sizes_have_a_unit(n, said):
    assert size(n) == said
