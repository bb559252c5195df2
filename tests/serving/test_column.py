import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.registry.signature import Dtype, Feature
from seatrial.serving.column import column
from seatrial.serving.exchange import BadInput


def feature(dtype: Dtype, *, nullable: bool = False, categories: Any = None) -> Feature:
    return Feature(name="x", dtype=dtype, nullable=nullable, categories=categories)


GOOD = [
    (Dtype.FLOAT32, [1, 2.5, -0.0], [1.0, 2.5, 0.0]),
    (Dtype.FLOAT64, [2**53 + 1], [2.0**53]),
    (Dtype.INT64, [-(2**63), 2**63 - 1, 3.0], [-(2**63), 2**63 - 1, 3]),
    (Dtype.BOOL, [True, False], [True, False]),
    (Dtype.STRING, ["", "å\n"], ["", "å\n"]),
    (Dtype.FLOAT32, [[1.5], [2]], [1.5, 2]),
]


@pytest.mark.parametrize(("dtype", "values", "expected"), GOOD)
def test_values_become_the_features_dtype(dtype: Dtype, values: Any, expected: Any) -> None:
    made = column(feature(dtype), values)
    assert made.dtype == dtype.numpy
    assert made.tolist() == expected


def pixels(values: Any) -> Any:
    return column(Feature(name="x", dtype=Dtype.UINT8, shape=(2,)), values)


@pytest.mark.parametrize(
    "values",
    [
        [[0, 255], [1, 2.0]],
        np.array([[0, 255], [1, 2]], np.uint8),
        np.array([[0, 255], [1, 2]], np.float16),
        np.array([[0, 255], [1, 2]], np.int64),
    ],
    ids=["json", "uint8", "float16", "int64"],
)
def test_pixels_are_bytes_in_whatever_type_they_come(values: Any) -> None:
    made = pixels(values)
    assert made.dtype == np.uint8
    assert made.tolist() == [[0, 255], [1, 2]]


@pytest.mark.parametrize("bad", [-1, 256, 0.5, 10**30, None, "1", True, math.nan, math.inf])
def test_what_is_no_pixel_is_named_with_its_place(bad: object) -> None:
    with pytest.raises(BadInput, match=r"row 1, value 1 of the tensor|missing in row 1") as refused:
        pixels([[0, 255], [1, bad]])
    assert refused.value.facts["row"] == 1


@pytest.mark.parametrize("bad", [-1.0, 256.0, 0.5, math.nan, -math.inf])
def test_arrays_of_what_is_no_pixel_are_refused(bad: float) -> None:
    with pytest.raises(BadInput, match="integer from 0 to 255"):
        pixels(np.array([[0, 255], [1, bad]]))


SMALL = {Dtype.INT8: (-128, 127), Dtype.INT16: (-32_768, 32_767), Dtype.UINT16: (0, 65_535)}


@pytest.mark.parametrize(("dtype", "ends"), SMALL.items())
def test_small_numbers_are_taken_to_the_ends_of_their_type_and_no_further(
    dtype: Dtype, ends: tuple[int, int]
) -> None:
    tensor = Feature(name="x", dtype=dtype, shape=(2,))
    for values in (
        [list(ends)],
        [list(map(float, ends))],
        np.array([ends], np.int64),
        np.array([ends], np.float64),
        np.array([ends], dtype.numpy),
    ):
        made = column(tensor, values)
        assert (made.dtype, made.tolist()) == (dtype.numpy, [list(ends)])
    for beyond in (ends[0] - 1, ends[1] + 1, 0.5, math.nan):
        for values in ([[0, beyond]], np.array([[0, beyond]])):
            with pytest.raises(BadInput, match=f"an integer from {ends[0]} to {ends[1]}"):
                column(tensor, values)


@given(
    st.sampled_from([Dtype.INT8, Dtype.UINT16, Dtype.INT64]),
    st.sampled_from([np.int8, np.uint8, np.int32, np.int64, np.uint64]),
    st.data(),
)
def test_whole_numbers_of_any_type_are_taken_just_where_the_type_holds_them(
    dtype: Dtype, sent: type[np.integer[Any]], data: st.DataObject
) -> None:
    ends = np.iinfo(sent)
    value = data.draw(st.integers(int(ends.min), int(ends.max)))
    shape = (1,) if dtype.narrow else ()
    given_values = np.full((1, *shape), value, sent)
    least, largest = dtype.bounds
    if least <= value <= largest:
        made = column(Feature(name="x", dtype=dtype, shape=shape), given_values)
        assert (made.dtype, made.ravel().tolist()) == (dtype.numpy, [value])
    else:
        with pytest.raises(BadInput):
            column(Feature(name="x", dtype=dtype, shape=shape), given_values)


def test_halves_are_rounded_and_what_they_cannot_hold_is_refused() -> None:
    halves = Feature(name="x", dtype=Dtype.FLOAT16, shape=(2,))
    for values in ([[0.1, 65_504]], np.array([[0.1, 65_504]], np.float32)):
        made = column(halves, values)
        assert made.dtype == np.float16
        assert made.tolist() == [[float(np.float16(0.1)), 65_504.0]]
    for beyond in (65_520, -1e6, math.inf):
        with pytest.raises(BadInput, match="too large for float16"):
            column(halves, [[0, beyond]])


BAD = [
    (Dtype.FLOAT32, "1"),
    (Dtype.FLOAT32, True),
    (Dtype.FLOAT32, None),
    (Dtype.FLOAT32, math.nan),
    (Dtype.FLOAT32, math.inf),
    (Dtype.FLOAT32, 1e39),
    (Dtype.FLOAT64, 10**400),
    (Dtype.FLOAT64, [1]),
    (Dtype.INT64, 1.5),
    (Dtype.INT64, 2**63),
    (Dtype.INT64, -(2**63) - 1),
    (Dtype.INT64, 1e30),
    (Dtype.INT64, math.nan),
    (Dtype.INT64, True),
    (Dtype.INT64, None),
    (Dtype.BOOL, 1),
    (Dtype.BOOL, "true"),
    (Dtype.STRING, 1),
    (Dtype.STRING, 1.5),
    (Dtype.STRING, None),
    (Dtype.STRING, {"a": 1}),
]
FINE = {
    Dtype.FLOAT32: 1.0,
    Dtype.FLOAT64: 1.0,
    Dtype.INT64: 1,
    Dtype.BOOL: True,
    Dtype.STRING: "a",
}


@pytest.mark.parametrize(("dtype", "bad"), BAD)
def test_a_value_that_does_not_fit_is_named_with_its_row(dtype: Dtype, bad: object) -> None:
    with pytest.raises(BadInput) as refused:
        column(feature(dtype), [FINE[dtype], FINE[dtype], bad])
    assert refused.value.facts == {"field": "x", "row": 2}


@pytest.mark.parametrize("missing", [None, math.nan])
def test_missing_values_pass_where_the_feature_is_nullable(missing: object) -> None:
    numbers = column(feature(Dtype.FLOAT32, nullable=True), [1.0, missing])
    assert np.isnan(numbers).tolist() == [False, True]
    strings = column(feature(Dtype.STRING, nullable=True), ["a", missing])
    assert strings.tolist() == ["a", None]


def test_infinity_never_passes() -> None:
    with pytest.raises(BadInput, match="infinite or too large"):
        column(feature(Dtype.FLOAT32, nullable=True), [math.inf])


def test_an_unknown_category_is_named_with_those_known() -> None:
    plans = feature(Dtype.STRING, categories=("basic", "pro"), nullable=True)
    known = frozenset({"basic", "pro"})
    assert column(plans, ["pro", None], known).tolist() == ["pro", None]
    with pytest.raises(BadInput, match=r"'gold' in row 1.*'basic', 'pro'"):
        column(plans, ["pro", "gold"], known)
    numbers = feature(Dtype.INT64, categories=(1, 2))
    with pytest.raises(BadInput, match="unknown category 3"):
        column(numbers, [1, 3], frozenset({1, 2}))


def test_many_categories_are_not_all_listed() -> None:
    names = tuple(f"c{i}" for i in range(100))
    with pytest.raises(BadInput, match=r"'c9', \.\.\.\.$"):
        column(feature(Dtype.STRING, categories=names), ["no"], frozenset(names))


@pytest.mark.parametrize(
    ("dtype", "array", "fits"),
    [
        (Dtype.FLOAT32, np.array([1], np.int8), True),
        (Dtype.FLOAT32, np.array([1e300]), False),
        (Dtype.FLOAT32, np.array([True]), False),
        (Dtype.INT64, np.array([7], np.uint64), True),
        (Dtype.INT64, np.array([2**63], np.uint64), False),
        (Dtype.INT64, np.array([2.0**63]), False),
        (Dtype.INT64, np.array([-(2.0**63)]), True),
        (Dtype.INT64, np.array([np.nan]), False),
        (Dtype.INT64, np.array([0.5], np.float16), False),
        (Dtype.BOOL, np.array([1], np.uint8), False),
        (Dtype.STRING, np.array(["a"], object), True),
        (Dtype.STRING, np.array([1.0]), False),
    ],
)
def test_arrays_are_converted_only_without_loss_of_meaning(
    dtype: Dtype, array: np.ndarray, fits: bool
) -> None:
    if fits:
        assert column(feature(dtype), array)[0] == array[0]
    else:
        with pytest.raises(BadInput):
            column(feature(dtype), array)


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([1.0])
)


@given(st.sampled_from(Dtype), st.booleans(), st.lists(anything, min_size=1, max_size=6))
def test_any_values_become_a_whole_column_or_an_error_that_names_a_row(
    dtype: Dtype, nullable: bool, values: list[object]
) -> None:
    problem = made = None
    try:
        made = column(feature(dtype, nullable=nullable), values)
    except BadInput as refused:
        problem = refused
    if made is None:
        assert problem is not None
        assert problem.facts["field"] == "x"
        assert 0 <= int(str(problem.facts["row"])) < len(values)
        return
    assert made.shape == (len(values),)
    assert made.dtype == dtype.numpy
    if made.dtype.kind == "f":
        assert not np.isinf(made).any()
        assert nullable or not np.isnan(made).any()
