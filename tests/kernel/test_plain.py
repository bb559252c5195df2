import json
import math
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.kernel.plain import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NAME,
    NotPlain,
    RecordTooLarge,
    check_name,
    decode,
    encode,
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
plain = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6
)


@settings(max_examples=60)
@given(st.dictionaries(st.text(), plain, max_size=5))
def test_plain_data_comes_back_equal(data):
    back = decode(encode(data, "data"))
    assert back == data
    assert json.dumps(back) == json.dumps(data)  # equal values, equal types


def test_tuples_and_read_only_mappings_become_lists_and_mappings():
    assert decode(encode(MappingProxyType({"a": (1, (2,))}), "data")) == {"a": [1, [2]]}


def test_members_of_enums_are_kept_as_their_values():
    class Colour(StrEnum):
        RED = "red"

    class Level(IntEnum):
        HIGH = 3

    assert decode(encode({"c": Colour.RED, "l": Level.HIGH, Colour.RED: 1}, "data")) == {
        "c": "red",
        "l": 3,
        "red": 1,
    }


def test_a_float_of_numpy_is_a_float():
    assert decode(encode({"p95": np.float64(0.1)}, "data")) == {"p95": 0.1}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (math.nan, "nan"),
        (math.inf, "inf"),
        (np.float64("nan"), "nan"),
        (np.int64(1), "int64"),
        (np.zeros(2), "ndarray"),
        (b"x", "bytes"),
        ({1}, "set"),
        (datetime(2030, 1, 1, tzinfo=UTC), "datetime"),
        (2**63, "64 bits"),
        (10**5000, "64 bits"),
        ({1: 2}, "has the key 1"),
        ({None: 2}, "has the key None"),
        ("\ud800", "surrogate"),
        ({"\udc00": 1}, "surrogate"),
    ],
    ids=lambda value: repr(value)[:30] if not isinstance(value, int) else "int",
)
def test_what_json_lacks_is_refused_where_it_stands(value, why):
    with pytest.raises(NotPlain, match=why) as caught:
        encode({"list": [0, {"deep": value}]}, "data of release.started")
    assert "data of release.started.list[1].deep" in caught.value.problem
    assert "text keys" in caught.value.remedy


@pytest.mark.parametrize("data", [[1], "text", None, 1])
def test_a_record_is_a_mapping(data):
    with pytest.raises(NotPlain, match="not a mapping"):
        encode(data, "data")


def test_a_value_that_contains_itself_is_refused():
    data: dict[str, object] = {}
    data["self"] = data
    with pytest.raises(NotPlain, match="nested deeper"):
        encode(data, "data")


def test_nesting_is_kept_up_to_the_limit():
    def nested(levels: int) -> dict[str, object]:
        data: dict[str, object] = {}
        for _ in range(levels):
            data = {"a": data}
        return data

    assert decode(encode(nested(MAX_DEPTH), "data")) == nested(MAX_DEPTH)
    with pytest.raises(NotPlain):
        encode(nested(MAX_DEPTH + 1), "data")


def test_size_is_counted_in_bytes_and_bounded():
    room = MAX_BYTES - len('{"a":""}')
    encode({"a": "x" * room}, "data")
    with pytest.raises(RecordTooLarge, match="4,194,305"):
        encode({"a": "x" * (room + 1)}, "data")
    with pytest.raises(RecordTooLarge):
        encode({"a": "é" * (room // 2 + 1)}, "data")


@pytest.mark.parametrize("name", ["a", "endpoint/churn", "模型", "x y", "x" * MAX_NAME])
def test_printable_names_are_allowed(name):
    check_name(name, "stream")


@pytest.mark.parametrize("name", ["", "x" * (MAX_NAME + 1), "\n", "a\0", "\ud800", None, 5, b"a"])
def test_other_names_are_refused_with_what_they_name(name):
    with pytest.raises(NotPlain, match="The stream is named") as caught:
        check_name(name, "stream")
    assert caught.value.facts["field"] == "stream"
    assert len(caught.value.problem) < 200
