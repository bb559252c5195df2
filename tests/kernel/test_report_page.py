"""The frame of reports: whole, in the reader's language, and nothing breaks out of it."""

from __future__ import annotations

import re

from seatrial.kernel.report_page import page, table, terms

FILES = {"en": "a.html", "zh": "a.zh-CN.html"}


def test_a_page_needs_nothing_else_and_names_its_other_language() -> None:
    text = page("<b>", "<p>x</p>", "en", FILES, style=".mine{}")
    assert "<title>&lt;b&gt;</title>" in text
    assert '<a href="a.zh-CN.html" lang="zh">中文</a>' in text
    assert ".mine{}</style>" in text
    assert re.findall(r"https?://|<script|<link", text) == []


def test_cells_are_plain_text_and_numbers_stand_to_the_right() -> None:
    text = table(["a", "b"], [["<i>", "1"]], chosen=0)
    assert "<td>&lt;i&gt;</td><td class=number>1</td>" in text
    assert "<tr class=chosen>" in text


def test_terms_are_plain_text() -> None:
    assert terms([("<a>", "&")]) == "<dl><div><dt>&lt;a&gt;</dt><dd>&amp;</dd></div></dl>"
