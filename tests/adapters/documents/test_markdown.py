"""Markdown: headings as sections, whatever else a text holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.documents.html import HtmlLoader
from seatrial.adapters.documents.markdown import MarkdownLoader, headings
from seatrial.adapters.documents.text import TextLoader
from seatrial.rag.loading.loader import About
from seatrial.rag.loading.outcome import Reason, Unloadable


def found(text: str) -> list[tuple[int, str]]:
    return [(section.level, section.title) for section in headings(text)]


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("# One\ntext\n## Two\n", [(1, "One"), (2, "Two")]),
        ("# One\r\ntext\r\n## Two ##\r\n", [(1, "One"), (2, "Two")]),
        ("   ### Three #\n", [(3, "Three")]),
        ("    # code\n", []),
        ("#hashtag\n", []),
        ("####### seven\n", []),
        ("#\n", []),
        ("One\n===\n\nTwo\n---\n", [(1, "One"), (2, "Two")]),
        ("text\n\n---\n\nmore\n", []),
        ("two lines\nof prose\n---\n", []),
        ("- item\n---\n", []),
        ("```\n# no\n```\n# Yes\n", [(1, "Yes")]),
        ("````\n```\n# no\n````\n# Yes\n", [(1, "Yes")]),
        ("~~~ sh\n```\n# no\n~~~\n# Yes\n", [(1, "Yes")]),
        ("```\n# never closed\n", []),
        ("# C\\# and `x` **bold** [link](u)\n", [(1, "C\\# and x bold link")]),
        ("# snake_case_name and _this_\n", [(1, "snake_case_name and this")]),
        ("# 海试 #1\n", [(1, "海试 #1")]),
        ("> # quoted\n", []),
    ],
)
def test_headings_are_what_commonmark_calls_so(text, sections):
    assert found(text) == sections


@given(st.text("#=-`~ ab\n\r\t*_[]()", max_size=120))
def test_sections_begin_at_beginnings_of_lines_in_order(text):
    sections = list(headings(text))
    starts = [section.start for section in sections]
    assert starts == sorted(set(starts))
    for section in sections:
        assert section.title
        assert section.start == 0 or text[section.start - 1] == "\n"


@pytest.mark.parametrize(
    "line",
    ["#" + " " * 200_000 + "x\ry", "-" * 200_000 + "\rx", "# " + "*a" * 100_000, "`" * 200_000],
)
def test_a_long_line_takes_no_long_time(line):
    # Quadratic time would take minutes here, and the test with it.
    assert all(len(section.title) <= 300 for section in headings(f"{line}\n{line}\n===\n"))


def test_readers_are_read_and_unclear_ones_refused():
    def load(fields: str) -> tuple[str, ...] | None:
        [parsed] = MarkdownLoader().load(f"---\n{fields}\n---\nx".encode(), About(name="a.md"))
        assert "readers" not in parsed.metadata
        return parsed.readers

    assert load("title: x") is None
    assert load("readers: hr") == ("hr",)
    assert load("readers: []") == ()
    assert load("Readers: [hr]") == load("READERS: hr") == ("hr",)
    with pytest.raises(Unloadable, match="twice"):
        load("readers: hr\nReaders: everyone")
    with pytest.raises(Unloadable) as caught:
        load("readers:")
    assert caught.value.reason is Reason.BAD_METADATA


@pytest.mark.parametrize("before", [b"", b"\n\n", b"\xef\xbb\xbf\r\n"])
def test_readers_after_what_nobody_sees_are_read(before):
    [parsed] = MarkdownLoader().load(before + b"---\nreaders: hr\n---\nSecret.", About(name="a.md"))
    assert (parsed.readers, parsed.text) == (("hr",), "Secret.")


@pytest.mark.parametrize("loader", [TextLoader(), HtmlLoader()], ids=["text", "html"])
def test_readers_named_where_they_are_not_read_are_refused(loader):
    with pytest.raises(Unloadable, match="of Markdown only") as caught:
        list(loader.load(b"\n---\nreaders: hr\n---\n<p>Secret.</p>", About(name="a")))
    assert caught.value.reason is Reason.BAD_METADATA
    [parsed] = loader.load(b"---\ntitle: x\n---\n<p>Open.</p>", About(name="a"))
    assert parsed.readers is None


def test_a_title_that_is_no_text_is_shown_as_written():
    [parsed] = MarkdownLoader().load(b"---\ntitle: 2030\n---\n# H", About(name="a.md"))
    assert parsed.title == "2030"
    assert parsed.text == "# H"
