"""Reading JSON as models write it: much is put right, nothing is guessed, nothing raises."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seatrial.gateway.structured.problem import Fault, Repair
from seatrial.gateway.structured.read import Ending, NotANumber, Reading, ReadOptions, read

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
containers = values.filter(lambda v: isinstance(v, dict | list))
jsonish = st.text(
    st.sampled_from("{}[]\",:'\\/*#`“”‘’ \n\t0123456789.eE+-truefalsnNoneIiy_$：，\ud83d\x00é"),
    max_size=60,
)


def one(text: str, **options: object) -> object:
    reading = read(text, **options)  # type: ignore[arg-type]
    assert reading.problem is None, reading.problem
    (found,) = reading.found
    return found.value


def repairs(text: str) -> set[Repair]:
    (found,) = read(text).found
    return set(found.repairs)


def fault(text: str, **options: object) -> Fault:
    reading = read(text, **options)  # type: ignore[arg-type]
    assert reading.problem is not None, reading.found
    assert reading.found == ()
    return reading.problem.fault


def is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(type(k) is str and is_plain(v) for k, v in value.items())
    if isinstance(value, list):
        return all(is_plain(v) for v in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or type(value) in {str, bool, int}


@given(values)
def test_strict_json_reads_as_itself(value):
    text = json.dumps(value)
    assert one(f" {text}\n") == value
    assert repairs(text) == set()


@given(st.text(max_size=80) | jsonish, st.sampled_from(Ending))
@example('{"a": "\ud800"}', Ending.WHOLE)
@example("[" * 5_000, Ending.WHOLE)
@example('{"a":' * 5_000, Ending.UNKNOWN)
@example("-" * 500 + "1", Ending.CUT)
@example('[1e999, {"a": 1}]', Ending.WHOLE)
@example("[" + "9" * 5_000 + "]", Ending.WHOLE)
@example('["\\ud800"]', Ending.WHOLE)
@settings(max_examples=600)
def test_no_text_raises_and_every_value_is_json(text, ending):
    reading = read(text, ending=ending)
    assert (reading.problem is None) == bool(reading.found)
    for found in reading.found:
        assert is_plain(found.value)
        assert json.loads(json.dumps(found.value).encode()) == found.value
        json.dumps(found.value, ensure_ascii=False).encode()


@given(containers, st.data())
@settings(max_examples=300)
def test_of_an_answer_that_was_cut_nothing_is_read(value, data):
    text = json.dumps(value)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    assert read(cut, ending=Ending.CUT).found == ()
    assert read(f"Here you are: {cut}", ending=Ending.CUT).found == ()


def parts(value: object, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], object]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, item in items for k, v in parts(item, (*path, key)).items()}
    return {path: value}


@given(containers, st.data())
@settings(max_examples=300)
def test_brackets_that_are_added_never_end_a_scalar_early(value, data):
    text = json.dumps(value)
    cut = text[: data.draw(st.integers(0, len(text)))]
    for found in read(cut).found:
        assert parts(found.value).items() <= parts(value).items()


@given(containers)
@settings(max_examples=300)
def test_what_is_read_of_python_is_what_python_meant(value):
    reading = read(repr(value))
    assert reading.problem is not None or reading.found[0].value == value


@pytest.mark.parametrize(
    ("text", "repair"),
    [
        ('```json\n{"a": [1, "x"]}\n```', Repair.FENCE),
        ('```\n{"a": [1, "x"]}', Repair.FENCE),
        ('Sure, here it is:\n{"a": [1, "x"]}\nAnything else?', Repair.PROSE),
        ('{"a": [1, "x"],}', Repair.TRAILING_COMMA),
        ('{"a": [1, "x",\n]}', Repair.TRAILING_COMMA),
        ("{'a': [1, 'x']}", Repair.SINGLE_QUOTES),
        ("{“a”: [1, ‘x’]}", Repair.SMART_QUOTES),
        ('{"a": [1, "x"]} // so\n', Repair.PROSE),
        ('{"a": /* one */ [1, # two\n "x"]}', Repair.COMMENT),
        ('{a: [1, "x"]}', Repair.UNQUOTED_KEY),
        ('{"a"：[+1，"x"]}', Repair.PUNCTUATION),
        ('{"a": [1, "x"]', Repair.CLOSED),
        ('```json\n{"a": [1, "x"]\n```\nI hope this helps.', Repair.CLOSED),
        ('{"a": [1, "x"], "a": [1, "x"]}', Repair.DUPLICATE),
    ],
)
def test_what_has_one_reading_is_put_right_and_said(text, repair):
    assert one(text) == {"a": [1, "x"]}
    assert repair in repairs(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[True, False, None, null]", [True, False, None, None]),
        ("[.5, 5., -0.0, 1E+2,]", [0.5, 5.0, -0.0, 100.0]),
        ('["line\nbreak", "\\u00e9\\ud83d\\ude00\\/"]!', ["line\nbreak", "é😀/"]),
        ("['it\\'s', \"a 'quote'\"]", ["it's", "a 'quote'"]),
        ('["```", "// no", "# no"] ok', ["```", "// no", "# no"]),
        ('the set {a, b} is [see below] {"a": 1}', {"a": 1}),
        ('[2 items] {"a": 1}', {"a": 1}),
        ("{}!", {}),
        ('{“a”: “say "x"”}', {"a": 'say "x"'}),
    ],
)
def test_other_forms(text, value):
    assert one(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", Fault.NOTHING),
        ("I cannot answer that.", Fault.NOTHING),
        ('{"a": "x', Fault.OPEN),
        ('{"a": 12', Fault.OPEN),
        ('{"a": -', Fault.SYNTAX),
        ('{"a": [1,', Fault.OPEN),
        ('{"a": [1 ', Fault.OPEN),
        ('{"a": [{"b": 1}', Fault.OPEN),
        ('{"a": [', Fault.OPEN),
        ('{"a":', Fault.OPEN),
        ('{"a": tru', Fault.SYNTAX),
        ('{"a": [1, 2}', Fault.SYNTAX),
        ('{"a": "he said "yes""}', Fault.SYNTAX),
        ("{'a': 'it's'}", Fault.SYNTAX),
        ('{"a": 1 "b": 2}', Fault.SYNTAX),
        ('{"a": 007}', Fault.SYNTAX),
        ('{"a": 1,000}', Fault.SYNTAX),
        ('{"a": 3 kg}', Fault.SYNTAX),
        ('{"a": "\\d+"}', Fault.SYNTAX),
        ('{"a": "\\ud800"}', Fault.SYNTAX),
        ('{"a": NaN}', Fault.NOT_A_NUMBER),
        ('{"a": [-Infinity]}', Fault.NOT_A_NUMBER),
        ('{"a": 1e999}', Fault.NOT_A_NUMBER),
        ('{"a": 1, "a": 2}', Fault.DUPLICATE),
        ('{"a": 1, "a": true}', Fault.DUPLICATE),
        ('{"a": 1, "a": 1.0}', Fault.DUPLICATE),
        ("[" * 70 + "]" * 70, Fault.TOO_BIG),
        ("[" + "9" * 401 + "]", Fault.TOO_BIG),
    ],
)
def test_what_could_mean_two_things_is_refused(text, said):
    assert fault(text) is said


def test_a_part_of_a_broken_answer_is_not_the_answer():
    assert fault('{"items": [{"a": 1}, {"a": 2}], "note": "unfinis') is Fault.OPEN
    assert fault('For example {"a": 0}. So: {"a": "unfinis') is Fault.OPEN
    assert fault('Before: {"a": 0}. Now: {"a": "1", "b": [2]') is Fault.OPEN


def test_several_values_are_all_found():
    reading = read('Not {"a": 0} but {"a": 1} [1]')
    assert [found.value for found in reading.found] == [{"a": 0}, {"a": 1}, [1]]


def test_a_place_is_named_by_its_path():
    problem = read('{"items": [{"a": 1}, {"b c": NaN}]}').problem
    assert problem is not None
    assert str(problem) == "$.items[1]['b c']: NaN is not JSON"


def test_nan_becomes_null_only_where_that_is_asked_for():
    options = ReadOptions(not_a_number=NotANumber.NULL)
    assert one("[NaN, -inf, +Infinity]", options=options) == [None, None, None]
    assert fault('["x", 1e999]', options=options) is Fault.NOT_A_NUMBER


def test_a_whole_object_counts_though_the_provider_says_cut():
    assert one('{"a": 1}', ending=Ending.CUT) == {"a": 1}
    assert fault("12", ending=Ending.CUT) is Fault.CUT
    assert fault('{"a": 1} and', ending=Ending.CUT) is Fault.CUT


def test_an_unknown_end_adds_no_brackets():
    assert one('```\n{"a": 1}```', ending=Ending.UNKNOWN) == {"a": 1}
    assert fault('{"a": [1]', ending=Ending.UNKNOWN) is Fault.OPEN


def test_bounds_hold():
    assert fault('{"a": "xxx"}', options=ReadOptions(max_chars=5)) is Fault.TOO_BIG
    assert fault("{" * 2 + "(" + "{x} " * 100) is Fault.AMBIGUOUS
    assert fault('{"a": [[1]]}', options=ReadOptions(max_depth=2)) is Fault.TOO_BIG
    assert one('{"a": [[1]]}', options=ReadOptions(max_depth=3)) == {"a": [[1]]}
    assert one('{"a": [[1]],}', options=ReadOptions(max_depth=3)) == {"a": [[1]]}


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "{",
        '{"a":',
        '"',
        "'",
        "[1,",
        "/*",
        "[/*",
        "\\",
        '{"a":1,"a":1,',
        "{a ",
        "[{",
        "#\n",
        "```",
    ],
)
def test_hostile_texts_are_read_in_linear_time(unit):
    counts = [_steps(unit * n) for n in (500, 1_000, 2_000)]
    assert all(after <= 2.5 * before + 2_000 for before, after in pairwise(counts))


def _steps(text: str) -> int:
    """Calls and lines that reading takes: a measure of time that no other process disturbs."""
    import sys

    steps = 0

    def count(frame: object, event: str, arg: object) -> object:
        nonlocal steps
        steps += 1
        return count

    before = sys.gettrace()
    sys.settrace(count)  # type: ignore[arg-type]
    try:
        reading: Reading = read("{" + text)
    finally:
        sys.settrace(before)
    assert reading.found == ()
    return steps
