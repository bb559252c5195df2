"""Names and literals of exports: nothing of a configuration becomes code."""

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.training.exporting.plan import (
    Cluster,
    Exported,
    ExportInvalid,
    Task,
    kubernetes_name,
    literal,
)

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", fullmatch=True)
TASK = Task(name="rows", retries=0, first_s=1.0, longest_s=2.0)


@given(st.text(st.characters(), max_size=40))
def test_a_text_is_one_string_in_ascii_and_means_itself(text):
    written = literal(text)
    (statement,) = ast.parse(written).body
    assert isinstance(statement.value, ast.Constant)
    assert statement.value.value == text
    assert written.isascii()
    assert written.isprintable()


@pytest.mark.parametrize("text", ["\udcff", 'it\'s "so"', "\\'", '\\"', '"""', "\u202e", "{name}"])
def test_texts_that_end_strings_elsewhere_do_not_here(text):
    assert ast.literal_eval(literal(text)) == text


@given(st.floats(0, 1e9) | st.integers(-(10**12), 10**12) | st.lists(st.text(max_size=5)))
def test_numbers_and_lists_mean_themselves(value):
    assert ast.literal_eval(literal(value)) == value


@given(NAMES)
def test_a_name_becomes_one_of_kubernetes(name):
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", kubernetes_name(name))
    assert len(kubernetes_name(name)) <= 47


def test_names_that_differ_stay_different():
    names = ["a-b", "a_b", "A-b", "a-b-", "a--b"]
    assert len({kubernetes_name(name) for name in names}) == len(names)
    assert kubernetes_name("a-b") == "a-b"


@pytest.mark.parametrize("name", ["", "x\n", "x y", "x'", '"""', "-x", "ü", "x;import os"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(ExportInvalid):
        Exported(name=name, tasks=[TASK], folder="/srv")


@pytest.mark.parametrize("folder", ["", "srv", "./srv", "/srv\0x"])
def test_a_folder_is_named_from_the_root(folder):
    with pytest.raises(ExportInvalid, match="--folder"):
        Exported(name="churn", tasks=[TASK], folder=folder)


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": ""},
        {"image": "a b"},
        {"image": "-v"},
        {"image": "x\n"},
        {"image": "x", "claim": "A"},
        {"image": "x", "claim": "a/b"},
        {"image": "x", "secret": "a_b"},
        {"image": "x", "secret": "a\n"},
    ],
)
def test_what_kubernetes_would_refuse_is_refused_here(wrong):
    with pytest.raises(ExportInvalid):
        Cluster(**wrong)
    assert Cluster(image="registry:5000/a/churn:1.2@sha256:ab", claim="data", secret="a.b")
