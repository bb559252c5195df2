"""Front matter of Markdown."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.loading.front_matter import front_matter, is_readers, names_readers
from seatrial.rag.loading.outcome import Reason, Unloadable


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("close", ["---", "...", "--- "])
def test_fields_stand_before_the_text(newline, close):
    text = newline.join(["---", "title: 海试", "tags: [a, b]", close, "# Text", "---", ""])
    fields, end = front_matter(text)
    assert fields == {"title": "海试", "tags": ["a", "b"]}
    assert text[end:] == f"# Text{newline}---{newline}"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "before", ["\n", "\n \t\n", "\ufeff", "\ufeff\ufeff\n", "\n\ufeff", "\u200b"]
)
@pytest.mark.parametrize("line", ["---", "--- \t", "---\u3000"])
def test_what_nobody_sees_does_not_hide_it(before, line, newline):
    """A blank line before it made front matter text, and opened the document to all."""
    text = f"{before}{line}\nreaders: [hr]\n{line}\nText".replace("\n", newline)
    fields, end = front_matter(text)
    assert fields == {"readers": ["hr"]}
    assert text[end:] == "Text"


@pytest.mark.parametrize(
    "text",
    [
        "----\nreaders: [hr]\n----\n",
        "--\nreaders: [hr]\n--\n",
        " ---\nreaders: [hr]\n ---\n",
        "\\---\nreaders: [hr]\n\\---\n",
        "——\nreaders: [hr]\n——\n",
        "--- yaml\nreaders: [hr]\n---\n",
        "+++\nreaders = ['hr']\n+++\n",
        "title: x\nreaders: [hr]\n---\n# No first line\n",
        "---\nLast updated: x\nreaders: [hr]\n---\n",
        "---\n- readers: [hr]\n---\n",
        "---\n? readers\n: [hr]\n---\n",
        "---\n**Readers:** hr\n---\n",
        "---\nreaders：[hr]\n---\n",
        "---\ntitle: x\n readers：[hr]\n---\n",
        "---\naccess:\n  readers: [hr]\n---\n",
        "---\nreader: hr\n---\n",
        "----\nreaders: [hr]\nsecret without an end",
    ],
)
def test_a_slip_does_not_open_a_document_that_names_readers(text):
    assert names_readers(text)
    with pytest.raises(Unloadable) as caught:
        front_matter(text)
    assert caught.value.reason is Reason.BAD_METADATA
    assert "names its readers" in str(caught.value)
    assert "readers: [NAME, ...]" in caught.value.remedy


@pytest.mark.parametrize("name", ["readers", "Readers", "READERS ", "ｒｅａｄｅｒｓ"])
def test_a_key_of_readers_counts_as_it_is_written(name):
    assert is_readers(name)
    assert not is_readers("my readers")


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 300_000,
        "a: b\n" * 50_000,
        "---\nx" + "\n> > > " * 50_000,
        "---\nx\n" + "readers " * 50_000,
        "---\na\n" + ("-" * 500 + "x\n") * 500,
    ],
    ids=["blank", "keys", "quotes", "readers", "dashes"],
)
def test_a_long_beginning_is_looked_at_once(text):
    began = process_time()
    assert front_matter(text) == ({}, 0)
    assert process_time() - began < 1  # some hundredths; minutes if it were quadratic


@pytest.mark.parametrize("written", ['"readers": [hr]', "'readers' : [hr]", "{readers: [hr]}"])
def test_a_key_may_be_in_quotes(written):
    assert front_matter(f"---\n{written}\n---\nx").fields == {"readers": ["hr"]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# Title",
        "---",
        "---\n\nA rule over prose.\n\n---\n",
        "---\nA line of prose, and no key.\n---\n",
        "---\n\n\n# Readers: who they are\n\n---\n",
        "---\nProse.\n\nreaders: those who read\n",
        "Readers: those who read\n\n# Title\n---\n",
        " ---\ntitle: x\n---\n",
        "+++\ntitle = 'x'\n+++\n",
        "----\ntitle: x\n----\n",
        "--- title: x ---",
    ],
)
def test_a_text_without_it_is_a_text(text):
    assert front_matter(text) == ({}, 0)


@pytest.mark.parametrize(
    "text",
    [
        "---\nreaders: [hr\n---\nsecret",
        "---\nreaders: [hr]\nsecret without an end",
        "---\na: 1\na: 2\n---\n",
        "---\na: !!python/object:os.system x\n---\n",
        "---\na: &a [x, x]\nb: &b [*a, *a]\nc: *c\n---\n",
        "---\nreaders: hr\n\t- x: y\n---\n",
        "---\n# who\nreaders: [\n---\n",
    ],
)
def test_what_cannot_be_read_is_refused_since_it_may_name_readers(text):
    with pytest.raises(Unloadable) as caught:
        front_matter(text)
    assert caught.value.reason is Reason.BAD_METADATA
    assert "between the two lines of ---" in caught.value.remedy


def test_aliases_that_grow_are_refused():
    lines = ["a0: &a0 [x, x]"] + [
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)
    ]
    with pytest.raises(Unloadable, match="values"):
        front_matter("\n".join(["---", *lines, "---", ""]))


@given(st.text("-\n\r .:ab[]{}&*!#'\"\0", max_size=60).map("---\n{}".format))
def test_any_text_has_some_or_none_or_is_refused(text):
    try:
        fields, end = front_matter(text)
    except Unloadable:
        return
    assert 0 <= end <= len(text)
    assert bool(fields) <= bool(end)
