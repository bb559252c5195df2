"""Which format a file is read as."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.loading.formats import (
    FORMATS,
    PACKABLE,
    RECORDS,
    format_of,
    instead_of,
    programming_language,
    telling_ending,
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.txt", ("text", False)),
        ("A.MD", ("markdown", False)),
        ("a.tar.md", ("markdown", False)),
        ("corpus.jsonl.gz", ("jsonl", True)),
        ("a.txt.GZ", ("text", True)),
        ("README", ("text", False)),
        ("README.gz", ("text", True)),
        ("Makefile", ("code", False)),
        ("a.py", ("code", False)),
        ("a.pdf.gz", None),
        ("a.png", None),
        ("a.unknown", None),
        ("a.", ("text", False)),
        (".md", ("text", False)),
    ],
)
def test_the_ending_of_a_name_tells(name, found):
    assert format_of(name, {}) == found


@given(st.text("aMdf./gzGZ", min_size=1, max_size=8), st.sampled_from([None, "csv"]))
def test_where_an_ending_tells_nothing_else_of_the_path_does(path, forced):
    ending = telling_ending(path)
    if ending is not None:
        name, more = path.rpartition("/")[2], {".zz": "text"}
        assert format_of(name, more, forced) == format_of(f"other.{ending}", more, forced)


@pytest.mark.parametrize(
    "name", ["Makefile", ".md", "a.", "a.txt.gz", "a.GZ", "a.md/Makefile", "a.b/.md"]
)
def test_some_endings_do_not_tell(name):
    assert telling_ending(name) is None


def test_a_configuration_knows_better():
    assert format_of("a.dat", {".dat": "csv"}) == ("csv", False)
    assert format_of("a.txt", {".txt": "markdown"}) == ("markdown", False)
    assert format_of("a.png", {}, "text") == ("text", False)
    assert format_of("a.gz", {}, "jsonl") == ("jsonl", True)


def test_languages_of_programs():
    assert programming_language("a.PY") == "python"
    assert programming_language("Dockerfile") == "docker"
    assert programming_language("a.txt") is None


def test_what_cannot_be_read_says_what_could():
    assert ".docx" in instead_of("a.DOC")
    assert "formats" in instead_of("a.xyz")


def test_the_tables_know_one_another():
    assert PACKABLE <= FORMATS
    assert set(RECORDS) <= FORMATS
