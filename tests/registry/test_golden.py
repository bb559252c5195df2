from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seatrial.registry.golden import Golden, GoldenUnreadable, decode_golden, encode_golden
from seatrial.registry.signature import WHOLE, Dtype, Feature, Output, Signature, Task

ROWS = 3

_ELEMENTS: dict[Dtype, st.SearchStrategy[Any]] = {
    Dtype.FLOAT16: st.integers(0, 2**16 - 1).map(lambda bits: float(np.uint16(bits).view("f2"))),
    Dtype.FLOAT32: st.floats(width=32),
    Dtype.FLOAT64: st.floats(),
    **{dtype: st.integers(*ends) for dtype, ends in WHOLE.items()},
    Dtype.BOOL: st.booleans(),
    Dtype.STRING: st.none() | st.text(st.characters()),
}


def _shape(dtype: Dtype) -> tuple[int, ...]:
    return (2,) if dtype.narrow else ()


def signature(dtype: Dtype, *, matrix: bool = False) -> Signature:
    return Signature(
        features=tuple(Feature(name=n, dtype=dtype, shape=_shape(dtype)) for n in "ab"),
        outputs=(Output(name="y", dtype=dtype),),
        task=Task.OTHER,
        matrix=matrix,
    )


def through_json(golden: Golden, of: Signature) -> Golden:
    return decode_golden(encode_golden(golden, of), of)


def same_bits(left: Any, right: Any) -> bool:
    if left.dtype.kind == "f":  # a NaN is a NaN whatever its payload; -0.0 is not 0.0
        same = (left == right) & (np.signbit(left) == np.signbit(right))
        return bool(np.all(same | (np.isnan(left) & np.isnan(right))))
    return left.tolist() == right.tolist()


@pytest.mark.parametrize("dtype", list(Dtype))
@given(data=st.data())
def test_every_value_of_every_dtype_comes_back_exactly(dtype: Dtype, data: st.DataObject) -> None:
    size = (ROWS, *_shape(dtype))
    column = hnp.arrays(dtype.numpy, size, elements=_ELEMENTS[dtype], fill=st.nothing())
    table = hnp.arrays(dtype.numpy, (ROWS, 2), elements=_ELEMENTS[dtype], fill=st.nothing())
    golden = Golden(
        inputs={"a": data.draw(column), "b": data.draw(column)},
        outputs={"y": data.draw(column), "p": data.draw(table)},
    )

    back = through_json(golden, signature(dtype))

    assert isinstance(golden.inputs, dict)
    assert isinstance(back.inputs, dict)
    for wrote, read in ((golden.inputs, back.inputs), (golden.outputs, back.outputs)):
        assert read.keys() == wrote.keys()
        for name, array in wrote.items():
            assert read[name].dtype == array.dtype
            assert read[name].shape == array.shape
            assert same_bits(read[name], array)


def test_a_matrix_comes_back_as_a_matrix() -> None:
    matrix = np.array([[1.5, np.nan], [np.inf, -0.0]], dtype=np.float32)
    golden = Golden(inputs=matrix, outputs={"y": np.zeros(2)}, rtol=1e-3, atol=0.0)
    back = through_json(golden, signature(Dtype.FLOAT32, matrix=True))
    assert isinstance(back.inputs, np.ndarray)
    assert back.inputs.dtype == np.float32
    assert same_bits(back.inputs, matrix)
    assert (back.rtol, back.atol) == (1e-3, 0.0)


def test_fixed_width_text_of_an_estimator_becomes_text() -> None:
    golden = Golden(
        inputs={"a": np.array(["x"], dtype=object), "b": np.array(["y"], dtype=object)},
        outputs={"y": np.array(["yes"])},
    )
    assert through_json(golden, signature(Dtype.STRING)).outputs["y"].tolist() == ["yes"]


@pytest.mark.parametrize(
    ("inputs", "outputs", "named"),
    [
        ({"a": np.zeros(2)}, {"y": np.zeros(2)}, "inputs"),
        ({"a": np.zeros(2), "b": np.zeros(2)}, {"y": np.zeros(3)}, "number of rows"),
        ({"a": np.zeros(0), "b": np.zeros(0)}, {"y": np.zeros(0)}, "at least one"),
        (np.zeros((2, 3)), {"y": np.zeros(2)}, "(2, 3)"),
        ({"a": np.zeros(2), "b": np.zeros(2)}, {"y": np.zeros(2, np.complex64)}, "complex64"),
        ({"a": np.zeros(2), "b": np.array([object(), 1])}, {"y": np.zeros(2)}, "'b'"),
    ],
)
def test_rows_that_no_signature_allows_are_refused(inputs: Any, outputs: Any, named: str) -> None:
    with pytest.raises(GoldenUnreadable) as caught:
        encode_golden(Golden(inputs=inputs, outputs=outputs), signature(Dtype.FLOAT64))
    assert named in caught.value.problem


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"Infinity"', b'"1.5"'),
        (b'"Infinity"', b"true"),
        (b'"float64"', b'"float8"'),
        (b'"rows"', b'"lines"'),
        (b'"a"', b'"c"'),
        (b"{", b""),
        (b'"values": [\n    "Infinity",', b'"values": ['),
    ],
)
def test_data_that_is_not_golden_rows_is_refused(old: bytes, new: bytes) -> None:
    good = Golden(
        inputs={"a": np.array([np.inf, 1.0]), "b": np.zeros(2)}, outputs={"y": np.zeros(2)}
    )
    raw = encode_golden(good, signature(Dtype.FLOAT64))
    assert old in raw
    with pytest.raises(GoldenUnreadable):
        decode_golden(raw.replace(old, new, 1), signature(Dtype.FLOAT64))
