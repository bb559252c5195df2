"""Objects as they grow: only what is complete is shown, and each character is read once."""

from __future__ import annotations

import copy
import json
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.gateway.structured.partial_json import PartialJson

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
containers = values.filter(lambda v: isinstance(v, dict | list))


@st.composite
def pieces(draw: st.DrawFn) -> tuple[dict[str, object] | list[object], list[str]]:
    value = draw(containers)
    text = json.dumps(
        value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1]))
    )
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    return value, [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]


def scalars_of(
    value: object, path: tuple[str | int, ...] = ()
) -> dict[tuple[str | int, ...], object]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, item in items for k, v in scalars_of(item, (*path, key)).items()}
    return {path: value}


@given(pieces(), st.sampled_from(["", "Here: ", "```json\n"]))
@settings(max_examples=400)
def test_a_value_in_any_pieces_ends_whole_and_shows_complete_scalars_only(made, before):
    value, texts = made
    reader = PartialJson()
    reader.push(before)
    for text in texts:
        assert reader.push(text) == len(text)
        assert not reader.broken
        if reader.value is not None:
            assert scalars_of(reader.value).items() <= scalars_of(value).items()
    assert reader.complete
    assert reader.value == value
    if isinstance(value, dict):
        assert reader.ready == list(value)


@given(pieces())
@settings(max_examples=200)
def test_an_open_string_is_shown_as_far_as_it_came(made):
    value, texts = made
    reader = PartialJson(open_strings=True)
    for text in texts:
        reader.push(text)
        if reader.value is not None:
            whole = scalars_of(value)
            for path, shown in scalars_of(reader.value).items():
                expected = whole[path]
                if isinstance(shown, str):
                    assert isinstance(expected, str)
                    assert expected.startswith(shown)
                    shown.encode()
                else:
                    assert shown == expected
    assert reader.value == value


def test_a_partial_object_grows():
    reader = PartialJson()
    seen = []
    for text in ['{"a": 1', '2, "b": [tr', 'ue, "x', 'y"], "c"', ': {"d": nul', "l}", "}"]:
        reader.push(text)
        seen.append(copy.deepcopy(reader.value))
    assert seen == [
        {},
        {"a": 12, "b": []},
        {"a": 12, "b": [True]},
        {"a": 12, "b": [True, "xy"]},
        {"a": 12, "b": [True, "xy"], "c": {}},
        {"a": 12, "b": [True, "xy"], "c": {"d": None}},
        {"a": 12, "b": [True, "xy"], "c": {"d": None}},
    ]
    assert reader.ready == ["a", "b", "c"]


def test_what_follows_the_value_is_noticed_and_not_read():
    reader = PartialJson()
    assert reader.push('{"a": 1} and') == 8
    assert reader.complete
    assert reader.trailing
    assert reader.push(" more") == 0
    quiet = PartialJson()
    quiet.push("[1]\n")
    quiet.push("  ")
    assert quiet.complete
    assert not quiet.trailing


@pytest.mark.parametrize(
    "text",
    [
        "{'a': 1}",
        "[1,]",
        '{"a": 1,}',
        "[NaN]",
        "[01]",
        "[1e999]",
        "[tru]",
        '{"a": 1, "a": 1}',
        "[1}",
        '["\\x"]',
        '["\\ud800"]',
        '["a\nb"]',
        "[1 2]",
        "[" * 65,
        "[" + "1" * 1_001 + "]",
        '{"a" 1}',
        "{1: 2}",
    ],
)
def test_what_is_not_strict_breaks_and_stays_as_it_was(text):
    reader = PartialJson()
    for char in text:
        reader.push(char)
    assert reader.broken
    shown = copy.deepcopy(reader.value)
    reader.push('"more": 1}]')
    assert reader.value == shown
    assert not reader.complete


def test_changes_are_counted():
    reader = PartialJson()
    counts = []
    for text in ["so ", "{", '"a"', ": ", '"x', 'y"', ", ", '"b": 1']:
        reader.push(text)
        counts.append(reader.n_changes)
    assert counts[0] == 0
    assert counts[1] == counts[2] == counts[3] == counts[4] == 1
    assert counts[5] == counts[6] == counts[7] > 1


@pytest.mark.parametrize("unit", ['"a",', "[", "12,", '{"k":', "x", "\\\\", " "])
@pytest.mark.parametrize("size", [1, 7])
def test_time_is_linear_in_the_text_whatever_the_pieces(unit, size):
    counts = [
        _steps('["' + unit * n if unit in {"x", "\\\\"} else "[" + unit * n, size)
        for n in (400, 800)
    ]
    assert counts[1] <= 2.3 * counts[0] + 500


def _steps(text: str, size: int) -> int:
    steps = 0

    def count(frame: object, event: str, arg: object) -> object:
        nonlocal steps
        steps += 1
        return count

    reader = PartialJson(max_depth=10_000)
    before = sys.gettrace()
    sys.settrace(count)  # type: ignore[arg-type]
    try:
        for at in range(0, len(text), size):
            reader.push(text[at : at + size])
    finally:
        sys.settrace(before)
    assert not reader.broken
    return steps
