"""Patterns of paths."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.loading.globs import Globs

NAMES = st.text("ab.-[]*?!^\\é", min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        ("*.md", ["a.md", "x/y/a.md", ".md"], ["a.mdx", "a.md/b"]),
        ("docs/*.md", ["docs/a.md"], ["docs/x/a.md", "a.md", "x/docs/a.md"]),
        ("docs/**", ["docs/a.md", "docs/x/a"], ["docs", "docsx/a"]),
        ("**/drafts/**", ["drafts/a", "x/y/drafts/a/b"], ["drafts", "xdrafts/a"]),
        ("**/*.py", ["a.py", "x/y/a.py"], ["a.pyc"]),
        ("a?c", ["abc", "x/a.c"], ["ac", "a/c"]),
        ("[ab].txt", ["a.txt", "x/b.txt"], ["c.txt"]),
        ("[!ab].txt", ["c.txt"], ["a.txt", "x/b.txt"]),
        ("x/[!a]y", ["x/by"], ["x//y", "x/ay"]),
        ("[?-.].txt", [], ["?.txt", "-.txt", "..txt"]),
        ("[!?-.].txt", ["?.txt", "a.txt"], ["/.txt"]),
        ("[^].txt", ["^.txt"], ["a.txt"]),
        ("a[", ["a["], ["a"]),
        ("海*", ["海试", "x/海"], ["试海"]),
    ],
)
def test_a_pattern_fits_what_it_says(pattern, fits, fails):
    globs = Globs([pattern])
    assert [path for path in fits if not globs.match(path)] == []
    assert [path for path in fails if globs.match(path)] == []


@given(pattern=NAMES, name=NAMES)
def test_within_one_name_it_means_what_fnmatch_means(pattern, name):
    if "**" in pattern or "[^" in pattern or "[]" in pattern or "[!]" in pattern:
        return  # they differ there by intent: ** means folders, ^ is a letter, a class is not empty
    assert Globs([pattern]).match(name) == fnmatchcase(name, pattern)


@pytest.mark.parametrize("pattern", ["drafts", "drafts/", "drafts/**"])
def test_a_folder_that_is_named_is_covered(pattern):
    assert Globs([pattern]).cover("drafts")
    assert not Globs([pattern]).cover("drafts2")
    assert not Globs(["drafts/*.md"]).cover("drafts")


def test_none_fit_nothing():
    assert not Globs([])
    assert not Globs([]).match("a")
    assert not Globs([]).cover("a")
